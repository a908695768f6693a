"""Cells as cubes: the faces that can be seen, with light baked into their colours.

Faces are kept apart by the side they look to, and by the front of their cell: the side on which most is
free. A camera beyond all of a map sees neither faces that look away from it nor cells that stand with their
back to it, so rooms open towards the camera by themselves, like a doll's house: no ceiling and no near wall
stands in the way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mapping import VoxelMap
from mapping.keys import AXIS_BITS, centers
from mapping.occupancy import rows_in_sorted
from mapping.readout import log_odds_of

SIDES: Final = ("-x", "+x", "-y", "+y", "-z", "+z")
DIRECTIONS: Final[npt.NDArray[np.float32]] = np.array(
    [[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]], np.float32
)
"""(6, 3) unit vectors of `SIDES`."""

_STEPS: Final = [int(sign * (1 << (AXIS_BITS * shift))) for shift in (2, 1, 0) for sign in (-1, 1)]
_OPPOSITE: Final = (1, 0, 3, 2, 5, 4)
_FREE_AT: Final = (2, 3, 4)  # cells from the surface: its own neighbours are never carved

# Corners of a face in halves of a cell, counter-clockwise seen from outside.
_CORNERS: Final[npt.NDArray[np.float32]] = np.array(
    [
        [[-1, -1, -1], [-1, -1, 1], [-1, 1, 1], [-1, 1, -1]],
        [[1, -1, -1], [1, 1, -1], [1, 1, 1], [1, -1, 1]],
        [[-1, -1, -1], [1, -1, -1], [1, -1, 1], [-1, -1, 1]],
        [[-1, 1, -1], [-1, 1, 1], [1, 1, 1], [1, 1, -1]],
        [[-1, -1, -1], [-1, 1, -1], [1, 1, -1], [1, -1, -1]],
        [[-1, -1, 1], [1, -1, 1], [1, 1, 1], [-1, 1, 1]],
    ],
    np.float32,
)


@dataclass(frozen=True, slots=True, eq=False)
class Faces:
    """The visible faces of one side, of cells with one front.

    Attributes
    ----------
    side : int
        Index into `SIDES`.
    front : int or None
        The same for the front of their cells; None for cells with several or none.
    cell : (f,) int64
        Which of the cells each face is of.
    """

    side: int
    front: int | None
    cell: npt.NDArray[np.int64]

    @property
    def name(self) -> str:
        """A name that no other part of the drawing has."""
        return f"cubes {SIDES[self.side]} of {'all' if self.front is None else SIDES[self.front]}"


def free_before(voxel_map: VoxelMap, key: npt.NDArray[np.int64]) -> npt.NDArray[np.int8]:
    """Count the free cells a little before each side of cells, (m, 6) int8 from 0 to 3.

    A cell of a room of whose surroundings nothing is known is taken to look into the room.

    Parameters
    ----------
    voxel_map : VoxelMap
    key
        (m,) int64 keys of the cells.
    """
    counts = voxel_map.occupancy
    free = np.zeros((len(key), 6), np.int8)
    if not len(counts):
        return free
    for side, step in enumerate(_STEPS):
        for distance in _FREE_AT:
            row = counts.rows_of(key + distance * step)
            free[:, side] += (row >= 0) & (log_odds_of(counts.hits[row], counts.misses[row]) < 0)
    unknown = ~free.any(axis=1)
    if not unknown.all():
        place = centers(key, voxel_map.cell_size)
        inward = np.median(place, axis=0) - place[unknown]
        free[unknown] = (inward @ DIRECTIONS.T > 0).astype(np.int8)
    return free


def fronts(free: npt.NDArray[np.int8]) -> npt.NDArray[np.int64]:
    """Return the side on which most is free before each cell, 6 where several are alike; (m,) int64."""
    two = np.sort(free, axis=1)[:, -2:]
    return np.where(two[:, 1] > two[:, 0], free.argmax(axis=1), len(SIDES))


def visible_faces(
    key: npt.NDArray[np.int64], free: npt.NDArray[np.int8], shown: npt.NDArray[np.bool_]
) -> list[Faces]:
    """Find the faces that can be seen.

    Such a face has no shown neighbour before it. Of two opposite sides only the one with more free cells
    before it counts, the other is the back of a wall or the inside of a thing; both do where they are alike.
    And a cell whose freest sides are all covered is noise behind a surface, and has no face at all.

    Parameters
    ----------
    key
        (m,) int64, ascending.
    free
        (m, 6) int8, see `free_before`.
    shown
        (m,) bool.

    Returns
    -------
    list of Faces
        Those that are not empty.
    """
    cell = np.flatnonzero(shown)
    present, free = key[cell], free[cell]
    open_ = np.zeros((len(cell), 6), bool)
    for side, step in enumerate(_STEPS):
        open_[:, side] = rows_in_sorted(present, present + step) < 0
    most = free.max(axis=1, keepdims=True, initial=0)
    outer = ((free == most) & open_).any(axis=1)
    drawn = open_ & (free >= free[:, _OPPOSITE]) & outer[:, None]
    front = fronts(free)
    faces = [
        Faces(side, None if of == len(SIDES) else of, cell[drawn[:, side] & (front == of)])
        for side in range(len(SIDES))
        for of in range(len(SIDES) + 1)
    ]
    return [some for some in faces if len(some.cell)]


def positions(key: npt.NDArray[np.int64], faces: Faces, cell_size: float) -> npt.NDArray[np.float32]:
    """Corners of faces, (4 f, 3) float32, metres; four in a row make a face."""
    middle = centers(key[faces.cell], cell_size).astype(np.float32)
    corners: npt.NDArray[np.float32] = middle[:, None] + _CORNERS[faces.side] * np.float32(cell_size / 2)
    return corners.reshape(-1, 3)


def corner_colors(
    colors: npt.NDArray[np.uint8], faces: Faces, up: npt.NDArray[Any]
) -> npt.NDArray[np.float32]:
    """Colours of the corners of faces, (4 f, 3) float32 in [0, 1], in the light of their side.

    Parameters
    ----------
    colors
        (m, 3) uint8 of all cells.
    faces
        Of one side.
    up
        (3,) unit vector, where the light comes from.
    """
    light = np.float32(side_light(up)[faces.side] / 255)
    return np.repeat(colors[faces.cell] * light, 4, axis=0)


def triangles(count: int) -> npt.NDArray[np.int32]:
    """Two triangles for each of `count` faces, (2 count, 3) int32."""
    first = 4 * np.arange(count, dtype=np.int32)[:, None]
    return (first + np.array([0, 1, 2, 0, 2, 3], np.int32)).reshape(-1, 3)


def side_light(up: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Brightness (6,) in [0, 1] of the sides: from above most, and no two adjacent ones alike."""
    lift = DIRECTIONS.astype(np.float64) @ np.asarray(up, np.float64)
    turn = DIRECTIONS.astype(np.float64) @ np.array([0.09, -0.05, 0.04])
    light: npt.NDArray[np.float64] = np.clip(0.87 + 0.13 * lift + turn * (1 - np.abs(lift)), 0, 1)
    return light


def sides_toward(
    eye: npt.NDArray[Any], low: npt.NDArray[Any], high: npt.NDArray[Any]
) -> npt.NDArray[np.bool_]:
    """Tell which sides a camera at `eye` can see of anything in the box from `low` to `high`; (6,) bool.

    A face looks at the camera only if the camera lies on its outer side: from beyond the +x end of the box
    no -x face can be seen.
    """
    toward = np.empty(6, bool)
    toward[0::2] = np.asarray(eye) < np.asarray(high)
    toward[1::2] = np.asarray(eye) > np.asarray(low)
    return toward
