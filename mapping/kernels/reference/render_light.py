"""Reference of `mapping.kernels.render_light`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


def soften(
    values: Float32,
    depth: Float32,
    normal: Float32,
    column: Float64,
    line: Float64,
    reach: float,
    thickness: float,
    steps: int,
    out: Float32,
    start: int,
    stop: int,
) -> None:
    """Average each pixel with those around it that lie on the same surface."""
    height, width, _ = values.shape
    n, z = normal.astype(np.float64), depth.astype(np.float64)
    rays = np.stack(np.broadcast_arrays(column, line[:, None], 1.0), axis=-1)
    plane = z * (n * rays).sum(axis=2)
    step = reach / np.where(z > 0, z, 1) / steps
    y, x = np.mgrid[:height, :width]
    total, weight = values.astype(np.float64), np.ones(depth.shape)
    for i in range(-steps, steps + 1):
        for j in range(-steps, steps + 1):
            v, u, inside = _shifted(y, x, np.rint(i * step), np.rint(j * step), depth.shape)
            off = np.abs(z[v, u] * (n * rays[v, u]).sum(axis=2) - plane)
            turn = (n * n[v, u]).sum(axis=2)
            near = inside & ((u != x) | (v != y)) & (z[v, u] > 0) & (off <= thickness) & (turn >= 0.8)
            share = np.where(near, np.exp(-1.5 * (i * i + j * j) / steps**2), 0)
            total += share[..., None] * values[v, u]
            weight += share
    smooth = np.where((z > 0)[..., None], total / weight[..., None], values)
    out[start:stop] = smooth[start:stop]


def occlusion(
    depth: Float32,
    normal: Float32,
    column: Float64,
    line: Float64,
    focal: float,
    radius: float,
    ways: Float64,
    out: Float32,
    start: int,
    stop: int,
) -> None:
    """Estimate how much of the sky above each point its surroundings hide."""
    n, z = normal.astype(np.float64), depth.astype(np.float64)
    points = z[..., None] * np.stack(np.broadcast_arrays(column, line[:, None], 1.0), axis=-1)
    scale = radius * focal / np.where(z > 0, z, 1)
    y, x = np.mgrid[: depth.shape[0], : depth.shape[1]]
    hidden = np.zeros(depth.shape)
    for right, down in ways:
        v, u, inside = _shifted(y, x, np.rint(down * scale), np.rint(right * scale), depth.shape)
        way = points[v, u] - points
        length = np.linalg.norm(way, axis=2)
        near = inside & (z[v, u] > 0) & (length >= 1e-6) & (length < 2 * radius)
        rise = (n * way).sum(axis=2) / np.maximum(length, 1e-6) - 0.1
        hidden += np.where(near, np.maximum(0, rise) * (1 - length / (2 * radius)), 0)
    shade = np.where(z > 0, np.minimum(1, 2.5 * hidden / len(ways)), 0)
    out[start:stop] = shade[start:stop]


def _shifted(
    y: Int64, x: Int64, down: Float64, right: Float64, shape: tuple[int, ...]
) -> tuple[Int64, Int64, npt.NDArray[np.bool_]]:
    """Return other pixels, kept inside the picture, and which of them were."""
    v, u = y + down.astype(np.int64), x + right.astype(np.int64)
    inside = (v >= 0) & (v < shape[0]) & (u >= 0) & (u < shape[1])
    return np.clip(v, 0, shape[0] - 1), np.clip(u, 0, shape[1] - 1), inside
