"""The picture of a validation: what some images are, what the network was to see in them, and what it saw."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from dvemap.lettering import BOLD, FAINT, write
from dvemap.prediction.look import Look
from mapping import ClassList
from viewer.colors import heat_colors

if TYPE_CHECKING:
    from student.training.validation import Glimpse

Picture = npt.NDArray[np.uint8]

TILE = 300  # pixels, width
GAP = 14
MARGIN = 26
TITLE = 62
HEADER = 28  # titles of the columns
NAME = 22  # below each row
ROW = 24  # of the legend
NAMED = 18  # classes that the legend names
PAPER = 250
VOID = (225, 225, 222)
DECODERS = {"text": "Text prompts", "means": "Visual means", "probe": "Linear probe"}


def draw_training_panel(
    glimpses: Sequence["Glimpse"], classes: ClassList, title: str, subtitle: str
) -> Picture:
    """Draw a row of pictures for each image.

    Embeddings have the colours of the principal components of the targets, so that a prediction which is
    right has the colours of its target; without targets, those of the predictions.

    Parameters
    ----------
    glimpses : sequence of Glimpse
        One or more.
    classes : ClassList
        With ids 1 to K.
    title, subtitle : str
        Above the pictures.

    Returns
    -------
    (height, width, 3) uint8 RGB.
    """
    known = [glimpse.prediction if glimpse.target is None else glimpse.target for glimpse in glimpses]
    look = Look.fit(known, [glimpse.depth for glimpse in glimpses], None)
    rows = [_tiles(glimpse, classes, look) for glimpse in glimpses]
    heights = [next(iter(row.values())).shape[0] + NAME + GAP for row in rows]
    legend = _legend(glimpses, classes)
    columns = list(rows[0])
    width = 2 * MARGIN + len(columns) * (TILE + GAP) - GAP
    lines = -(-len(legend) // max(1, width // 210))
    panel = np.full((2 * MARGIN + TITLE + HEADER + sum(heights) + lines * ROW, width, 3), PAPER, np.uint8)
    write(panel, title, (MARGIN, MARGIN + 18), 24, weight=BOLD, width=width - 2 * MARGIN)
    write(panel, subtitle, (MARGIN, MARGIN + 44), 16, color=FAINT, width=width - 2 * MARGIN)
    y = MARGIN + TITLE + HEADER
    for k, column in enumerate(columns):
        write(panel, column, (MARGIN + k * (TILE + GAP), y - 9), 16, width=TILE)
    for glimpse, row, height in zip(glimpses, rows, heights, strict=True):
        for k, column in enumerate(columns):
            left, tile = MARGIN + k * (TILE + GAP), row[column]
            panel[y : y + tile.shape[0], left : left + TILE] = tile
        write(panel, glimpse.name, (MARGIN, y + height - GAP - 5), 14, color=FAINT, width=width - 2 * MARGIN)
        y += height
    _write_legend(panel, legend, y, lines)
    return panel


def _tiles(glimpse: "Glimpse", classes: ClassList, look: Look) -> dict[str, Picture]:
    """Return the pictures of an image by the titles of their columns, all of one size."""
    size = max(1, round(TILE * glimpse.truth.shape[0] / glimpse.truth.shape[1])), TILE
    near, far = (float(end) for end in look.depth)
    depth = np.asarray(cv2.resize(glimpse.depth, size[::-1], interpolation=cv2.INTER_NEAREST))
    share = 1 - np.clip((depth - near) / max(far - near, 1e-3), 0, 1)
    shades = heat_colors(share.ravel(), 0, 1).reshape(*size, 3)
    tiles = {
        "Colour": np.asarray(cv2.resize(glimpse.rgb, size[::-1], interpolation=cv2.INTER_AREA), np.uint8),
        f"Depth, {near:.1f} to {far:.1f} m": _on_paper(shades, depth > 0),
    }
    if glimpse.target is not None:
        there = _nearest((np.abs(glimpse.target).sum(axis=2) > 0).astype(np.uint16), size) > 0
        tiles["Target"] = _on_paper(look.colors(glimpse.target, size), there)
    tiles["Prediction"] = look.colors(glimpse.prediction, size)
    for title, labels in [
        ("Labels", glimpse.truth),
        *((DECODERS[name], labels) for name, labels in glimpse.labels.items()),
    ]:
        small = _nearest(labels, size)
        tiles[title] = _on_paper(classes.colors_of(small), small > 0)
    return tiles


def _legend(glimpses: Sequence["Glimpse"], classes: ClassList) -> list[tuple[str, tuple[int, ...]]]:
    """Return names and colours of the classes that cover most of the pictures."""
    count = np.zeros(len(classes) + 1, np.int64)
    for glimpse in glimpses:
        for labels in (glimpse.truth, *glimpse.labels.values()):
            count += np.bincount(labels.ravel(), minlength=len(count))
    count[0] = 0
    order = [int(k) for k in np.argsort(-count, kind="stable") if count[k]]
    return [(classes.names[k - 1], tuple(classes.colors[k - 1].tolist())) for k in order[:NAMED]]


def _write_legend(panel: Picture, legend: list[tuple[str, tuple[int, ...]]], y: int, lines: int) -> None:
    if not legend:
        return
    columns = -(-len(legend) // lines)
    across = (panel.shape[1] - 2 * MARGIN) // columns
    for k, (name, color) in enumerate(legend):
        left, top = MARGIN + k % columns * across, y + k // columns * ROW
        panel[top + 2 : top + 18, left : left + 16] = color
        write(panel, name, (left + 24, top + 16), 15, width=across - 36)


def _on_paper(picture: Picture, there: npt.NDArray[np.bool_]) -> Picture:
    return np.where(there[..., None], picture, np.array(VOID, np.uint8))


def _nearest(labels: npt.NDArray[np.uint16], size: tuple[int, int]) -> npt.NDArray[np.uint16]:
    return np.asarray(cv2.resize(labels, size[::-1], interpolation=cv2.INTER_NEAREST), np.uint16)
