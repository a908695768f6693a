"""Rays of a camera through the cells of a map, front to back.

The cells lie in a tree of two levels: blocks of 64 x 64 x 64 cells, sorted by key, hold bricks of 8 x 8 x 8
cells. A node is 512 bits, one a child, and for each word of 64 bits the number of its first child, so that a
child is found by counting bits, and empty space of a block or a brick is crossed in one step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]

FAINTEST = 1.0 / 255.0  # share of the light below which a cell is not seen
DARK = 0.02  # share of the light at which a ray ends


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _bits_below(word: Any, bit: Any) -> Any:
    """Count the bits of a word below one of them."""
    x = word & ((np.uint64(1) << np.uint64(bit)) - np.uint64(1))
    x = x - ((x >> np.uint64(1)) & np.uint64(0x5555555555555555))
    x = (x & np.uint64(0x3333333333333333)) + ((x >> np.uint64(2)) & np.uint64(0x3333333333333333))
    x = (x + (x >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return np.int64((x * np.uint64(0x0101010101010101)) >> np.uint64(56))


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _child(mask: UInt64, first: Int32, node: Any, place: Any) -> Any:
    """Return the number of the child of a node at a place (0 to 511), -1 for none."""
    word = mask[node, place >> 6]
    bit = place & 63
    if (word >> np.uint64(bit)) & np.uint64(1) == np.uint64(0):
        return np.int64(-1)
    return np.int64(first[node, place >> 6]) + _bits_below(word, bit)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _find(keys: Int64, key: Any) -> Any:
    """Return the position of a key in ascending keys, -1 where it is absent."""
    low: Any = np.int64(0)
    high: Any = np.int64(keys.shape[0])
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < key:
            low = middle + 1
        else:
            high = middle
    return low if low < keys.shape[0] and keys[low] == key else np.int64(-1)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _edge(cell: Any, shift: int, along: float) -> Any:
    """Return the face, in cells, through which a ray leaves the block of 2**shift cells around a cell."""
    low = (cell >> shift) << shift
    return low + (np.int64(1) << shift) if along > 0.0 else low


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _within(cell: Any, shift: int, along: float, at: float) -> Any:
    """Return the cell at a coordinate, kept inside the block of 2**shift cells around the last one."""
    low = (cell >> shift) << shift
    here = min(max(np.int64(np.floor(at)), low), low + (np.int64(1) << shift) - 1)
    return max(cell, here) if along > 0.0 else min(cell, here)


@njit(cache=True, nogil=True, error_model="numpy")
def trace(
    origin: Float64,
    axes: Float64,
    x_ray: Float64,
    y_ray: Float64,
    box: Int64,
    near: float,
    far: float,
    block_key: Int64,
    block_mask: UInt64,
    block_first: Int32,
    brick_mask: UInt64,
    brick_first: Int32,
    gaussians: Float32,
    rows: Int64,
    full: float,
    margin: float,
    hit_row: Int32,
    hit_weight: Float32,
    hit_depth: Float32,
    start: int,
    stop: int,
) -> None:
    """Find the cells that each pixel sees, and how much of its light comes from each.

    Within a cell the likeliest point of the ray under the cell's Gaussian is sought (ndt_spec section 10):
    with r = mu - p from the point p where the ray enters, t* = d^T B r / d^T B d, and the likelihood there is
    l = exp(-(r - t* d)^T B (r - t* d) / 2). The cell takes the share p_occ min(1, l / full) of the light that
    has come so far, and the rest goes on.

    Parameters
    ----------
    origin
        (3,) place of the camera, in cells; cell (i, j, k) fills [i, i + 1) x [j, j + 1) x [k, k + 1).
    axes
        (3, 3), columns: what a metre right, down and forward is, in cells.
    x_ray, y_ray
        (p,) (u - cx) / fx and (v - cy) / fy of the pixels.
    box
        (6,) lowest cell along each axis, and the one behind the highest.
    near, far
        Planar depth to begin and to end at, metres.
    block_key, block_mask, block_first
        (b,) ascending, (b, 8), (b, 8): the blocks.
    brick_mask, brick_first
        (c, 8), (c, 8): the bricks, in the order of the tree.
    gaussians
        (n, 10): mean in the cell (3), 0 to 1; inverse covariance xx, xy, xz, yy, yz, zz, 1 / cells^2;
        probability that the cell is occupied. In the order of the tree.
    rows
        (n,) row of each cell in the map.
    full
        Likelihood from which on a Gaussian takes all light; 0: every cell is a cube that takes all light
        where the ray enters.
    margin
        How far beyond the cell the likeliest point may lie, in cells.
    hit_row, hit_weight, hit_depth
        (p, K) receive the row of each cell, -1 after the last; its share of the light; and the depth of its
        likeliest point along the camera's axis, metres.
    start, stop
        Pixels to do.
    """
    most = hit_row.shape[1]
    ox, oy, oz = origin[0], origin[1], origin[2]
    for p in range(start, stop):
        hit_row[p] = -1
        hit_weight[p] = 0.0
        hit_depth[p] = 0.0
        dx = axes[0, 0] * x_ray[p] + axes[0, 1] * y_ray[p] + axes[0, 2]
        dy = axes[1, 0] * x_ray[p] + axes[1, 1] * y_ray[p] + axes[1, 2]
        dz = axes[2, 0] * x_ray[p] + axes[2, 1] * y_ray[p] + axes[2, 2]
        ix, iy, iz = 1.0 / dx, 1.0 / dy, 1.0 / dz

        t, end = near, far
        ax, bx = (box[0] - ox) * ix, (box[3] - ox) * ix
        ay, by = (box[1] - oy) * iy, (box[4] - oy) * iy
        az, bz = (box[2] - oz) * iz, (box[5] - oz) * iz
        # Of a ray along a face 0 / 0 is NaN, and the comparison keeps what was there.
        t = max(max(max(t, min(ax, bx)), min(ay, by)), min(az, bz))
        end = min(min(min(end, max(ax, bx)), max(ay, by)), max(az, bz))
        if not t < end:
            continue
        x = min(max(np.int64(np.floor(ox + t * dx)), box[0]), box[3] - 1)
        y = min(max(np.int64(np.floor(oy + t * dy)), box[1]), box[4] - 1)
        z = min(max(np.int64(np.floor(oz + t * dz)), box[2]), box[5] - 1)
        per_cell = 1.0 / np.sqrt(dx * dx + dy * dy + dz * dz)  # metres of depth

        light, count = 1.0, 0
        nothing: Any = np.int64(-1)
        block_at, block, brick_at, brick = nothing, nothing, nothing, nothing
        while True:
            at = ((x >> 6) << 30) | ((y >> 6) << 15) | (z >> 6)
            if at != block_at:
                block_at, block, brick_at = at, _find(block_key, at), nothing
            shift, cell = 6, nothing
            if block >= 0:
                place = ((x >> 3) & 7) << 6 | ((y >> 3) & 7) << 3 | ((z >> 3) & 7)
                if place != brick_at:
                    brick_at, brick = place, _child(block_mask, block_first, block, place)
                shift = 3
                if brick >= 0:
                    shift = 0
                    cell = _child(brick_mask, brick_first, brick, (x & 7) << 6 | (y & 7) << 3 | (z & 7))

            ex, ey, ez = _edge(x, shift, dx), _edge(y, shift, dy), _edge(z, shift, dz)
            tx = (ex - ox) * ix if dx != 0.0 else np.inf
            ty = (ey - oy) * iy if dy != 0.0 else np.inf
            tz = (ez - oz) * iz if dz != 0.0 else np.inf
            leave = min(tx, min(ty, tz))

            if cell >= 0:
                g = gaussians[cell]
                alpha, s = np.float64(g[9]), 0.0
                if full > 0.0:
                    rx, ry, rz = (
                        g[0] - (ox + t * dx - x),
                        g[1] - (oy + t * dy - y),
                        g[2] - (oz + t * dz - z),
                    )
                    bdx = g[3] * dx + g[4] * dy + g[5] * dz
                    bdy = g[4] * dx + g[6] * dy + g[7] * dz
                    bdz = g[5] * dx + g[7] * dy + g[8] * dz
                    s = (bdx * rx + bdy * ry + bdz * rz) / (bdx * dx + bdy * dy + bdz * dz)
                    s = min(max(s, -margin * per_cell), leave - t + margin * per_cell)
                    rx, ry, rz = rx - s * dx, ry - s * dy, rz - s * dz
                    m = g[3] * rx * rx + g[6] * ry * ry + g[8] * rz * rz
                    m += 2.0 * (g[4] * rx * ry + g[5] * rx * rz + g[7] * ry * rz)
                    alpha *= min(1.0, np.exp(-0.5 * m) / full)
                weight = light * alpha
                if weight > FAINTEST:
                    light -= weight
                    if light < DARK:
                        weight += light
                    hit_row[p, count] = rows[cell]
                    hit_weight[p, count] = weight
                    hit_depth[p, count] = t + s
                    count += 1
                    if light < DARK or count == most:
                        break

            if not leave < end:
                break
            if leave == tx:
                x = ex if dx > 0.0 else ex - 1
                if shift > 0:
                    y = _within(y, shift, dy, oy + leave * dy)
                    z = _within(z, shift, dz, oz + leave * dz)
            elif leave == ty:
                y = ey if dy > 0.0 else ey - 1
                if shift > 0:
                    x = _within(x, shift, dx, ox + leave * dx)
                    z = _within(z, shift, dz, oz + leave * dz)
            else:
                z = ez if dz > 0.0 else ez - 1
                if shift > 0:
                    x = _within(x, shift, dx, ox + leave * dx)
                    y = _within(y, shift, dy, oy + leave * dy)
            t = leave


@njit(cache=True, nogil=True, error_model="numpy")
def blend(hit_row: Int32, hit_weight: Float32, values: Float32, out: Float32) -> None:
    """Average what the cells of each pixel hold by their shares of the light.

    Parameters
    ----------
    hit_row, hit_weight
        (p, K), as `trace` left them.
    values
        (n, c) by row.
    out
        (p, c) receives the averages, NaN for a pixel that sees nothing.
    """
    for p in range(hit_row.shape[0]):
        total = np.float32(0.0)
        out[p] = 0.0
        for k in range(hit_row.shape[1]):
            row = hit_row[p, k]
            if row < 0:
                break
            weight = hit_weight[p, k]
            total += weight
            for c in range(values.shape[1]):
                out[p, c] += weight * values[row, c]
        for c in range(values.shape[1]):
            out[p, c] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def blend_facing(hit_row: Int32, hit_weight: Float32, planes: Float32, eye: Float64, out: Float32) -> None:
    """Average the normals of the cells of each pixel, each turned toward the camera, to a unit vector.

    Parameters
    ----------
    hit_row, hit_weight
        (p, K), as `trace` left them.
    planes
        (n, 4) by row: a unit normal n of either sign, and n . x of the points x of the surface, metres.
    eye
        (3,) the camera, metres.
    out
        (p, 3) receives the unit vectors, NaN for a pixel that sees nothing.
    """
    for p in range(hit_row.shape[0]):
        x, y, z = 0.0, 0.0, 0.0
        for k in range(hit_row.shape[1]):
            if hit_row[p, k] < 0:
                break
            plane = planes[hit_row[p, k]]
            share = np.float64(hit_weight[p, k])
            if plane[0] * eye[0] + plane[1] * eye[1] + plane[2] * eye[2] < plane[3]:
                share = -share
            x, y, z = x + share * plane[0], y + share * plane[1], z + share * plane[2]
        length = np.sqrt(x * x + y * y + z * z)
        out[p, 0], out[p, 1], out[p, 2] = x / length, y / length, z / length


@njit(cache=True, nogil=True, error_model="numpy")
def vote(hit_row: Int32, hit_weight: Float32, labels: Int64, out: Int64) -> None:
    """Take the label with the largest share of each pixel's light; of equals the nearer one.

    Parameters
    ----------
    hit_row, hit_weight
        (p, K), as `trace` left them.
    labels
        (n,) by row, 0 for none: such cells do not vote.
    out
        (p,) receives the labels, 0 where no cell votes.
    """
    for p in range(hit_row.shape[0]):
        most = np.float32(0.0)
        out[p] = 0
        for k in range(hit_row.shape[1]):
            if hit_row[p, k] < 0:
                break
            label = labels[hit_row[p, k]]
            if label == 0:
                continue
            total = np.float32(0.0)
            for other in range(hit_row.shape[1]):
                row = hit_row[p, other]
                if row >= 0 and labels[row] == label:
                    total += hit_weight[p, other]
            if total > most:
                most = total
                out[p] = label


@njit(cache=True, nogil=True, error_model="numpy")
def median(hit_row: Int32, hit_weight: Float32, out: Int32) -> None:
    """Find the hit at which half of each pixel's light is reached.

    Parameters
    ----------
    hit_row, hit_weight
        (p, K), as `trace` left them.
    out
        (p,) receives its place among the K, -1 for a pixel that sees nothing.
    """
    for p in range(hit_row.shape[0]):
        total = np.float32(0.0)
        for k in range(hit_row.shape[1]):
            total += hit_weight[p, k]
        out[p] = -1
        so_far = np.float32(0.0)
        for k in range(hit_row.shape[1]):
            if hit_row[p, k] < 0:
                break
            so_far += hit_weight[p, k]
            out[p] = k
            if so_far >= np.float32(0.5) * total:
                break
