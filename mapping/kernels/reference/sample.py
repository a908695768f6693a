"""NumPy twin of `mapping.kernels.sample`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


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
    """Find the most likely of the neighbouring Gaussians of each point."""
    k = best.shape[1]
    near = neighbours[group]  # (p, 27)
    safe = np.maximum(near, 0)
    x, y, z = np.moveaxis(points[:, None, :] - mean[safe], -1, 0)
    B = np.moveaxis(precision[safe], -1, 0)
    squares = B[0] * x * x + B[3] * y * y + B[5] * z * z
    products = B[1] * x * y + B[2] * x * z + B[4] * y * z
    score = log_peak[safe] - (0.5 * squares + products)
    score[(near < 0) | (x * x + y * y + z * z > max_squared)] = -np.inf
    order = np.argsort(-score, axis=1, kind="stable")[:, :k]
    log_score[:] = np.take_along_axis(score, order, axis=1)
    best[:] = np.where(log_score > -np.inf, np.take_along_axis(near, order, axis=1), -1)
