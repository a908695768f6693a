"""Norms of the summed embeddings, the one derived value that a map stores."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import numpy.typing as npt

_CHUNK_ROWS: Final = 4096


def embedding_norms(
    code: npt.NDArray[Any],
    head: npt.NDArray[np.float32] | None,
    row_scale: npt.NDArray[np.float32] | None = None,
) -> npt.NDArray[np.float32]:
    """Compute |head @ code| of each row, a chunk at a time.

    Parameters
    ----------
    code
        (n, C) code sums, any numeric type.
    head
        (D, C) float32; None for the identity.
    row_scale
        (n,) float32 factor of each row, for compact codes.

    Returns
    -------
    (n,) float32.
    """
    norms = np.empty(len(code), np.float32)
    for start in range(0, len(code), _CHUNK_ROWS):
        rows = slice(start, start + _CHUNK_ROWS)
        chunk = code[rows].astype(np.float32)
        if row_scale is not None:
            chunk *= row_scale[rows, None]
        embedding = chunk if head is None else chunk @ head.T
        norms[rows] = np.sqrt(np.einsum("ij,ij->i", embedding, embedding, dtype=np.float64))
    return norms
