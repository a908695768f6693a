"""Which way the surface in a cell looks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mapping.readout import ALL, Float64, Rows, covariance, mean, shape
from mapping.space import freer_side

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap


def normals(voxel_map: VoxelMap, rows: Rows = ALL) -> Float64:
    """Unit normals of cells, facing free space; (n, 3) float64. See `face_free`."""
    return face_free(voxel_map, mean(voxel_map, rows), shape(covariance(voxel_map, rows)).normal)


def face_free(voxel_map: VoxelMap, points: Float64, directions: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Turn directions around that point away from free space.

    Parameters
    ----------
    voxel_map : VoxelMap
    points
        (n, 3) float64, metres, where the surfaces are.
    directions
        (n, 3) float, unit vectors of either sign. Where both sides are alike (see `freer_side`), the
        component of largest magnitude becomes positive.

    Returns
    -------
    (n, 3) of the dtype of `directions`.
    """
    side = freer_side(voxel_map, points, directions)
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)[:, 0]
    turned = np.where(side == 0, largest < 0, side < 0)
    return np.where(turned[:, None], -directions, directions)
