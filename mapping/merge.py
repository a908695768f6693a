"""Adding one map to another, cell by cell, and taking it away again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from mapping.cells import CellTable
from mapping.fields import CODE_WEIGHT, FIRST_SEEN, LAST_SEEN, SUMS, WEIGHT, Fields, sums_of_fields
from mapping.occupancy import OccupancyRows, OccupancyTable

if TYPE_CHECKING:
    from mapping.map_view import MapView

_CHUNK_ROWS: Final = 8192


def check_mergeable(into: MapView, other: MapView) -> None:
    """Refuse maps whose sums mean different things.

    Raises
    ------
    ValueError
        Naming the first property that differs.
    """
    for name in ("cell_size", "code_dim", "code_scale"):
        mine, theirs = getattr(into, name), getattr(other, name)
        if mine != theirs:
            raise ValueError(f"cannot merge maps of different {name}: {mine} and {theirs}")
    mine, theirs = into.space.get("name"), other.space.get("name")
    if mine != theirs:
        raise ValueError(f"cannot merge maps of different embedding spaces: {mine!r} and {theirs!r}")
    heads = [voxel_map.head for voxel_map in (into, other)]
    if (heads[0] is None) != (heads[1] is None) or not np.array_equal(*heads):  # type: ignore[arg-type]
        raise ValueError("cannot merge maps of different heads: their codes mean different embeddings")
    for voxel_map in (into, other):
        if voxel_map.compact is not None:
            raise ValueError(
                f"cannot merge compact maps ({voxel_map.compact} codes): their codes are rounded; "
                "merge the full maps and compress the result"
            )


def merge_into(
    cells: CellTable, evidence: OccupancyTable, fields: Fields, occupancy: OccupancyRows, sign: int
) -> None:
    """Add (sign 1) or take away (sign -1) all rows, a chunk at a time.

    Raises
    ------
    ValueError
        If something is to be taken away that is not there; nothing has changed then.
    """
    if sign < 0:
        _check_contained(cells, fields)
        _check_counted(evidence, occupancy)
    doomed = []
    for start in range(0, len(fields), _CHUNK_ROWS):
        chunk = slice(start, min(start + _CHUNK_ROWS, len(fields)))
        rows = cells.find_or_insert(np.ascontiguousarray(fields.key[chunk]))
        theirs = np.empty((len(rows), SUMS), np.int64)
        sums_of_fields(fields, chunk, theirs)
        mine = cells.sums[rows]
        mine[:, : CODE_WEIGHT + 1] += sign * theirs[:, : CODE_WEIGHT + 1]
        if sign > 0:
            mine[:, FIRST_SEEN] = np.minimum(mine[:, FIRST_SEEN], theirs[:, FIRST_SEEN])
            mine[:, LAST_SEEN] = np.maximum(mine[:, LAST_SEEN], theirs[:, LAST_SEEN])
        else:
            doomed.append(rows)
        cells.sums[rows] = mine
        if cells.code.shape[1]:
            cells.code[rows] += np.int32(sign) * fields.code[chunk]
    if doomed:
        cells.drop_empty(np.concatenate(doomed))
    evidence.add(occupancy, sign)


def _check_contained(cells: CellTable, fields: Fields) -> None:
    """Refuse to take away cells or weights that the table does not hold."""
    rows = cells.index.find(np.ascontiguousarray(fields.key))
    enough = rows >= 0
    sums = cells.sums[rows[enough]]
    enough[enough] = (sums[:, WEIGHT] >= fields.weight[enough]) & (
        sums[:, CODE_WEIGHT] >= fields.code_weight[enough]
    )
    if not enough.all():
        raise ValueError(
            f"cannot subtract what was never added: {np.count_nonzero(~enough)} of {len(rows)} cells "
            "are missing or hold less weight"
        )


def _check_counted(evidence: OccupancyTable, occupancy: OccupancyRows) -> None:
    """Refuse to take away hits or misses that the table does not hold."""
    held = evidence.rows()
    rows = held.rows_of(occupancy.key)
    enough = rows >= 0
    enough[enough] = (held.hits[rows[enough]] >= occupancy.hits[enough]) & (
        held.misses[rows[enough]] >= occupancy.misses[enough]
    )
    if not enough.all():
        raise ValueError(
            f"cannot subtract what was never added: {np.count_nonzero(~enough)} of {len(rows)} cells "
            "have fewer hits or misses (occupancy switched off when this map was fused?)"
        )
