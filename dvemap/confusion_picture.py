"""The confusion matrix as a picture: rows truth, columns prediction, each row adding up to one."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from dvemap.evaluation import MapScore
from viewer import heat_colors, save_picture

CELL = 26  # pixels
MARGIN = 190  # pixels for the names


def write_confusion(path: Path, score: MapScore) -> None:
    """Write the confusion matrix of the classes that occur as a PNG.

    Parameters
    ----------
    path : Path
    score : MapScore
    """
    shown = np.flatnonzero(score.confusion[:, :-1].sum(axis=1) + score.confusion[:, :-1].sum(axis=0))
    columns = np.append(shown, score.confusion.shape[1] - 1)
    counts = score.confusion[np.ix_(shown, columns)].astype(np.float64)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    tiles = heat_colors(share.ravel(), 0.0, 1.0).reshape(*share.shape, 3)
    grid = np.repeat(np.repeat(tiles, CELL, axis=0), CELL, axis=1)
    picture = np.full((grid.shape[0] + MARGIN, grid.shape[1] + MARGIN, 3), 250, np.uint8)
    picture[MARGIN:, MARGIN:] = grid
    names = [score.classes.names[k] for k in shown]
    _write_rows(picture[MARGIN:, :MARGIN], names)
    sideways = np.ascontiguousarray(np.rot90(picture[:MARGIN, MARGIN:], -1))
    _write_rows(sideways, [*names, "(none)"])
    picture[:MARGIN, MARGIN:] = np.rot90(sideways)
    save_picture(path, picture)


def _write_rows(area: npt.NDArray[np.uint8], names: list[str]) -> None:
    block = np.ascontiguousarray(area)
    for row, name in enumerate(names):
        place = (6, row * CELL + CELL - 8)
        cv2.putText(block, name[:22], place, cv2.FONT_HERSHEY_SIMPLEX, 0.45, (40, 40, 40), 1, cv2.LINE_AA)
    area[:] = block
