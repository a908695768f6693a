"""Arrays that grow in place: no copy, and no address changes, while a map gains rows.

A growing array reserves address space for as many rows as physical memory could hold, and the operating
system commits a page when it is first touched. So rows cost memory only once they are used, growing never
copies, and views stay valid. Where address space cannot be reserved (Windows, strict overcommit, a limit on
virtual memory) it falls back to smaller reservations and finally to doubling with a copy.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_MAP_NORESERVE: Final = 0x4000 if sys.platform == "linux" else 0  # named in the mmap module from 3.13 on
_SMALLEST_RESERVATION: Final = 64 << 20
_FIRST_ROWS: Final = 1024


class GrowingArray:
    """Rows of one shape and dtype; new rows read as zero.

    Parameters
    ----------
    row_shape
        Shape of one row; `()` for scalars.
    dtype
        NumPy dtype of the elements.
    """

    def __init__(self, row_shape: tuple[int, ...], dtype: npt.DTypeLike):
        self._row_shape = row_shape
        self._dtype = np.dtype(dtype)
        self._row_bytes = math.prod(row_shape) * self._dtype.itemsize
        self.array: npt.NDArray[Any] = self._reserve()
        """All rows that are addressable now, (capacity, *row_shape); replaced when `ensure` has to copy."""

    @property
    def capacity(self) -> int:
        """Rows that can be written without another call of `ensure`."""
        return len(self.array)

    def ensure(self, rows: int) -> None:
        """Make at least `rows` rows addressable.

        Raises
        ------
        MemoryError
            If neither the reservation nor a larger copy can hold them.
        """
        if rows <= self.capacity:
            return
        grown = np.zeros((max(rows, 2 * self.capacity), *self._row_shape), self._dtype)
        grown[: self.capacity] = self.array
        self.array = grown

    def _reserve(self) -> npt.NDArray[Any]:
        size = _physical_memory() if self._row_bytes and hasattr(mmap, "MAP_PRIVATE") else 0
        while size >= _SMALLEST_RESERVATION:
            try:
                flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE
                memory = mmap.mmap(-1, size, flags=flags)
            except (OSError, OverflowError):
                size //= 2
                continue
            if hasattr(mmap, "MADV_HUGEPAGE"):
                _advise_huge_pages(memory)
            rows = size // self._row_bytes
            flat = np.frombuffer(memory, self._dtype, count=rows * math.prod(self._row_shape))
            return flat.reshape(rows, *self._row_shape)
        return np.zeros((_FIRST_ROWS, *self._row_shape), self._dtype)


def _advise_huge_pages(memory: mmap.mmap) -> None:
    """Ask for 2 MiB pages, so that scattered rows miss the TLB less often; only a hint, so it may fail."""
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        return


def _physical_memory() -> int:
    """Bytes of physical memory, or 0 where the system does not tell."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
