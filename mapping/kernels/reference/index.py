"""Reference of `mapping.kernels.index`: here `slots` is a dict from key to row."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Slots = dict[int, int]


def find(slots: Slots, keys: Int64, rows: Int64) -> None:
    """Write the row of each key to `rows`, -1 where it is absent."""
    rows[:] = [slots.get(key, -1) for key in keys.tolist()]


def find_or_insert(slots: Slots, table: Int64, count: int, keys: Int64, rows: Int64) -> int:
    """Write the row of each key to `rows`; absent keys are appended to `table`."""
    for i, key in enumerate(keys.tolist()):
        if key not in slots:
            table[count] = key
            slots[key] = count
            count += 1
        rows[i] = slots[key]
    return count


def build(slots: Slots, table: Int64) -> None:
    """Index distinct keys, row i being `table[i]`."""
    slots.update({key: row for row, key in enumerate(table.tolist())})


def remove(slots: Slots, key: int) -> None:
    """Take a key that is present out of the index."""
    del slots[key]


def remove_rows(slots: Slots, table: Int64, count: int, doomed: Int64, moves: Int64) -> int:
    """Remove rows, given in descending order; the last row fills each hole."""
    for i, row in enumerate(doomed.tolist()):
        count -= 1
        del slots[int(table[row])]
        moves[i] = count
        if row != count:
            table[row] = table[count]
            slots[int(table[row])] = row
        table[count] = 0
    return count
