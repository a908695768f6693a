"""Connected cells: who neighbours whom, and hits grown from peaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


@njit(cache=True, nogil=True)
def neighbours(key: Int64, order: Int64, deltas: Int64, table: Int32) -> None:
    """Find the neighbours of cells among themselves: one walk over the sorted keys for each direction.

    Parameters
    ----------
    key
        (m,) ascending.
    order
        (m,) which cell each key belongs to.
    deltas
        (d,) what to add to a key for each neighbour.
    table
        (m, d) receives, by cell, the neighbouring cells; -1 for none.
    """
    for column in range(deltas.shape[0]):
        ahead = 0
        for i in range(key.shape[0]):
            wanted = key[i] + deltas[column]
            while ahead < key.shape[0] and key[ahead] < wanted:
                ahead += 1
            found = ahead < key.shape[0] and key[ahead] == wanted
            table[order[i], column] = order[ahead] if found else -1


@njit(cache=True, nogil=True)
def _flood(
    neighbours: Int32, value: Float32, level: float, seed: int, mark: int, label: Int32, stack: Int64
) -> int:
    """Mark the free (-1) cells that connect to `seed` at or above a level; stack[:returned] lists them."""
    label[seed] = mark
    stack[0] = seed
    count = 1
    done = 0
    while done < count:
        cell = stack[done]
        done += 1
        for near in neighbours[cell]:
            if near >= 0 and label[near] == -1 and value[near] >= level:
                label[near] = mark
                stack[count] = near
                count += 1
    return count


@njit(cache=True, nogil=True)
def smooth(neighbours: Int32, value: Float32, out: Float32) -> None:
    """Average each cell's value with those of its neighbours.

    Parameters
    ----------
    neighbours
        (m, 26) indices of neighbouring cells, -1 for none.
    value
        (m,) float32.
    out
        (m,) float32 receives the means.
    """
    for cell in range(value.shape[0]):
        total = np.float64(value[cell])
        count = 1
        for near in neighbours[cell]:
            if near >= 0:
                total += value[near]
                count += 1
        out[cell] = total / count


@njit(cache=True, nogil=True)
def grow(
    neighbours: Int32, value: Float32, order: Int64, gate: float, keep: float, min_cells: int, label: Int32
) -> int:
    """Grow hits from their peaks, highest first.

    A hit is what connects to its peak at or above max(gate, keep * peak), so that a thing that merely touches
    a better one becomes a hit of its own. Two kinds of remains are no hits: fewer than `min_cells` cells, and
    a rim, most of whose cells touch hits found before (the mixed cells where two surfaces meet).

    Parameters
    ----------
    neighbours
        (m, 26) indices of neighbouring cells, -1 for none.
    value
        (m,) what is compared.
    order
        The cells with a value of at least `gate`, by falling value.
    gate, keep, min_cells
        The rule above; keep in [0, 1].
    label
        (m,) filled with -1; receives 0, 1, ... for the cells of hits and -2 for the remains; cells below the
        gate keep -1.

    Returns
    -------
    The number of hits.
    """
    stack = np.empty(label.shape[0], np.int64)
    count = 0
    for seed in order:
        if label[seed] != -1:
            continue
        level = max(gate, min(keep * value[seed], value[seed]))
        size = _flood(neighbours, value, level, seed, count, label, stack)
        if size < min_cells:
            for i in range(1, size):  # free again: they may belong to a lower, larger hit
                label[stack[i]] = -1
            label[seed] = -2
            continue
        touching = 0
        for i in range(size):
            for near in neighbours[stack[i]]:
                if near >= 0 and 0 <= label[near] < count:
                    touching += 1
                    break
        if 2 * touching > size:
            for i in range(size):
                label[stack[i]] = -2
        else:
            count += 1
    return count
