"""What `dvemap info` says of maps, sequences and encoders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mapping
from dvemap.console import quantity, try_next
from sequences import inspect_sequence, open_sequence
from student.onnx_config import FILE_NAME, read_config
from student.student_folder import FILE_NAME as STUDENT
from student.student_folder import read_student_folder

Rows = list[tuple[str, object]]


@dataclass(frozen=True)
class Description:
    """Rows for people, a record for machines, and the command to try next."""

    rows: Rows
    record: dict[str, Any]
    next: tuple[str, ...]


def describe(path: Path, verify: bool = False) -> Description:
    """Describe a map file, an encoder folder or a sequence.

    Parameters
    ----------
    path : Path
    verify : bool
        Read a map whole and compare it with its checksum.

    Returns
    -------
    Description

    Raises
    ------
    ValueError
        If the path is none of these, or a map is damaged.
    """
    if path.is_file() and path.suffix != ".sens":
        return _describe_map(path, verify)
    if (path / FILE_NAME).is_file():
        return _describe_encoder(path)
    if (path / STUDENT).is_file():
        return _describe_student(path)
    return _describe_sequence(path)


def _describe_map(path: Path, verify: bool) -> Description:
    if verify:
        mapping.verify(path)
    header = mapping.read_header(path)
    made = header.provenance
    digest = None if header.compact else made.get("digest") or mapping.load(path).digest()
    space = header.space.get("name")
    codes = f"{header.code_dim} numbers a cell ({header.compact or 'exact sums'})"
    rows: Rows = [
        ("map", f"{path} ({quantity(header.file_bytes)}{', verified' if verify else ''})"),
        ("cells", f"{header.cells:,} of {header.cell_size * 100:g} cm"),
        ("frames", f"{made.get('frames', 0):,}"),
        ("codes", codes if header.code_dim else "none"),
        ("space", space or "none"),
        ("source", ", ".join(str(source.get("path")) for source in made.get("sources", [])) or "unknown"),
        ("made by", made.get("software", "unknown")),
        ("digest", digest or f"none (compact), made from {made.get('digest', 'an unknown map')}"),
    ]
    record = {
        "kind": "map",
        "map": str(path),
        "cells": header.cells,
        "cell_size": header.cell_size,
        "digest": digest,
        "space": space,
        "code_dim": header.code_dim,
        "frames": made.get("frames", 0),
        "codes": header.compact or "int32",
        "bytes": header.file_bytes,
        "text_encoder": header.space.get("text_encoder"),
        "verified": verify,
        "provenance": made,
    }
    return Description(rows, record, try_next(path, header.space))


def _describe_encoder(path: Path) -> Description:
    settings = read_config(path).model_dump(mode="json")
    rows: Rows = [("encoder", path), *settings.items()]
    record = {"kind": "encoder", "encoder": str(path), **settings}
    return Description(rows, record, ("dvemap", "fuse", "SEQUENCE", "-o", "map.dvm", "--encoder", str(path)))


def _describe_student(path: Path) -> Description:
    settings = read_student_folder(path).model_dump(mode="json")
    rows: Rows = [("exported student", path), *settings.items()]
    record = {"kind": "student", "student": str(path), **settings}
    return Description(rows, record, ("dvemap", "fuse", "SEQUENCE", "-o", "map.dvm", "--encoder", str(path)))


def _describe_sequence(path: Path) -> Description:
    sequence = open_sequence(path)
    seen = inspect_sequence(sequence)
    rows: Rows = [("sequence", path), *(_split(line) for line in seen.summary())]
    record = {
        "kind": "sequence",
        "sequence": str(path),
        "format": sequence.format,
        "frames": len(sequence),
        "inspection": seen.to_dict(),
    }
    return Description(rows, record, ("dvemap", "fuse", str(path), "-o", f"{sequence.name}.dvm"))


def _split(line: str) -> tuple[str, str]:
    """Take the name off a line `name: what was seen`."""
    name, _, seen = line.partition(": ")
    return name, seen
