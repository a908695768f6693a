"""Pixel weights: range, incidence and depth edges, quantised to 1/256."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]


@njit(cache=True, nogil=True, error_model="numpy")
def pad_valid(
    depth: Float32, depth_min: np.float32, depth_max: np.float32, pad: int, padded: Float32
) -> None:
    """Copy depth into the middle of `padded` (H + 2 pad, W + 2 pad); pixels outside the limits become 0."""
    height, width = depth.shape
    padded[:pad] = 0
    padded[height + pad :] = 0
    for v in range(height):
        row = padded[v + pad]
        row[:pad] = 0
        row[width + pad :] = 0
        for u in range(width):
            z = depth[v, u]
            row[u + pad] = z if depth_min <= z and z <= depth_max and z > 0 else np.float32(0)


@njit(cache=True, nogil=True, error_model="numpy")
def _smaller_slope(here: Float32, before: Float32, after: Float32, slope: Float32) -> None:
    """Depth difference to one of two neighbours, whichever is smaller: it does not straddle an edge."""
    far = np.float32(1e9)
    for u in range(slope.shape[0]):
        backward = here[u] - before[u] if before[u] > 0 else far
        forward = after[u] - here[u] if after[u] > 0 else far
        smaller = backward if abs(backward) < abs(forward) else forward
        slope[u] = smaller if smaller != far else np.float32(0)


@njit(cache=True, nogil=True, error_model="numpy")
def _larger_jump(here: Float32, before: Float32, after: Float32, jump: Float32) -> None:
    """Raise `jump` to the depth differences to two neighbours, as far as these are valid."""
    for u in range(jump.shape[0]):
        backward = abs(before[u] - here[u]) if before[u] > 0 else np.float32(0)
        forward = abs(after[u] - here[u]) if after[u] > 0 else np.float32(0)
        larger = backward if backward > forward else forward
        jump[u] = larger if larger > jump[u] else jump[u]


@njit(cache=True, nogil=True, error_model="numpy")
def weigh(
    padded: Float32,
    pad: int,
    slope_x: Float32,
    slope_y: Float32,
    ray_x: Float32,
    ray_y: Float32,
    range_full: np.float32,
    incidence_floor: np.float32,
    edge_jump: np.float32,
    first: int,
    last: int,
    weight: npt.NDArray[np.uint16],
) -> int:
    """Weigh the pixels of rows `first` to `last`; returns how many count.

    With z_u, z_v the depth differences over `pad` pixels divided by `pad`, the surface normal is along
    (f_x z_u, f_y z_v, -(z + (u - c_x) z_u + (v - c_y) z_v)), and its product with the viewing ray
    ((u - c_x) / f_x, (v - c_y) / f_y, 1) is -z; so no point needs to be computed for the cosine.

    Parameters
    ----------
    padded, pad
        Valid depth from `pad_valid`; `pad` is also the base line of the depth differences.
    slope_x, slope_y
        (2, W), (2, H) float32: f_x / pad and (u - c_x) / pad; the same for y.
    ray_x, ray_y
        (W,), (H,) float32: squared tangents ((u - c_x) / f_x)^2, ((v - c_y) / f_y)^2.
    range_full, incidence_floor, edge_jump
        As in `FusionSettings`; infinity, 1 and infinity switch the parts off.
    first, last
        Rows to do.
    weight
        (H, W) uint16, receives the weights; 256 is 1.0.
    """
    width = weight.shape[1]
    dx, dy, jump = np.empty(width, np.float32), np.empty(width, np.float32), np.empty(width, np.float32)
    fx, x = slope_x[0], slope_x[1]
    one = np.float32(1)
    kept = np.int64(0)
    for v in range(first, last):
        # Loops over few arrays each: the compiler can then prove that they do not overlap, and vectorises.
        row = v + pad
        here = padded[row, pad : pad + width]
        _smaller_slope(here, padded[row, :width], padded[row, 2 * pad :], dx)
        _smaller_slope(here, padded[row - pad, pad : pad + width], padded[row + pad, pad : pad + width], dy)
        jump[:] = 0
        _larger_jump(here, padded[row, pad - 1 :], padded[row, pad + 1 :], jump)
        _larger_jump(here, padded[row - 1, pad : pad + width], padded[row + 1, pad : pad + width], jump)
        fy, y, ray = slope_y[0, v], slope_y[1, v], ray_y[v] + one
        out = weight[v]
        for u in range(width):
            z = here[u]
            nx = fx[u] * dx[u]
            ny = fy * dy[u]
            nz = z + x[u] * dx[u] + y * dy[u]
            length = np.sqrt((nx * nx + ny * ny + nz * nz) * (ray_x[u] + ray))
            cosine = z / (length if length > 0 else one)
            incidence = cosine if cosine > incidence_floor else incidence_floor
            near = range_full / (z if z > 0 else one)
            nearness = near * near
            part = (incidence if incidence < one else one) * (nearness if nearness < one else one)
            level = np.int32(part * np.float32(256) + np.float32(0.5))
            keep = np.int32(z > 0) & np.int32(jump[u] <= edge_jump * z)
            out[u] = np.uint16((level if level > 1 else 1) * keep)
            kept += np.int64(keep)
    return int(kept)
