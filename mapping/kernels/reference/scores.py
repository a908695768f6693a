"""NumPy twins of `mapping.kernels.scores`."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

QUERY_BLOCK: Final = 2


def scores(
    code: npt.NDArray[Any], query: Float32, scale: Float32, out: Float32, start: int, stop: int
) -> None:
    """Write scale[i] * (query[j] . code[i]) to out[j, i] for the rows start <= i < stop."""
    rows = code[start:stop]
    if rows.dtype == np.uint16:
        rows = rows.view(np.float16)
    out[:, start:stop] = (query.astype(np.float64) @ rows.astype(np.float64).T) * scale[start:stop]


def read(words: npt.NDArray[np.int64], start: int, stop: int) -> int:
    """Sum words[start:stop], modulo 2**64."""
    return int(words[start:stop].sum(dtype=np.int64))
