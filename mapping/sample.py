"""The cells that explain points: where a mesh vertex or a measured point meets the map."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mapping import readout
from mapping.kernels import sample as kernel
from mapping.keys import NEIGHBOUR_DELTAS, keys_of_points

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

SPACING: Final = 0.1
"""Default blur of a cell's Gaussian, in cell sizes."""


@dataclass(frozen=True, slots=True)
class Samples:
    """What was found around p points.

    Attributes
    ----------
    rows
        (p, k) int64 rows of the map in the order of falling score, -1 after the last.
    weights
        (p, k) float64 scores of these rows relative to each other, adding up to 1; 0 where there is none.
    log_score
        (p,) float64 logarithm of occupancy times density (1/m^3) of the best row, -inf if there is none.
    """

    rows: Int64
    weights: Float64
    log_score: Float64

    @property
    def row(self) -> Int64:
        """(p,) int64, the best row of each point, -1 if there is none."""
        return self.rows[:, 0]


def sample(
    voxel_map: VoxelMap,
    points: npt.ArrayLike,
    max_distance: float | None = None,
    *,
    spacing: float | None = None,
    top: int = 1,
    candidates: npt.NDArray[np.bool_] | None = None,
) -> Samples:
    """Find the cells that most likely hold points.

    Each of the 27 cells around a point scores p_occ N(x; mu, Sigma): its probability of being occupied times
    the density of its regularised Gaussian, widened by the spacing of the points.

    Parameters
    ----------
    voxel_map
        The map.
    points
        (p, 3) float, metres, world axes.
    max_distance
        Metres; cells whose mean is farther away do not count. None: only the 27 cells limit it.
    spacing
        Standard deviation of the points themselves, metres: half the distance between mesh vertices, or their
        noise. Default: a tenth of a cell.
    top
        Cells to return for each point, 1 to 27.
    candidates
        (n,) bool, the rows that may be returned; all by default.

    Returns
    -------
    The best rows of each point with their weights.

    Raises
    ------
    ValueError
        If the points are not (p, 3), finite and within the range of cell keys, or another argument is out of
        range.
    """
    points = np.ascontiguousarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"points must be (p, 3), got {points.shape}")
    if max_distance is not None and not max_distance > 0:
        raise ValueError(f"max_distance must be > 0 m, got {max_distance}")
    if not 1 <= top <= len(NEIGHBOUR_DELTAS):
        raise ValueError(f"top must be 1 to {len(NEIGHBOUR_DELTAS)}, got {top}")
    blur = SPACING * voxel_map.cell_size if spacing is None else spacing
    if not blur >= 0:
        raise ValueError(f"spacing must be >= 0 m, got {spacing}")

    cells, group = np.unique(keys_of_points(points, voxel_map.cell_size), return_inverse=True)
    near = voxel_map.rows_of(cells[:, None] + NEIGHBOUR_DELTAS)
    if candidates is not None:
        near = np.where(np.append(candidates, False)[near], near, -1)  # row -1 finds the False
    rows, gaussian = _renumber(near, len(voxel_map))
    best = np.empty((len(points), top), np.int64)
    log_score = np.empty((len(points), top))
    mean, precision, log_peak = gaussians(voxel_map, rows, blur)
    limit = math.inf if max_distance is None else max_distance**2
    kernel.best_cells(points, group, gaussian, mean, precision, log_peak, limit, best, log_score)
    found = best >= 0
    weights = np.exp(log_score - np.where(found[:, :1], log_score[:, :1], 0.0))
    weights /= np.maximum(weights.sum(axis=1, keepdims=True), 1.0)
    return Samples(np.append(rows, -1)[best], weights, log_score[:, 0].copy())


def gaussians(voxel_map: VoxelMap, rows: Int64, blur: float) -> tuple[Float64, Float64, Float64]:
    """Gaussians of rows, ready to be evaluated.

    Parameters
    ----------
    voxel_map
        The map.
    rows
        (g,) int64.
    blur
        Standard deviation added to every direction, metres.

    Returns
    -------
    mean
        (g, 3) metres.
    precision
        (g, 6) inverse covariances xx, xy, xz, yy, yz, zz, 1/m^2.
    log_peak
        (g,) logarithm of p_occ / sqrt(det(2 pi Sigma)).
    """
    values, vectors = readout.eigen(readout.covariance(voxel_map, rows))
    variance = readout.lift(values) + blur**2
    upper = readout.compose(1 / variance, vectors)[:, [0, 0, 0, 1, 1, 2], [0, 1, 2, 1, 2, 2]]
    log_occupied = -np.logaddexp(0.0, -readout.log_odds(voxel_map, rows))
    log_peak = log_occupied - 0.5 * np.log(2 * np.pi * variance).sum(axis=1)
    return readout.mean(voxel_map, rows), np.ascontiguousarray(upper), log_peak


def _renumber(near: Int64, count: int) -> tuple[Int64, Int64]:
    """Rows that occur in an array of rows below `count`, ascending, and the array in positions among them."""
    position = np.full(count + 1, -1, np.int64)  # one more, for row -1
    position[near] = 0
    position[-1] = -1
    rows = np.flatnonzero(position >= 0)
    position[rows] = np.arange(len(rows))
    return rows, position[near]
