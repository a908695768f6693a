"""What a cell means: everything that is computed from the sums on reading, and never stored back.

The functions take a map and, optionally, rows (an index array, a mask or a slice); the default is every
cell. They work through a bounded number of rows at a time, so temporaries stay small on maps of any size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mapping.keys import centers
from mapping.settings import POSITION_ONE, WEIGHT_ONE

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

Rows = npt.NDArray[np.int64] | npt.NDArray[np.bool_] | slice
Float64 = npt.NDArray[np.float64]

ALL: Final = slice(None)
_CHUNK_ROWS: Final = 65536
_CODE_CHUNK_ROWS: Final = 4096
_SYMMETRIC: Final = ((0, 1, 2), (1, 3, 4), (2, 4, 5))  # entry of xx, xy, xz, yy, yz, zz in a 3 x 3 matrix


@dataclass(frozen=True, slots=True)
class OccupancyModel:
    """How hits and misses become log-odds: L = clamp(hit * hits - miss * misses, -limit, limit).

    The constants are those of NDT-OM (Saarinen et al., 2013): a hit adds log(0.6 / 0.4), a ray whose cell's
    Gaussian is not consulted takes away 0.2, and the sum is clamped at 255. A ray may cross the empty part of
    a cell that a table top runs through, so a miss must weigh less than a hit: with equal weights real tables
    dissolve. A thing that was seen in n frames and is gone disappears within 2 n + 1 frames that see through
    its place.

    Attributes
    ----------
    hit, miss
        Log-odds of one frame that saw a surface in the cell, and of one that saw through it.
    limit
        Largest absolute log-odds.
    """

    hit: float = math.log(0.6 / 0.4)
    miss: float = 0.2
    limit: float = 255.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Scale-free shape of cells, from the eigenvalues l1 <= l2 <= l3 of their covariances.

    Attributes
    ----------
    normal
        (n, 3) float64, unit eigenvector of l1. A map stores no viewpoint, so its sign is a convention: the
        component of largest magnitude is positive.
    linearity, planarity, scatter
        (n,) float64 in [0, 1], adding up to 1: (l3 - l2) / l3, (l2 - l1) / l3 and l1 / l3.
    """

    normal: Float64
    linearity: Float64
    planarity: Float64
    scatter: Float64


def mean(voxel_map: VoxelMap, rows: Rows = ALL) -> Float64:
    """Mean of the points of each cell, (n, 3) float64, metres, world axes."""
    unit = voxel_map.cell_size / POSITION_ONE
    offset = voxel_map.s[rows] / _at_least_one(voxel_map.weight[rows])[:, None]
    mu: Float64 = centers(voxel_map.key[rows], voxel_map.cell_size) + offset * unit
    return mu


def covariance(voxel_map: VoxelMap, rows: Rows = ALL) -> Float64:
    """Covariance of the points of each cell, divided by the sum of weights; (n, 3, 3) float64, m^2.

    The moments are integers local to the cell, so the result is the same wherever the cell lies, and positive
    semi-definite up to rounding in the last place of Q / W.
    """
    weight = _at_least_one(voxel_map.weight[rows])
    sigma = np.empty((len(weight), 3, 3))
    s, Q = voxel_map.s[rows], voxel_map.Q[rows]
    unit = (voxel_map.cell_size / POSITION_ONE) ** 2
    for part in _parts(len(weight), _CHUNK_ROWS):
        inverse = 1.0 / weight[part]
        mu = s[part] * inverse[:, None]
        for i, entries in enumerate(_SYMMETRIC):
            for j, entry in enumerate(entries):
                sigma[part, i, j] = (Q[part, entry] * inverse - mu[:, i] * mu[:, j]) * unit
    return sigma


def eigen(sigma: Float64) -> tuple[Float64, Float64]:
    """Eigen-decomposition of symmetric matrices.

    Parameters
    ----------
    sigma
        (n, 3, 3) float64.

    Returns
    -------
    values
        (n, 3) float64, ascending; negative ones, which only rounding makes, are raised to 0.
    vectors
        (n, 3, 3) float64, eigenvectors in the columns.
    """
    values, vectors = np.empty(sigma.shape[:2]), np.empty(sigma.shape)
    for part in _parts(len(sigma), _CHUNK_ROWS):
        values[part], vectors[part] = np.linalg.eigh(sigma[part])
    return np.maximum(values, 0.0), vectors


def lift(values: Float64, *, ratio: float = 1e-3, sigma_min: float = 1e-3) -> Float64:
    """Raise small eigenvalues, so that a covariance can be inverted.

    Each is raised to at least ratio * l3 (NDT-OM uses 1/1000) and at least sigma_min^2, the noise that no
    depth camera undercuts. Statistics are never regularised, only what is read from them.

    Parameters
    ----------
    values
        (n, 3) float64, ascending, m^2.
    ratio
        Least eigenvalue relative to the largest.
    sigma_min
        Least standard deviation, metres.

    Returns
    -------
    (n, 3) float64, m^2, all > 0.

    Raises
    ------
    ValueError
        If ratio is outside [0, 1] or sigma_min is not > 0.
    """
    if not 0 <= ratio <= 1:
        raise ValueError(f"ratio must be in [0, 1], got {ratio}")
    if not sigma_min > 0:
        raise ValueError(f"sigma_min must be > 0 m, got {sigma_min}")
    lifted: Float64 = np.maximum(values, np.maximum(ratio * values[:, 2:], sigma_min**2))
    return lifted


def regularise(sigma: Float64, *, ratio: float = 1e-3, sigma_min: float = 1e-3) -> Float64:
    """Make covariances (n, 3, 3) positive definite by lifting their eigenvalues, see `lift`."""
    values, vectors = eigen(sigma)
    return compose(lift(values, ratio=ratio, sigma_min=sigma_min), vectors)


def compose(values: Float64, vectors: Float64) -> Float64:
    """Inverse of `eigen`: V diag(l) V^T, (n, 3, 3) float64."""
    sigma = np.empty(vectors.shape)
    for i in range(3):
        for j in range(i, 3):
            sigma[:, i, j] = np.einsum("nk,nk,nk->n", vectors[:, i], vectors[:, j], values)
            sigma[:, j, i] = sigma[:, i, j]
    return sigma


def shape(sigma: Float64) -> Shape:
    """Normals and shape features of covariances (n, 3, 3); a cell of a single point counts as scatter."""
    values, vectors = eigen(sigma)
    normal = vectors[:, :, 0]
    largest = np.take_along_axis(normal, np.abs(normal).argmax(axis=1)[:, None], axis=1)
    l1, l2, l3 = np.where(values[:, 2:] > 0, values, 1.0).T
    return Shape(np.where(largest < 0, -normal, normal), (l3 - l2) / l3, (l2 - l1) / l3, l1 / l3)


def evidence(voxel_map: VoxelMap, rows: Rows = ALL) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int32]]:
    """Frames that hit each cell and frames that saw through it, two (n,) int32; 0 without occupancy."""
    counts = voxel_map.occupancy
    found = counts.rows_of(voxel_map.key[rows])
    known = found >= 0
    hits, misses = np.zeros(len(found), np.int32), np.zeros(len(found), np.int32)
    hits[known], misses[known] = counts.hits[found[known]], counts.misses[found[known]]
    return hits, misses


def log_odds(voxel_map: VoxelMap, rows: Rows = ALL, model: OccupancyModel | None = None) -> Float64:
    """Log-odds that each cell is occupied, (n,) float64; 0 if the map was fused without occupancy."""
    return log_odds_of(*evidence(voxel_map, rows), model)


def log_odds_of(hits: npt.ArrayLike, misses: npt.ArrayLike, model: OccupancyModel | None = None) -> Float64:
    """Log-odds of counts of any shape; `voxel_map.occupancy` has those of free cells too."""
    model = model or OccupancyModel()
    odds: Float64 = model.hit * np.asarray(hits) - model.miss * np.asarray(misses)
    return np.clip(odds, -model.limit, model.limit)


def solid(voxel_map: VoxelMap, rows: Rows = ALL) -> npt.NDArray[np.bool_]:
    """Whether each cell holds something: log-odds above 0, or occupancy was never counted; (n,) bool."""
    return solid_of(*evidence(voxel_map, rows))


def solid_rows(voxel_map: VoxelMap) -> npt.NDArray[np.int64]:
    """Rows to show: the `solid` ones with some weight; (n,) int64, ascending."""
    return np.flatnonzero(solid(voxel_map) & (voxel_map.weight > 0))


def solid_of(hits: npt.NDArray[np.int32], misses: npt.NDArray[np.int32]) -> npt.NDArray[np.bool_]:
    """`solid` of counts of any shape."""
    holds: npt.NDArray[np.bool_] = (log_odds_of(hits, misses) > 0) | (hits + misses == 0)
    return holds


def occupied(voxel_map: VoxelMap, rows: Rows = ALL, model: OccupancyModel | None = None) -> Float64:
    """Probability that each cell is occupied, (n,) float64."""
    probability: Float64 = 1.0 / (1.0 + np.exp(-log_odds(voxel_map, rows, model)))
    return probability


def color(voxel_map: VoxelMap, rows: Rows = ALL) -> npt.NDArray[np.uint8]:
    """Mean colour of each cell, (n, 3) uint8 RGB; black if the frames had none."""
    weight = _at_least_one(voxel_map.weight[rows])
    return np.clip(np.rint(voxel_map.color[rows] / weight[:, None]), 0, 255).astype(np.uint8)


def confidence(voxel_map: VoxelMap, rows: Rows = ALL) -> npt.NDArray[np.float32]:
    """Resultant length |sum w z| / sum w of each cell's embedding, (n,) float32 in [0, 1].

    1 means that all observations agree; 0 is a cell without an embedding.
    """
    total = voxel_map.code_weight[rows] / WEIGHT_ONE * voxel_map.code_scale
    length = np.divide(voxel_map.embedding_norm[rows], total, out=np.zeros_like(total), where=total > 0)
    return np.clip(length, 0.0, 1.0).astype(np.float32)


def embedding(voxel_map: VoxelMap, rows: Rows = ALL) -> npt.NDArray[np.float32]:
    """Unit embedding of each cell, (n, D) float32; zero for a cell without one.

    All cells at once need n x D x 4 bytes; a large map is better read some rows at a time.
    """
    index = np.arange(len(voxel_map))[rows]
    dimension = voxel_map.code_dim if voxel_map.head is None else voxel_map.head.shape[0]
    unit = np.empty((len(index), dimension), np.float32)
    for part in _parts(len(index), _CODE_CHUNK_ROWS):
        unit[part] = _unit_embedding(voxel_map, index[part])
    return unit


def _unit_embedding(voxel_map: VoxelMap, rows: Rows) -> npt.NDArray[np.float32]:
    z = np.asarray(voxel_map.code[rows]).astype(np.float32)
    if voxel_map.head is not None:
        z = z @ voxel_map.head.T
    norm = np.linalg.norm(z, axis=1, keepdims=True)  # of the row as it is: the scale of a compact row cancels
    unit: npt.NDArray[np.float32] = np.divide(z, norm, out=np.zeros_like(z), where=norm > 0)
    return unit


def _at_least_one(weight: npt.NDArray[np.int64]) -> Float64:
    """Weights as divisors; a cell that holds codes alone has no points and reads as its centre."""
    return np.maximum(weight, 1).astype(np.float64)


def _parts(count: int, size: int) -> Iterator[slice]:
    for start in range(0, count, size):
        yield slice(start, min(start + size, count))
