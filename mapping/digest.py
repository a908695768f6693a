"""The fingerprint of a map: equal maps have equal digests, whatever order their rows are in."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mapping.map_view import MapView

_FORMAT: Final = "dvemap-map-1"
_CHUNK_ROWS: Final = 16_384


def digest_of(voxel_map: MapView) -> str:
    """SHA-256 over what the sums mean and over the sums, as hexadecimal.

    The header names the format, cell size, code dimension and scale, and the embedding space. Time stamps
    and derived values are left out. Bytes are little-endian.
    """
    header = {
        "format": _FORMAT,
        "cell_size": voxel_map.cell_size,
        "code_dim": voxel_map.code_dim,
        "code_scale": voxel_map.code_scale,
        "space": voxel_map.space.get("name"),
        "cells": len(voxel_map),
        "occupancy": len(voxel_map.occupancy),
    }
    sha = hashlib.sha256(json.dumps(header, sort_keys=True).encode())
    fields, occupancy = voxel_map.fields, voxel_map.occupancy
    order = np.argsort(fields.key)
    for name in ("key", "weight", "s", "Q", "color", "code", "code_weight"):
        _update(sha, getattr(fields, name), order)
    sorted_already = np.arange(len(occupancy))
    for name in ("key", "hits", "misses"):
        _update(sha, getattr(occupancy, name), sorted_already)
    return sha.hexdigest()


def _update(sha: hashlib._Hash, field: npt.NDArray[Any], order: npt.NDArray[np.int64]) -> None:
    """Hash rows in order, a chunk at a time, so that no second copy of the codes exists."""
    little_endian = field.dtype.newbyteorder("<")
    for start in range(0, len(order), _CHUNK_ROWS):
        rows = order[start : start + _CHUNK_ROWS]
        sha.update(np.ascontiguousarray(field[rows], dtype=little_endian).data)
