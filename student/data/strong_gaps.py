"""Parts without colour or depth, or all of one: a network must manage with the other."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from student.data.augment_config import StrongAugmentConfig

NO_COLOR: Final = (124, 116, 104)
"""RGB that stands for no colour: ImageNet's mean, which normalisation brings to about 0."""


def leave_gaps(
    rgb: npt.NDArray[np.uint8],
    depth: npt.NDArray[np.float32],
    rng: np.random.Generator,
    config: StrongAugmentConfig,
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Erase rectangles, then perhaps all colour, or all depth, never both.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8; is not changed.
    depth
        (H, W) float32 metres; is not changed.
    rng
        Source of all chance.
    config
        Chances and limits.
    """
    if rng.random() < config.erasing:
        rgb, depth = rgb.copy(), depth.copy()
        for _ in range(int(rng.integers(1, config.erased_boxes + 1))):
            box = _draw_box((depth.shape[0], depth.shape[1]), rng)
            what = rng.integers(3)
            if what != 1:
                rgb[box] = rng.integers(0, 256, 3)
            if what != 0:
                depth[box] = 0
    chance = rng.random()
    if chance < config.drop_color:
        rgb = np.full_like(rgb, NO_COLOR)
    elif chance < config.drop_color + config.drop_depth:
        depth = np.zeros_like(depth)
    return rgb, depth


def _draw_box(size: tuple[int, int], rng: np.random.Generator) -> tuple[slice, slice]:
    """Draw a rectangle of 1 to 8 % of an image, at most twice as long as wide where it fits."""
    area, aspect = rng.uniform(0.01, 0.08), 2 ** rng.uniform(-1, 1)
    height = min(size[0], max(1, round(np.sqrt(area * size[0] * size[1] * aspect))))
    width = min(size[1], max(1, round(np.sqrt(area * size[0] * size[1] / aspect))))
    top, left = int(rng.integers(0, size[0] - height + 1)), int(rng.integers(0, size[1] - width + 1))
    return slice(top, top + height), slice(left, left + width)
