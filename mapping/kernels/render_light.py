"""Light on a rendered picture: crevices, and cells melted into surfaces."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
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
    """Average each pixel with those around it that lie on the same surface.

    Parameters
    ----------
    values
        (H, W, C).
    depth
        (H, W) planar depth, metres; 0 where there is nothing.
    normal
        (H, W, 3) unit normals, camera axes.
    column, line
        (W,), (H,) (u - cx) / fx and (v - cy) / fy of the pixels.
    reach
        How far to average, in pixels at a depth of one metre; falls with the depth.
    thickness
        How far a point may lie off the plane through a pixel, metres.
    steps
        Taps to each side, along both axes.
    out
        (H, W, C) receives the averages.
    start, stop
        Lines of the picture to do.
    """
    height, width, channels = values.shape
    for v in range(start, stop):
        for u in range(width):
            z = np.float64(depth[v, u])
            for c in range(channels):
                out[v, u, c] = values[v, u, c]
            if z <= 0.0:
                continue
            nx, ny, nz = np.float64(normal[v, u, 0]), np.float64(normal[v, u, 1]), np.float64(normal[v, u, 2])
            plane = z * (nx * column[u] + ny * line[v] + nz)
            step = reach / z / steps
            total = np.float32(1.0)
            for i in range(-steps, steps + 1):
                y = v + np.int64(np.rint(i * step))
                if y < 0 or y >= height:
                    continue
                for j in range(-steps, steps + 1):
                    x = u + np.int64(np.rint(j * step))
                    if x < 0 or x >= width or (x == u and y == v):
                        continue
                    there = np.float64(depth[y, x])
                    off = there * (nx * column[x] + ny * line[y] + nz) - plane
                    turn = nx * normal[y, x, 0] + ny * normal[y, x, 1] + nz * normal[y, x, 2]
                    if there <= 0.0 or abs(off) > thickness or turn < 0.8:
                        continue
                    share = np.float32(np.exp(-1.5 * (i * i + j * j) / (steps * steps)))
                    total += share
                    for c in range(channels):
                        out[v, u, c] += share * values[y, x, c]
            for c in range(channels):
                out[v, u, c] /= total


@njit(cache=True, nogil=True, error_model="numpy")
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
    """Estimate how much of the sky above each point its surroundings hide (screen-space ambient occlusion).

    Of a neighbour q of p the part max(0, n . (q - p) / |q - p| - 0.1) counts, less the farther away it is.

    Parameters
    ----------
    depth, normal, column, line
        As in `soften`.
    focal
        Pixels.
    radius
        How far surroundings count, metres.
    ways
        (k, 2) where to look in the picture, as shares of the radius.
    out
        (H, W) receives 0 for an open point up to 1.
    start, stop
        Lines of the picture to do.
    """
    height, width = depth.shape
    for v in range(start, stop):
        for u in range(width):
            out[v, u] = 0.0
            z = np.float64(depth[v, u])
            if z <= 0.0:
                continue
            nx, ny, nz = np.float64(normal[v, u, 0]), np.float64(normal[v, u, 1]), np.float64(normal[v, u, 2])
            px, py = z * column[u], z * line[v]
            hidden = 0.0
            for k in range(ways.shape[0]):
                x = u + np.int64(np.rint(ways[k, 0] * radius * focal / z))
                y = v + np.int64(np.rint(ways[k, 1] * radius * focal / z))
                if x < 0 or x >= width or y < 0 or y >= height or depth[y, x] <= 0.0:
                    continue
                there = np.float64(depth[y, x])
                qx, qy, qz = there * column[x] - px, there * line[y] - py, there - z
                length = np.sqrt(qx * qx + qy * qy + qz * qz)
                if length < 1e-6 or length >= 2.0 * radius:
                    continue
                rise = (nx * qx + ny * qy + nz * qz) / length - 0.1
                hidden += max(0.0, rise) * (1.0 - length / (2.0 * radius))
            out[v, u] = min(1.0, 2.5 * hidden / ways.shape[0])
