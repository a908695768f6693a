"""Depth of a frame, seen by its colour camera."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix
from sequences.frame import Frame


def depth_in_color_view(frame: Frame, K: Matrix, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Bring the depth of a frame into the view of its colour camera, nearest pixel, the nearest point wins.

    Parameters
    ----------
    frame : Frame
    K : numpy.ndarray
        (3, 3) camera matrix of the colour view at `size`.
    size : tuple of int
        (height, width) in pixels.

    Returns
    -------
    numpy.ndarray
        `size` float32, planar depth of the colour camera in metres, 0 where no point falls.
    """
    if frame.T_color_depth is None and frame.depth.shape == size and np.array_equal(K, frame.intrinsics):
        return frame.depth
    v, u = np.nonzero(frame.depth > 0)
    z = frame.depth[v, u].astype(np.float64)
    k = frame.intrinsics
    points = np.stack([(u - k[0, 2]) / k[0, 0] * z, (v - k[1, 2]) / k[1, 1] * z, z])
    if frame.T_color_depth is not None:
        points = frame.T_color_depth[:3, :3] @ points + frame.T_color_depth[:3, 3:]
    x, y, z = points[:, points[2] > 1e-6]
    column = np.rint(x / z * K[0, 0] + K[0, 2]).astype(np.int64)
    row = np.rint(y / z * K[1, 1] + K[1, 2]).astype(np.int64)
    inside = (row >= 0) & (row < size[0]) & (column >= 0) & (column < size[1])
    nearest = np.full(size, np.inf, np.float32)
    np.minimum.at(nearest, (row[inside], column[inside]), z[inside].astype(np.float32))
    nearest[np.isinf(nearest)] = 0
    return nearest
