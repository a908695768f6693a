"""Which of the tags at hits can be read: those that lie on no better one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from viewer.scene.orbit import pixel

_GLYPH: Final = 0.6
"""Width of a glyph, in heights of a line."""

_LINE: Final = 1.15
"""Distance between lines, in heights of one."""


def readable(
    places: npt.ArrayLike,
    texts: Sequence[str],
    model_matrix: npt.NDArray[Any],
    size: tuple[int, int],
    em: float,
) -> list[bool]:
    """Say of each tag whether it lies on none of those before it that are shown.

    Parameters
    ----------
    places
        (n, 3) metres, the best first.
    texts
        What is written there, centred.
    model_matrix
        (4, 4) pose of the camera, OpenGL axes.
    size
        Width and height of the picture, pixels.
    em
        Height of a line, pixels.

    Returns
    -------
    (n,) bool; tags behind the camera are not shown.
    """
    shown: list[tuple[float, float, float]] = []
    chosen = []
    for place, text in zip(np.asarray(places, np.float64).reshape(-1, 3), texts, strict=True):
        at = pixel(model_matrix, place, *size)
        half = _GLYPH * em * len(text) / 2
        free = at is not None and all(
            abs(at[0] - x) >= half + other or abs(at[1] - y) >= _LINE * em for x, y, other in shown
        )
        if free and at is not None:
            shown.append((*at, half))
        chosen.append(free)
    return chosen
