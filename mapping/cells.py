"""The table of cells: growable rows and the index that finds them."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from mapping.arena import GrowingArray
from mapping.fields import CODE_WEIGHT, FIRST_SEEN, LAST_SEEN, SUMS, Fields, fields_of_sums
from mapping.kernels import index

NEVER_FIRST: Final = np.iinfo(np.int64).max
NEVER_LAST: Final = np.iinfo(np.int64).min
_FIRST_SLOTS: Final = 1024


class HashIndex:
    """Rows of a growing list of distinct keys."""

    def __init__(self) -> None:
        self._slots = _free_slots(_FIRST_SLOTS)
        self._keys = GrowingArray((), np.int64)
        self._count = 0

    def __len__(self) -> int:
        """Rows in use."""
        return self._count

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """(n,) int64 key of each row."""
        return self._keys.array[: self._count]

    def find(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows of `keys` (n,), -1 where absent."""
        rows = np.empty(len(keys), np.int64)
        index.find(self._slots, keys, rows)
        return rows

    def find_or_insert(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows of `keys` (n,); absent keys get new rows at the end."""
        most = self._count + len(keys)
        self._keys.ensure(most)
        if 2 * most > len(self._slots):
            self._slots = _free_slots(1 << (4 * most - 1).bit_length())
            index.build(self._slots, self.keys)
        rows = np.empty(len(keys), np.int64)
        self._count = index.find_or_insert(self._slots, self._keys.array, self._count, keys, rows)
        return rows

    def remove(self, rows: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
        """Remove rows; returns the (from, to) copies, in order, that keep other columns in step."""
        doomed = np.sort(rows)[::-1].copy()
        moves = np.empty_like(doomed)
        self._count = index.remove_rows(self._slots, self._keys.array, self._count, doomed, moves)
        return list(zip(moves.tolist(), doomed.tolist(), strict=True))


class CellTable:
    """All fields of all cells: the keys, their sums in rows of 128 bytes, and their codes.

    The thirteen sums, the code weight and the two stamps of a cell lie side by side, two cache lines a
    cell, because a frame updates all of them at some thousand scattered cells.

    Parameters
    ----------
    code_dim
        Numbers C of a code; 0 for none.
    """

    def __init__(self, code_dim: int):
        self.index = HashIndex()
        self._sums = GrowingArray((SUMS,), np.int64)
        self._code = GrowingArray((code_dim,), np.int32)

    def __len__(self) -> int:
        """Rows in use."""
        return len(self.index)

    @property
    def sums(self) -> npt.NDArray[np.int64]:
        """(n, 16) int64, columns as in `mapping.fields`."""
        return self._sums.array[: len(self)]

    @property
    def code(self) -> npt.NDArray[np.int32]:
        """(n, C) int32."""
        return self._code.array[: len(self)]

    @property
    def fields(self) -> Fields:
        """Views of all fields."""
        return fields_of_sums(self.index.keys, self.sums, self.code)

    def find_or_insert(self, keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows of `keys` (n,); absent cells get rows of zeros, never seen."""
        before = len(self)
        self._sums.ensure(before + len(keys))
        self._code.ensure(before + len(keys))
        rows = self.index.find_or_insert(keys)
        self.sums[before:, FIRST_SEEN] = NEVER_FIRST
        self.sums[before:, LAST_SEEN] = NEVER_LAST
        return rows

    def drop_empty(self, rows: npt.NDArray[np.int64]) -> int:
        """Remove those of `rows` (distinct) whose weights are zero; returns how many."""
        sums, code = self.sums, self.code
        empty = rows[(sums[rows, 0] == 0) & (sums[rows, CODE_WEIGHT] == 0)]
        for source, target in self.index.remove(empty):
            sums[target] = sums[source]
            code[target] = code[source]
            sums[source] = 0  # rows beyond the last must read as zero when they are used again
            code[source] = 0
        return len(empty)


def _free_slots(capacity: int) -> npt.NDArray[np.int64]:
    return np.full((capacity, 2), -1, np.int64)
