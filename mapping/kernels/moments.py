"""Back-projection of a depth image into sums per touched cell."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]


@njit(cache=True, nogil=True, error_model="numpy")
def _id_of(slots: npt.NDArray[np.int32], keys: Int64, key: int) -> int:
    """Slot of `key` in the frame's table of ids, or the free slot where it belongs."""
    mask = slots.shape[0] - 1
    mixed = np.uint64(key) * np.uint64(0x9E3779B97F4A7C15)
    slot = np.int64(mixed ^ (mixed >> np.uint64(48))) & mask
    while slots[slot] >= 0 and keys[slots[slot]] != key:
        slot = (slot + 1) & mask
    return slot  # type: ignore[no-any-return]


@njit(cache=True, nogil=True, error_model="numpy")
def clear(slots: npt.NDArray[np.int32], keys: Int64, count: int) -> None:
    """Free the slots of the first `count` keys, newest first, as linear probing needs it."""
    for i in range(count - 1, -1, -1):
        slots[_id_of(slots, keys, keys[i])] = -1


@njit(cache=True, nogil=True, error_model="numpy")
def reinsert(slots: npt.NDArray[np.int32], keys: Int64, count: int) -> None:
    """Index the first `count` keys in free slots."""
    for i in range(count):
        slots[_id_of(slots, keys, keys[i])] = i


@njit(cache=True, nogil=True, error_model="numpy")
def _place(
    depth: npt.NDArray[np.float32],
    column: Float64,
    line: float,
    origin: float,
    cell: npt.NDArray[np.int32],
    q: npt.NDArray[np.int32],
) -> None:
    """Cell and cell-local position of the points of one image row along one axis."""
    for u in range(cell.shape[0]):
        x = origin + np.float64(depth[u]) * (column[u] + line)
        corner = np.floor(x)
        cell[u] = np.int32(corner)
        q[u] = np.int32(np.floor((x - corner - 0.5) * 4096.0 + 0.5))


@njit(cache=True, nogil=True, error_model="numpy")
def _join(
    origin_key: int,
    x: npt.NDArray[np.int32],
    y: npt.NDArray[np.int32],
    z: npt.NDArray[np.int32],
    key: Int64,
) -> None:
    """Keys of cells given relative to the camera's cell."""
    for u in range(key.shape[0]):
        key[u] = origin_key + (np.int64(x[u]) << 42) + (np.int64(y[u]) << 21) + np.int64(z[u])


@njit(cache=True, nogil=True, error_model="numpy")
def accumulate(
    padded: npt.NDArray[np.float32],
    pad: int,
    weight: npt.NDArray[np.uint16],
    rgb: npt.NDArray[np.uint8],
    column: Float64,
    line: Float64,
    origin: Float64,
    origin_key: int,
    first: int,
    last: int,
    slots: npt.NDArray[np.int32],
    keys: Int64,
    sums: Int64,
    count: int,
    cell_of: npt.NDArray[np.int32],
) -> tuple[int, int]:
    """Sum the pixels of rows `first` to `last` into the frame's cells.

    A point in cell units, relative to the corner of the camera's cell, is origin + z (column[:, u] +
    line[:, v]). Neighbouring pixels mostly share a cell, so runs are summed in registers.

    Parameters
    ----------
    padded, pad
        Valid depth, from `kernels.weights.pad_valid`.
    weight
        (H, W) uint16; pixels of weight 0 are skipped.
    rgb
        (H, W, 3) uint8, or empty for none.
    column, line
        (3, W), (3, H) float64, cells per metre of depth.
    origin
        (3,) float64 in [0, 1), the camera's place in its cell.
    origin_key
        Key of the camera's cell.
    first, last
        Rows to do.
    slots, keys, sums, count
        The frame's table: hash slots of ids, (capacity,) keys, (capacity, 16) sums, ids in use.
    cell_of
        (h, w) int32, receives the id of the cell of each code pixel, -1 for none; h, w divide H, W.

    Returns
    -------
    The row it stopped at, because the table may be too full for another one, and the ids in use.
    """
    height, width = weight.shape
    key_of = np.empty(width, np.int64)
    cell, q = np.empty((3, width), np.int32), np.empty((3, width), np.int32)
    id_of = np.empty(width, np.int32)
    colored = rgb.shape[0] > 0
    step_v = height // cell_of.shape[0] if cell_of.shape[0] else height + 1
    step_u = width // cell_of.shape[1] if cell_of.shape[1] else width + 1
    for v in range(first, last):
        if 2 * (count + width) > slots.shape[0]:
            return v, count
        depth = padded[v + pad, pad : pad + width]
        for axis in range(3):
            _place(depth, column[axis], line[axis, v], origin[axis], cell[axis], q[axis])
        _join(origin_key, cell[0], cell[1], cell[2], key_of)
        wanted = v % step_v == step_v // 2
        if wanted:
            id_of[:] = -1
        u = 0
        while u < width:
            if weight[v, u] == 0:
                u += 1
                continue
            key = key_of[u]
            begin = u
            sw = sx = sy = sz = sxx = sxy = sxz = syy = syz = szz = sr = sg = sb = np.int64(0)
            while u < width and weight[v, u] > 0 and key_of[u] == key:
                w = np.int64(weight[v, u])
                x, y, z = np.int64(q[0, u]), np.int64(q[1, u]), np.int64(q[2, u])
                wx, wy, wz = w * x, w * y, w * z
                sw += w
                sx += wx
                sy += wy
                sz += wz
                sxx += wx * x
                sxy += wx * y
                sxz += wx * z
                syy += wy * y
                syz += wy * z
                szz += wz * z
                if colored:
                    sr += w * np.int64(rgb[v, u, 0])
                    sg += w * np.int64(rgb[v, u, 1])
                    sb += w * np.int64(rgb[v, u, 2])
                u += 1
            slot = _id_of(slots, keys, key)
            if slots[slot] < 0:
                slots[slot] = count
                keys[count] = key
                sums[count] = 0
                count += 1
            total = sums[slots[slot]]
            total[0] += sw
            total[1] += sx
            total[2] += sy
            total[3] += sz
            total[4] += sxx
            total[5] += sxy
            total[6] += sxz
            total[7] += syy
            total[8] += syz
            total[9] += szz
            total[10] += sr
            total[11] += sg
            total[12] += sb
            if wanted:
                id_of[begin:u] = slots[slot]
        if wanted:
            for j in range(cell_of.shape[1]):
                cell_of[v // step_v, j] = id_of[j * step_u + step_u // 2]
    return last, count


@njit(cache=True, nogil=True, error_model="numpy")
def absorb(
    slots: npt.NDArray[np.int32],
    keys: Int64,
    sums: Int64,
    count: int,
    other_keys: Int64,
    other_sums: Int64,
    ids: npt.NDArray[np.int32],
) -> int:
    """Add another table, which fits in; `ids` (n,) receives our id of each of its cells.

    Returns the ids in use.
    """
    for i in range(other_keys.shape[0]):
        slot = _id_of(slots, keys, other_keys[i])
        if slots[slot] < 0:
            slots[slot] = count
            keys[count] = other_keys[i]
            sums[count] = 0
            count += 1
        ids[i] = slots[slot]
        for k in range(13):
            sums[ids[i], k] += other_sums[i, k]
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def add_moments(table: Int64, rows: Int64, sums: Int64, sign: int, stamp: int) -> None:
    """Add the frame's sums, (n, 16), to rows of the table; adding (sign 1) also widens the time stamps."""
    for i in range(rows.shape[0]):
        row = table[rows[i]]
        for k in range(13):
            row[k] += sign * sums[i, k]
        if sign > 0:
            row[14] = min(row[14], stamp)
            row[15] = max(row[15], stamp)
