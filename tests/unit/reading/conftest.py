"""A map of given cells, without fusing anything."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mapping.fields import Fields
from mapping.keys import pack
from mapping.occupancy import OccupancyRows
from mapping.voxel_map import VoxelMap

SCALE = 65536.0


def build_map(
    ijk: Any,
    codes: Any = None,
    *,
    points: Any = None,
    cell_size: float = 0.05,
    frames: int = 4,
    hits: Any = None,
    misses: Any = 0,
    head: Any = None,
    rgb: Any = (10, 20, 30),
    space: dict[str, Any] | None = None,
) -> VoxelMap:
    """Cells `ijk` (n, 3), each seen in `frames` frames with the code `codes` (n, C).

    `points` are cell-local positions (n, k, 3) in 1/4096 of a cell; the cell's centre by default.
    """
    cells = np.asarray(ijk, dtype=np.int64).reshape(-1, 3)
    n = len(cells)
    q = np.zeros((n, 1, 3), np.int64) if points is None else np.asarray(points, dtype=np.int64)
    upper = np.triu_indices(3)
    c = np.zeros((n, 0)) if codes is None else np.asarray(codes, dtype=np.float64)
    weight = np.full(n, 256 * q.shape[1], np.int64)
    fields = Fields(
        key=pack(cells),
        weight=weight,
        s=256 * q.sum(axis=1),
        Q=256 * np.einsum("nki,nkj->nij", q, q)[:, *upper],
        color=weight[:, None] * np.array(rgb),
        code=np.rint(c * SCALE * frames).astype(np.int32),
        code_weight=np.full(n, 256 * frames if c.shape[1] else 0, np.int64),
        first_seen=np.zeros(n, np.int64),
        last_seen=np.zeros(n, np.int64),
    )
    order = np.argsort(fields.key)
    counts = [
        np.broadcast_to(np.asarray(v, np.int32), n)[order] for v in (frames if hits is None else hits, misses)
    ]
    return VoxelMap.from_fields(
        cell_size=cell_size,
        code_dim=c.shape[1],
        code_scale=SCALE,
        space=space or {"name": "test", "dimension": c.shape[1], "text_encoder": "minilm"},
        head=None if head is None else np.asarray(head, np.float32),
        fields=fields,
        occupancy=OccupancyRows(fields.key[order], counts[0], counts[1]),
    )


@pytest.fixture
def make_map() -> Callable[..., VoxelMap]:
    return build_map


def box(low: Any, high: Any) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Return the cells low <= ijk < high, (n, 3)."""
    axes = [np.arange(a, b) for a, b in zip(low, high, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)


@pytest.fixture
def make_box() -> Callable[..., np.ndarray[Any, np.dtype[np.int64]]]:
    return box
