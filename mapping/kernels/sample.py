"""The best Gaussians around points."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def best_cells(
    points: Float64,
    group: Int64,
    neighbours: Int64,
    mean: Float64,
    precision: Float64,
    log_peak: Float64,
    max_squared: float,
    best: Int64,
    log_score: Float64,
) -> None:
    """Find the most likely of the neighbouring Gaussians of each point.

    Parameters
    ----------
    points
        (p, 3) metres.
    group
        (p,) row of `neighbours` that belongs to the cell of a point.
    neighbours
        (m, 27) indices of Gaussians, -1 for none.
    mean
        (g, 3) metres.
    precision
        (g, 6) inverse covariances xx, xy, xz, yy, yz, zz, 1/m^2.
    log_peak
        (g,) logarithm of a Gaussian's score at its mean.
    max_squared
        Gaussians whose mean is farther than the root of this are left out, m^2.
    best
        (p, k) receives Gaussians in the order of falling score, -1 after the last; of equals the one that
        stands first in `neighbours` comes first.
    log_score
        (p, k) receives their scores, -inf after the last.
    """
    k = best.shape[1]
    for p in range(points.shape[0]):
        best[p] = -1
        log_score[p] = -np.inf
        for near in neighbours[group[p]]:
            if near < 0:
                continue
            x = points[p, 0] - mean[near, 0]
            y = points[p, 1] - mean[near, 1]
            z = points[p, 2] - mean[near, 2]
            if x * x + y * y + z * z > max_squared:
                continue
            B = precision[near]
            squares = B[0] * x * x + B[3] * y * y + B[5] * z * z
            products = B[1] * x * y + B[2] * x * z + B[4] * y * z
            score = log_peak[near] - (0.5 * squares + products)
            place = k
            while place > 0 and score > log_score[p, place - 1]:
                place -= 1
            for i in range(k - 1, place, -1):
                best[p, i] = best[p, i - 1]
                log_score[p, i] = log_score[p, i - 1]
            if place < k:
                best[p, place] = near
                log_score[p, place] = score
