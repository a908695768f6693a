"""Working memory of one frame, kept from frame to frame: its cells, and the blocks its rays cross."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt

from mapping.arena import GrowingArray
from mapping.kernels import moments, occupancy
from mapping.keys import AXIS_OFFSET, unpack
from mapping.observation import Geometry
from mapping.occupancy import BLOCK_CELLS, OccupancyTable

_FIRST_SLOTS: Final = 1 << 14
_MOST_BLOCKS: Final = 1 << 24  # a box of 100 m at 5 cm


class FrameCells:
    """The cells one frame touches, with their sums, found by a small hash table."""

    def __init__(self) -> None:
        self._slots = np.full(_FIRST_SLOTS, -1, np.int32)
        self._keys = np.empty(_FIRST_SLOTS // 2, np.int64)
        self._sums = np.empty((_FIRST_SLOTS // 2, 16), np.int64)
        self._count = 0

    def __len__(self) -> int:
        """Cells."""
        return self._count

    @property
    def keys(self) -> npt.NDArray[np.int64]:
        """(n,) int64, in the order in which the cells were first seen."""
        return self._keys[: self._count]

    @property
    def sums(self) -> npt.NDArray[np.int64]:
        """(n, 16) int64, the first thirteen columns as in `mapping.fields`."""
        return self._sums[: self._count]

    def accumulate(
        self,
        padded: npt.NDArray[np.float32],
        rgb: npt.NDArray[np.uint8],
        geometry: Geometry,
        first: int,
        last: int,
        weight: npt.NDArray[np.uint16],
        cell_of: npt.NDArray[np.int32],
    ) -> None:
        """Forget the previous frame and sum rows `first` to `last` of this one."""
        moments.clear(self._slots, self._keys, self._count)
        self._count = 0
        while True:
            first, self._count = moments.accumulate(
                padded,
                geometry.pad,
                weight,
                rgb,
                geometry.column,
                geometry.line,
                geometry.origin,
                geometry.origin_key,
                first,
                last,
                self._slots,
                self._keys,
                self._sums,
                self._count,
                cell_of,
            )
            if first == last:
                return
            self._grow()

    def absorb(self, other: FrameCells, cell_of: npt.NDArray[np.int32]) -> None:
        """Add the cells of another band; its ids in `cell_of` become ours."""
        while 2 * (len(self) + len(other)) > len(self._slots):
            self._grow()
        ids = np.empty(len(other), np.int32)
        self._count = moments.absorb(
            self._slots, self._keys, self._sums, self._count, other.keys, other.sums, ids
        )
        inside = cell_of >= 0
        cell_of[inside] = ids[cell_of[inside]]

    def _grow(self) -> None:
        capacity = 2 * len(self._slots)
        self._slots = np.full(capacity, -1, np.int32)
        self._keys = np.resize(self._keys, capacity // 2)
        self._sums = np.resize(self._sums, (capacity // 2, 16))
        moments.reinsert(self._slots, self._keys, self._count)


class FrameBlocks:
    """The occupancy blocks one frame hits or crosses, with a mark for each of their cells."""

    def __init__(self) -> None:
        self._ids = np.full(0, -1, np.int32)
        self._keys = GrowingArray((), np.int64)
        self._marks = GrowingArray((BLOCK_CELLS,), np.uint8)
        self._box = np.zeros(6, np.int64)

    def fit(self, touched: FrameCells, geometry: Geometry) -> None:
        """Make room for the blocks between the camera and all touched cells.

        Raises
        ------
        ValueError
            If that would take unreasonably much memory.
        """
        camera = np.array([geometry.origin_key], np.int64)
        index = unpack(np.concatenate([touched.keys, camera])) + AXIS_OFFSET
        low, high = (index.min(axis=0) - 1) >> 3, (index.max(axis=0) + 1) >> 3
        self._box[:3], self._box[3:] = low, high - low + 1
        size = int(np.prod(self._box[3:]))
        if size > _MOST_BLOCKS:
            raise ValueError(
                f"occupancy would trace rays through {size * BLOCK_CELLS:.1e} cells for one frame; "
                "use larger cells, a smaller depth_max, or occupancy=False"
            )
        if size > len(self._ids):
            self._ids = np.full(2 * size, -1, np.int32)
        self._keys.ensure(size)
        self._marks.ensure(size)

    def carve(
        self, touched: FrameCells, geometry: Geometry, cell_size: float, evidence: OccupancyTable, sign: int
    ) -> int:
        """Count hits and misses, one ray per touched cell; returns the number of misses."""
        origin, origin_key = geometry.origin, geometry.origin_key
        ends, reach = np.empty((len(touched), 3)), np.empty(len(touched))
        occupancy.end_points(
            touched.keys, touched.sums, origin, origin_key, geometry.axis, cell_size, ends, reach
        )
        table = (self._box, self._ids, self._keys.array, self._marks.array)
        count = occupancy.protect(touched.keys, *table, 0)
        count = occupancy.cross(ends, reach, origin, origin_key, *table, count)
        keys = self._keys.array[:count]
        rows = evidence.find_or_insert_blocks(keys)
        misses = occupancy.apply_marks(self._marks.array, rows, sign, evidence.hits, evidence.misses)
        occupancy.forget(keys, self._box, self._ids)
        return int(misses)


class FrameScratch:
    """All working memory of one frame, and the threads that share its work."""

    def __init__(self) -> None:
        self.cells = FrameCells()
        self.blocks = FrameBlocks()
        self.weight = np.empty((0, 0), np.uint16)
        self.cell_of = np.empty((0, 0), np.int32)
        self._padded = np.empty((0, 0), np.float32)
        self._bands: list[FrameCells] = [self.cells]
        self._pool: ThreadPoolExecutor | None = None
        self._threads = 1

    def fit(self, depth_shape: tuple[int, ...], code_shape: tuple[int, ...]) -> None:
        """Give the images the size of this frame's."""
        if self.weight.shape != depth_shape:
            self.weight = np.empty(depth_shape, np.uint16)
        if self.cell_of.shape != code_shape:
            self.cell_of = np.empty(code_shape, np.int32)

    def padded(self, pad: int) -> npt.NDArray[np.float32]:
        """(H + 2 pad, W + 2 pad) float32."""
        height, width = self.weight.shape
        if self._padded.shape != (height + 2 * pad, width + 2 * pad):
            self._padded = np.empty((height + 2 * pad, width + 2 * pad), np.float32)
        return self._padded

    def code_rows(self, first: int, last: int) -> npt.NDArray[np.int32]:
        """The rows of `cell_of` whose depth rows lie in `first` to `last`."""
        if not self.cell_of.size:
            return self.cell_of
        step = len(self.weight) // len(self.cell_of)
        middles = np.arange(len(self.cell_of)) * step + step // 2
        begin, end = np.searchsorted(middles, [first, last])
        return self.cell_of[begin:end]

    def band_tables(self, threads: int) -> list[FrameCells]:
        """One table a thread; the first is `cells`."""
        while len(self._bands) < threads:
            self._bands.append(FrameCells())
        return self._bands[:threads]

    def pool(self, threads: int) -> ThreadPoolExecutor | None:
        """`threads` worker threads, None for one thread."""
        if threads != self._threads:
            if self._pool is not None:
                self._pool.shutdown()
            self._pool = ThreadPoolExecutor(threads, "dvemap-fusion") if threads > 1 else None
            self._threads = threads
        return self._pool
