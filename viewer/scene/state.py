"""What the user has chosen, in any window."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from typing import Final, Literal

Mode = Literal["color", "labels", "text", "pca", "confidence", "normals", "occupancy", "ellipsoids"]

MODES: Final[dict[Mode, str]] = {
    "color": "Colour",
    "labels": "Labels",
    "text": "Text heat",
    "pca": "PCA",
    "confidence": "Confidence",
    "normals": "Normals",
    "occupancy": "Occupancy",
    "ellipsoids": "Ellipsoids",
}
"""What a map can be coloured by, in the order of their keys 1 to 8, and what people call it."""


@dataclass(frozen=True, slots=True)
class ViewState:
    """How all maps of a window are shown.

    Attributes
    ----------
    mode : Mode
    text : str
        What was asked; empty before the first question.
    negatives : tuple of str
        What a hit must not rather be.
    threshold : float or None
        Relevancy from which a cell counts; None: that of the text encoder.
    hidden : frozenset of int
        Ids of the classes that are not drawn in mode "labels"; at first 0, what has no label.
    cut : float
        Height above which nothing is drawn, as a share of the map's own, in (0, 1].
    boxes, trail : bool
        Whether hits have boxes, and whether the way of the camera is drawn.
    """

    mode: Mode = "color"
    text: str = ""
    negatives: tuple[str, ...] = ()
    threshold: float | None = None
    hidden: frozenset[int] = frozenset({0})
    cut: float = 1.0
    boxes: bool = True
    trail: bool = False


def phrases(text: str) -> tuple[str, ...]:
    """Split what was typed into the box of negatives: phrases between commas."""
    return tuple(part.strip() for part in text.split(",") if part.strip())


def mode_of(name: str) -> Mode:
    """Return the mode of a name.

    Raises
    ------
    ValueError
        If there is none.
    """
    for mode in MODES:
        if name.lower() == mode:
            return mode
    close = difflib.get_close_matches(name.lower(), MODES, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    raise ValueError(f"mode must be one of {', '.join(MODES)}, got {name!r}; {hint}".rstrip("; "))
