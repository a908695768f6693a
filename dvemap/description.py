"""What `dvemap info` says of maps, sequences and encoders."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mapping
from dvemap.console import quantity
from sequences import inspect_sequence, open_sequence

Rows = list[tuple[str, object]]


@dataclass(frozen=True)
class Description:
    """Rows for people, a record for machines, and the command to try next."""

    rows: Rows
    record: dict[str, Any]
    next: str


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
    if (path / "encoder.json").is_file():
        return _describe_encoder(path)
    return _describe_sequence(path)


def _describe_map(path: Path, verify: bool) -> Description:
    if verify:
        mapping.verify(path)
    header = mapping.read_header(path)
    made = header.provenance
    read = mapping.load(path)
    space = None if read.space is None else read.space.get("name")
    digest = made.get("digest") or (None if read.compact else read.digest())
    codes = (
        "none" if not read.code_dim else f"{read.code_dim} numbers a cell ({read.compact or 'exact sums'})"
    )
    rows: Rows = [
        ("map", f"{path} ({quantity(path.stat().st_size)}{', verified' if verify else ''})"),
        ("cells", f"{len(read):,} of {read.cell_size * 100:g} cm"),
        ("frames", f"{made.get('frames', 0):,}"),
        ("codes", codes),
        ("space", space or "none"),
        ("source", ", ".join(str(source.get("path")) for source in made.get("sources", [])) or "unknown"),
        ("made by", made.get("software", "unknown")),
        ("digest", digest or "none (compact)"),
    ]
    record = {
        "kind": "map",
        "map": str(path),
        "cells": len(read),
        "cell_size": read.cell_size,
        "digest": digest,
        "space": space,
        "code_dim": read.code_dim,
        "frames": made.get("frames", 0),
        "codes": read.compact or "int32",
        "bytes": path.stat().st_size,
        "text_encoder": None if read.space is None else read.space.get("text_encoder"),
        "verified": verify,
        "provenance": made,
    }
    return Description(
        rows, record, f'dvemap query {path} "chair"' if space else f"dvemap export {path} --to ply"
    )


def _describe_encoder(path: Path) -> Description:
    settings = json.loads((path / "encoder.json").read_text(encoding="utf-8"))
    rows: Rows = [("encoder", path), *((name, value) for name, value in settings.items())]
    record = {"kind": "encoder", "encoder": str(path), **settings}
    return Description(rows, record, f"dvemap fuse SEQUENCE -o map.dvm --encoder {path}")


def _describe_sequence(path: Path) -> Description:
    sequence = open_sequence(path)
    seen = inspect_sequence(sequence)
    rows: Rows = [("sequence", f"{path} ({sequence.format}, {len(sequence):,} frames)")]
    rows += [("", line) for line in seen.summary()]
    record = {
        "kind": "sequence",
        "sequence": str(path),
        "format": sequence.format,
        "frames": len(sequence),
        "inspection": seen.to_dict(),
    }
    return Description(rows, record, f"dvemap fuse {path} -o map.dvm")
