"""One picture of a map: everything a window needs to draw it, as arrays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from mapping import Hit
from viewer.scene.cloud import Cloud
from viewer.scene.lines import Lines
from viewer.scene.paint import Scale
from viewer.scene.state import Mode

Float32 = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """Points or triangles that appear and vanish together.

    Attributes
    ----------
    name : str
        Distinct among the parts of a drawing.
    sides : tuple of int
        Drawn only while the camera is on all of these sides (see `viewer.scene.cubes.SIDES`).
    positions : (p, 3) float32
        Metres.
    colors : (p, 3) float32
        In [0, 1].
    triangles : (t, 3) int32 or None
        None for points.
    share : float
        The share of the points of a map that this part stands for: 1, or less for a coarse one.
    coarse : bool
        Whether it stands in for the others while the camera moves.
    """

    name: str
    sides: tuple[int, ...]
    positions: Float32
    colors: Float32
    triangles: npt.NDArray[np.int32] | None = None
    share: float = 1.0
    coarse: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the legend of classes."""

    id: int
    name: str
    count: int
    color: tuple[int, int, int]


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """What a window shows of a map.

    Attributes
    ----------
    mode : Mode
        What its colours stand for.
    kind : str
        What its cells are drawn as.
    layout : object
        Equal layouts have the same parts with the same positions; only the colours differ.
    cloud : Cloud
    shown : (m,) bool
        Which cells are drawn.
    sides : (m, 6) bool or None
        Which sides of them are; None for all.
    parts : list of Part
    low, high : (3,) float64
        Corners of the box that holds all parts, metres.
    boxes, best, trail : Lines
        Around the hits, around the best one, and the way of the camera.
    tags : list of (position, text)
        Written at places in the map.
    hits : list of Hit
        The answer in mode "text", best first.
    legend : list of Entry
        Mode "labels": the classes that occur, the most frequent first.
    scale : Scale or None
        What the colours mean, where they stand for numbers.
    note : str
        One more thing to know; why there is no hit, or how many cells are not drawn.
    """

    mode: Mode
    kind: Literal["cubes", "points", "ellipsoids"]
    layout: object
    cloud: Cloud
    shown: npt.NDArray[np.bool_]
    sides: npt.NDArray[np.bool_] | None
    parts: list[Part]
    low: npt.NDArray[np.float64]
    high: npt.NDArray[np.float64]
    boxes: Lines
    best: Lines
    trail: Lines
    tags: list[tuple[tuple[float, float, float], str]]
    hits: list[Hit]
    legend: list[Entry]
    scale: Scale | None
    note: str
