"""Boxes in the world that things and what must stay free take up, and the poses that put them there."""

from __future__ import annotations

import numpy as np
from trimesh.transformations import rotation_matrix

from .kinds import Thing
from .plan import DOOR_WIDTH, Opening, Room
from .shapes import Floats
from .structure import wall_frame

Box = tuple[float, float, float, float, float, float]  # x0, x1, y0, y1, z0, z1


def pose(x: float, y: float, z: float, turn: float) -> Floats:
    """World from a thing at (x, y, z) metres, turned about the vertical by `turn` radians, (4, 4)."""
    T = np.asarray(rotation_matrix(turn, [0, 0, 1]), np.float64)  # type: ignore[no-untyped-call]
    T[:3, 3] = x, y, z
    return T


def kept_free(room: Room, o: Opening) -> Box:
    """The space at a door that its leaf and people need, or before a window."""
    depth, spare = (DOOR_WIDTH + 0.05, 0.08) if o.door >= 0 else (0.07, 0.06)
    half = (o.end - o.start) / 2 + spare
    frame = wall_frame(room, o.side, (o.start + o.end) / 2)
    return world_box(frame, (-half, half, -depth, 0.0, max(o.sill - 0.04, 0.0), o.head + 0.06))


def footprint(thing: Thing) -> float:
    """Square metres of floor below a thing."""
    size = thing.high - thing.low
    return float(size[0] * size[1])


def world_box(T: Floats, box: Box) -> Box:
    """Bounds in the world of a box under a turn about the vertical and a move (4, 4)."""
    corners = np.array([[x, y, 0.0] for x in box[:2] for y in box[2:4]]) @ T[:3, :3].T + T[:3, 3]
    (x0, y0, _), (x1, y1, _) = corners.min(0), corners.max(0)
    return float(x0), float(x1), float(y0), float(y1), box[4] + float(T[2, 3]), box[5] + float(T[2, 3])


def overlap(a: Box, b: Box, margin: float) -> bool:
    """Whether two boxes come closer than `margin` metres sideways and share some height."""
    return (
        a[0] < b[1] + margin
        and b[0] < a[1] + margin
        and a[2] < b[3] + margin
        and b[2] < a[3] + margin
        and a[4] < b[5] - 0.003
        and b[4] < a[5] - 0.003
    )


def free_knee_room(desk: Thing) -> float:
    """Where along the front of a desk with drawers at its right a chair goes; the middle of anything else."""
    return (
        float(desk.low[0] + 0.06 + (desk.high[0] - desk.low[0] - 0.5) / 2)
        if desk.kind.label == "desk"
        else 0.0
    )
