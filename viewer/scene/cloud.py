"""The cells of a map that are drawn: where they are, what they look like, which way is up."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

import mapping
from mapping import VoxelMap
from mapping.keys import centers
from viewer.scene.cubes import free_before
from viewer.upright import estimate_up

_MOST_CELLS_FOR_A_FRAME = 200_000


@dataclass(frozen=True, eq=False)
class Cloud:
    """The solid cells of a map, sorted by key.

    Attributes
    ----------
    map : VoxelMap
    rows : (m,) int64
        Their rows in the map.
    key : (m,) int64
        Ascending.
    up : (3,) float64
        Unit vector against gravity.
    floor : float
        Height of the lowest cells along `up`, metres; a percentile, so that specks do not count.
    heights : (m,) float32
        Metres above the floor.
    points : (m, 3) float32
        Means of the cells, metres, world axes.
    """

    map: VoxelMap
    rows: npt.NDArray[np.int64]
    key: npt.NDArray[np.int64]
    up: npt.NDArray[np.float64]
    floor: float
    heights: npt.NDArray[np.float32]
    points: npt.NDArray[np.float32]

    def __len__(self) -> int:
        """Cells that are drawn."""
        return len(self.rows)

    @property
    def cell_size(self) -> float:
        """Edge of a cell, metres."""
        return self.map.cell_size

    @cached_property
    def colors(self) -> npt.NDArray[np.uint8]:
        """(m, 3) uint8, what the cameras saw."""
        return mapping.color(self.map, self.rows)

    @cached_property
    def centers(self) -> npt.NDArray[np.float32]:
        """(m, 3) float32 centres of the cells, metres."""
        return centers(self.key, self.cell_size).astype(np.float32)

    @cached_property
    def normals(self) -> npt.NDArray[np.float32]:
        """(m, 3) float32 unit normals, facing the side that cameras saw through."""
        return mapping.normals(self.map, self.rows).astype(np.float32)

    @cached_property
    def free(self) -> npt.NDArray[np.int8]:
        """(m, 6) int8, how many cells a little before each side of the cells are free."""
        return free_before(self.map, self.key)

    @cached_property
    def ceiling(self) -> float:
        """Height of the highest cells above the floor, metres; a percentile."""
        return float(np.percentile(self.heights, 99.5)) if len(self) else 0.0

    @cached_property
    def bounds(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Two corners (3,) of an upright box in world axes that holds nearly all cells."""
        if not len(self):
            return np.full(3, -1.0), np.full(3, 1.0)
        step = max(1, len(self) // _MOST_CELLS_FOR_A_FRAME)
        low, high = np.percentile(self.points[::step], [0.5, 99.5], axis=0)
        return low - self.cell_size, high + self.cell_size


def cloud_of(voxel_map: VoxelMap, up: npt.ArrayLike | None = None, *, exact_up: bool = False) -> Cloud:
    """Choose the cells of a map that are drawn.

    Parameters
    ----------
    voxel_map : VoxelMap
    up : (3,) float, optional
        Roughly the direction against gravity, made exact from the cells; guessed without it.
    exact_up : bool
        Take `up` as it is.

    Returns
    -------
    Cloud
    """
    rows = mapping.solid_rows(voxel_map)
    key = np.asarray(voxel_map.key[rows])
    if not (key[1:] > key[:-1]).all():
        order = np.argsort(key)
        rows, key = rows[order], key[order]
    points = mapping.mean(voxel_map, rows)
    vertical = _unit(up) if exact_up and up is not None else estimate_up(points, voxel_map.cell_size, up)
    heights = points @ vertical
    floor = float(np.percentile(heights, 0.5)) if len(heights) else 0.0
    return Cloud(
        voxel_map,
        rows,
        key,
        vertical,
        floor,
        (heights - floor).astype(np.float32),
        points.astype(np.float32),
    )


def _unit(vector: Any) -> npt.NDArray[np.float64]:
    direction = np.asarray(vector, np.float64)
    unit: npt.NDArray[np.float64] = direction / np.linalg.norm(direction)
    return unit
