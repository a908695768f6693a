"""The STREAM triad, the yardstick of the benchmarks (McCalpin 1995)."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Float64 = npt.NDArray[np.float64]


@njit(cache=True, nogil=True)
def triad(a: Float64, b: Float64, c: Float64, factor: float) -> None:
    """Compute a = b + factor c."""
    for i in range(a.shape[0]):
        a[i] = b[i] + factor * c[i]
