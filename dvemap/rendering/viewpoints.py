"""Good places to look at a map from, found without asking."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from dvemap.rendering.layout import Layout
from mapping.keys import centers
from mapping.rendering import Camera, Traced, look_at

Float64 = npt.NDArray[np.float64]

OVERVIEW_FOV: Final = np.deg2rad(28)
ELEVATION: Final = np.deg2rad(57)
TURNS: Final = np.deg2rad([60, 120, 240, 300])
MARGIN: Final = 0.04

EYES: Final = 1.55
"""Metres above the floor from which a person looks."""

EYE_FOV: Final = np.deg2rad(72)
PITCH: Final = np.deg2rad(9)
HEADINGS: Final = 12
PLACES: Final = 48
"""Places that are tried at most."""

OVERVIEW_GLANCE: Final = 200
"""Pixels of the longer side of a picture by which overviews are compared."""

GLANCE: Final = (24, 32)
"""Size of the pictures by which views are compared."""

ROOM_TO_STAND: Final = 0.7
"""Metres before the eyes that should be free."""


def overview(layout: Layout, size: tuple[int, int], rows: npt.NDArray[np.int64] | None = None) -> Camera:
    """Look down at the whole map from a corner.

    It is the one from which high things stand behind low ones; or, if rows are given, that from which most of
    these cells is seen.
    """
    shown = _below_the_cut(layout)
    heights = shown @ layout.up
    lean = (heights - heights.mean()) @ (shown - shown.mean(axis=0)) if len(shown) else np.zeros(3)
    ways = np.cos(TURNS)[:, None] * layout.along + np.sin(TURNS)[:, None] * layout.across
    ways = ways[np.argsort(-(ways @ lean))]
    forwards = np.cos(ELEVATION) * ways - np.sin(ELEVATION) * layout.up
    cameras = [_fitted(layout, shown, forward, size) for forward in forwards]
    if rows is None:
        return cameras[0]
    wanted = np.zeros(len(layout.points), bool)
    wanted[rows] = True

    def seen(camera: Camera) -> int:
        glance = camera.resized(min(1.0, OVERVIEW_GLANCE / max(size)))
        hidden = layout.hidden_from(glance.position) & ~wanted
        traced = layout.scene.trace(glance.intrinsics, glance.T_world_camera, glance.size, hidden=hidden)
        row = traced.median_row()
        return int((wanted[np.maximum(row, 0)] & (row >= 0)).sum())

    return max(cameras, key=seen)


def plan(layout: Layout, size: tuple[int, int]) -> Camera:
    """Look straight down, the longer walls across the picture."""
    tilt = 1e-3 * layout.across
    return _fitted(layout, _below_the_cut(layout), tilt - layout.up, size)


def orbit(layout: Layout, size: tuple[int, int], count: int) -> list[Camera]:
    """Go once around the whole map, looking down at it as `overview` does."""
    shown = _below_the_cut(layout)
    target = (shown.min(axis=0) + shown.max(axis=0)) / 2 if len(shown) else np.zeros(3)
    first = overview(layout, size).T_world_camera[:3, 2]
    turns = np.arctan2(first @ layout.across, first @ layout.along) + 2 * np.pi * np.arange(count) / count
    ways = np.cos(turns)[:, None] * layout.along + np.sin(turns)[:, None] * layout.across
    forward = np.cos(ELEVATION) * ways - np.sin(ELEVATION) * layout.up
    some = [_fitted(layout, shown, way, size, target) for way in forward[:: max(1, count // 16)]]
    distance = max(float(np.linalg.norm(camera.position - target)) for camera in some)
    poses = [look_at(target - distance * way, target, layout.up) for way in forward]
    return [Camera.with_view(pose, size, OVERVIEW_FOV) for pose in poses]


def _below_the_cut(layout: Layout) -> Float64:
    points = layout.points[layout.main]
    return points[points @ layout.up < layout.cut]


def _fitted(
    layout: Layout,
    points: Float64,
    forward: Float64,
    size: tuple[int, int],
    target: Float64 | None = None,
) -> Camera:
    """Return the camera that looks along a direction and sees all points, as large as they get.

    It looks at the target, or where all points lie in the middle of the picture.
    """
    forward = forward / np.linalg.norm(forward)
    points = points[:: max(1, len(points) // 50_000)] if len(points) else np.zeros((1, 3))
    at = (points.min(axis=0) + points.max(axis=0)) / 2 if target is None else target
    camera = Camera.with_view(look_at(at - forward, at, layout.up), size, OVERVIEW_FOV)
    R = camera.T_world_camera[:3, :3]
    reach = (1 - 2 * MARGIN) * np.array(size[::-1]) / 2 / camera.intrinsics[[0, 1], [0, 1]]
    local = (points - at) @ R
    # A point is in the picture where |x - shift| <= reach (z + distance), to all four sides.
    high = (local[:, :2] - reach * local[:, 2:]).max(axis=0)
    low = (local[:, :2] + reach * local[:, 2:]).min(axis=0)
    if target is None:
        distance = float(((high - low) / (2 * reach)).max())
        at = at + R[:, :2] @ ((high + low) / 2)
    else:
        distance = float((np.maximum(high, -low) / reach).max())
    distance = max(distance, 1e-3)
    return Camera.with_view(look_at(at - distance * forward, at, layout.up), size, OVERVIEW_FOV)


def standing(layout: Layout, size: tuple[int, int]) -> Camera | None:
    """Look around from where a person could stand: the view with the most things at a good distance.

    None where the map knows of no free space.
    """
    floor, up = layout.floor, layout.up

    def worth(traced: Traced, camera: Camera) -> float:
        depth = traced.median_depth()
        row = traced.median_row()
        height = layout.points[np.maximum(row, 0)] @ up - floor
        thing = (row >= 0) & (height > 0.12) & (height < 1.4) & (depth > 1.0) & (depth < 5.0)
        far = np.minimum(depth, 5.0).mean() / 5.0
        return float(traced.opacity.mean() + 1.2 * thing.mean() + far - 2.5 * _crowded(traced))

    turns = 2 * np.pi * np.arange(HEADINGS) / HEADINGS
    ways = np.cos(turns)[:, None] * layout.along + np.sin(turns)[:, None] * layout.across
    forward = np.cos(PITCH) * ways - np.sin(PITCH) * up
    eyes = _free_places(layout, EYES)
    poses = [look_at(eye, eye + way, up) for eye in eyes for way in forward]
    return _best(layout, poses, size, worth)


def closeup(layout: Layout, rows: npt.NDArray[np.int64], size: tuple[int, int]) -> Camera | None:
    """Look at some cells from where a person could stand, so that they are seen whole and large.

    None where the map knows of no free space from which they are seen.
    """
    part = np.zeros(len(layout.points), bool)
    part[rows] = True
    things = layout.points[rows]
    target = (things.min(axis=0) + things.max(axis=0)) / 2
    reach = float(np.linalg.norm(np.ptp(things, axis=0))) / 2

    def worth(traced: Traced, camera: Camera) -> float:
        row = traced.median_row()
        seen = part[np.maximum(row, 0)] & (row >= 0)
        image, depth = camera.project(things[:: max(1, len(things) // 500)])
        inside = ((np.abs(image / np.array(camera.size[::-1]) - 0.5) < 0.46).all(axis=1) & (depth > 0)).mean()
        share = float(seen.mean())
        return (
            min(share, 0.16) * 5 * float(inside) ** 2
            + 0.3 * float(traced.opacity.mean())
            - 2 * _crowded(traced)
        )

    eyes = _free_places(layout, EYES)
    distance = np.linalg.norm(eyes - target, axis=1)
    eyes = eyes[(distance > reach + 0.5) & (distance < 3 * reach + 3.5)]
    poses = [look_at(eye, target, layout.up) for eye in eyes]
    return _best(layout, poses, size, worth)


def _crowded(traced: Traced) -> float:
    """Share of the view that something close takes."""
    depth = traced.median_depth()
    return float(((depth > 0) & (depth < ROOM_TO_STAND)).mean())


def _best(
    layout: Layout,
    poses: list[Float64],
    size: tuple[int, int],
    worth: Callable[[Traced, Camera], float],
) -> Camera | None:
    best, most = None, -np.inf
    for pose in poses:
        glance = Camera.with_view(pose, GLANCE, EYE_FOV)
        traced = layout.scene.trace(glance.intrinsics, pose, glance.size, threads=1)
        value = worth(traced, glance)
        if value > most:
            best, most = pose, value
    return None if best is None else Camera.with_view(best, size, EYE_FOV)


def _free_places(layout: Layout, height: float) -> Float64:
    """Return places (m, 3) at a height above the floor that rays have crossed, spread over the map."""
    occupancy, cell = layout.scene.map.occupancy, layout.scene.cell_size
    free = occupancy.key[occupancy.misses > occupancy.hits]
    places = centers(free, cell)
    if layout.is_room:
        places = places[np.abs(places @ layout.up - layout.floor - height) < 0.5 * cell + 1e-9]
    pitch = 0.25
    while len(places) > PLACES and pitch < 1e3:
        ground = np.floor(places @ np.stack([layout.along, layout.across], axis=1) / pitch).astype(np.int64)
        _, chosen = np.unique(ground, axis=0, return_index=True)
        if len(chosen) <= PLACES:
            return np.asarray(places[chosen])
        pitch *= 1.2
    return np.asarray(places)
