"""Marks on pictures of a map: boxes around hits and their tags."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from dvemap.lettering import BOLD, text_width, write
from dvemap.rendering.drawing import Drawn
from mapping import Hit

Picture = npt.NDArray[np.uint8]

MARKED: Final = 3
"""Hits that get a box."""

ACCENT: Final = (20, 110, 230)
HALO: Final = (255, 255, 255)
FINE: Final = 4  # bits of a pixel's fraction in what OpenCV draws

_CORNERS: Final = np.stack(np.meshgrid([0, 1], [0, 1], [0, 1], indexing="ij"), axis=-1).reshape(8, 3)
_EDGES: Final = [
    (a, b) for a in range(8) for b in range(a + 1, 8) if np.abs(_CORNERS[a] - _CORNERS[b]).sum() == 1
]


def mark_hits(drawn: Drawn, hits: list[Hit], pad: float, thick: int = 2) -> None:
    """Draw boxes around hits and tag them with rank and score, the best one on top.

    Parameters
    ----------
    drawn : Drawn
        Its picture is changed in place.
    hits : list of Hit
    pad : float
        Metres that a box leaves around the means of the cells.
    thick : int
        Of the lines, pixels.
    """
    for hit in reversed(hits):
        best = hit.rank == 1
        low = np.array(hit.center) - np.array(hit.extent) / 2 - pad
        high = np.array(hit.center) + np.array(hit.extent) / 2 + pad
        color = ACCENT if best else (70, 80, 95)
        corners = _box(drawn, low, high, color, thick if best else max(1, thick - 1))
        if corners is not None:
            top = corners[corners[:, 1].argmin()]
            _tag(drawn.picture, f"{hit.rank}   {hit.score:.2f}", top, color, 17 if best else 14)


def _box(
    drawn: Drawn,
    low: npt.NDArray[np.float64],
    high: npt.NDArray[np.float64],
    color: tuple[int, int, int],
    thick: int,
) -> npt.NDArray[np.float64] | None:
    """Draw the edges of a box, faint behind what stands before them; returns its corners (8, 2)."""
    corners = np.where(_CORNERS == 1, high, low)
    image, depth = drawn.camera.project(corners)
    if (depth < 0.1).any():
        return None
    front, veiled = drawn.picture.copy(), drawn.picture.copy()
    steps = np.linspace(0, 1, 65)[:, None]
    edges = [drawn.camera.project(corners[a] * (1 - steps) + corners[b] * steps) for a, b in _EDGES]
    for ink, width in ((HALO, thick + 2), (color, thick)):
        for points, along in edges:
            seen = _in_front(drawn, points, along)
            for k in range(64):
                _line(front if seen[k] else veiled, points[k], points[k + 1], ink, width)
    changed = (front != drawn.picture).any(axis=2, keepdims=True)
    faint = np.rint(0.6 * drawn.picture + 0.4 * veiled).astype(np.uint8)
    drawn.picture[:] = np.where(changed, front, faint)
    return image


def _in_front(
    drawn: Drawn, points: npt.NDArray[np.float64], depth: npt.NDArray[np.float64]
) -> npt.NDArray[np.bool_]:
    height, width = drawn.depth.shape
    x, y = (np.rint(points[:, k]).astype(np.int64) for k in (0, 1))
    there = drawn.depth[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
    visible: npt.NDArray[np.bool_] = (there == 0) | (depth < there + 0.03)
    return visible


def _line(
    picture: Picture,
    start: npt.NDArray[np.float64],
    end: npt.NDArray[np.float64],
    color: tuple[int, int, int],
    thick: int,
) -> None:
    a, b = ((int(x), int(y)) for x, y in np.clip(np.rint(np.stack([start, end]) * 2**FINE), -1e6, 1e6))
    cv2.line(picture, a, b, color, thick, cv2.LINE_AA, FINE)


def _tag(
    picture: Picture, text: str, at: npt.NDArray[np.float64], color: tuple[int, int, int], size: int
) -> None:
    """Write a tag above a point, kept inside the picture."""
    height, width = picture.shape[:2]
    wide, high = text_width(text, size, BOLD) + size, round(1.55 * size)
    left = int(np.clip(at[0] - wide / 2, 4, max(4, width - wide - 4)))
    top = int(np.clip(at[1] - high - 8, 4, max(4, height - high - 4)))
    cv2.rectangle(picture, (left - 2, top - 2), (left + wide + 1, top + high + 1), HALO, -1, cv2.LINE_AA)
    cv2.rectangle(picture, (left, top), (left + wide - 1, top + high - 1), color, -1, cv2.LINE_AA)
    write(picture, text, (left + size // 2, top + round(1.12 * size)), size, color=HALO, weight=BOLD)
