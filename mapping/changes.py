"""What changed in a map that grows, and a copy that follows it, for those who watch it grow."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mapping.arena import GrowingArray
from mapping.fields import CODE_WEIGHT, SUMS, WEIGHT, fields_of_sums
from mapping.norms import embedding_norms
from mapping.occupancy import BLOCK_CELLS, OccupancyRows, join_key
from mapping.settings import FusionSettings
from mapping.voxel_map import VoxelMap

Int64 = npt.NDArray[np.int64]
Int32 = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True, eq=False)
class Changes:
    """Rows of a map, and blocks of its occupancy, as they are now.

    Attributes
    ----------
    rows : (r,) int64
        Places of the rows in the map.
    key : (r,) int64
    sums : (r, 16) int64
        Columns as in `mapping.fields`.
    code : (r, C) int32
    block : (b,) int64
        Places of the blocks in the occupancy table.
    block_key : (b,) int64
    hits, misses : (b, 512) int32
    """

    rows: Int64
    key: Int64
    sums: Int64
    code: Int32
    block: Int64
    block_key: Int64
    hits: Int32
    misses: Int32


class Watch:
    """Finds what changed in a map since it was last asked; for a map that frames are only added to.

    Parameters
    ----------
    most_bytes
        Least size from which an answer is cut: new rows go first, and what is left out comes the next time.
    """

    def __init__(self, most_bytes: int = 24_000_000) -> None:
        self._most_bytes = most_bytes
        self._weights = np.zeros((0, 2), np.int64)
        self._counts = np.zeros((0, 1), np.int64)

    def changes(self, voxel_map: VoxelMap) -> Changes:
        """Return what changed since the last call; at the first, everything.

        Weights and counts only ever grow, so a row or block changed if and only if they did.
        """
        cells, evidence = voxel_map.tables()
        weights = cells.sums[:, [WEIGHT, CODE_WEIGHT]]
        row_bytes = cells.sums.itemsize * SUMS + cells.code.itemsize * voxel_map.code_dim
        rows, self._weights = _grown(self._weights, weights, self._most_bytes // row_bytes)
        counts = evidence.hits.sum(axis=1, dtype=np.int64) + evidence.misses.sum(axis=1, dtype=np.int64)
        block, self._counts = _grown(self._counts, counts[:, None], self._most_bytes // (8 * BLOCK_CELLS))
        return Changes(
            rows,
            cells.index.keys[rows],
            cells.sums[rows],
            cells.code[rows],
            block,
            evidence.block_keys[block],
            evidence.hits[block],
            evidence.misses[block],
        )


def _grown(known: Int64, now: Int64, most: int) -> tuple[Int64, Int64]:
    """Choose at most `most` rows of `now` that are new or differ from `known`, and what is known after that.

    New rows come first and in order, so that known rows never have gaps.
    """
    new = np.arange(len(known), min(len(now), len(known) + most))
    changed = np.flatnonzero((now[: len(known)] != known).any(axis=1))[: most - len(new)]
    rows = np.concatenate([changed, new])
    after = np.concatenate([known, now[new]])
    after[changed] = now[changed]
    return rows, after


@dataclass(eq=False)
class Follower:
    """A copy of a map, kept up to date by its changes.

    Attributes
    ----------
    cell_size, code_dim, code_scale, space, head, settings
        Those of the map.
    """

    cell_size: float
    code_dim: int
    code_scale: float
    space: dict[str, Any]
    head: npt.NDArray[np.float32] | None
    settings: FusionSettings | None = None
    _count: int = field(default=0, init=False)
    _blocks: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Make the tables."""
        self._key = GrowingArray((), np.int64)
        self._sums = GrowingArray((SUMS,), np.int64)
        self._code = GrowingArray((self.code_dim,), np.int32)
        self._norm = GrowingArray((), np.float32)
        self._block_key = GrowingArray((), np.int64)
        self._hits = GrowingArray((BLOCK_CELLS,), np.int32)
        self._misses = GrowingArray((BLOCK_CELLS,), np.int32)

    def apply(self, changes: Changes) -> None:
        """Take changes over; they must come in the order in which they were made."""
        self._count = max(self._count, int(changes.rows.max(initial=-1)) + 1)
        self._blocks = max(self._blocks, int(changes.block.max(initial=-1)) + 1)
        for table, rows, values, most in (
            (self._key, changes.rows, changes.key, self._count),
            (self._sums, changes.rows, changes.sums, self._count),
            (self._code, changes.rows, changes.code, self._count),
            (self._norm, changes.rows, embedding_norms(changes.code, self.head, None), self._count),
            (self._block_key, changes.block, changes.block_key, self._blocks),
            (self._hits, changes.block, changes.hits, self._blocks),
            (self._misses, changes.block, changes.misses, self._blocks),
        ):
            table.ensure(most)
            table.array[rows] = values

    def map(self) -> VoxelMap:
        """Return the map as it is now. It shares this copy's memory: valid until the next `apply`."""
        n = self._count
        return VoxelMap.from_fields(
            cell_size=self.cell_size,
            code_dim=self.code_dim,
            code_scale=self.code_scale,
            space=self.space,
            head=self.head,
            fields=fields_of_sums(self._key.array[:n], self._sums.array[:n], self._code.array[:n]),
            occupancy=self._occupancy(self._blocks),
            embedding_norm=self._norm.array[:n],
            settings=self.settings,
        )

    def _occupancy(self, blocks: int) -> OccupancyRows:
        hits, misses = self._hits.array[:blocks], self._misses.array[:blocks]
        block, local = np.nonzero(hits | misses)
        key = join_key(self._block_key.array[:blocks][block], local)
        order = np.argsort(key)
        block, local = block[order], local[order]
        return OccupancyRows(key[order], hits[block, local], misses[block, local])
