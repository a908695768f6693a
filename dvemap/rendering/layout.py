"""How a map lies: which way is up, where floor and ceiling are, how the walls run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
import numpy.typing as npt

from mapping import mean
from mapping.rendering import Scene, open_side
from viewer.upright import estimate_up, main_part, wall_direction

Float64 = npt.NDArray[np.float64]

ROOM: Final = 1.8
"""Metres; a map that is lower has no ceiling: it shows a table, or a part of a room."""

CUT: Final = 0.86
"""Share of a room's height at which it is cut open."""


@dataclass(frozen=True, eq=False)
class Layout:
    """How a map lies in its world.

    Attributes
    ----------
    scene : Scene
    points : (n, 3) float64
        Means of all cells by row, metres.
    main : (m,) int64
        Rows of the cells that are shown and belong to the large parts of the map.
    up : (3,) float64
        Unit vector against gravity.
    along : (3,) float64
        Unit vector along the longer walls, level.
    floor, top : float
        Metres along up.
    """

    scene: Scene
    points: Float64
    main: npt.NDArray[np.int64]
    up: Float64
    along: Float64
    floor: float
    top: float

    @classmethod
    def of(cls, scene: Scene, up: npt.ArrayLike | None = None) -> Self:
        """Look at a scene; `up` is roughly the direction against gravity, guessed if None."""
        points = mean(scene.map)
        shown = points[scene.rows]
        cell_size = scene.cell_size
        main = scene.rows[main_part(shown, cell_size)]
        vertical = estimate_up(points[main], cell_size, up)
        level = np.cross(vertical, np.eye(3)[np.abs(vertical).argmin()])
        level /= np.linalg.norm(level)
        basis = np.stack([level, np.cross(vertical, level)])
        along = wall_direction(points[main] @ basis.T, cell_size) @ basis
        low, high = np.percentile(points[main] @ vertical, [1, 99]) if len(main) else (0.0, 1.0)
        return cls(scene, points, main, vertical, along, float(low), float(high))

    @property
    def across(self) -> Float64:
        """(3,) unit vector across the longer walls, level."""
        return np.cross(self.up, self.along)

    @property
    def is_room(self) -> bool:
        """Whether the map is high enough to have a ceiling."""
        return self.top - self.floor >= ROOM

    @property
    def cut(self) -> float:
        """Height along up from which on nothing is shown to those who look from above."""
        return self.floor + CUT * (self.top - self.floor) if self.is_room else np.inf

    @cached_property
    def open_side(self) -> npt.NDArray[np.float32]:
        """See `mapping.rendering.open_side`."""
        return open_side(self.scene)

    def hidden_from(self, position: Float64) -> npt.NDArray[np.bool_]:
        """Mark the cells, (n,) by row, that keep a viewer outside from seeing the rooms.

        These are the ceiling and all that hangs there, and surfaces that turn their back to the viewer.
        """
        behind = np.einsum("nk,nk->n", self.points - position, self.open_side) > 0
        hidden: npt.NDArray[np.bool_] = behind | (self.points @ self.up > self.cut)
        return hidden
