"""Classes of the data sets: their names, and which are countable."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_FILE: Final = Path(__file__).with_name("classes.json")

INDOOR_STUFF: Final = ("wall", "floor", "ceiling")
"""What is stuff in NYU40 and its relatives, and in synthetic flats; everything else is a thing there."""


@dataclass(frozen=True, slots=True)
class ClassSet:
    """K classes: class c has `names[c - 1]`, and is countable where `things[c - 1]`."""

    names: tuple[str, ...]
    things: tuple[bool, ...]

    def __len__(self) -> int:
        """Number of classes."""
        return len(self.names)


def make_class_set(names: tuple[str, ...], stuff: Collection[str] = INDOOR_STUFF) -> ClassSet:
    """Return classes of which all are things but those of some names."""
    return ClassSet(names, tuple(name not in stuff for name in names))


@cache
def class_set(name: str) -> ClassSet:
    """Return "nyu-40", "sunrgbd-37", "scannet-20", "scannet-200" or "ade20k-150".

    Names are verbatim those of the NICR packages, whose files of text embeddings are keyed by them; those
    of ADE20K list synonyms, as in "painting, picture".
    """
    entry = json.loads(_FILE.read_text(encoding="utf-8"))[name]
    return make_class_set(tuple(entry["names"]), frozenset(entry["stuff"]))
