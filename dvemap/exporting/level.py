"""The axes of a map as a floor plan has them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mapping import VoxelMap, mean
from viewer.upright import estimate_up

_UPRIGHT: Final = np.cos(np.deg2rad(10))  # a guess of up is not better than some degrees


def level_axes(
    voxel_map: VoxelMap, rows: npt.NDArray[np.int64], up: npt.NDArray[np.float64] | None
) -> npt.NDArray[np.float64]:
    """Find level axes of a map.

    Parameters
    ----------
    voxel_map : VoxelMap
    rows : ndarray
        (n,) int64, its occupied cells.
    up : ndarray or None
        (3,) roughly the direction against gravity; guessed if None.

    Returns
    -------
    ndarray
        (3, 3) float64 rotation; its rows are two level axes and up, in world axes. Where an axis of the world
        is up, the rows are world axes: those of the map itself where that is z.
    """
    vertical = estimate_up(mean(voxel_map, rows), voxel_map.cell_size, up)
    strongest = int(np.abs(vertical).argmax())
    if abs(vertical[strongest]) > _UPRIGHT:
        vertical = np.sign(vertical[strongest]) * np.eye(3)[strongest]
        first = np.eye(3)[(strongest + 1) % 3]
    else:
        first = np.eye(3)[np.abs(vertical).argmin()]
        first = first - (first @ vertical) * vertical
        first /= np.linalg.norm(first)
    return np.stack([first, np.cross(vertical, first), vertical])
