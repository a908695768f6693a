"""Words on pictures: OpenCV's built-in fonts, any alphabet, with lengths known beforehand."""

from functools import cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

INK = (32, 33, 36)
FAINT = (112, 116, 122)
REGULAR, BOLD = 400, 700


@cache
def _face() -> Any:
    return cv2.FontFace("sans")


def text_width(text: str, size: int, weight: int = REGULAR) -> int:
    """Return how many pixels wide a line of text is."""
    (_, _, width, _) = cv2.getTextSize((0, 0), text, (0, 0), _face(), size, weight)
    return int(width)


def fitted(text: str, width: int, size: int, weight: int = REGULAR) -> str:
    """Return the text, or as much of its beginning as fits into a width, with an ellipsis behind it."""
    if text_width(text, size, weight) <= width:
        return text
    while text and text_width(f"{text.rstrip()}…", size, weight) > width:
        text = text[:-1]
    return f"{text.rstrip()}…"


def write(
    picture: npt.NDArray[np.uint8],
    text: str,
    at: tuple[int, int],
    size: int = 16,
    *,
    color: tuple[int, int, int] = INK,
    weight: int = REGULAR,
    width: int | None = None,
    right: bool = False,
) -> None:
    """Write a line into a picture.

    Parameters
    ----------
    picture : (H, W, 3) uint8
        Changed in place; must be contiguous.
    text : str
    at : tuple of int
        x and y of the left (or right) end of the line on which letters stand.
    size : int
        Height of the font, pixels.
    color : tuple of int
    weight : int
        400 regular, 700 bold.
    width : int, optional
        Where the text is cut off, pixels.
    right : bool
        Whether the text ends at `at`.
    """
    if width is not None:
        text = fitted(text, width, size, weight)
    x = at[0] - text_width(text, size, weight) if right else at[0]
    cv2.putText(picture, text, (x, at[1]), color, _face(), size, weight)
