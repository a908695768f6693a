"""What depth cameras do to depth: noise, steps, wrong scale, holes.

The measures are those of a Kinect: noise after Nguyen, Izadi and Lovell (2012), steps of 1/8 pixel of
disparity at a focal length of 580 pixels and a baseline of 75 mm.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from student.data.augment_config import StrongAugmentConfig

Depth = npt.NDArray[np.float32]

NOISE_FLOOR: Final = 0.0012
"""Standard deviation of the depth at `NOISE_FROM` metres, metres; it grows with the square from there."""
NOISE_GROWTH: Final = 0.0019
NOISE_FROM: Final = 0.4
STEP: Final = 1 / (8 * 580 * 0.075)
"""Step of the inverse depth, 1 / metres."""
EDGE: Final = 0.05
"""Relative difference of depth that makes an edge."""


def spoil_depth(depth: Depth, rng: np.random.Generator, config: StrongAugmentConfig) -> Depth:
    """Apply each effect with its chance; what was invalid stays invalid (0).

    Parameters
    ----------
    depth
        (H, W) float32 metres; is not changed.
    rng
        Source of all chance.
    config
        Chances and limits.
    """
    if rng.random() < config.depth_scale:
        depth = depth * np.float32(1 + rng.uniform(-1, 1) * config.depth_scale_error)
    if rng.random() < config.depth_noise:
        depth = _add_noise(depth, rng, rng.uniform(0, config.depth_noise_level))
    if rng.random() < config.depth_steps:
        depth = _round(depth, rng.uniform(1, config.depth_step_size) * STEP)
    if rng.random() < config.depth_holes:
        depth = _lose_edges(depth, 2 * int(rng.integers(1, 4)) + 1, rng)
        depth = _lose_blots(depth, rng.uniform(0, config.depth_hole_share), rng)
    return depth


def _add_noise(depth: Depth, rng: np.random.Generator, level: float) -> Depth:
    """Add noise that neighbours share, as the windows that a camera matches overlap."""
    height, width = depth.shape
    coarse = rng.standard_normal((-(-height // 2), -(-width // 2)), np.float32)
    noise = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    sigma = NOISE_FLOOR + NOISE_GROWTH * np.square(depth - np.float32(NOISE_FROM))
    noisy = depth + noise * (np.float32(level) * sigma)
    return np.where((depth > 0) & (noisy > 0), noisy, np.float32(0)).astype(np.float32, copy=False)


def _round(depth: Depth, step: float) -> Depth:
    """Round the inverse depth to whole steps; what is farther than one step is lost."""
    valid = depth > 0
    inverse = np.divide(np.float32(1 / step), depth, out=np.zeros_like(depth), where=valid)
    steps = np.rint(inverse, out=inverse)
    return np.divide(np.float32(1 / step), steps, out=np.zeros_like(depth), where=steps > 0)


def _lose_edges(depth: Depth, width: int, rng: np.random.Generator) -> Depth:
    """Lose most pixels near jumps of depth, where one of a camera's two eyes sees nothing."""
    kernel = np.ones((width, width), np.uint8)
    near = cv2.erode(np.where(depth > 0, depth, np.float32(np.inf)), kernel)
    far = cv2.dilate(depth, kernel)
    lost = (far * np.float32(1 / (1 + EDGE)) > near) & (rng.random(depth.shape, np.float32) < 0.8)
    return np.where(lost, np.float32(0), depth)


def _lose_blots(depth: Depth, share: float, rng: np.random.Generator) -> Depth:
    """Lose a share of the image in smooth blots, as on glass, black and shiny things."""
    height, width = depth.shape
    cell = int(rng.integers(16, 65))
    coarse = rng.random((height // cell + 2, width // cell + 2), np.float32)
    small = cv2.resize(coarse, (width // 4, height // 4), interpolation=cv2.INTER_CUBIC)
    field = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(field < np.quantile(small, share), np.float32(0), depth)
