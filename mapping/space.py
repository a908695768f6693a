"""What is at a point of space: something, nothing, or nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from mapping.keys import keys_of_points
from mapping.readout import log_odds_of

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

OFF_SURFACE: Final = (2.0, 3.0)
"""How far off a surface free space is looked for, in cells: its own neighbours are never carved."""


def state_at(voxel_map: VoxelMap, points: npt.ArrayLike) -> npt.NDArray[np.int8]:
    """Tell occupied, free and unknown points apart.

    Parameters
    ----------
    voxel_map
        A map that was fused with occupancy; in another everything is unknown.
    points
        (..., 3) float, metres, world axes. Points near each other are best given near each other.

    Returns
    -------
    (...) int8: 1 in an occupied cell, -1 in a free one, 0 where no ray has been or hits and misses balance.
    """
    counts = voxel_map.occupancy
    row = counts.rows_of(keys_of_points(points, voxel_map.cell_size))
    known = row >= 0
    state = np.zeros(row.shape, np.int8)
    state[known] = np.sign(log_odds_of(counts.hits[row[known]], counts.misses[row[known]]))
    return state


def freer_side(
    voxel_map: VoxelMap, points: npt.NDArray[np.floating[Any]], directions: npt.NDArray[np.floating[Any]]
) -> npt.NDArray[np.int8]:
    """Tell which side of a surface is free; a map stores no viewpoint, but knows what rays crossed.

    Parameters
    ----------
    voxel_map
        A map that was fused with occupancy; in another all sides are alike.
    points
        (n, 3) metres, world axes, on surfaces.
    directions
        (n, 3) unit vectors across them.

    Returns
    -------
    (n,) int8: 1 where the direction points to the freer side, two and three cells away, -1 where it points
    away from it, 0 where both are alike.
    """
    ahead, behind = (
        sum(
            state_at(voxel_map, points + side * step * voxel_map.cell_size * directions)
            for step in OFF_SURFACE
        )
        for side in (1, -1)
    )
    return np.sign(behind - ahead).astype(np.int8)
