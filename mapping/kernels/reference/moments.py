"""Reference of `mapping.kernels.moments`; the hash slots are only looked at for their number."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]


def clear(slots: npt.NDArray[np.int32], keys: Int64, count: int) -> None:
    """Nothing: the reference keeps no slots."""


def reinsert(slots: npt.NDArray[np.int32], keys: Int64, count: int) -> None:
    """Nothing: the reference keeps no slots."""


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
    """Sum the pixels of rows `first` to `last` into an empty table, cells in the order they are seen."""
    height, width = weight.shape
    z = padded[pad : pad + height, pad : pad + width].astype(np.float64)
    place = origin[:, None, None] + z * (column[:, None, :] + line[:, :, None])
    cell = np.floor(place)
    q = np.floor((place - cell - 0.5) * 4096.0 + 0.5).astype(np.int64)
    index = cell.astype(np.int64)
    key = origin_key + (index[0] << 42) + (index[1] << 21) + index[2]

    used = np.zeros((height, width), bool)
    used[first:last] = weight[first:last] > 0
    distinct, seen_first, inverse = np.unique(key[used], return_index=True, return_inverse=True)
    n = len(distinct)
    if 2 * n > len(slots):
        return first, 0
    rank = np.empty(n, np.int64)
    rank[np.argsort(seen_first)] = np.arange(n)
    ids = np.full((height, width), -1, np.int32)
    ids[used] = rank[inverse]
    keys[rank] = distinct

    w, (x, y, t) = weight[used].astype(np.int64), q[:, used]
    terms = [w, w * x, w * y, w * t, w * x * x, w * x * y, w * x * t, w * y * y, w * y * t, w * t * t]
    if rgb.size:
        terms += [w * rgb[used][:, channel] for channel in range(3)]
    sums[:n] = 0
    for k, term in enumerate(terms):
        np.add.at(sums[:, k], ids[used], term)
    if cell_of.size:
        step_v, step_u = height // cell_of.shape[0], width // cell_of.shape[1]
        middles = np.arange(cell_of.shape[0]) * step_v + step_v // 2
        here = (middles >= first) & (middles < last)
        cell_of[here] = ids[middles[here]][:, step_u // 2 :: step_u]
    return last, n


def absorb(
    slots: npt.NDArray[np.int32],
    keys: Int64,
    sums: Int64,
    count: int,
    other_keys: Int64,
    other_sums: Int64,
    ids: npt.NDArray[np.int32],
) -> int:
    """Add another table; `ids` receives our id of each of its cells."""
    mine = {key: i for i, key in enumerate(keys[:count].tolist())}
    for i, key in enumerate(other_keys.tolist()):
        if key not in mine:
            mine[key] = len(mine)
            keys[mine[key]] = key
            sums[mine[key]] = 0
        ids[i] = mine[key]
        sums[mine[key], :13] += other_sums[i, :13]
    return len(mine)


def add_moments(table: Int64, rows: Int64, sums: Int64, sign: int, stamp: int) -> None:
    """Add the frame's sums to (distinct) rows of the table and widen the time stamps."""
    table[rows, :13] += sign * sums[:, :13]
    if sign > 0:
        table[rows, 14] = np.minimum(table[rows, 14], stamp)
        table[rows, 15] = np.maximum(table[rows, 15], stamp)
