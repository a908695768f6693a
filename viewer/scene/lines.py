"""Boxes around hits, the way of the camera, and where it is now: as line segments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Int32 = npt.NDArray[np.int32]

_BOX_EDGES: Final[Int32] = np.array(
    [[0, 1], [1, 3], [3, 2], [2, 0], [4, 5], [5, 7], [7, 6], [6, 4], [0, 4], [1, 5], [2, 6], [3, 7]], np.int32
)
_FRUSTUM_EDGES: Final[Int32] = np.array(
    [[0, 1], [0, 2], [0, 3], [0, 4], [1, 2], [2, 3], [3, 4], [4, 1]], np.int32
)


@dataclass(frozen=True, slots=True, eq=False)
class Lines:
    """Line segments of one colour.

    Attributes
    ----------
    points : (p, 3) float32
        Metres.
    segments : (s, 2) int32
        Which points they join.
    """

    points: Float32
    segments: Int32


NOTHING: Final = Lines(np.zeros((0, 3), np.float32), np.zeros((0, 2), np.int32))


def box(center: npt.ArrayLike, extent: npt.ArrayLike, margin: float = 0.0) -> Lines:
    """Edges of a box along the world's axes, `margin` metres away from what it holds."""
    half = np.asarray(extent, np.float32) / 2 + np.float32(margin)
    signs = np.array([[x, y, z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], np.float32)
    return Lines((np.asarray(center, np.float32) + signs * half).astype(np.float32), _BOX_EDGES)


def polyline(points: npt.NDArray[Any]) -> Lines:
    """Segments from each of (n, 3) points to the next; a break where one is not finite."""
    kept = np.isfinite(points).all(axis=1)
    first = np.arange(len(points) - 1, dtype=np.int32)
    joined = kept[:-1] & kept[1:]
    segments = np.stack([first, first + 1], axis=1)[joined]
    return Lines(np.nan_to_num(points).astype(np.float32), segments.astype(np.int32))


def frustum(T_world_camera: npt.NDArray[Any], size: float = 0.25) -> Lines:
    """Edges of the pyramid that a camera with OpenCV axes looks into, `size` metres deep."""
    corners = np.array([[0, 0, 0], [-0.6, -0.45, 1], [0.6, -0.45, 1], [0.6, 0.45, 1], [-0.6, 0.45, 1]]) * size
    world = corners @ T_world_camera[:3, :3].T + T_world_camera[:3, 3]
    return Lines(world.astype(np.float32), _FRUSTUM_EDGES)


def joined(parts: list[Lines]) -> Lines:
    """Put line segments together."""
    parts = [part for part in parts if len(part.segments)]
    if not parts:
        return NOTHING
    starts = np.cumsum([0, *(len(part.points) for part in parts[:-1])]).tolist()
    return Lines(
        np.concatenate([part.points for part in parts]),
        np.concatenate([part.segments + np.int32(start) for part, start in zip(parts, starts, strict=True)]),
    )
