"""From an image to what networks for depth take, and back to the size of the image.

Each family of networks has rules of its own: how far an image shrinks or grows, what resizes it, how colours
are normalised, and what brings the output to the size of the image.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from student.preprocessing import RGB_MEAN, RGB_STD

_WHITE: Final = 255
Triple = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepthInput:
    """The rules of a family.

    Attributes
    ----------
    side : int or None
        Pixels that height and width should come near; None: an image keeps its size.
    multiple : int
        Of which both are multiples.
    bound : str
        minimal: the axis that changes least comes to `side`; lower: the shorter axis does. The other one
        follows, and the aspect stays but for rounding.
    pillow : bool
        Whether Pillow resizes the bytes, as in Hugging Face's port; else OpenCV resizes real numbers. Both
        are bicubic, but Pillow smooths what shrinks.
    mean, std : tuple of float
        By channel, of colours from 0 to 1.
    output : str
        Interpolation of the output: bicubic, bilinear or nearest.
    align_corners : bool
        Whether the corner pixels of output and image are aligned.
    """

    side: int | None
    multiple: int
    bound: Literal["minimal", "lower"] = "minimal"
    pillow: bool = False
    mean: Triple = (0.5, 0.5, 0.5)
    std: Triple = (0.5, 0.5, 0.5)
    output: Literal["bicubic", "bilinear", "nearest"] = "bicubic"
    align_corners: bool = False

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Return the height and width at which the network sees an image.

        Raises
        ------
        ValueError
            The image keeps its size, and that is no multiple; or nothing would be left of it.
        """
        if self.side is None:
            if height % self.multiple or width % self.multiple:
                raise ValueError(
                    f"height and width must be multiples of {self.multiple}, got {height} x {width}; "
                    "resize or crop the image, or take another network"
                )
            return height, width
        scales = (self.side / height, self.side / width)
        if self.bound == "lower":
            scale, least = max(scales), self.side
        else:
            scale, least = min(scales, key=lambda s: abs(1 - s)), 0
        sides = [self._rounded(scale * length, least) for length in (height, width)]
        if 0 in sides:
            raise ValueError(
                f"an image of {height} x {width} is too narrow for sides near {self.side} pixels"
            )
        return sides[0], sides[1]

    def prepare(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Resize and normalise an image.

        Parameters
        ----------
        rgb
            (H, W, 3) uint8.

        Returns
        -------
        (1, 3, h, w) float32.

        Raises
        ------
        ValueError
            The image has another shape or type, or a size that the network cannot see.
        """
        if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8 or 0 in rgb.shape:
            raise ValueError(f"rgb must be (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
        height, width = self.size(*rgb.shape[:2])
        image: npt.NDArray[Any] = rgb
        if self.side is not None and self.pillow:
            image = _resize_with_pillow(rgb, height, width)
        colors = image / _WHITE  # float64, as officially: OpenCV resizes float32 to other fourth digits
        if colors.shape[:2] != (height, width):
            resized = cv2.resize(colors, (width, height), interpolation=cv2.INTER_CUBIC)
            colors = resized.astype(np.float64, copy=False)
        normalised = (colors - np.array(self.mean)) / np.array(self.std)
        return np.ascontiguousarray(normalised.transpose(2, 0, 1)[None], np.float32)

    def restore(self, depth: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.float32]:
        """Bring the output to the size of the image, (N, h, w) to (N, height, width), float32."""
        import torch
        from torch.nn import functional

        smooth: dict[str, Any] = {} if self.output == "nearest" else {"align_corners": self.align_corners}
        planes = torch.from_numpy(np.ascontiguousarray(depth))[:, None]
        resized = functional.interpolate(planes, (height, width), mode=self.output, **smooth)
        return resized[:, 0].numpy()

    def _rounded(self, length: float, least: int) -> int:
        nearest = round(length / self.multiple) * self.multiple
        return nearest if nearest >= least else -int(-length // self.multiple) * self.multiple


def _resize_with_pillow(rgb: npt.NDArray[np.uint8], height: int, width: int) -> npt.NDArray[np.uint8]:
    from PIL import Image

    image = Image.fromarray(rgb).resize((width, height), Image.Resampling.BICUBIC)
    return np.asarray(image, np.uint8)


DEPTH_INPUTS: Final[Mapping[str, DepthInput]] = MappingProxyType(
    {
        "dpt": DepthInput(side=384, multiple=32),
        "dpt-segmentation": DepthInput(side=480, multiple=32),
        "dpt-toolbox": DepthInput(side=None, multiple=16, output="bilinear"),
        "dpt-mmsegmentation": DepthInput(
            side=None, multiple=16, mean=RGB_MEAN, std=RGB_STD, output="bilinear"
        ),
        "depth-anything": DepthInput(
            side=518,
            multiple=14,
            bound="lower",
            mean=RGB_MEAN,
            std=RGB_STD,
            output="bilinear",
            align_corners=True,
        ),
        "depth-anything-hf": DepthInput(
            side=518, multiple=14, pillow=True, mean=RGB_MEAN, std=RGB_STD, output="nearest"
        ),
    }
)
"""Rules by family; those of the Hugging Face port as DVEFormer's tools have it, metres by nearest pixel."""
