"""Coloured point clouds and triangle meshes with numbers at their vertices, as binary PLY files.

Written and read here because a mesh library renames, merges or drops what it does not know, and takes seconds
to import: label ids must come back as they were written, vertex by vertex.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt

from mapping.atomic import atomic_write

_TYPES: Final = {
    "char": "i1", "uchar": "u1", "short": "i2", "ushort": "u2", "int": "i4", "uint": "u4", "float": "f4",
    "double": "f8", "int8": "i1", "uint8": "u1", "int16": "i2", "uint16": "u2", "int32": "i4", "uint32": "u4",
    "float32": "f4", "float64": "f8",
}  # fmt: skip
_NAMES: Final = {code: name for name, code in reversed(_TYPES.items())}
_ORDERS: Final = {"ascii": "=", "binary_little_endian": "<", "binary_big_endian": ">"}
_CHANNELS: Final = ("red", "green", "blue")


class PlyError(ValueError):
    """A PLY file that cannot be read; the message names it, what was expected and what came."""


@dataclass(frozen=True, slots=True, eq=False)
class Ply:
    """Vertices, perhaps coloured, perhaps joined to triangles.

    Attributes
    ----------
    vertices : ndarray
        (n, 3) float, metres.
    faces : ndarray or None
        (m, 3) int32 vertex numbers; None for a point cloud.
    colors : ndarray or None
        (n, 3) uint8 RGB.
    properties : dict of str to ndarray
        Any other numbers of the vertices, (n,) each, for example `label`.
    """

    vertices: npt.NDArray[np.floating[Any]]
    faces: npt.NDArray[np.int32] | None = None
    colors: npt.NDArray[np.uint8] | None = None
    properties: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


def write_ply(
    path: str | Path,
    vertices: npt.ArrayLike,
    *,
    faces: npt.ArrayLike | None = None,
    colors: npt.NDArray[np.uint8] | None = None,
    properties: Mapping[str, npt.NDArray[Any]] | None = None,
) -> None:
    """Write a binary PLY file; the old file stays until the new one is complete.

    Parameters
    ----------
    path
        The file to make or replace.
    vertices
        (n, 3) metres; stored as float32.
    faces
        (m, 3) vertex numbers.
    colors
        (n, 3) uint8 RGB.
    properties
        More numbers of the vertices, (n,) each, in integers of up to 32 bits or floats.

    Raises
    ------
    ValueError
        Shapes do not fit, a property has a name or type that PLY lacks, or a face names no vertex.
    OSError
        The file cannot be written.
    """
    points = np.asarray(vertices, np.float32)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"vertices must be (n, 3), got {points.shape}")
    columns: dict[str, npt.NDArray[Any]] = dict(zip("xyz", points.T, strict=True))
    if colors is not None:
        if colors.shape != points.shape or colors.dtype != np.uint8:
            raise ValueError(f"colors must be {points.shape} uint8, got {colors.shape} {colors.dtype}")
        columns |= dict(zip(_CHANNELS, colors.T, strict=True))
    for name, values in (properties or {}).items():
        if not re.fullmatch(r"[A-Za-z_]\w*", name) or name in columns:
            raise ValueError(f"a property needs a name of its own, letters and digits, got {name!r}")
        if values.shape != points.shape[:1] or _code(values.dtype) not in _NAMES:
            raise ValueError(
                f"property {name} must be ({len(points)},) of a type that PLY has, got {values.shape} "
                f"{values.dtype}"
            )
        columns[name] = values
    rows = np.empty(len(points), [(name, "<" + _code(column.dtype)) for name, column in columns.items()])
    for name, column in columns.items():
        rows[name] = column
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}"]
    header += [f"property {_NAMES[_code(column.dtype)]} {name}" for name, column in columns.items()]
    body = [rows]
    if faces is not None:
        body.append(_face_rows(np.asarray(faces), len(points)))
        header += [f"element face {len(body[1])}", "property list uchar int vertex_indices"]
    with atomic_write(Path(path)) as file:
        file.write("\n".join([*header, "end_header\n"]).encode("ascii"))
        for table in body:
            file.write(table.view(np.uint8).data)


def _face_rows(faces: npt.NDArray[Any], vertices: int) -> npt.NDArray[Any]:
    if faces.ndim != 2 or faces.shape[1] != 3 or not np.issubdtype(faces.dtype, np.integer):
        raise ValueError(f"faces must be (m, 3) integers, got {faces.shape} {faces.dtype}")
    if faces.size and not (faces.min() >= 0 and faces.max() < vertices):
        raise ValueError(f"faces must name vertices 0..{vertices - 1}, got {faces.min()}..{faces.max()}")
    rows = np.empty(len(faces), [("count", "u1"), ("index", "<i4", 3)])
    rows["count"], rows["index"] = 3, faces
    return rows


def _code(dtype: np.dtype[Any]) -> str:
    return f"{dtype.kind}{dtype.itemsize}"


def read_ply(path: str | Path) -> Ply:
    """Read a PLY file, ascii or binary, with all numbers of its vertices.

    Parameters
    ----------
    path
        Such as a `*_vh_clean_2.labels.ply` of ScanNet, whose labels are in `properties["label"]`.

    Raises
    ------
    PlyError
        The file is none, is truncated, or holds faces that are no triangles.
    OSError
        The file cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        order, elements = _read_header(path, file)
        tables = {}
        for name, (count, properties) in elements.items():
            if name in ("vertex", "face") or order != "=":
                tables[name] = _read_element(path, file, name, count, properties, order)
            if {"vertex", "face"} & set(elements) <= set(tables):
                break  # whatever follows is not asked for
    if "vertex" not in tables or not {"x", "y", "z"} <= set(tables["vertex"]):
        raise PlyError(f"{path} must have vertices with x, y and z, got {list(elements)}")
    columns = tables["vertex"]
    vertices = np.stack([columns.pop(axis) for axis in "xyz"], axis=1)
    colors = None
    if set(_CHANNELS) <= set(columns) and all(columns[name].dtype == np.uint8 for name in _CHANNELS):
        colors = np.stack([columns.pop(name) for name in _CHANNELS], axis=1)
    faces = None
    if "face" in tables:
        lists = [column for column in tables["face"].values() if column.ndim == 2]
        faces = lists[0].astype(np.int32) if lists else np.empty((0, 3), np.int32)
        if faces.size and not (faces.min() >= 0 and faces.max() < len(vertices)):
            raise PlyError(f"{path}: faces must name vertices 0..{len(vertices) - 1}, got {faces.max()}")
    return Ply(vertices, faces, colors, columns)


_Properties = list[tuple[str, str, str | None]]  # name, type, type of the count of a list


def _read_header(path: Path, file: BinaryIO) -> tuple[str, dict[str, tuple[int, _Properties]]]:
    if file.readline(16).strip() != b"ply":
        raise PlyError(f'{path} is no PLY file: its first line must be "ply"')
    order, elements, properties = "", dict[str, tuple[int, _Properties]](), _Properties()
    while (line := file.readline(4096)).strip() != b"end_header":
        try:
            match line.decode("ascii", "replace").split():
                case ["format", kind, _]:
                    order = _ORDERS[kind]
                case ["element", name, count]:
                    properties = []
                    elements[name] = (int(count), properties)
                case ["property", "list", count, kind, name]:
                    properties.append((name, _TYPES[kind], _TYPES[count]))
                case ["property", kind, name]:
                    properties.append((name, _TYPES[kind], None))
                case ["comment" | "obj_info", *_]:
                    pass
                case _:
                    raise ValueError
        except (ValueError, KeyError):
            raise PlyError(f"{path}: the header must not hold {line[:80]!r}") from None
    if not order:
        raise PlyError(f"{path}: the header must name a format")
    return order, elements


def _read_element(
    path: Path, file: BinaryIO, name: str, count: int, properties: _Properties, order: str
) -> dict[str, npt.NDArray[Any]]:
    """Read the rows of an element as columns; lists must hold three numbers each."""
    layout: list[Any] = []
    for column, kind, list_count in properties:
        if list_count is None:
            layout.append((column, order + kind))
        else:
            layout += [(f"{column} count", order + list_count), (column, order + kind, 3)]
    dtype = np.dtype(layout)
    if order == "=":
        rows = _read_ascii(path, file, name, count, dtype)
    else:
        raw = file.read(count * dtype.itemsize)
        rows = np.frombuffer(raw, dtype, len(raw) // max(dtype.itemsize, 1))
    columns = {column: rows[column] for column, _, _ in properties}
    for column, _, list_count in properties:
        if list_count is not None and (rows[f"{column} count"] != 3).any():
            raise PlyError(f"{path}: every {name} must have 3 {column}; triangulate the mesh first")
    if len(rows) < count:
        raise PlyError(f"{path} is truncated: expected {count} rows of {name}, got {len(rows)}")
    return {column: values.astype(values.dtype.newbyteorder("=")) for column, values in columns.items()}


def _read_ascii(path: Path, file: BinaryIO, name: str, count: int, dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    lines = [line.split() for _, line in zip(range(count), file, strict=False)]
    flat: list[str] = []
    for column in dtype.names or ():
        flat += [column] * int(np.prod(dtype[column].shape, dtype=int))
    if any(len(line) != len(flat) for line in lines):
        raise PlyError(f"{path}: every {name} must have {len(flat)} numbers (faces: triangles)")
    table = np.array(lines, np.float64).reshape(len(lines), len(flat))
    rows = np.empty(len(lines), dtype)
    for column in dtype.names or ():
        values = table[:, [place for place, owner in enumerate(flat) if owner == column]]
        rows[column] = values.reshape(rows[column].shape)
    return rows
