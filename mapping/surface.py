"""Which cells hold a surface, and which only the noise that spills over from one beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mapping.keys import NEIGHBOUR_DELTAS
from mapping.readout import solid

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

SHARE: Final = 0.3
"""Least weight of a surface cell relative to its heaviest neighbour.

Where a surface runs along a cell boundary, both sides hold half of its noisy points. If one side holds less
than 0.3 of the other, the surface itself lies at least 0.7 standard deviations inside the other."""

_CHUNK: Final = 65_536


def holds_surface(voxel_map: VoxelMap, share: float = SHARE) -> npt.NDArray[np.bool_]:
    """Tell the cells that a surface runs through from the skirt of noise around it.

    A surface seen with the noise of a depth camera spills into the cells before and behind it. These hold few
    observations, and their means lie off the surface. A cell counts if it is solid (see `readout.solid`) and
    holds at least `share` of the weight of the heaviest of its 26 neighbours.

    Parameters
    ----------
    voxel_map : VoxelMap
    share : float
        In [0, 1]; 0 keeps every occupied cell, 1 only local maxima.

    Returns
    -------
    (n,) bool

    Raises
    ------
    ValueError
        If share is outside [0, 1].
    """
    if not 0 <= share <= 1:
        raise ValueError(f"share must be in [0, 1], got {share}")
    weight, key = voxel_map.weight, voxel_map.key
    keep = solid(voxel_map) & (weight > 0)
    for start in range(0, len(key), _CHUNK):
        rows = start + np.flatnonzero(keep[start : start + _CHUNK])
        near = voxel_map.rows_of(key[rows, None] + NEIGHBOUR_DELTAS)
        heaviest = np.where(near >= 0, weight[near], 0).max(axis=1, initial=0)
        keep[rows] = weight[rows] >= share * heaviest
    return keep
