"""Occupancy grids of the ROS map server: an image of what stands in a robot's way, and its place.

http://wiki.ros.org/map_server and the nav2 map server read the same two files.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dvemap.exporting.cells import Progress, shown_rows, silent
from dvemap.exporting.level import level_axes
from mapping import VoxelMap, atomic_write, mean, state_at
from mapping.keys import centers

BAND: Final = (0.1, 1.8)
"""Metres above the floor: what is lower can be driven over, what is higher can be driven under."""

OCCUPIED, FREE, UNKNOWN = 0, 254, 205
"""Grey values. The server reads (255 - grey) / 255: occupied above 0.65, free below 0.196, else unknown."""

_FLOOR_SHARE: Final = 0.3  # of the fullest slice: a floor is among the largest level things, and the lowest
_MOST_PIXELS: Final = 100_000_000
_CHUNK: Final = 1 << 20


@dataclass(frozen=True)
class FloorPlan:
    """What was written.

    Attributes
    ----------
    files
        The yaml and the pgm.
    shape
        Height and width, pixels.
    resolution
        Edge of a pixel, metres.
    origin
        Lower left corner, metres, along the axes of the plan.
    floor
        Height of the floor along up, metres.
    axes
        (3, 3) rotation; rows: x, y and up of the plan in world axes.
    occupied, free
        Pixels.
    """

    files: tuple[Path, Path]
    shape: tuple[int, int]
    resolution: float
    origin: tuple[float, float]
    floor: float
    axes: npt.NDArray[np.float64]
    occupied: int
    free: int


def write_floor_plan(
    voxel_map: VoxelMap,
    path: Path,
    *,
    band: tuple[float, float] = BAND,
    floor: float | None = None,
    up: npt.NDArray[np.float64] | None = None,
    progress: Progress = silent,
) -> FloorPlan:
    """Write what stands between two heights as an occupancy grid, a pixel a cell.

    A pixel is occupied if any cell of its column in the band is; else free if rays have crossed one; else
    unknown. The plan has the axes of the map where z is up, else level ones, which the yaml names.

    Parameters
    ----------
    voxel_map : VoxelMap
    path : Path
        The yaml; the image lies beside it under the same name, as pgm.
    band : tuple of float
        Lowest and highest height that matters, metres above the floor.
    floor : float, optional
        Its height along up, metres; found by default.
    up : ndarray, optional
        (3,) roughly the direction against gravity; guessed if None.
    progress : callable, optional
        Told the columns of pixels that are done, and all.

    Returns
    -------
    FloorPlan

    Raises
    ------
    ValueError
        If the map has no occupancy or no occupied cell, the band is none or holds no known cell, or the plan
        would be too large.
    """
    low, high = band
    if not low < high:
        raise ValueError(f"the band must go from a lower to a higher height, got {low:g} to {high:g} m")
    counts = voxel_map.occupancy
    rows = shown_rows(voxel_map)
    if not counts.misses.any():
        raise ValueError(
            "this map was fused without occupancy, so free and unknown space cannot be told apart; "
            "fuse with --set map.occupancy=true"
        )
    axes, h = level_axes(voxel_map, rows, up), voxel_map.cell_size
    floor = _floor(mean(voxel_map, rows) @ axes[2], h) if floor is None else floor
    levels = np.arange(np.ceil((floor + low) / h - 0.5), np.floor((floor + high) / h - 0.5) + 1)
    start, shape = _extent(voxel_map, axes, (floor + low, floor + high))
    if not len(levels) or not all(shape):
        raise ValueError(f"nothing is known between {low:g} and {high:g} m above the floor at {floor:.2f} m")
    grid = _project(voxel_map, axes, start, shape, levels, progress)
    image = path.with_suffix(".pgm")
    origin = (round(start[0] * h, 6), round(start[1] * h, 6))
    with atomic_write(image) as file:
        file.write(
            f"P5\n{shape[1]} {shape[0]}\n255\n".encode() + grid[::-1].tobytes()
        )  # the top row is far y
    with atomic_write(path) as file:  # last: what it names is complete
        file.write(_yaml(image.name, h, origin, band, floor, axes).encode())
    occupied, free = (int(np.count_nonzero(grid == grey)) for grey in (OCCUPIED, FREE))
    return FloorPlan((path, image), shape, h, origin, floor, axes, occupied, free)


def _floor(heights: npt.NDArray[np.float64], cell_size: float) -> float:
    """Find the lowest peak among slices of the map that is nearly as full as any."""
    slices = np.floor(heights / cell_size).astype(np.int64)
    lowest = slices.min()
    counts = np.bincount(slices - lowest)
    ground = int(np.argmax(counts >= _FLOOR_SHARE * counts.max()))
    while ground + 1 < len(counts) and counts[ground + 1] > counts[ground]:
        ground += 1
    return float(np.median(heights[slices == lowest + ground]))


def _extent(
    voxel_map: VoxelMap, axes: npt.NDArray[np.float64], band: tuple[float, float]
) -> tuple[tuple[int, int], tuple[int, int]]:
    """First pixel (x, y) and shape (height, width) of what is known in a band; a shape of 0 for nothing."""
    keys, h = voxel_map.occupancy.key, voxel_map.cell_size
    least, most = np.full(2, np.inf), np.full(2, -np.inf)
    for begin in range(0, len(keys), _CHUNK):
        seen = centers(keys[begin : begin + _CHUNK], h) @ axes.T
        seen = seen[(seen[:, 2] >= band[0]) & (seen[:, 2] <= band[1]), :2]
        least, most = (
            np.minimum(least, seen.min(axis=0, initial=np.inf)),
            np.maximum(most, seen.max(axis=0, initial=-np.inf)),
        )
    if not np.isfinite(least).all():
        return (0, 0), (0, 0)
    x, y = np.floor(least / h).astype(int).tolist()
    width, height = (np.floor(most / h).astype(int) - [x, y] + 1).tolist()
    if width * height > _MOST_PIXELS:
        raise ValueError(
            f"the plan would have {width} x {height} pixels; stray points far away? cut them off"
        )
    return (x, y), (height, width)


def _project(
    voxel_map: VoxelMap,
    axes: npt.NDArray[np.float64],
    start: tuple[int, int],
    shape: tuple[int, int],
    levels: npt.NDArray[np.float64],
    progress: Progress,
) -> npt.NDArray[np.uint8]:
    """Look up the middle of every pixel at every level; (height, width) uint8, from the least y on."""
    grid = np.full(shape, UNKNOWN, np.uint8)
    step = max(1, _CHUNK // (shape[0] * len(levels)))
    for begin in range(0, shape[1], step):
        x = np.arange(begin, min(begin + step, shape[1])) + start[0]
        y = np.arange(shape[0]) + start[1]
        index = np.stack(np.meshgrid(x, y, levels, indexing="ij"), axis=-1)
        state = state_at(voxel_map, ((index + 0.5) * voxel_map.cell_size) @ axes)
        part = grid[:, begin : begin + len(x)]
        part[(state < 0).any(axis=2).T] = FREE
        part[(state > 0).any(axis=2).T] = OCCUPIED
        progress(begin + len(x), shape[1])
    return grid


def _yaml(
    image: str,
    resolution: float,
    origin: tuple[float, float],
    band: tuple[float, float],
    floor: float,
    axes: npt.NDArray[np.float64],
) -> str:
    names = ("x", "y", "up")
    rows = "; ".join(
        f"{name} = ({', '.join(f'{v:.6g}' for v in row)})" for name, row in zip(names, axes, strict=True)
    )
    return (
        f"# {band[0]:g} to {band[1]:g} m above the floor, which lies at {floor:.3f} m\n"
        f"# axes of the plan in those of the map: {rows}\n"
        f'image: "{image}"\nmode: trinary\nresolution: {resolution:.10g}\n'
        f"origin: [{origin[0]:.10g}, {origin[1]:.10g}, 0.0]\n"
        "negate: 0\noccupied_thresh: 0.65\nfree_thresh: 0.196\n"
    )
