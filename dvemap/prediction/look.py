"""What the pictures of one run share, so that they can be compared: colours of embeddings and of depth."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import cv2
import numpy as np
import numpy.typing as npt

from mapping import atomic_write

Float32 = npt.NDArray[np.float32]
DARK, LIGHT = 32, 236
_SAMPLE = 4096  # codes of a frame that the axes are fitted to


@dataclass(frozen=True, eq=False)
class Look:
    """Colours of embeddings by their principal components, and the range of depths.

    Attributes
    ----------
    weight, offset : ndarray
        (3, C) and (3,) float32: the components of a code c are weight c + offset.
    low, high : ndarray
        (3,) float32, components that become dark and light.
    depth : (2,) float32
        Depths at the ends of the scale, metres.
    """

    weight: Float32
    offset: Float32
    low: Float32
    high: Float32
    depth: Float32

    @classmethod
    def fit(cls, codes: Sequence[npt.NDArray[Any]], depths: Sequence[Float32], head: Float32 | None) -> Self:
        """Find the look of some frames.

        The axes are those of the embeddings z = A c, found without making them: with A = Q R, R c has the
        same inner products. An axis points to where its largest entry in the space of embeddings is
        positive, so that the same frames have the same colours again.

        Parameters
        ----------
        codes : sequence of (h, w, C) float16 or float32
        depths : sequence of (h, w) float32
            Metres, 0 = invalid.
        head : (D, C) float32, optional
            A; None where codes are embeddings.
        """
        flat = [frame.reshape(-1, frame.shape[2]) for frame in codes]
        rows = np.concatenate([frame[:: max(1, len(frame) // _SAMPLE)] for frame in flat]).astype(np.float64)
        known = rows[rows.any(axis=1)]
        rows = known if len(known) else rows
        basis, factor = (None, None) if head is None else np.linalg.qr(head.astype(np.float64))
        points = rows if factor is None else rows @ factor.T
        center = points.mean(axis=0)
        _, vectors = np.linalg.eigh(np.cov(points - center, rowvar=False).reshape(points.shape[1], -1))
        axes = np.zeros((3, points.shape[1]))
        top = vectors.T[::-1][:3]
        axes[: len(top)] = top
        loadings = axes if basis is None else axes @ basis.T
        peaks = loadings[np.arange(3), np.abs(loadings).argmax(axis=1)]
        axes *= np.where(peaks < 0, -1.0, 1.0)[:, None]
        components = (points - center) @ axes.T
        low, high = np.percentile(components, [1, 99], axis=0)
        valid = np.concatenate([depth[depth > 0] for depth in depths])
        depth = np.percentile(valid, [1, 99]) if valid.size else np.array([0.0, 1.0])
        weight = axes if factor is None else axes @ factor
        parts = (weight, -axes @ center, low, high, depth)
        return cls(*(part.astype(np.float32) for part in parts))

    def colors(self, codes: npt.NDArray[Any], size: tuple[int, int]) -> npt.NDArray[np.uint8]:
        """Return the colours (*size, 3) uint8 of an image's codes (h, w, C)."""
        components = codes.astype(np.float32) @ self.weight.T + self.offset
        fine = cv2.resize(components, size[::-1], interpolation=cv2.INTER_LINEAR)
        span = self.high - self.low
        share = np.where(span > 1e-6, (fine - self.low) / np.maximum(span, 1e-6), 0.5)
        colors: npt.NDArray[np.uint8] = np.rint(DARK + (LIGHT - DARK) * np.clip(share, 0, 1)).astype(np.uint8)
        return colors

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        with atomic_write(path) as file:
            np.savez(
                file, weight=self.weight, offset=self.offset, low=self.low, high=self.high, depth=self.depth
            )

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as parts:
            return cls(*(parts[name] for name in ("weight", "offset", "low", "high", "depth")))
