"""The hash index from keys to rows: open addressing, linear probing, removal by backward shift.

`slots` is (capacity, 2) int64, capacity a power of two and at most half full; a slot holds (key, row), and
key -1 marks a free one. Backward shift leaves no tombstones, so a table never wears out.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Int64 = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def _home(key: int, mask: int) -> int:
    """First slot of a key: the finaliser of splitmix64, so that neighbouring cells scatter."""
    x = np.uint64(key)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return int(np.int64(x ^ (x >> np.uint64(31))) & mask)


@njit(cache=True, nogil=True)
def _slot_of(slots: Int64, key: int) -> int:
    """Slot that holds `key`, or the free slot where it belongs."""
    mask = slots.shape[0] - 1
    slot = _home(key, mask)
    while slots[slot, 0] != key and slots[slot, 0] != -1:
        slot = (slot + 1) & mask
    return slot


@njit(cache=True, nogil=True)
def find(slots: Int64, keys: Int64, rows: Int64) -> None:
    """Write the row of each key to `rows`, -1 where it is absent."""
    for i in range(keys.shape[0]):
        slot = _slot_of(slots, keys[i])
        rows[i] = slots[slot, 1] if slots[slot, 0] != -1 else -1


@njit(cache=True, nogil=True)
def find_or_insert(slots: Int64, table: Int64, count: int, keys: Int64, rows: Int64) -> int:
    """Write the row of each key to `rows`; absent keys are appended to `table`.

    Parameters
    ----------
    slots
        Index of the table, with room for all keys.
    table
        (capacity,) keys by row, of which `count` are in use.
    count
        Rows in use before.
    keys, rows
        (n,) what to look up, and where the answer goes.

    Returns
    -------
    Rows in use after.
    """
    for i in range(keys.shape[0]):
        slot = _slot_of(slots, keys[i])
        if slots[slot, 0] == -1:
            slots[slot, 0] = keys[i]
            slots[slot, 1] = count
            table[count] = keys[i]
            count += 1
        rows[i] = slots[slot, 1]
    return count


@njit(cache=True, nogil=True)
def build(slots: Int64, table: Int64) -> None:
    """Index distinct keys, row i being `table[i]`, in slots that are all free."""
    for row in range(table.shape[0]):
        slot = _slot_of(slots, table[row])
        slots[slot, 0] = table[row]
        slots[slot, 1] = row


@njit(cache=True, nogil=True)
def remove(slots: Int64, key: int) -> None:
    """Take a key that is present out of the index, closing the gap it leaves."""
    mask = slots.shape[0] - 1
    gap = _slot_of(slots, key)
    slot = (gap + 1) & mask
    while slots[slot, 0] != -1:
        # An entry may move back into the gap unless its home lies between the gap (exclusive) and itself.
        if (slot - _home(slots[slot, 0], mask)) & mask >= (slot - gap) & mask:
            slots[gap, 0] = slots[slot, 0]
            slots[gap, 1] = slots[slot, 1]
            gap = slot
        slot = (slot + 1) & mask
    slots[gap, 0] = -1


@njit(cache=True, nogil=True)
def remove_rows(slots: Int64, table: Int64, count: int, doomed: Int64, moves: Int64) -> int:
    """Remove rows from index and table; the last row fills each hole.

    Parameters
    ----------
    slots, table, count
        As in `find_or_insert`.
    doomed
        (n,) rows to remove, in descending order.
    moves
        (n,) receives the row that must be copied to `doomed[i]`, in this order; equal where there is
        nothing to copy.

    Returns
    -------
    Rows in use after.
    """
    for i in range(doomed.shape[0]):
        row = doomed[i]
        count -= 1
        remove(slots, table[row])
        moves[i] = count
        if row != count:
            table[row] = table[count]
            slots[_slot_of(slots, table[row]), 1] = row
        table[count] = 0
    return count
