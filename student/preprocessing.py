"""From a frame to what the network takes: sizes, then normal ranges.

The rules are those of DVEFormer's evaluation: both images are resized without regard for their aspect, colour
bilinearly on bytes, depth by nearest pixel; colour is normalised with ImageNet's statistics, depth with those
of a data set, and pixels without depth become 0, the mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from student.encoder import check_frame

STRIDE: Final = 32
"""Input pixels that one pixel of the coarsest features spans; sizes are multiples of it."""

RGB_MEAN: Final = (0.485, 0.456, 0.406)
RGB_STD: Final = (0.229, 0.224, 0.225)


@dataclass(frozen=True, slots=True)
class DepthStatistics:
    """Mean and standard deviation of the depth that a network was trained on, metres."""

    name: str
    mean: float
    std: float

    def __post_init__(self) -> None:
        """Reject numbers that cannot be divided by."""
        if not (np.isfinite(self.mean) and np.isfinite(self.std) and self.std > 0):
            raise ValueError(
                f"depth statistics {self.name!r} must have a finite mean and a std > 0 m, "
                f"got {self.mean} and {self.std}"
            )


DEPTH_STATISTICS: Final[Mapping[str, DepthStatistics]] = MappingProxyType(
    {
        statistics.name: statistics
        for statistics in (
            DepthStatistics("nyuv2", 2.84194941272766, 1.4172594281672277),
            DepthStatistics("sunrgbd", 2.378143341528692, 1.235114890282653),
            DepthStatistics("scannet", 1.8419888416947686, 0.8122287156085615),
            DepthStatistics("hypersim", 6.157630215246957, 6.892228124720381),
        )
    }
)
"""Statistics by data set. Mixed training used NYUv2's; figures on a data set were taken with its own."""


def depth_statistics(name: str) -> DepthStatistics:
    """Return the statistics of a data set.

    Raises
    ------
    ValueError
        There is none of this name.
    """
    if name not in DEPTH_STATISTICS:
        raise ValueError(f"depth statistics must be one of {', '.join(DEPTH_STATISTICS)}, got {name!r}")
    return DEPTH_STATISTICS[name]


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How frames are resized for a network.

    Attributes
    ----------
    size : tuple of int or None
        Height and width of the network's input, multiples of 32. None: those of the depth image, each rounded
        to the nearest multiple of 32, at least 32.

    Raises
    ------
    ValueError
        The size is not made of multiples of 32.
    """

    size: tuple[int, int] | None = (480, 640)

    def __post_init__(self) -> None:
        """Reject sizes that the network would cut or fail at."""
        if self.size is not None and any(side < STRIDE or side % STRIDE for side in self.size):
            nearest = "x".join(str(_nearest_multiple(side)) for side in self.size)
            raise ValueError(
                f"size must be multiples of {STRIDE} pixels, got {self.size[0]}x{self.size[1]}; "
                f"take {nearest}"
            )

    def input_size(self, depth_shape: tuple[int, ...]) -> tuple[int, int]:
        """Return the height and width of the network's input for a depth image (h, w)."""
        if self.size is not None:
            return self.size
        return _nearest_multiple(depth_shape[0]), _nearest_multiple(depth_shape[1])

    def resize(
        self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]
    ) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Bring the images of a frame to the input size, each from its own; the aspect may change.

        Parameters
        ----------
        rgb
            (H', W', 3) uint8.
        depth
            (h, w) float32, metres.

        Returns
        -------
        rgb
            (H, W, 3) uint8, bilinear; the image itself where the size agrees.
        depth
            (H, W) float32, metres, by nearest pixel as OpenCV finds it, floor(i h / H) of nearly all sizes;
            0 where it was not finite or negative.
            The image itself where the size agrees and nothing is to be mended.

        Raises
        ------
        ValueError
            An image has the wrong shape or type.
        """
        check_frame(rgb, depth)
        size = self.input_size(depth.shape)
        if rgb.shape[:2] != size:
            rgb = cv2.resize(rgb, size[::-1], interpolation=cv2.INTER_LINEAR).astype(np.uint8, copy=False)
        if depth.shape != size:
            depth = cv2.resize(depth, size[::-1], interpolation=cv2.INTER_NEAREST).astype(
                np.float32, copy=False
            )
        if not (depth.min() >= 0 and depth.max() < np.inf):  # NaN compares false
            depth = np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))
        return rgb, depth


def normalise(
    rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32], statistics: DepthStatistics
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Bring colours and depths into the ranges that `DVEFormer.forward` takes, channels first.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8, or (N, H, W, 3).
    depth
        (H, W) float32 metres, 0 = invalid, or (N, H, W).
    statistics
        Of the depth that the network was trained on.

    Returns
    -------
    rgb
        (3, H, W) float32, (x / 255 - mean) / std by channel, or (N, 3, H, W).
    depth
        (1, H, W) float32, (d - mean) / std, 0 where invalid; or (N, 1, H, W).

    Raises
    ------
    ValueError
        An array has the wrong shape or type.
    """
    batch = rgb.shape[:-3]
    if rgb.ndim not in (3, 4) or rgb.shape[-1] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"rgb must be (H, W, 3) or (N, H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
    if depth.shape != rgb.shape[:-1] or depth.dtype != np.float32:
        raise ValueError(f"depth must be {rgb.shape[:-1]} float32 metres, got {depth.shape} {depth.dtype}")
    size = depth.shape[-2:]
    colors = np.empty((*batch, 3, *size), np.float32)
    for image, planes in zip(rgb.reshape(-1, *size, 3), colors.reshape(-1, 3, *size), strict=True):
        for channel, table, plane in zip(cv2.split(image), _color_tables(), planes, strict=True):
            cv2.LUT(channel, table, dst=plane)
    distances = np.subtract(depth, np.float32(statistics.mean))
    distances /= np.float32(statistics.std)
    distances *= depth > 0
    return colors, distances.reshape(*batch, 1, *size)


def _nearest_multiple(length: int) -> int:
    return max(STRIDE, (length + STRIDE // 2) // STRIDE * STRIDE)


@cache
def _color_tables() -> tuple[npt.NDArray[Any], ...]:
    """Return what each of the 256 bytes becomes, a table (256,) float32 a channel."""
    byte, white = np.arange(256, dtype=np.float32), np.float32(255)
    return tuple(
        (byte - white * np.float32(mean)) / (white * np.float32(std))
        for mean, std in zip(RGB_MEAN, RGB_STD, strict=True)
    )
