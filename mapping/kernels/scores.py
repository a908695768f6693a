"""Dot products of every cell's code with a few query vectors, in one pass over the codes.

The pass is bound by memory: a code of 512 int32 is 2 KiB and a query needs 512 multiplications of it. So
the codes are converted in registers and never copied, and two rows meet two queries at a time, which halves
the loads from cache. Reassociation is allowed here, and only here: a score needs no bit-exact order of sums.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import njit, types
from numba.extending import intrinsic

Float32 = npt.NDArray[np.float32]

QUERY_BLOCK: Final = 2
"""Queries handled together; the caller pads to a multiple of it."""

_FASTMATH: Final = {"reassoc", "contract"}


@intrinsic
def _as_float(_context: Any, value: Any) -> Any:
    """Convert an int32, an int8, or the bits of an IEEE half in a uint16 to float32.

    Numba has no half type on the CPU; spelled as a bit cast the conversion becomes one vector instruction.
    """

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        if value == types.uint16:
            return builder.fpext(builder.bitcast(arguments[0], ir.HalfType()), ir.FloatType())
        return builder.sitofp(arguments[0], ir.FloatType())

    return types.float32(value), generate


@njit(cache=True, nogil=True, fastmath=_FASTMATH)
def scores(
    code: npt.NDArray[Any], query: Float32, scale: Float32, out: Float32, start: int, stop: int
) -> None:
    """Write scale[i] * (query[j] . code[i]) to out[j, i] for the rows start <= i < stop.

    Parameters
    ----------
    code
        (n, C) int32, int8, or uint16 holding the bits of halves.
    query
        (Q, C) float32, Q a multiple of `QUERY_BLOCK`.
    scale
        (n,) float32.
    out
        (Q, n) float32.
    start, stop
        The rows to do.
    """
    for i in range(start, stop, 2):
        k = min(i + 1, stop - 1)  # an odd last row is done twice rather than by code of its own
        row_a, row_b = code[i], code[k]
        for j in range(0, query.shape[0], QUERY_BLOCK):
            query_a, query_b = query[j], query[j + 1]
            aa = ab = ba = bb = np.float32(0)
            for c in range(code.shape[1]):
                a: Any = _as_float(row_a[c])  # type: ignore[call-arg]
                b: Any = _as_float(row_b[c])
                aa += a * query_a[c]
                ab += a * query_b[c]
                ba += b * query_a[c]
                bb += b * query_b[c]
            out[j, i], out[j, k] = aa * scale[i], ba * scale[k]
            out[j + 1, i], out[j + 1, k] = ab * scale[i], bb * scale[k]


@njit(cache=True, nogil=True)
def read(words: npt.NDArray[np.int64], start: int, stop: int) -> int:
    """Sum words[start:stop]: what reading memory once, and nothing else, costs."""
    total = np.int64(0)
    for word in words[start:stop]:
        total += word
    return total  # type: ignore[return-value]
