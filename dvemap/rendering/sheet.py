"""A sheet of pictures: one large, others beside it, with a title above and what the colours mean below."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dvemap.lettering import BOLD, FAINT, INK, text_width, write
from dvemap.rendering.looks import Legend, Scale

Picture = npt.NDArray[np.uint8]

PAPER: Final = 255
MARGIN: Final = 28
GAP: Final = 16
HEADER: Final = 74
CAPTION: Final = 30
ROW: Final = 26
COLUMN: Final = 236
LEGEND_ROWS: Final = 4
LEAST_SHARE: Final = 0.0005
LARGE: Final = (744, 1000)
SMALL: Final = (341, 520)


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A picture (H, W, 3) with a caption, and perhaps a scale beside that."""

    picture: Picture
    caption: str
    scale: Scale | None = None


def sheet(title: str, subtitle: str, large: Tile, small: list[Tile], legend: Legend | None = None) -> Picture:
    """Lay pictures out.

    Parameters
    ----------
    title, subtitle : str
    large : Tile
        LARGE fits.
    small : list of Tile
        Up to two of one size, below each other; SMALL fits.
    legend : Legend, optional

    Returns
    -------
    (H, W, 3) uint8 RGB
    """
    tall, wide = large.picture.shape[:2]
    width = 2 * MARGIN + wide + (GAP + small[0].picture.shape[1] if small else 0)
    below = 0 if legend is None else GAP + ROW * min(LEGEND_ROWS, len(legend.entries))
    page = np.full((MARGIN + HEADER + CAPTION + tall + below + MARGIN, width, 3), PAPER, np.uint8)
    write(page, title, (MARGIN, MARGIN + 24), 30, weight=BOLD, width=width - 2 * MARGIN)
    write(page, subtitle, (MARGIN, MARGIN + 54), 18, color=FAINT, width=width - 2 * MARGIN)
    top = MARGIN + HEADER
    _place(page, large, MARGIN, top)
    for k, tile in enumerate(small):
        _place(page, tile, MARGIN + wide + GAP, top + k * (tall - tile.picture.shape[0]))
    if legend is not None:
        _write_legend(page, legend, top + CAPTION + tall + GAP, width - 2 * MARGIN)
    return page


def beside(tiles: list[Tile]) -> Picture:
    """Put pictures of one size side by side, captions and scales above; a single plain one stays as it is."""
    if len(tiles) == 1 and tiles[0].scale is None:
        return tiles[0].picture
    height, width = tiles[0].picture.shape[:2]
    page = np.full((CAPTION + height, len(tiles) * (width + GAP) - GAP, 3), PAPER, np.uint8)
    for k, tile in enumerate(tiles):
        _place(page, tile, k * (width + GAP), 0)
    return page


def _place(page: Picture, tile: Tile, x: int, y: int) -> None:
    height, width = tile.picture.shape[:2]
    room, line = width, y + CAPTION - 10
    if tile.scale is not None and width >= 240:
        scale = tile.scale
        right = x + width
        write(page, scale.high, (right, line), 15, color=FAINT, right=True)
        right -= text_width(scale.high, 15) + 8
        page[line - 11 : line + 1, right - len(scale.colors) : right] = scale.colors
        left = right - len(scale.colors) - 8
        write(page, scale.low, (left, line), 15, color=FAINT, right=True)
        room = left - text_width(scale.low, 15) - 12 - x
    write(page, tile.caption, (x, line), 17, color=INK, width=max(room, 1))
    page[y + CAPTION : y + CAPTION + height, x : x + width] = tile.picture


def _write_legend(page: Picture, legend: Legend, top: int, width: int) -> None:
    """Write colours, names and shares, the largest first, down the columns."""
    columns = max(1, width // COLUMN)
    places = columns * LEGEND_ROWS
    entries = legend.entries
    shown = entries if len(entries) <= places else entries[: places - 1]
    rows = min(LEGEND_ROWS, len(entries))
    for k, (name, color, share) in enumerate(shown):
        x, y = MARGIN + k // rows * COLUMN, top + k % rows * ROW
        page[y + 3 : y + 19, x : x + 16] = color
        percent = f"{100 * share:.1f} %" if share >= LEAST_SHARE else "< 0.1 %"
        write(page, percent, (x + 78, y + 17), 15, color=FAINT, right=True)
        write(page, name, (x + 88, y + 17), 16, width=COLUMN - 88 - 12)
    if len(shown) < len(entries):
        rest = sum(share for _, _, share in entries[len(shown) :])
        x, y = MARGIN + len(shown) // rows * COLUMN, top + len(shown) % rows * ROW
        write(page, f"and {len(entries) - len(shown)} more, {100 * rest:.1f} %", (x, y + 17), 15, color=FAINT)
