"""Reference of `mapping.kernels.weights`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]


def pad_valid(
    depth: Float32, depth_min: np.float32, depth_max: np.float32, pad: int, padded: Float32
) -> None:
    """Copy depth into the middle of `padded`; pixels outside the limits become 0."""
    valid = (depth >= depth_min) & (depth <= depth_max) & (depth > 0)
    padded[:] = np.pad(np.where(valid, depth, np.float32(0)), pad)


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
    """Weigh the pixels of rows `first` to `last`; returns how many count."""
    height, width = weight.shape
    one = np.float32(1)

    def shifted(down: int, right: int) -> Float32:
        return padded[pad + down : pad + down + height, pad + right : pad + right + width]

    z = shifted(0, 0)
    dx = _smaller_slope(z, shifted(0, -pad), shifted(0, pad))
    dy = _smaller_slope(z, shifted(-pad, 0), shifted(pad, 0))
    nx = slope_x[0] * dx
    ny = slope_y[0][:, None] * dy
    nz = z + slope_x[1] * dx + slope_y[1][:, None] * dy
    length = np.sqrt((nx * nx + ny * ny + nz * nz) * (ray_x + (ray_y[:, None] + one)))
    cosine = z / np.where(length > 0, length, one)
    nearness = (range_full / np.where(z > 0, z, one)) ** 2
    part = np.minimum(np.maximum(cosine, incidence_floor), one) * np.minimum(nearness, one)
    level = np.maximum((part * np.float32(256) + np.float32(0.5)).astype(np.int32), 1)
    keep = z > 0
    largest = edge_jump * np.where(keep, z, one)
    for neighbour in (shifted(0, -1), shifted(0, 1), shifted(-1, 0), shifted(1, 0)):
        keep &= (neighbour <= 0) | (np.abs(neighbour - z) <= largest)
    weight[first:last] = (level * keep)[first:last]
    return int(np.count_nonzero(keep[first:last]))


def _smaller_slope(here: Float32, before: Float32, after: Float32) -> Float32:
    far = np.float32(1e9)
    backward = np.where(before > 0, here - before, far)
    forward = np.where(after > 0, after - here, far)
    slope = np.where(np.abs(backward) < np.abs(forward), backward, forward)
    return np.where(slope == far, np.float32(0), slope)
