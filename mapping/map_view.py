"""The reading side of a map: its fields, by name and by key."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from mapping.cells import CellTable
from mapping.digest import digest_of
from mapping.fields import Fields
from mapping.norms import embedding_norms
from mapping.occupancy import OccupancyRows, OccupancyTable, rows_in_sorted
from mapping.settings import FusionSettings


class MapView:
    """What a map is and holds; `VoxelMap` adds what changes it, and says what the parameters mean."""

    def __init__(
        self,
        cell_size: float = 0.05,
        code_dim: int = 0,
        *,
        code_scale: float = 65536.0,
        space: dict[str, Any] | None = None,
        head: npt.NDArray[np.float32] | None = None,
        settings: FusionSettings | None = None,
    ):
        if not (cell_size > 0 and math.isfinite(cell_size)):
            raise ValueError(f"cell_size must be > 0 m, got {cell_size}")
        if code_dim < 0:
            raise ValueError(f"code_dim must be >= 0, got {code_dim}")
        if not (code_scale > 0 and math.isfinite(code_scale)):
            raise ValueError(f"code_scale must be > 0, got {code_scale}")
        if head is not None and (head.ndim != 2 or head.shape[1] != code_dim):
            raise ValueError(f"head must be (D, {code_dim}) for code_dim {code_dim}, got {head.shape}")
        self.cell_size = float(cell_size)
        self.code_dim = int(code_dim)
        self.code_scale = float(code_scale)
        self.space: dict[str, Any] = dict(space or {})
        self.head = None if head is None else np.ascontiguousarray(head, dtype=np.float32)
        self.settings = settings or FusionSettings()
        self.compact: str | None = None
        self.code_row_scale: npt.NDArray[np.float32] | None = None
        self._cells: CellTable | None = None  # None while the fields are someone else's arrays
        self._evidence: OccupancyTable | None = None
        self._fields: Fields | None = None  # those arrays
        self._occupancy: OccupancyRows | None = None
        self._embedding_norm: npt.NDArray[np.float32] | None = None
        self._order: npt.NDArray[np.int64] | None = None  # rows sorted by key
        self._sorted_key = np.zeros(0, np.int64)

    def __len__(self) -> int:
        """Cells."""
        return len(self.fields)

    def __repr__(self) -> str:
        """Say what the map is."""
        kind = f" {self.compact}" if self.compact else ""
        space = self.space.get("name", "no embeddings")
        return f"<VoxelMap{kind}: {len(self):,} cells of {self.cell_size:g} m, C = {self.code_dim}, {space}>"

    @property
    def fields(self) -> Fields:
        """All fields, rows in no particular order; treat as read-only, and as stale after a change."""
        if self._fields is not None:
            return self._fields
        return self._cells.fields if self._cells is not None else CellTable(self.code_dim).fields

    @property
    def key(self) -> npt.NDArray[np.int64]:
        """(n,) int64 packed cell indices."""
        return self.fields.key

    @property
    def weight(self) -> npt.NDArray[np.int64]:
        """(n,) int64 sums of pixel weights, 256 being 1.0."""
        return self.fields.weight

    @property
    def s(self) -> npt.NDArray[np.int64]:
        """(n, 3) int64 sums of w q."""
        return self.fields.s

    @property
    def Q(self) -> npt.NDArray[np.int64]:
        """(n, 6) int64 sums of w q q^T: xx, xy, xz, yy, yz, zz."""
        return self.fields.Q

    @property
    def color(self) -> npt.NDArray[np.int64]:
        """(n, 3) int64 sums of w RGB."""
        return self.fields.color

    @property
    def code(self) -> npt.NDArray[Any]:
        """(n, C) int32 sums of w c; float16 or int8 in a compact map."""
        return self.fields.code

    @property
    def code_weight(self) -> npt.NDArray[np.int64]:
        """(n,) int64 sums of the weights of the codes, 256 being 1.0."""
        return self.fields.code_weight

    @property
    def first_seen(self) -> npt.NDArray[np.int64]:
        """(n,) int64 earliest timestamp, ns."""
        return self.fields.first_seen

    @property
    def last_seen(self) -> npt.NDArray[np.int64]:
        """(n,) int64 latest timestamp, ns."""
        return self.fields.last_seen

    @property
    def occupancy(self) -> OccupancyRows:
        """Hits and misses of every cell that was ever hit or crossed, sorted by key."""
        if self._occupancy is None:
            self._occupancy = (self._evidence or OccupancyTable()).rows()
        return self._occupancy

    @property
    def embedding_norm(self) -> npt.NDArray[np.float32]:
        """(n,) float32 |head @ code| in code units."""
        if self._embedding_norm is None:
            self._embedding_norm = embedding_norms(self.code, self.head, self.code_row_scale)
        return self._embedding_norm

    @property
    def size_in_bytes(self) -> int:
        """Bytes of all fields and of the occupancy counts."""
        cells: int = sum(getattr(self.fields, name).nbytes for name in Fields.__slots__)
        if self._evidence is not None:
            return cells + self._evidence.size_in_bytes
        free: int = sum(getattr(self.occupancy, name).nbytes for name in OccupancyRows.__slots__)
        return cells + free

    def rows_of(self, keys: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Rows of `keys` (any shape of int64), -1 where the map has no such cell."""
        wanted = np.asarray(keys, dtype=np.int64)
        if self._cells is not None:
            return self._cells.index.find(wanted.ravel()).reshape(wanted.shape)
        key = self.key
        if self._order is None:
            self._order = np.arange(len(key)) if np.all(key[1:] > key[:-1]) else np.argsort(key)
            self._sorted_key = key[self._order]
        position = rows_in_sorted(self._sorted_key, wanted)
        return np.where(position >= 0, self._order[position], -1) if len(key) else position

    def digest(self) -> str:
        """SHA-256 over all sums, rows sorted by key, as hexadecimal; time stamps are left out.

        Raises
        ------
        ValueError
            If the map is compact: its codes are no longer sums.
        """
        self._refuse_if_compact("have no digest")
        return digest_of(self)

    def _refuse_if_compact(self, what: str) -> None:
        if self.compact is not None:
            raise ValueError(
                f"compact maps ({self.compact} codes) {what}: their codes are rounded; use the full map"
            )
