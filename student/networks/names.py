"""Published networks by name."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import TypeVar

T = TypeVar("T")


def look_up(kind: str, name: str, known: Mapping[str, T]) -> T:
    """Return what a name stands for.

    Parameters
    ----------
    kind
        What messages call it, such as student.
    name, known
        The name, and all that there are.

    Raises
    ------
    ValueError
        The name is unknown; the message has the nearest one.
    """
    if name not in known:
        near = difflib.get_close_matches(name, known, n=1, cutoff=0)
        raise ValueError(f"unknown {kind} {name!r}, did you mean {near[0]!r}? Known: {', '.join(known)}")
    return known[name]
