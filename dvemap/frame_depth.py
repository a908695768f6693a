"""Depth that is estimated from colour: in metres, or fitted to what was measured, and kept on disk."""

import hashlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from dvemap.config import DepthConfig
from dvemap.defaults import DEFAULT_ESTIMATOR
from student.depth_alignment import align_inverse_depth, median_ratio
from student.depth_estimator import DepthEstimator
from student.disk_cache import DiskCache

Float32 = npt.NDArray[np.float32]

EVEN = 8  # pixels; sides of images that were made smaller are multiples of it, so that codes divide them


class FrameDepth:
    """Gives the depth of images.

    Parameters
    ----------
    estimator : DepthEstimator
    source : str
        What a user names it by.
    side : int
        Longest side of a depth image, pixels.
    fit : bool
        Whether metric estimates are scaled by the median of measured / estimated depth of their frame.
    cache : Path, optional
        Where estimates are kept, 1.2 MB for 640x480.
    """

    def __init__(
        self,
        estimator: DepthEstimator,
        source: str = "",
        *,
        side: int = 640,
        fit: bool = False,
        cache: Path | None = None,
    ) -> None:
        self.estimator, self.source, self._side, self._fit = estimator, source, side, fit
        self._cache = None if cache is None else DiskCache(cache)

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for two runs to get the same depth."""
        fitted = {"fit": True} if self._fit else {}
        return {"name": self.estimator.name, "hash": self.estimator.fingerprint, "side": self._side, **fitted}

    @property
    def about(self) -> str:
        """What people want to know of it, in a line."""
        kind = "metres" if self.estimator.metric else "relative"
        return f"depth: estimated from colour by {self.estimator.name} ({kind}) on {self.estimator.device}"

    @property
    def needs_measured(self) -> bool:
        """Whether measured depth changes what it gives."""
        return self._fit or not self.estimator.metric

    def size(self, color_size: tuple[int, int]) -> tuple[int, int]:
        """Return the (height, width) of the depth of an image: its own, or smaller by one scale."""
        longest = max(color_size)
        if longest <= self._side:
            return color_size
        height, width = (max(EVEN, round(s * self._side / longest / EVEN) * EVEN) for s in color_size)
        return height, width

    def refuse_without_scale(self, what: str) -> None:
        """Raise unless the estimator gives metres by itself.

        Parameters
        ----------
        what : str
            What brings no measured depth, for the message.

        Raises
        ------
        ValueError
            See above.
        """
        if not self.estimator.metric:
            raise ValueError(
                f"{self.estimator.name} estimates relative depth, which has no scale, and {what} brings no "
                f"measured depth to fit it to; take an estimator of metres, such as {DEFAULT_ESTIMATOR}"
            )

    def metres(self, rgb: npt.NDArray[np.uint8], measured: Float32 | None = None) -> Float32:
        """Return the depth of an image.

        Parameters
        ----------
        rgb : (H, W, 3) uint8
        measured : (h, w) float32, optional
            Metres, 0 = not measured, at the size that `size` tells. Relative estimates are fitted to it, and
            it stays where it was measured; metric estimates replace it.

        Returns
        -------
        (h, w) float32, metres, 0 = none.

        Raises
        ------
        ValueError
            If relative depth cannot be fitted to what was measured.
        """
        estimate = self.estimate(rgb)
        if self.estimator.metric:
            if self._fit and measured is not None and measured.any():
                estimate = estimate * np.float32(median_ratio(estimate, measured))
            return estimate
        if measured is None:
            self.refuse_without_scale("the image")
            return estimate
        fitted = align_inverse_depth(estimate, measured).metres(estimate)
        return np.where(measured > 0, measured, fitted).astype(np.float32)

    def estimate(self, rgb: npt.NDArray[np.uint8]) -> Float32:
        """Return what the estimator says of an image, (h, w) float32 at the size that `size` tells."""
        size = self.size((rgb.shape[0], rgb.shape[1]))
        if self._cache is None:
            return self._estimated(rgb, size)
        key = f"{self.estimator.fingerprint} {size} {hashlib.sha256(rgb.tobytes()).hexdigest()} {rgb.shape}"
        known = self._cache.get(key)
        if known is None or known.shape != size or known.dtype != np.float32:
            known = self._estimated(rgb, size)
            self._cache.put(key, known)
        return known

    def _estimated(self, rgb: npt.NDArray[np.uint8], size: tuple[int, int]) -> Float32:
        depth = self.estimator.estimate(rgb)
        if depth.shape == size:
            return depth
        # By nearest pixel, as a mean over an edge would be a point in the air; exact: by pixel centres.
        return np.asarray(cv2.resize(depth, size[::-1], interpolation=cv2.INTER_NEAREST_EXACT), np.float32)


def open_frame_depth(config: DepthConfig) -> FrameDepth:
    """Open the estimator that a configuration names.

    Raises
    ------
    ValueError
        If it names none, or one that cannot be used.
    """
    from student.depth_estimator import open_depth_estimator

    if config.source is None:
        raise ValueError("--depth-from names an estimator of depth; none was given")
    estimator = open_depth_estimator(config.source, config.device, max_depth=config.max_depth)
    cache = None if config.cache is None else Path(config.cache)
    return FrameDepth(estimator, config.source, side=config.side, fit=config.fit, cache=cache)
