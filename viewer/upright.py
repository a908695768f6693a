"""Which way is up in a map, how its walls run, and what belongs to it."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy import ndimage

_MOST_POINTS: Final = 20_000


def estimate_up(
    points: npt.NDArray[np.floating[Any]], cell_size: float, hint: npt.ArrayLike | None = None
) -> npt.NDArray[np.float64]:
    """Guess the direction against gravity from the shape of a room.

    Floors, tables and ceilings put many cells at few heights: the direction is sought along which the cells
    crowd most in slices of one cell, the short way across the room rather than the long one. Its sign is
    that of the hint; without one, the end with the fuller slices is taken for the floor.

    Parameters
    ----------
    points
        (n, 3) metres.
    cell_size
        Metres.
    hint
        (3,) a direction within 50 degrees of up, such as the mean of the cameras' upward axes.

    Returns
    -------
    (3,) float64 unit vector, pointing up.

    Raises
    ------
    ValueError
        The hint is no direction.
    """
    directions = np.concatenate([np.eye(3), _half_sphere(1000)])
    if hint is not None:
        guess = np.asarray(hint, np.float64)
        if guess.shape != (3,) or not (0 < np.linalg.norm(guess) < np.inf):
            raise ValueError(f"up must be a direction (3,), got {hint}")
        guess = guess / np.linalg.norm(guess)
        directions = np.concatenate([guess[None], directions, -directions])
        directions = directions[directions @ guess > np.cos(np.deg2rad(50))]
    if len(points) < 3:
        return np.array(directions[0])
    sample = np.asarray(points[:: max(1, len(points) // _MOST_POINTS)], np.float64)
    sample = sample - np.median(sample, axis=0)
    best: npt.NDArray[np.float64] = max(directions, key=lambda d: _crowding(sample[::8] @ d, cell_size))
    random = np.random.default_rng(0)
    for width in (0.06, 0.02, 0.007):
        near = best + random.normal(size=(60, 3)) * width
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        best = max([best, *near], key=lambda d: _crowding(sample @ d, cell_size))
    if hint is not None:
        return best
    heights = sample @ best
    low, high = np.percentile(heights, [1, 99])
    bottom = np.count_nonzero(heights < low + 3 * cell_size)
    top = np.count_nonzero(heights > high - 3 * cell_size)
    return best if bottom >= top else -best


def _crowding(heights: npt.NDArray[np.float64], cell_size: float) -> float:
    low, high = np.percentile(heights, [1, 99])
    if high - low < cell_size:
        return 1e300
    slices = np.floor((heights - low) / cell_size).astype(np.int64)
    counts = np.bincount(slices[(slices >= 0) & (heights <= high)])
    return float((counts.astype(np.float64) ** 2).sum() / (high - low))


def _half_sphere(count: int) -> npt.NDArray[np.float64]:
    """Directions spread evenly (a Fibonacci lattice)."""
    step = np.arange(count) + 0.5
    z = step / count
    angle = np.pi * (1 + 5**0.5) * step
    radius = np.sqrt(1 - z**2)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle), z], axis=1)


def wall_direction(ground: npt.NDArray[np.float64], cell_size: float) -> npt.NDArray[np.float64]:
    """Find the direction of the walls: across them, cells crowd in few slices.

    Parameters
    ----------
    ground
        (n, 2) horizontal positions, metres.
    cell_size
        Metres.

    Returns
    -------
    (2,) float64 unit vector along the longer side of the room.
    """
    if len(ground) < 3:
        return np.array([1.0, 0.0])
    sample = ground[:: max(1, len(ground) // _MOST_POINTS)]
    angles = np.deg2rad(np.arange(0, 90, 1.0))
    axes = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    normals = np.stack([-axes[:, 1], axes[:, 0]], axis=1)
    crowded = [
        _crowding(sample @ x, cell_size) + _crowding(sample @ y, cell_size)
        for x, y in zip(axes, normals, strict=True)
    ]
    best = int(np.argmax(crowded))
    longer: npt.NDArray[np.float64] = max(axes[best], normals[best], key=lambda axis: np.ptp(ground @ axis))
    return longer


def main_part(points: npt.NDArray[np.floating[Any]], cell_size: float) -> npt.NDArray[np.bool_]:
    """Mark the points of large connected parts; specks that float alone would make the rest look small.

    Parameters
    ----------
    points
        (n, 3) metres.
    cell_size
        Metres; parts are joined across gaps of a few cells.

    Returns
    -------
    (n,) bool; parts of at least 2 % of the largest one.
    """
    if len(points) == 0:
        return np.zeros(0, bool)
    coarse = np.floor(points / (4 * cell_size)).astype(np.int64)
    coarse -= coarse.min(axis=0)
    while np.prod((coarse.max(axis=0) + 1).astype(float)) > 5e7:  # a stray point may be a kilometre away
        coarse //= 2
    filled = np.zeros(coarse.max(axis=0) + 1, bool)
    filled[tuple(coarse.T)] = True
    part = ndimage.label(filled, np.ones((3, 3, 3)))[0][tuple(coarse.T)]
    sizes = np.bincount(part)
    large: npt.NDArray[np.bool_] = (sizes >= 0.02 * sizes.max())[part]
    return large
