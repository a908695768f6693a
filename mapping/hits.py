"""Hits: the connected groups of cells that answer a query."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from mapping import readout
from mapping.kernels import components as kernel
from mapping.keys import NEIGHBOUR_DELTAS
from mapping.relevancy import RelevancyRule

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

KEEP: Final = 0.5
"""A hit reaches down to this share of the lead of its peak."""

MIN_AREA: Final = 0.02
"""Square metres of surface that a hit must cover by default: a mug, 8 cells of 5 cm."""

_AROUND: Final = NEIGHBOUR_DELTAS[NEIGHBOUR_DELTAS != 0]


@dataclass(frozen=True, slots=True)
class Hit:
    """One answer: a connected group of cells.

    Attributes
    ----------
    rank
        1 for the best.
    score
        Relevancy of the mean lead of its cells over the negatives, discounted for small hits, in [0, 1];
        falls with the rank.
    confidence
        Mean agreement of the observations of its cells, in [0, 1].
    center, extent
        Centre and edges of the axis-aligned box around its cells' means, metres, world axes.
    cells
        Number of cells.
    frames
        Frames that saw its most often seen cell.
    best
        (3,) mean of its most relevant cell, metres.
    rows
        (cells,) int64 rows of the map, the most relevant first.
    """

    rank: int
    score: float
    confidence: float
    center: tuple[float, float, float]
    extent: tuple[float, float, float]
    cells: int
    frames: int
    best: tuple[float, float, float]
    rows: Int64

    def to_dict(self) -> dict[str, Any]:
        """Plain values, without the rows."""
        plain = {name: getattr(self, name) for name in self.__slots__ if name != "rows"}
        return {key: list(value) if isinstance(value, tuple) else value for key, value in plain.items()}


def neighbour_table(voxel_map: VoxelMap, rows: Int64) -> npt.NDArray[np.int32]:
    """Find which of some rows are neighbours.

    Parameters
    ----------
    voxel_map
        The map.
    rows
        (m,) distinct rows.

    Returns
    -------
    (m, 26) int32 positions in `rows`, -1 where the neighbouring cell is not among them.
    """
    key = np.ascontiguousarray(voxel_map.key[rows])
    order = np.argsort(key)
    table = np.empty((len(rows), len(_AROUND)), np.int32)
    kernel.neighbours(key[order], order, _AROUND, table)
    return table


def find_hits(
    voxel_map: VoxelMap,
    lead: Float32,
    rule: RelevancyRule,
    *,
    top: int | None = None,
    min_cells: int | None = None,
    keep: float = KEEP,
) -> list[Hit]:
    """Group the cells that answer a query into ranked hits.

    Cells that are not solid (see `readout.solid`) and cells without an embedding do not count. Leads are
    averaged over neighbouring cells that are at least half way to the gate, so that the noise of single cells
    neither tears a thing apart nor makes confetti. From the best cell on, a hit takes in all connected cells
    above the gate that have at least `keep` of its lead; what remains is treated likewise: an armchair
    that touches the massage chair is a lesser hit of its own; averaging can shift their border by a cell. A
    hit whose mean lead, not averaged, misses the gate is dropped. Hits rank by mean lead times
    n / (n + 2 min_cells), whose relevancy is their score: of two equally good ones the larger is the safer
    answer.

    Parameters
    ----------
    voxel_map
        The map.
    lead
        (n,) float32, cosine with the query less the largest cosine with a negative.
    rule
        Whose least lead is the gate, and which turns leads into scores. Relevancy saturates, so cells are
        compared by their lead.
    top
        Hits to return; None for all.
    min_cells
        Least number of cells of a hit; by default as many as cover 200 cm^2.
    keep
        0 takes in all that is connected above the gate, 1 only what is as good as the best.

    Returns
    -------
    Hits in the order of their rank.

    Raises
    ------
    ValueError
        If top or min_cells is below 1 or keep is outside [0, 1].
    """
    if min_cells is None:
        min_cells = max(1, math.ceil(MIN_AREA / voxel_map.cell_size**2))
    for name, number in (("top", top), ("min_cells", min_cells)):
        if number is not None and number < 1:
            raise ValueError(f"{name} must be >= 1, got {number}")
    if not 0 <= keep <= 1:
        raise ValueError(f"keep must be in [0, 1], got {keep}")

    gate = rule.lead
    rows = np.flatnonzero((lead >= min(gate, gate / 2)) & (voxel_map.code_weight > 0))
    frames, misses = readout.evidence(voxel_map, rows)
    solid = readout.solid_of(frames, misses)
    rows, frames = rows[solid], frames[solid]
    by_key = np.argsort(voxel_map.key[rows])  # neighbours in space lie near in memory: growing is far faster
    rows, frames = rows[by_key], frames[by_key]

    neighbours = neighbour_table(voxel_map, rows)
    value = np.empty(len(rows), np.float32)
    kernel.smooth(neighbours, lead[rows], value)
    order = np.argsort(-value, kind="stable")
    order = order[: np.count_nonzero(value >= gate)]
    label = np.full(len(rows), -1, np.int32)
    count = kernel.grow(neighbours, value, order, gate, keep, min_cells, label)

    order = order[np.argsort(label[order], kind="stable")]  # the cells of each hit together, best first
    bounds = np.searchsorted(label[order], np.arange(count + 1))
    hits = [order[bounds[i] : bounds[i + 1]] for i in range(count)]
    hits = [cells for cells in hits if lead[rows[cells]].mean() >= gate]
    sizes = [len(cells) / (len(cells) + 2 * min_cells) for cells in hits]
    strength = np.array([float(value[cells].mean()) * size for cells, size in zip(hits, sizes, strict=True)])
    ranked = np.argsort(-strength, kind="stable")[:top]
    return [
        _describe(voxel_map, rank, rows[hits[k]], rule.of_lead(strength[k]), int(frames[hits[k]].max()))
        for rank, k in enumerate(ranked, start=1)
    ]


def _describe(voxel_map: VoxelMap, rank: int, rows: Int64, score: float, frames: int) -> Hit:
    mu = readout.mean(voxel_map, rows)
    low, high = mu.min(axis=0), mu.max(axis=0)
    return Hit(
        rank=rank,
        score=score,
        confidence=float(readout.confidence(voxel_map, rows).mean()),
        center=_triple((low + high) / 2),
        extent=_triple(high - low),
        cells=len(rows),
        frames=frames,
        best=_triple(mu[0]),
        rows=rows,
    )


def _triple(vector: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    x, y, z = vector.tolist()
    return x, y, z
