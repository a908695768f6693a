"""The confusion matrix as a picture: rows truth, columns prediction, each row adding up to one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dvemap.lettering import FAINT, fitted, text_width, write
from viewer import heat_colors, save_picture

CELL = 26  # pixels
MARGIN = 24
LONGEST = 190  # pixels of a name
SIZE = 15  # of the letters
PAPER = 250
CORNER = "true / predicted"


def write_confusion(path: Path, confusion: npt.NDArray[np.int64], classes: Sequence[str]) -> None:
    """Write the confusion matrix of the classes that occur as a PNG.

    Parameters
    ----------
    path : Path
    confusion : (K, K + 1) int64
        Rows truth, columns prediction, the last one for no prediction (shown if there are such).
    classes : sequence of str
        Their K names.
    """
    rows = np.flatnonzero(confusion.any(axis=1))
    columns = np.flatnonzero(np.append(confusion[:, :-1].any(axis=0) | confusion.any(axis=1), False))
    if confusion[:, -1].any():
        columns = np.append(columns, len(classes))
    counts = confusion[np.ix_(rows, columns)].astype(np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    tiles = heat_colors(share.ravel(), 0.0, 1.0).reshape(*share.shape, 3)
    grid = tiles.repeat(CELL, axis=0).repeat(CELL, axis=1)

    names = [*classes, "(none)"]
    down = [fitted(names[int(k)], LONGEST, SIZE) for k in rows]
    across = [fitted(names[int(k)], LONGEST, SIZE) for k in columns]
    left = max(text_width(name, SIZE) for name in [*down, CORNER]) + 12
    top = max(text_width(name, SIZE) for name in across) + 12
    sheet = np.full((grid.shape[0] + top, grid.shape[1] + left, 3), PAPER, np.uint8)
    sheet[top:, left:] = grid
    for k, name in enumerate(down):
        write(sheet, name, (left - 10, top + k * CELL + 18), SIZE, right=True)
    write(sheet, CORNER, (left - 10, top - 12), SIZE, color=FAINT, right=True)
    names_across = np.full((len(across) * CELL, top, 3), PAPER, np.uint8)
    for k, name in enumerate(across):
        write(names_across, name, (10, k * CELL + 18), SIZE)
    sheet[:top, left:] = np.rot90(names_across)
    picture = np.full((sheet.shape[0] + 2 * MARGIN, sheet.shape[1] + 2 * MARGIN, 3), PAPER, np.uint8)
    picture[MARGIN:-MARGIN, MARGIN:-MARGIN] = sheet
    save_picture(path, picture)
