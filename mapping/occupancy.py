"""Occupancy evidence: how often each cell was hit, and how often rays crossed it.

Free space is many times more cells than surface, so the counts have a table of their own, kept in dense
blocks of 8 x 8 x 8 cells: a ray then looks an address up once a block, not once a cell.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mapping.arena import GrowingArray
from mapping.cells import HashIndex
from mapping.keys import AXIS_BITS

BLOCK_CELLS: Final = 512
BLOCK_BITS: Final = AXIS_BITS - 3


@dataclass(frozen=True, slots=True)
class OccupancyRows:
    """The cells that were hit or crossed, sorted by key.

    Attributes
    ----------
    key
        (m,) int64, ascending.
    hits, misses
        (m,) int32, frames that saw a surface in the cell, and frames with a ray through it.
    """

    key: npt.NDArray[np.int64]
    hits: npt.NDArray[np.int32]
    misses: npt.NDArray[np.int32]

    def __len__(self) -> int:
        """Rows."""
        return len(self.key)

    def rows_of(self, keys: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Rows of `keys` (any shape), -1 where a cell was neither hit nor crossed."""
        return rows_in_sorted(self.key, keys)


class OccupancyTable:
    """Growable occupancy counts."""

    def __init__(self) -> None:
        self._blocks = HashIndex()
        self._hits = GrowingArray((BLOCK_CELLS,), np.int32)
        self._misses = GrowingArray((BLOCK_CELLS,), np.int32)

    @property
    def size_in_bytes(self) -> int:
        """Memory in use by the counts."""
        return len(self._blocks) * BLOCK_CELLS * 8

    @property
    def block_keys(self) -> npt.NDArray[np.int64]:
        """(blocks,) int64, see `split_key`."""
        return self._blocks.keys

    @property
    def hits(self) -> npt.NDArray[np.int32]:
        """(blocks, 512) int32."""
        return self._hits.array[: len(self._blocks)]

    @property
    def misses(self) -> npt.NDArray[np.int32]:
        """(blocks, 512) int32."""
        return self._misses.array[: len(self._blocks)]

    def find_or_insert_blocks(self, block_keys: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """Rows of blocks (n,); absent blocks are added with zero counts."""
        most = len(self._blocks) + len(block_keys)
        self._hits.ensure(most)
        self._misses.ensure(most)
        return self._blocks.find_or_insert(block_keys)

    def add(self, rows: OccupancyRows, sign: int = 1) -> None:
        """Add counts (or take them away, sign -1)."""
        block_key, local = split_key(rows.key)
        distinct, inverse = np.unique(block_key, return_inverse=True)
        block = self.find_or_insert_blocks(distinct)[inverse]
        self.hits[block, local] += np.int32(sign) * rows.hits
        self.misses[block, local] += np.int32(sign) * rows.misses

    def rows(self) -> OccupancyRows:
        """Copy out the cells with any count, sorted by key."""
        block, local = np.nonzero(self.hits | self.misses)
        key = join_key(self._blocks.keys[block], local)
        order = np.argsort(key)
        block, local = block[order], local[order]
        return OccupancyRows(key[order], self.hits[block, local], self.misses[block, local])


def split_key(key: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Cell keys to block keys (18 bits an axis) and cells within the block, z fastest."""
    x, y, z = _axes(key, AXIS_BITS)
    block = ((x >> 3) << (2 * BLOCK_BITS)) | ((y >> 3) << BLOCK_BITS) | (z >> 3)
    return block, ((x & 7) << 6) | ((y & 7) << 3) | (z & 7)


def join_key(block: npt.NDArray[np.int64], local: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Inverse of `split_key`."""
    bx, by, bz = _axes(block, BLOCK_BITS)
    x, y, z = (bx << 3) | (local >> 6), (by << 3) | ((local >> 3) & 7), (bz << 3) | (local & 7)
    joined: npt.NDArray[np.int64] = (x << (2 * AXIS_BITS)) | (y << AXIS_BITS) | z
    return joined


def _axes(key: npt.NDArray[np.int64], bits: int) -> tuple[npt.NDArray[np.int64], ...]:
    mask = (1 << bits) - 1
    return key >> (2 * bits), (key >> bits) & mask, key & mask


def rows_in_sorted(sorted_keys: npt.NDArray[np.int64], keys: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Positions of `keys` (any shape) in an ascending array, -1 where absent."""
    wanted = np.asarray(keys, dtype=np.int64)
    if len(sorted_keys) == 0:
        return np.full(wanted.shape, -1, np.int64)
    position = np.minimum(np.searchsorted(sorted_keys, wanted), len(sorted_keys) - 1)
    return np.where(sorted_keys[position] == wanted, position, -1).astype(np.int64)
