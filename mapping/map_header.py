"""What a map file says about itself, and what it must say to be one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np

from mapping.fields import Fields
from mapping.tensor_file import MapFileError, TensorFile

KIND: Final = "dvemap"
FORMAT_VERSION: Final = 1

FIELDS: Final = Fields.__slots__
_ROW_SHAPES: Final[dict[str, tuple[int, ...]]] = {"s": (3,), "Q": (6,), "color": (3,)}

Compact = Literal["fp16", "int8"]
CODE_DTYPES: Final[dict[str | None, type[np.generic]]] = {
    None: np.int32,
    "fp16": np.float16,
    "int8": np.int8,
}


@dataclass(frozen=True, slots=True)
class MapHeader:
    """What a map file says about itself, read without its tensors.

    Attributes
    ----------
    cells, occupancy_cells : int
        Rows of the map and of its occupancy table.
    cell_size : float
        Metres.
    code_dim, code_scale
        Length C and fixed-point scale of the codes.
    compact : {None, "fp16", "int8"}
        How the codes were compressed.
    space : dict
        Embedding space: name, dimension, text_encoder.
    settings : dict
        Of the fusion.
    provenance : dict
        Source, encoder and its hash, software version, time of writing and whatever else the writer noted.
    file_bytes : int
    format_version : int
    """

    cells: int
    occupancy_cells: int
    cell_size: float
    code_dim: int
    code_scale: float
    compact: Compact | None
    space: dict[str, Any]
    settings: dict[str, Any]
    provenance: dict[str, Any]
    file_bytes: int
    format_version: int


def parse_header(file: TensorFile) -> MapHeader:
    """Check that the header describes a map that this version can read."""
    notes = file.metadata
    try:
        version = int(notes["format_version"])
        if version > FORMAT_VERSION:
            raise MapFileError(
                f"{file.path} has format version {version}, this software reads up to {FORMAT_VERSION}; "
                f"update dvemap (the file was written by {json.loads(notes['provenance']).get('software')})"
            )
        shapes = {name: entry.shape for name, entry in file.entries.items()}
        header = MapHeader(
            cells=shapes["key"][0],
            occupancy_cells=shapes["occupancy.key"][0],
            cell_size=float(notes["cell_size"]),
            code_dim=int(notes["code_dim"]),
            code_scale=float(notes["code_scale"]),
            compact=json.loads(notes["compact"]),
            space=json.loads(notes["space"]),
            settings=json.loads(notes["settings"]),
            provenance=json.loads(notes["provenance"]),
            file_bytes=file.stat.st_size,
            format_version=version,
        )
        if "head" in shapes and (len(shapes["head"]) != 2 or shapes["head"][1] != header.code_dim):
            raise ValueError(f"head must be (D, {header.code_dim}), got {shapes['head']}")
        for name, (dtype, shape) in _layout(header).items():
            entry = file.entries[name]
            if entry.dtype != dtype or entry.shape != shape:
                raise ValueError(f"{name} must be {dtype.__name__} {shape}, got {entry.dtype} {entry.shape}")
    except MapFileError:
        raise
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise MapFileError(f"{file.path} holds no consistent map: {error}; make the file again") from error
    return header


def _layout(header: MapHeader) -> dict[str, tuple[type[np.generic], tuple[int, ...]]]:
    """Dtype and shape of each tensor of a map but the head."""
    n, m = header.cells, header.occupancy_cells
    layout: dict[str, tuple[type[np.generic], tuple[int, ...]]] = {
        name: (np.int64, (n, *_ROW_SHAPES.get(name, ()))) for name in FIELDS
    }
    layout["code"] = (CODE_DTYPES[header.compact], (n, header.code_dim))
    layout["embedding_norm"] = (np.float32, (n,))
    if header.compact:
        layout["code_row_scale"] = (np.float32, (n,))
    layout["occupancy.key"] = (np.int64, (m,))
    layout["occupancy.hits"] = layout["occupancy.misses"] = (np.int32, (m,))
    return layout
