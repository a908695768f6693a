"""Cell keys: the integer coordinates of a cell, packed into one int64.

A cell is the half-open cube floor(x / h) of edge h. Its three indices take 21 bits each, so a key is
never negative, sorting keys sorts cells by x, then y, then z, and a neighbour's key is a plain sum.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

AXIS_BITS: Final = 21
AXIS_OFFSET: Final = 1 << (AXIS_BITS - 1)  # 2**20 cells: 52 km at 5 cm
AXIS_MASK: Final = (1 << AXIS_BITS) - 1

_STEPS = np.array([1 << (2 * AXIS_BITS), 1 << AXIS_BITS, 1], dtype=np.int64)
_OFFSETS = np.stack(np.meshgrid(*[[-1, 0, 1]] * 3, indexing="ij"), axis=-1).reshape(27, 3)

NEIGHBOUR_DELTAS: Final[npt.NDArray[np.int64]] = (_OFFSETS * _STEPS).sum(axis=1).astype(np.int64)
"""(27,) what to add to a key for its 3 x 3 x 3 neighbourhood, x slowest; entry 13 is the cell itself."""


def pack(ijk: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Pack cell indices into keys.

    Parameters
    ----------
    ijk
        (..., 3) integer cell indices, each in [-2**20, 2**20).

    Returns
    -------
    (...) int64 keys.

    Raises
    ------
    ValueError
        If an index lies outside that range, or the array is not (..., 3) integers.
    """
    index = np.asarray(ijk)
    if index.ndim == 0 or index.shape[-1] != 3 or not np.issubdtype(index.dtype, np.integer):
        raise ValueError(f"ijk must be (..., 3) integers, got {index.dtype} {index.shape}")
    shifted = index.astype(np.int64) + AXIS_OFFSET
    if shifted.size and (int(shifted.min()) < 0 or int(shifted.max()) > AXIS_MASK):
        raise ValueError(
            f"cell indices must lie in [-{AXIS_OFFSET}, {AXIS_OFFSET}), got {index.min()} to {index.max()}"
        )
    packed: npt.NDArray[np.int64] = (
        (shifted[..., 0] << (2 * AXIS_BITS)) | (shifted[..., 1] << AXIS_BITS) | shifted[..., 2]
    )
    return packed


def unpack(key: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Unpack keys, (...) int64, into cell indices, (..., 3) int64."""
    packed = np.asarray(key, dtype=np.int64)
    axes = (packed >> (2 * AXIS_BITS), (packed >> AXIS_BITS) & AXIS_MASK, packed & AXIS_MASK)
    return np.stack(axes, axis=-1) - AXIS_OFFSET


def keys_of_points(points: npt.ArrayLike, cell_size: float) -> npt.NDArray[np.int64]:
    """Keys of the cells that hold `points`.

    Parameters
    ----------
    points
        (..., 3) float, metres, world axes.
    cell_size
        Edge h of a cell, metres.

    Returns
    -------
    (...) int64 keys.

    Raises
    ------
    ValueError
        If a point is not finite or lies beyond 2**20 cells from the origin.
    """
    cells = np.floor(np.asarray(points, dtype=np.float64) / cell_size)
    if cells.size and not np.abs(cells).max() <= AXIS_OFFSET:
        raise ValueError(f"points must be finite and within {AXIS_OFFSET * cell_size:g} m of the origin")
    return pack(cells.astype(np.int64))


def centers(key: npt.ArrayLike, cell_size: float) -> npt.NDArray[np.float64]:
    """Centres of cells: keys (...) int64 to (..., 3) float64, metres, world axes."""
    return (unpack(key).astype(np.float64) + 0.5) * cell_size
