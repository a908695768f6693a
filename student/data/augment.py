"""Augmentation: what a training image looks like this time.

DVEFormer's, in its order: enlarged by a random factor, a random crop, a shift of hue, saturation and value, a
flip; then, where asked for, what cameras do to clean images.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from student.data.augment_config import AugmentConfig
from student.data.sample import Sample
from student.data.strong_color import spoil_color
from student.data.strong_depth import spoil_depth
from student.data.strong_gaps import leave_gaps

Size = tuple[int, int]
Indices = npt.NDArray[np.int64]
Number = TypeVar("Number", np.float32, np.uint16, np.int32)


@dataclass(frozen=True, slots=True, eq=False)
class View:
    """An augmented sample: images of one size (H, W), as in `Sample`.

    Attributes
    ----------
    rgb, depth, semantic, instance : numpy.ndarray
        As in `Sample`.
    index : numpy.ndarray
        (H, W) int32, what was given along with the sample.
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    semantic: npt.NDArray[np.uint16]
    instance: npt.NDArray[np.uint16]
    index: npt.NDArray[np.int32]


class Augmentation:
    """Turns a sample into a view of it, as its configuration says."""

    def __init__(self, config: AugmentConfig) -> None:
        self.config = config

    def __call__(self, sample: Sample, rng: np.random.Generator, index: npt.NDArray[np.int32]) -> View:
        """Draw a view; nothing but the arguments decides it.

        Parameters
        ----------
        sample
            Is not changed.
        rng
            Source of all chance.
        index
            (H, W) int32, the targets of the colour image's pixels; goes where its pixels go.

        Returns
        -------
        View
            All its images are of the configured size. Colour is scaled bilinearly, all else by nearest
            pixel, each from its own size: a depth image of another size becomes as large as the others.
        """
        config = self.config
        window = self._draw_window((sample.rgb.shape[0], sample.rgb.shape[1]), rng)
        rgb = shift_hsv(
            window.color(sample.rgb),
            *(_draw_shift(rng, limit) for limit in (config.hue, config.saturation, config.value)),
        )
        mirrored = bool(rng.random() < config.flip)
        if mirrored:
            rgb = np.ascontiguousarray(rgb[:, ::-1])
        view = View(
            rgb,
            window.numbers(sample.depth, mirrored),
            window.numbers(sample.semantic, mirrored),
            window.numbers(sample.instance, mirrored),
            window.numbers(index, mirrored),
        )
        if config.strong is None:
            return view
        rgb = spoil_color(view.rgb, rng, config.strong)
        depth = spoil_depth(view.depth, rng, config.strong)
        rgb, depth = leave_gaps(rgb, depth, rng, config.strong)
        return replace(view, rgb=rgb, depth=depth)

    def _draw_window(self, size: Size, rng: np.random.Generator) -> _Window:
        config, (height, width) = self.config, self.config.size
        factor = rng.uniform(config.scale_min, config.scale_max)
        sizes = [(max(1, round(factor * size[0])), max(1, round(factor * size[1])))]
        h, w = sizes[0]
        if (enlarge := max(height / h, width / w)) > 1:  # too small for the crop
            h, w = int(h * enlarge + 0.5), int(w * enlarge + 0.5)
            sizes.append((h, w))
        # The last possible start is never drawn: the published recipe's upper bound is exclusive.
        top = int(rng.integers(0, max(h - height, 1)))
        left = int(rng.integers(0, max(w - width, 1)))
        return _Window(sizes, slice(top, top + height), slice(left, left + width))


@dataclass(frozen=True, slots=True)
class _Window:
    """Sizes (height, width) that an image goes through, and the part of the last that is kept."""

    sizes: Sequence[Size]
    rows: slice
    columns: slice

    def color(self, image: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
        """Scale and crop a colour image."""
        for size in self.sizes:
            if image.shape[:2] != size:
                image = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR).astype(
                    np.uint8, copy=False
                )
        return image[self.rows, self.columns]

    def numbers(self, image: npt.NDArray[Number], mirrored: bool) -> npt.NDArray[Number]:
        """Scale an image of any size by nearest pixel, crop it and mirror it; only what is kept is read."""
        rows, columns = (
            _chain(length, [size[axis] for size in self.sizes]) for axis, length in enumerate(image.shape[:2])
        )
        columns = columns[self.columns]
        return image.take(rows[self.rows], axis=0).take(columns[::-1] if mirrored else columns, axis=1)


def nearest_pixels(length: int, scaled: int) -> Indices:
    """Return the pixel (of `length`) that each of `scaled` pixels takes its number from, as OpenCV does.

    floor(i length / scaled), computed as OpenCV computes it: of a few sizes it rounds otherwise.
    """
    step = 1 / (scaled / length)
    return np.minimum((np.arange(scaled) * step).astype(np.int64), length - 1)


def shift_hsv(rgb: npt.NDArray[np.uint8], hue: int, saturation: int, value: int) -> npt.NDArray[np.uint8]:
    """Shift the hue (round the circle), saturation and value (within 0..255) of a colour image.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8.
    hue, saturation, value
        In OpenCV's units for bytes: steps of 2 degrees, and levels of 255.
    """
    byte = np.arange(256)
    table = np.stack(
        [(byte + hue) % 180, np.clip(byte + saturation, 0, 255), np.clip(byte + value, 0, 255)], axis=-1
    )
    hsv = cv2.cvtColor(rgb, cv2.COLOR_RGB2HSV)
    shifted = cv2.LUT(hsv, table.astype(np.uint8)[None])
    return cv2.cvtColor(shifted, cv2.COLOR_HSV2RGB).astype(np.uint8, copy=False)


def _chain(length: int, sizes: Sequence[int]) -> Indices:
    """Return where the pixels of the last of several sizes come from, each scaled from the one before."""
    pixels: Indices = np.arange(length)
    for size in sizes:
        if size != len(pixels):
            pixels = pixels[nearest_pixels(len(pixels), size)]
    return pixels


def _draw_shift(rng: np.random.Generator, limit: int) -> int:
    return int(rng.integers(-limit, limit)) if limit else 0
