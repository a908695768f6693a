"""Arrays that grow in place: no copy, and no address changes, while a map gains rows.

A growing array reserves address space for as many rows as physical memory could hold, and the operating
system commits a page when it is first touched. So rows cost memory only once they are used, growing never
copies, and views stay valid. Where address space is not free (Windows, strict overcommit, a limit on virtual
memory), a reservation would take it from everything else: there arrays double with a copy instead.
"""

from __future__ import annotations

import math
import mmap
import os
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

_MAP_NORESERVE: Final = 0x4000 if sys.platform == "linux" else 0  # named in the mmap module from 3.13 on
_FIRST_ROWS: Final = 1024
_STRICT_OVERCOMMIT: Final = "2"


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
        size = _reservable_bytes() if self._row_bytes else 0
        try:
            memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | _MAP_NORESERVE)
        except (OSError, OverflowError, ValueError, AttributeError):  # size 0, no room, or Windows
            return np.zeros((_FIRST_ROWS, *self._row_shape), self._dtype)
        if hasattr(mmap, "MADV_HUGEPAGE"):
            _advise_huge_pages(memory)
        rows = size // self._row_bytes
        flat = np.frombuffer(memory, self._dtype, count=rows * math.prod(self._row_shape))
        return flat.reshape(rows, *self._row_shape)


def _advise_huge_pages(memory: mmap.mmap) -> None:
    """Ask for 2 MiB pages, so that scattered rows miss the TLB less often; only a hint, so it may fail."""
    try:
        memory.madvise(mmap.MADV_HUGEPAGE)
    except OSError:
        return


def _reservable_bytes() -> int:
    """Bytes of physical memory; 0 where reserving costs something or the system does not tell."""
    try:
        import resource

        limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
        policy = Path("/proc/sys/vm/overcommit_memory")
        if limited or (policy.exists() and policy.read_text().strip() == _STRICT_OVERCOMMIT):
            return 0
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ImportError, AttributeError, ValueError, OSError):
        return 0
