"""What is known of one cell, in words."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import numpy as np

import mapping
from mapping import Classifier, ClassList, VoxelMap
from mapping.readout import evidence

_A_DATE: Final = 315_532_800  # seconds of 1980: later stamps are times of day, earlier ones count from zero
_NAMES: Final = 3


def facts(
    voxel_map: VoxelMap, row: int, classes: tuple[Classifier, ClassList] | None = None
) -> list[tuple[str, str]]:
    """Say what a map knows of a cell.

    Parameters
    ----------
    voxel_map : VoxelMap
    row : int
        The row of the cell.
    classes : (Classifier, ClassList), optional
        What names it; without it the cell stays unnamed.

    Returns
    -------
    list of (name, value)
    """
    rows = np.array([row])
    place, seen = mapping.mean(voxel_map, rows)[0], mapping.color(voxel_map, rows)[0]
    hits, misses = evidence(voxel_map, rows)
    odds = float(mapping.log_odds(voxel_map, rows)[0])
    known = [
        ("position", " ".join(f"{value:.2f}" for value in place) + " m"),
        ("colour", f"{seen[0]} {seen[1]} {seen[2]}  #{seen[0]:02x}{seen[1]:02x}{seen[2]:02x}"),
        ("seen", f"in {hits[0]:,} frames, through in {misses[0]:,} (log-odds {odds:.1f})"),
        ("first", moment(int(voxel_map.first_seen[row]))),
        ("last", moment(int(voxel_map.last_seen[row]))),
    ]
    if voxel_map.code_dim:
        sure = float(mapping.confidence(voxel_map, rows)[0])
        known.append(("confidence", f"{sure:.2f}" if sure > 0 else "no embedding"))
        if classes is not None and sure > 0:
            best = best_names(voxel_map, row, *classes)
            known.append(("label", best[0][0]))
            known.append(("best names", ", ".join(f"{name} {score:.2f}" for name, score in best)))
    return known


def best_names(
    voxel_map: VoxelMap, row: int, classifier: Classifier, classes: ClassList
) -> list[tuple[str, float]]:
    """Return the classes that fit a cell best, with their scores, best first."""
    embedding = mapping.embedding(voxel_map, np.array([row]))[0]
    score = classifier.weight @ embedding + classifier.bias
    name_of = dict(zip(classes.ids.tolist(), classes.names, strict=True))
    best = np.argsort(-score, kind="stable")[:_NAMES]
    return [(name_of[int(classifier.ids[k])], float(score[k])) for k in best]


def moment(nanoseconds: int) -> str:
    """Write a time stamp the way people say it: a date, or seconds from the start of a recording."""
    seconds = nanoseconds / 1e9
    if seconds < _A_DATE:
        return f"{seconds:.2f} s"
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
