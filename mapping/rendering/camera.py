"""Cameras to look with: a pinhole, a pose and a size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Camera:
    """Where a picture is taken from.

    Attributes
    ----------
    intrinsics
        (3, 3) pinhole matrix, pixels; the middle of the upper left pixel is (0, 0).
    T_world_camera
        (4, 4) rigid pose, OpenCV axes (x right, y down, z forward), metres.
    size
        Height and width, pixels.
    """

    intrinsics: Float64
    T_world_camera: Float64
    size: tuple[int, int]

    @classmethod
    def with_view(cls, T_world_camera: npt.ArrayLike, size: tuple[int, int], fov: float) -> Self:
        """Make a camera whose longer side sees an angle.

        Parameters
        ----------
        T_world_camera
            (4, 4) rigid pose.
        size
            Height and width, pixels.
        fov
            Radians, in (0, pi).

        Raises
        ------
        ValueError
            If the angle or the size is out of range.
        """
        if not 0 < fov < math.pi:
            raise ValueError(
                f"the field of view must be between 0 and 180 degrees, got {math.degrees(fov):g}"
            )
        if min(size) < 1:
            raise ValueError(f"size must be a height and a width > 0 px, got {size}")
        height, width = size
        focal = max(size) / (2 * math.tan(fov / 2))
        K = np.array([[focal, 0, (width - 1) / 2], [0, focal, (height - 1) / 2], [0, 0, 1]])
        return cls(K, np.asarray(T_world_camera, np.float64), size)

    @property
    def position(self) -> Float64:
        """(3,) metres, world axes."""
        position: Float64 = self.T_world_camera[:3, 3]
        return position

    def resized(self, factor: float) -> Camera:
        """Return the same view in a picture `factor` times as large."""
        height, width = (max(1, round(side * factor)) for side in self.size)
        K = self.intrinsics.copy()
        K[0] *= width / self.size[1]
        K[1] *= height / self.size[0]
        K[0, 2] += (width / self.size[1] - 1) / 2  # the corner of the picture is at (-0.5, -0.5)
        K[1, 2] += (height / self.size[0] - 1) / 2
        return Camera(K, self.T_world_camera, (height, width))

    def project(self, points: Float64) -> tuple[Float64, Float64]:
        """Pixels (n, 2) as x, y, and planar depths (n,) of points (n, 3).

        Pixels of points behind the camera mean nothing.
        """
        local = (points - self.position) @ self.T_world_camera[:3, :3]
        depth = local[:, 2]
        image = local @ self.intrinsics.T
        return image[:, :2] / np.where(depth == 0, 1e-12, depth)[:, None], depth


def look_at(position: npt.ArrayLike, target: npt.ArrayLike, up: npt.ArrayLike) -> Float64:
    """Make the pose T_world_camera (4, 4) of a camera that looks at a point.

    Parameters
    ----------
    position, target
        (3,) metres.
    up
        (3,) what is up in the picture; along the view, any direction across it is taken.

    Raises
    ------
    ValueError
        If the position is the target.
    """
    position, vertical = np.asarray(position, np.float64), np.asarray(up, np.float64)
    forward = np.asarray(target, np.float64) - position
    length = np.linalg.norm(forward)
    if not length > 0:
        raise ValueError(f"a camera must look at another place than its own, got {position.tolist()}")
    forward = forward / length
    right = np.cross(forward, vertical)
    if np.linalg.norm(right) < 1e-6 * np.linalg.norm(vertical):
        right = np.cross(forward, np.eye(3)[np.abs(forward).argmin()])
    right = right / np.linalg.norm(right)
    T = np.eye(4)
    T[:3, :3] = np.stack([right, np.cross(forward, right), forward], axis=1)
    T[:3, 3] = position
    return T
