"""Where the camera stands: the first view of a map, and flights to what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from viewer.scene.cloud import Cloud
from viewer.upright import wall_direction

FIELD_OF_VIEW: Final = 50.0
"""Vertical opening of the camera, degrees."""

_ELEVATION: Final = np.deg2rad(52)
_LEAST_ELEVATION: Final = np.deg2rad(25)
Vector = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Stand:
    """A camera that looks from `eye` to `target`, with `up` up; (3,) float64 each, metres."""

    eye: Vector
    target: Vector
    up: Vector


def home(cloud: Cloud, aspect: float = 1.4) -> Stand:
    """Stand at a corner above a map so that all of it is in the picture.

    Parameters
    ----------
    cloud : Cloud
    aspect : float
        Width of the picture over its height.

    Returns
    -------
    Stand
    """
    low, high = cloud.bounds
    target = (low + high) / 2
    up = cloud.up
    along, across = _level(cloud)
    turn = np.deg2rad(-62)
    level = np.cos(turn) * along + np.sin(turn) * across
    toward = np.cos(_ELEVATION) * level + np.sin(_ELEVATION) * up
    return Stand(target + toward * _fit(low, high, toward, up, aspect), target, up)


def _level(cloud: Cloud) -> tuple[Vector, Vector]:
    """Return the horizontal directions along the long and the short walls."""
    first = np.cross(cloud.up, np.eye(3)[np.abs(cloud.up).argmin()])
    first /= np.linalg.norm(first)
    basis = np.stack([first, np.cross(cloud.up, first)])
    step = max(1, len(cloud) // 20_000)
    along = wall_direction(cloud.points[::step].astype(np.float64) @ basis.T, cloud.cell_size) @ basis
    return along, np.cross(cloud.up, along)


def _fit(low: Vector, high: Vector, toward: Vector, up: Vector, aspect: float) -> float:
    """Return how far back a camera must stand for a box to be in its picture, with a margin."""
    right = np.cross(up, toward)
    right /= np.linalg.norm(right)
    top = np.cross(toward, right)
    corners = np.array(np.meshgrid(*zip(low, high, strict=True))).reshape(3, -1).T - (low + high) / 2
    slope = np.tan(np.deg2rad(FIELD_OF_VIEW / 2))
    need = corners @ toward + np.maximum(np.abs(corners @ top), np.abs(corners @ right) / aspect) / slope
    return float(1.04 * need.max() + 0.1)


def toward(stand: Stand, center: npt.ArrayLike, extent: npt.ArrayLike, aspect: float = 1.4) -> Stand:
    """Stand before a thing, on the side where the camera is, a little above it.

    Parameters
    ----------
    stand : Stand
        Where the camera is now.
    center, extent : (3,) float
        Middle and edges of the box around the thing, metres.
    aspect : float
        Width of the picture over its height.

    Returns
    -------
    Stand
    """
    middle = np.asarray(center, np.float64)
    back = stand.eye - stand.target
    back /= max(float(np.linalg.norm(back)), 1e-9)
    height = float(np.clip(back @ stand.up, -1, 1))
    level = back - height * stand.up
    length = float(np.linalg.norm(level))
    level = level / length if length > 1e-6 else _any_level(stand.up)
    rise = float(np.clip(np.arcsin(height), _LEAST_ELEVATION, _ELEVATION))
    direction = np.cos(rise) * level + np.sin(rise) * stand.up
    half = np.maximum(np.asarray(extent, np.float64) / 2, 0.25)
    distance = 1.9 * _fit(middle - half, middle + half, direction, stand.up, aspect)
    return Stand(middle + direction * distance, middle, stand.up)


def _any_level(up: Vector) -> Vector:
    level = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    unit: Vector = level / np.linalg.norm(level)
    return unit


def between(start: Stand, end: Stand, share: float) -> Stand:
    """Stand on the way from one place to another: slow at both ends, turning around what is looked at.

    Parameters
    ----------
    start, end : Stand
    share : float
        0 at the start, 1 at the end.

    Returns
    -------
    Stand
    """
    t = float(np.clip(share, 0, 1))
    t = t * t * (3 - 2 * t)
    target = (1 - t) * start.target + t * end.target
    a, b = start.eye - start.target, end.eye - end.target
    far_a, far_b = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    way = _turned(a / max(far_a, 1e-9), b / max(far_b, 1e-9), t)
    up = _turned(start.up, end.up, t)
    far = np.exp((1 - t) * np.log(max(far_a, 1e-3)) + t * np.log(max(far_b, 1e-3)))
    return Stand(target + far * way, target, up)


def _turned(a: Vector, b: Vector, t: float) -> Vector:
    """Unit vector at share t of the turn from one unit vector to another."""
    angle = float(np.arccos(np.clip(a @ b, -1, 1)))
    if angle < 1e-4:
        mixed = (1 - t) * a + t * b
    elif angle > np.pi - 1e-3:  # opposite: any way round
        side = _any_level(a)
        mixed = np.cos(t * np.pi) * a + np.sin(t * np.pi) * side
    else:
        mixed = (np.sin((1 - t) * angle) * a + np.sin(t * angle) * b) / np.sin(angle)
    unit: Vector = mixed / np.linalg.norm(mixed)
    return unit


def stand_of(model_matrix: npt.NDArray[Any], target: npt.ArrayLike) -> Stand:
    """Read a stand from the pose (4, 4) of a camera with OpenGL axes and the point it turns around.

    What is looked at is taken as far away as that point.
    """
    pose = np.asarray(model_matrix, np.float64)
    eye, forward = pose[:3, 3], -pose[:3, 2]
    far = max(float((np.asarray(target, np.float64) - eye) @ forward), 0.1)
    return Stand(eye, eye + far * forward, pose[:3, 1])


def ray(model_matrix: npt.NDArray[Any], x: float, y: float, width: int, height: int) -> tuple[Vector, Vector]:
    """Return where a camera with OpenGL axes stands and the way its pixel (x, y) looks, (3,) each.

    Parameters
    ----------
    model_matrix
        (4, 4) pose of the camera.
    x, y
        Pixels from the left and from the top.
    width, height
        Of the picture, pixels.
    """
    slope = np.tan(np.deg2rad(FIELD_OF_VIEW / 2)) / (height / 2)
    across, along = (x + 0.5 - width / 2) * slope, (height / 2 - y - 0.5) * slope
    pose = np.asarray(model_matrix, np.float64)
    return pose[:3, 3], pose[:3, :3] @ np.array([across, along, -1.0])


def pixel(
    model_matrix: npt.NDArray[Any], point: npt.ArrayLike, width: int, height: int
) -> tuple[float, float] | None:
    """Return which pixel (x, y) of a camera shows a point (3,), the inverse of `ray`; None behind it."""
    pose = np.asarray(model_matrix, np.float64)
    across, along, back = (np.asarray(point, np.float64) - pose[:3, 3]) @ pose[:3, :3]
    if back >= 0:
        return None
    slope = np.tan(np.deg2rad(FIELD_OF_VIEW / 2)) / (height / 2) * -back
    return float(across / slope + width / 2 - 0.5), float(height / 2 - along / slope - 0.5)
