"""The tree in which rays find cells: blocks of 64^3 cells, bricks of 8^3, one bit a child."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]
UInt64 = npt.NDArray[np.uint64]

CHILD_BITS: Final = 9  # three bits an axis


@dataclass(frozen=True, slots=True, eq=False)
class CellTree:
    """Where cells lie, for `mapping.kernels.render.trace`.

    At most 96 bytes a brick and 104 a block beside 8 a cell, wherever the cells lie: a map of a million cells
    on surfaces takes about 10 MB, and one of a million strays 208 MB.

    Attributes
    ----------
    rows
        (n,) int64, the rows of the cells in the order of the tree.
    box
        (6,) int64, the lowest cell along each axis, and the one behind the highest; indices count from 0 as
        they do in a packed key.
    block_key, block_mask, block_first, brick_mask, brick_first
        See the kernel.
    """

    rows: Int64
    box: Int64
    block_key: Int64
    block_mask: UInt64
    block_first: Int32
    brick_mask: UInt64
    brick_first: Int32

    @classmethod
    def of(cls, key: Int64, rows: Int64) -> Self:
        """Build the tree of the cells `rows` of a map whose keys are `key` (n,)."""
        index = np.stack([key[rows] >> 42, (key[rows] >> 21) & 0x1FFFFF, key[rows] & 0x1FFFFF])
        x, y, z = index
        path = _place(x, y, z, 6, 15) << 2 * CHILD_BITS
        path |= _place(x >> 3 & 7, y >> 3 & 7, z >> 3 & 7, 0, 3) << CHILD_BITS
        path |= _place(x & 7, y & 7, z & 7, 0, 3)
        order = np.argsort(path, kind="stable")
        path = path[order]
        brick, brick_mask, brick_first = _nodes(path)
        block, block_mask, block_first = _nodes(brick)
        low = index.min(axis=1, initial=1 << 21)
        high = index.max(axis=1, initial=-1) + 1
        box = np.concatenate([np.minimum(low, high), high])
        return cls(rows[order], box, block, block_mask, block_first, brick_mask, brick_first)

    @property
    def size_in_bytes(self) -> int:
        """Memory of all arrays."""
        total: int = sum(getattr(self, name).nbytes for name in self.__slots__)
        return total


def _place(x: Int64, y: Int64, z: Int64, shift: int, bits: int) -> Int64:
    """Pack three indices, `bits` each after dropping the low `shift`."""
    place: Int64 = (x >> shift) << 2 * bits | (y >> shift) << bits | z >> shift
    return place


def _nodes(path: Int64) -> tuple[Int64, UInt64, Int32]:
    """Group ascending, distinct child paths: parents (m,), their masks and first children."""
    word = path >> 6  # 64 children share one
    starts = np.flatnonzero(np.diff(word, prepend=-1))
    bits = np.uint64(1) << (path & 63).astype(np.uint64)
    masks = np.bitwise_or.reduceat(bits, starts) if len(path) else bits
    parent, which = np.unique(word[starts] >> 3, return_inverse=True)
    mask, first = np.zeros((len(parent), 8), np.uint64), np.zeros((len(parent), 8), np.int32)
    mask[which, word[starts] & 7] = masks
    first[which, word[starts] & 7] = starts
    return parent, mask, first
