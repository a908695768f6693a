"""What `dvemap info` says of maps, sequences and encoders."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mapping
from dvemap.console import quantity, try_next
from dvemap.defaults import DEFAULT_ESTIMATOR
from sequences import inspect_sequence, open_sequence
from sequences.video import VIDEO_SUFFIXES
from student.onnx_config import FILE_NAME, read_config
from student.probe import NAMES
from student.shipped import shipped
from student.student_folder import FILE_NAME as STUDENT
from student.student_folder import read_student_folder
from student.student_source import SUFFIXES
from student.weights import CATALOGUE, find

_MAP_MARK = b'"format":"dvemap"'

Rows = list[tuple[str, object]]


@dataclass(frozen=True)
class Description:
    """Rows for people, a record for machines, and the command to try next."""

    rows: Rows
    record: dict[str, Any]
    next: tuple[str, ...]


def describe(path: Path, verify: bool = False) -> Description:
    """Describe a map file, a file of weights, an encoder folder or a sequence.

    Parameters
    ----------
    path : Path
        Also the name of a student that comes along or of published weights (`dvemap weights list`).
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
    if str(path) in (known := shipped()):
        return _describe_student(known[str(path)])
    if path.is_file() and path.suffix.lower() not in (".sens", *VIDEO_SUFFIXES):
        return _describe_weights(path) if _holds_weights(path) else _describe_map(path, verify)
    if not path.exists() and str(path) in CATALOGUE:
        return _describe_published(str(path))
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


def _holds_weights(path: Path) -> bool:
    """Say whether a file is meant to be weights rather than a map."""
    if path.suffix.lower() == ".dvm":
        return False
    with path.open("rb") as file:
        return _MAP_MARK not in file.read(256) and path.suffix.lower() in SUFFIXES


def _describe_weights(path: Path) -> Description:
    from student.checkpoints import checkpoint_of
    from student.checkpoints.file import read_checkpoint_file
    from student.checkpoints.kind import Kind, kind_of
    from student.checkpoints.kind import describe as what_is
    from student.checkpoints.training_input import training_input

    file = read_checkpoint_file(path)
    kind = kind_of(file.content)
    rows: Rows = [("weights", f"{file.name} ({quantity(path.stat().st_size)})")]
    rows.append(("what", what_is(file.content, file.metadata)))
    record = {"kind": kind.value, "weights": str(path), "what": rows[-1][1], "bytes": path.stat().st_size}
    if kind is Kind.PROBE:
        return _describe_probe(path, file.content, rows, record)
    if kind is not Kind.STUDENT:
        return Description(rows, record, ("dvemap", "weights", "list"))
    checkpoint = checkpoint_of(file)
    count = sum(value.numel() for value in checkpoint.state.values())
    rows += [
        ("variant", checkpoint.variant or "none of the published ones"),
        ("epoch", "unknown" if checkpoint.epoch is None else checkpoint.epoch),
        ("numbers", f"{count / 1e6:.1f} M"),
    ]
    seen = training_input(checkpoint.metadata, file.name)
    if seen.size is not None and seen.statistics is not None:
        rows.append(("trained at", f"{seen.size[0]}x{seen.size[1]}, depth statistics {seen.statistics.name}"))
    record |= {"variant": checkpoint.variant, "epoch": checkpoint.epoch, "numbers": count}
    record["config"] = checkpoint.config.model_dump(mode="json")
    return Description(rows, record, ("dvemap", "fuse", "SEQUENCE", "-o", "map.dvm", "--encoder", str(path)))


def _describe_probe(path: Path, content: dict[str, Any], rows: Rows, record: dict[str, Any]) -> Description:
    """Add what `dvemap probe` wrote beside the weights; a published probe says nothing of itself."""
    names, made = content.get(NAMES), content.get("provenance")
    if isinstance(names, list):
        rows.append(("classes", ", ".join(map(str, names))))
        record["classes"] = names
    if isinstance(made, dict):
        rows += [(str(name), value) for name, value in made.items()]
        record["provenance"] = made
    list_of = () if isinstance(names, list) else ("--classes", "LIST")
    return Description(rows, record, ("dvemap", "label", "MAP", "--probe", str(path), *list_of))


def _describe_published(name: str) -> Description:
    found = find(name)
    if found is not None:
        return _describe_weights(found)
    entry = CATALOGUE[name]
    rows: Rows = [("weights", f"{name} ({entry.what})"), ("file", "not on this computer")]
    record = {"kind": entry.kind.value, "weights": name, "what": entry.what, "bytes": None}
    return Description(rows, record, ("dvemap", "weights", "pull", name))


def _describe_sequence(path: Path) -> Description:
    sequence = open_sequence(path, depth_optional=True)
    seen = inspect_sequence(sequence)
    rows: Rows = [("sequence", path), *(_split(line) for line in seen.summary())]
    record = {
        "kind": "sequence",
        "sequence": str(path),
        "format": sequence.format,
        "frames": len(sequence),
        "inspection": seen.to_dict(),
    }
    depth = () if sequence.has_depth else ("--depth-from", DEFAULT_ESTIMATOR)
    return Description(rows, record, ("dvemap", "fuse", str(path), "-o", f"{sequence.name}.dvm", *depth))


def _split(line: str) -> tuple[str, str]:
    """Take the name off a line `name: what was seen`."""
    name, _, seen = line.partition(": ")
    return name, seen
