"""Plain Python twins of `mapping.kernels.components`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


def neighbours(key: Int64, order: Int64, deltas: Int64, table: Int32) -> None:
    """Find the neighbours of cells among themselves."""
    cell_of = dict(zip(key.tolist(), order.tolist(), strict=True))
    for k, cell in cell_of.items():
        table[cell] = [cell_of.get(k + delta, -1) for delta in deltas.tolist()]


def _connected(neighbours: Int32, allowed: set[int], seed: int) -> set[int]:
    """Collect the allowed cells that connect to a seed."""
    found, frontier = {seed}, {seed}
    while frontier:
        frontier = {int(near) for cell in frontier for near in neighbours[cell]} & allowed - found
        found |= frontier
    return found


def smooth(neighbours: Int32, value: Float32, out: Float32) -> None:
    """Average each cell's value with those of its neighbours."""
    for cell, near in enumerate(neighbours):
        total = 0.0
        for v in (value[cell], *value[near[near >= 0]]):
            total += float(v)
        out[cell] = total / (1 + int((near >= 0).sum()))


def grow(
    neighbours: Int32, value: Float32, order: Int64, gate: float, keep: float, min_cells: int, label: Int32
) -> int:
    """Grow hits from their peaks, highest first."""
    count = 0
    for seed in order:
        if label[seed] != -1:
            continue
        level = max(gate, min(keep * float(value[seed]), float(value[seed])))
        allowed = set(np.flatnonzero((label == -1) & (value >= level)).tolist())
        hit = list(_connected(neighbours, allowed, int(seed)))
        rim = sum(bool(np.any((n >= 0) & (label[n] >= 0))) for n in neighbours[hit])
        if len(hit) < min_cells:
            label[seed] = -2
        elif 2 * rim > len(hit):
            label[hit] = -2
        else:
            label[hit] = count
            count += 1
    return count
