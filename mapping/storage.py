"""Maps on disk: one safetensors file, written atomically, memory-mapped when read.

Rows are sorted by key, so that equal maps make equal tensors. All tensors are the sums of the map, except
`embedding_norm`, which queries divide by and which is too dear to compute each time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from mapping.fields import Fields
from mapping.map_header import CODE_DTYPES, FIELDS, FORMAT_VERSION, KIND, Compact, MapHeader, parse_header
from mapping.occupancy import OccupancyRows
from mapping.settings import FusionSettings
from mapping.tensor_file import MapFileError as MapFileError
from mapping.tensor_file import Tensor, TensorFile, write_tensors
from mapping.verified import is_verified, remember_verified
from mapping.voxel_map import VoxelMap

_CHUNK_BYTES: Final = 1 << 24


def save(map: VoxelMap, path: str | Path, provenance: Mapping[str, Any] | None = None) -> None:
    """Write a map.

    The old file, if any, stays until the new one is complete and synced. Beyond the map itself this takes two
    chunks of 16 MiB and 8 bytes a cell.

    Parameters
    ----------
    map
        The map; a compact one stays compact.
    path
        The file to make or replace.
    provenance
        Values for JSON, kept in the header; `created` and `software` are added.

    Raises
    ------
    OSError
        The file cannot be written, for example because the disk is full.
    """
    _write(map, Path(path), provenance, None)


def compress(
    source: str | Path | VoxelMap,
    path: str | Path,
    kind: Compact,
    provenance: Mapping[str, Any] | None = None,
) -> None:
    """Write a smaller map that answers queries but cannot be merged, subtracted or continued.

    Each row of codes is divided by its own largest value and rounded to half floats or to 8 bits. All else,
    including the norms of the exact embeddings, is kept.

    Parameters
    ----------
    source
        A map, or the path of one, whose provenance then is carried along.
    path
        The file to make or replace.
    kind
        "fp16" (half the size of the codes) or "int8" (a quarter).
    provenance
        Added to what the source says.

    Raises
    ------
    ValueError
        The kind is unknown, or the map is compact already.
    MapFileError, OSError
        A file cannot be read or written.
    """
    if kind not in ("fp16", "int8"):
        raise ValueError(f'kind must be "fp16" or "int8", got {kind!r}')
    known: dict[str, Any] = {}
    if not isinstance(source, VoxelMap):
        known = read_header(source).provenance
        source = load(source)
    if source.compact is not None:
        raise ValueError(f"the map must have exact codes, got one compressed to {source.compact}")
    _write(source, Path(path), {**known, **(provenance or {}), "compressed": kind}, kind)


def load(path: str | Path, verify: bool | Literal["auto"] = "auto") -> VoxelMap:
    """Open a map. Its fields are read-only views of the file and cost no memory until they are touched.

    Parameters
    ----------
    path
        A file that `save` or `compress` wrote.
    verify
        The header and the size are always checked. True reads everything and compares checksums, False does
        not, "auto" does so once for each version of a file, and not for one that was written here.

    Returns
    -------
    VoxelMap

    Raises
    ------
    MapFileError
        The file is no map, too new, truncated, or damaged (it says where).
    OSError
        The file cannot be opened.
    """
    path = Path(path)
    file = TensorFile(path, KIND)
    header = parse_header(file)
    if verify is True or (verify == "auto" and not is_verified(path, file.stat, file.header_sha256)):
        _check_body(file)
    try:
        settings = FusionSettings(**header.settings)
    except (TypeError, ValueError) as error:
        raise MapFileError(
            f"{path}: fusion settings {header.settings} are not understood: {error}; update dvemap"
        ) from error
    return VoxelMap.from_fields(
        cell_size=header.cell_size,
        code_dim=header.code_dim,
        code_scale=header.code_scale,
        space=header.space,
        head=file["head"] if "head" in file.entries else None,
        settings=settings,
        fields=Fields(**{name: file[name] for name in FIELDS}),
        occupancy=OccupancyRows(*(file[f"occupancy.{name}"] for name in OccupancyRows.__slots__)),
        embedding_norm=file["embedding_norm"],
        compact=header.compact,
        code_row_scale=file["code_row_scale"] if header.compact else None,
    )


def verify(path: str | Path) -> None:
    """Read a whole map file and compare every checksum.

    Raises
    ------
    MapFileError
        Something is wrong; the message names the damaged tensors.
    OSError
        The file cannot be opened.
    """
    file = TensorFile(Path(path), KIND)
    parse_header(file)
    _check_body(file)


def read_header(path: str | Path) -> MapHeader:
    """Read what a map says about itself; takes milliseconds for any size.

    Raises
    ------
    MapFileError, OSError
        As `load`, except for damaged tensors, which are not looked at.
    """
    return parse_header(TensorFile(Path(path), KIND))


def _check_body(file: TensorFile) -> None:
    damaged = file.damaged()
    if damaged:
        raise MapFileError(
            f"{file.path} is damaged: the SHA-256 of {', '.join(damaged)} is not what was written; "
            "copy or make the file again"
        )
    for name, what in (("key", "cell"), ("occupancy.key", "occupancy")):
        key = file[name]
        if not (key[1:] > key[:-1]).all():
            raise MapFileError(f"{file.path}: {what} keys must increase strictly; make the file again")
    remember_verified(file.path, file.stat, file.header_sha256)


def _write(
    map: VoxelMap, path: Path, provenance: Mapping[str, Any] | None, compression: Compact | None
) -> None:
    notes = {
        "format_version": str(FORMAT_VERSION),
        "cell_size": repr(map.cell_size),
        "code_dim": str(map.code_dim),
        "code_scale": repr(map.code_scale),
        "compact": json.dumps(compression or map.compact),
        "space": json.dumps(map.space),
        "settings": json.dumps(map.settings.to_dict()),
        "provenance": json.dumps({**_writer(), **(provenance or {})}),
    }
    write_tensors(path, KIND, notes, _tensors(map, compression))
    file = TensorFile(path, KIND)
    remember_verified(path, file.stat, file.header_sha256)


def _writer() -> dict[str, str]:
    return {
        "software": f"dvemap {_software_version()}",
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _software_version() -> str:
    try:
        return metadata.version("dvemap")
    except metadata.PackageNotFoundError:  # a clone that was not installed
        return "uninstalled"


def _tensors(map: VoxelMap, compression: Compact | None) -> dict[str, Tensor]:
    """Describe the tensors of a map; their rows are gathered when they are written."""
    order = np.argsort(map.key)
    columns = {name: getattr(map, name) for name in FIELDS if name != "code"}
    columns["embedding_norm"] = map.embedding_norm
    if map.compact:
        columns["code_row_scale"] = map.code_row_scale
    tensors = {name: _column(field, order) for name, field in columns.items()}
    if compression is None:
        tensors["code"] = _column(map.code, order)
    else:
        scale = _row_scale(map.code, compression)
        rows = _compressed(map.code, scale, order, compression)
        tensors["code"] = Tensor(CODE_DTYPES[compression], map.code.shape, rows)
        tensors["code_row_scale"] = _column(scale, order)
    for name in OccupancyRows.__slots__:
        counts = getattr(map.occupancy, name)
        tensors[f"occupancy.{name}"] = Tensor(counts.dtype, counts.shape, [counts])
    if map.head is not None:
        tensors["head"] = Tensor(np.float32, map.head.shape, [map.head])
    return tensors


def _column(field: npt.NDArray[Any], order: npt.NDArray[np.int64]) -> Tensor:
    return Tensor(field.dtype, field.shape, (field[rows] for rows in _chunks(field, order)))


def _chunks(field: npt.NDArray[Any], order: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Split `order` so that the rows of a chunk take about 16 MiB."""
    step = max(1, _CHUNK_BYTES // max(1, field[:1].nbytes))
    return (order[start : start + step] for start in range(0, len(order), step))


def _row_scale(code: npt.NDArray[np.int32], compression: Compact) -> npt.NDArray[np.float32]:
    """Value of 1.0 (half floats) or of one step (8 bits) in each row; rows of zeros get 1."""
    largest = np.maximum(code.max(axis=1, initial=0), -code.min(axis=1, initial=0).astype(np.int64))
    scale: npt.NDArray[np.float32] = largest.astype(np.float32) / np.float32(
        127 if compression == "int8" else 1
    )
    scale[largest == 0] = 1
    return scale


def _compressed(
    code: npt.NDArray[np.int32],
    scale: npt.NDArray[np.float32],
    order: npt.NDArray[np.int64],
    compression: Compact,
) -> Iterator[npt.NDArray[Any]]:
    for rows in _chunks(code, order):
        scaled = code[rows] / scale[rows, None]
        yield np.rint(scaled).astype(np.int8) if compression == "int8" else scaled.astype(np.float16)
