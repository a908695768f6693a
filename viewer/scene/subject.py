"""A map to look at, and whom to ask about it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from mapping import Answer, Classifier, ClassList, VoxelMap


class Ask(Protocol):
    """Answers a text on a map; raises ValueError where the map cannot be asked."""

    def __call__(
        self, voxel_map: VoxelMap, text: str, negatives: Sequence[str], threshold: float | None
    ) -> Answer:
        """Return the heat on all cells and ranked hits."""


@dataclass(frozen=True, slots=True, eq=False)
class Subject:
    """A map in a window.

    Attributes
    ----------
    name : str
        What people call it, such as the name of its file.
    map : VoxelMap
    ask : Ask
        Turns words into an answer; the text encoder lives behind it.
    classify : callable
        Returns what names the cells of a map, and the classes; raises ValueError where nothing can.
    warm : callable
        Called once beside the drawing, so that the first question need not wait.
    up : (3,) float64, optional
        Roughly the direction against gravity.
    trajectory : (n, 4, 4) float64, optional
        Poses of the camera, T_world_camera, NaN where there is none.
    """

    name: str
    map: VoxelMap
    ask: Ask
    classify: Callable[[VoxelMap], tuple[Classifier, ClassList]]
    warm: Callable[[VoxelMap], None] = lambda voxel_map: None
    up: npt.NDArray[np.float64] | None = None
    trajectory: npt.NDArray[Any] | None = None

    @property
    def about(self) -> str:
        """Its size, in words."""
        return f"{len(self.map):,} cells of {self.map.cell_size * 100:g} cm"
