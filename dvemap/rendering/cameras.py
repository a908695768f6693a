"""The cameras of `dvemap render`: those that the user gives, and those that are found."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dvemap.rendering.choices import View
from dvemap.rendering.layout import Layout
from dvemap.rendering.poses import read_poses
from dvemap.rendering.viewpoints import closeup, overview, plan, standing
from mapping import Hit
from mapping.rendering import Camera
from sequences import open_sequence

FOV: Final = 70.0
"""Degrees that the longer side of a picture sees, unless the user says."""

PICTURE: Final = (720, 960)
FILM: Final = (480, 640)

Size = tuple[int, int]


def placed(pose: npt.NDArray[np.float64], size: Size | None, fov: float | None) -> Camera:
    """Return the camera at a pose that the user gave; the angle in degrees."""
    return Camera.with_view(pose, size or PICTURE, math.radians(fov or FOV))


def walked(path: Path, stride: int, size: Size | None, fov: float | None) -> list[Camera]:
    """Return cameras along the poses of a text file, or along a sequence and with its camera.

    Raises
    ------
    ValueError
        If there is no usable pose.
    OSError
        If there is nothing at the path.
    """
    path.stat()
    if path.is_file() and path.suffix.lower() != ".sens":
        return [placed(pose, size or FILM, fov) for pose in read_poses(path)[::stride]]
    sequence = open_sequence(path, stride=stride, depth_optional=True)
    poses = sequence.poses[sequence.usable]
    if len(poses) == 0:
        raise ValueError(f"{path}: none of its {len(sequence)} frames has a usable pose")
    own = Camera(sequence.intrinsics, poses[0], sequence.depth_size)
    wanted = size or own.size
    if fov is None and wanted[0] * own.size[1] == wanted[1] * own.size[0]:
        K = own.resized(wanted[0] / own.size[0]).intrinsics
        return [Camera(K, pose, wanted) for pose in poses]
    angle = math.degrees(2 * math.atan(max(own.size) / 2 / own.intrinsics[0, 0]))
    return [placed(pose, wanted, fov or angle) for pose in poses]


def found(view: View, layout: Layout, size: Size | None, fov: float | None, hits: list[Hit]) -> Camera:
    """Return the camera of a view that is found without asking; one outside has a fixed angle.

    Raises
    ------
    ValueError
        If the map has no such view.
    """
    pixels = size or PICTURE
    if view is View.overview:
        return overview(layout, pixels)
    if view is View.plan:
        return plan(layout, pixels)
    if view is View.hit and not hits:
        raise ValueError("nothing was found to look at; see `dvemap query` for the reason")
    camera = standing(layout, pixels) if view is View.eye else closeup(layout, hits[0].rows, pixels)
    if camera is None:
        raise ValueError(
            f"the map knows of no free place from which to look for --view {view}; give a --pose"
        )
    return camera if fov is None else placed(camera.T_world_camera, camera.size, fov)
