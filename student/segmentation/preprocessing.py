"""From a frame to what published segmentation networks take.

The rules are those of the code and the data of DFormer (Yin et al., 2024) and DFormerv2 (Yin et al., 2025).
Mean and deviation are ImageNet's in their usual order, whatever the order of the colours. Where the crops of
training reach beyond an image, they are 0 after normalising; evaluation has no such crops.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from student.preprocessing import RGB_MEAN, RGB_STD

DEPTH_MEAN: Final = 0.48
DEPTH_STD: Final = 0.28
"""Of the grey of depth images, from 0 to 1."""

SUNRGBD_CANVAS: Final = (531, 730)
"""Height and width of the largest image of SUN RGB-D, pixels."""

_SHADES: Final = (0, 37, 82, 115, 150, 189, 217, 240, 255)
"""ColorBrewer's greys, evenly spaced from near to far."""

_LEVELS: Final = 256
_GREY_OF: Final = np.interp(
    np.linspace(0, 1, _LEVELS), np.linspace(0, 1, len(_SHADES)), _SHADES
).astype(np.uint8)  # fmt: skip

Dataset = Literal["nyuv2", "sunrgbd"]
Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class InputRule:
    """What a network takes.

    Attributes
    ----------
    bgr : bool
        Whether colours come as blue, green, red.
    canvas : tuple of int or None
        Least height and width in pixels, to which zeros are added below and on the right.
    """

    bgr: bool = True
    canvas: tuple[int, int] | None = None

    def prepare(
        self, rgb: npt.NDArray[np.uint8], depth: Float32 | npt.NDArray[np.uint8]
    ) -> tuple[Float32, Float32]:
        """Normalise a frame.

        Parameters
        ----------
        rgb
            (H, W, 3) uint8.
        depth
            (h, w) float32 metres, 0 = invalid, which becomes the grey of `relative_depth`; or (h, w) uint8,
            which is such grey. It is brought to H x W by nearest pixel.

        Returns
        -------
        image
            (1, 3, H', W') float32, H' x W' being H x W or more where there is a canvas.
        depth
            (1, 1, H', W') float32.

        Raises
        ------
        ValueError
            An image has another shape or type.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
            raise ValueError(f"rgb must be (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
        if depth.ndim != 2 or 0 in depth.shape or depth.dtype not in (np.float32, np.uint8):
            raise ValueError(
                f"depth must be (h, w) float32 metres or uint8 grey, got {depth.shape} {depth.dtype}"
            )
        drawn: npt.NDArray[Any] = depth
        if depth.dtype == np.float32:
            drawn = relative_depth(depth.astype(np.float32, copy=False))
        if drawn.shape != rgb.shape[:2]:
            drawn = cv2.resize(drawn, rgb.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        grey = drawn.astype(np.uint8, copy=False)
        colors = self._padded(rgb[..., ::-1] if self.bgr else rgb)
        return (
            _normalised(colors, RGB_MEAN, RGB_STD),
            _normalised(self._padded(grey[..., None]), (DEPTH_MEAN,), (DEPTH_STD,)),
        )

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width of a prepared image."""
        least = self.canvas or (0, 0)
        return max(height, least[0]), max(width, least[1])

    def _padded(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        height, width = self.size(image.shape[0], image.shape[1])
        return np.pad(image, ((0, height - image.shape[0]), (0, width - image.shape[1]), (0, 0)))


def input_rule(version: int, dataset: Dataset) -> InputRule:
    """Return what the published networks take.

    Images are read by OpenCV, so that their colours are blue, green, red. DFormerv2 on SUN RGB-D is the
    exception: red, green, blue, on a canvas as large as the largest image.

    Parameters
    ----------
    version
        1 for DFormer, 2 for DFormerv2.
    dataset
        That it was trained on.
    """
    return (
        InputRule(bgr=False, canvas=SUNRGBD_CANVAS) if (version, dataset) == (2, "sunrgbd") else InputRule()
    )


def relative_depth(depth: Float32) -> npt.NDArray[np.uint8]:
    """Draw depth as in the published data: grey, dark = near, from the nearest to the farthest of an image.

    The authors drew depth by Matplotlib's `imsave` with the map Greys_r, as their README says. That stretches
    the values of an image over 256 levels, and its greys are not linear in them. Depth that is the same
    everywhere is black.

    They say nothing of pixels without depth, and NYUv2, whose depth is filled, has none. Here such a pixel
    takes the grey of the nearest pixel with depth.

    Parameters
    ----------
    depth
        (h, w) float32 metres; what is 0, negative or not finite is invalid.

    Returns
    -------
    (h, w) uint8; all 0 where nothing is valid.
    """
    valid = np.isfinite(depth) & (depth > 0)
    if not valid.any():
        return np.zeros(depth.shape, np.uint8)
    low, high = depth[valid].min(), depth[valid].max()
    if low == high:
        return np.zeros(depth.shape, np.uint8)
    share = (_filled(depth, valid) - low) / (high - low)
    grey: npt.NDArray[np.uint8] = _GREY_OF[np.minimum((share * _LEVELS).astype(np.int64), _LEVELS - 1)]
    return grey


def _filled(depth: Float32, valid: npt.NDArray[np.bool_]) -> Float32:
    """Give every pixel the depth of the nearest valid one."""
    if valid.all():
        return depth
    holes = np.where(valid, 0, 255).astype(np.uint8)
    _, nearest = cv2.distanceTransformWithLabels(
        holes, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )  # each valid pixel has a label of its own, which the holes around it share
    depth_of = np.zeros(nearest.max() + 1, np.float32)
    depth_of[nearest[valid]] = depth[valid]
    filled: Float32 = depth_of[nearest]
    return filled


def _normalised(image: npt.NDArray[np.uint8], mean: tuple[float, ...], std: tuple[float, ...]) -> Float32:
    """Return (H, W, C) bytes as (1, C, H, W), less the mean, divided by the deviation."""
    values: npt.NDArray[Any] = (image / 255 - np.array(mean)) / np.array(std)
    return np.ascontiguousarray(values.transpose(2, 0, 1)[None], np.float32)
