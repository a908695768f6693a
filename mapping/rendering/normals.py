"""Normals of surfaces: those of the cells where they are clear, else those with their neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mapping.keys import NEIGHBOUR_DELTAS
from mapping.readout import eigen
from mapping.settings import POSITION_ONE

if TYPE_CHECKING:
    from mapping.map_view import MapView

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

FLAT: Final = 0.2
"""Largest smallest eigenvalue, relative to the middle one, of a cell whose own normal is clear."""

_CHUNK: Final = 16_384
_STEPS: Final = np.stack(np.meshgrid(*[[-1.0, 0.0, 1.0]] * 3, indexing="ij"), axis=-1).reshape(27, 3)
_UPPER: Final = np.triu_indices(3)


def is_flat(values: Float64) -> npt.NDArray[np.bool_]:
    """Tell cells whose own normal is clear by the eigenvalues (m, 3) of their covariances."""
    flat: npt.NDArray[np.bool_] = values[:, 0] <= FLAT * values[:, 1]
    return flat


def surface_normals(
    voxel_map: MapView, rows: Int64, values: Float64, vectors: Float64
) -> npt.NDArray[np.float32]:
    """Find the normals of cells.

    A far wall is seen with noise as thick as a cell; its cells are balls, but together they are flat. Where a
    cell is not, the moments of its 27 neighbours, moved to its centre, are added.

    Parameters
    ----------
    voxel_map
        The map.
    rows
        (m,) rows.
    values, vectors
        (m, 3), (m, 3, 3): of their covariances, see `readout.eigen`.

    Returns
    -------
    (m, 3) float32 unit vectors of no particular sign.
    """
    normal = vectors[:, :, 0].copy()
    unsure = np.flatnonzero(~is_flat(values))
    for start in range(0, len(unsure), _CHUNK):
        part = unsure[start : start + _CHUNK]
        near = voxel_map.rows_of(voxel_map.key[rows[part], None] + NEIGHBOUR_DELTAS)
        known = near >= 0
        w = np.where(known, voxel_map.weight[near], 0) / 256.0
        s = np.where(known[..., None], voxel_map.s[near], 0) / (256.0 * POSITION_ONE)
        Q = np.where(known[..., None], voxel_map.Q[near], 0) / (256.0 * POSITION_ONE**2)
        total = w.sum(axis=1)
        first = (s + w[..., None] * _STEPS).sum(axis=1) / total[:, None]
        second = np.empty((len(part), 3, 3))
        for entry, (i, j) in enumerate(zip(*_UPPER, strict=True)):
            a, b = _STEPS[:, i], _STEPS[:, j]
            moved = Q[..., entry] + s[..., i] * b + s[..., j] * a + w * (a * b)
            second[:, i, j] = second[:, j, i] = moved.sum(axis=1) / total - first[:, i] * first[:, j]
        normal[part] = eigen(second)[1][:, :, 0]
    return np.ascontiguousarray(normal, np.float32)
