"""What is written of a map: its occupied cells, and their Gaussians."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import numpy.typing as npt

from dvemap.questions import refuse_empty
from mapping import VoxelMap, color, covariance, eigen, face_free, holds_surface, lift, mean, solid_rows

Float32 = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]
"""Told how much is done, and of how much."""

SIGMAS: Final = 2.0
"""Size of an ellipsoid or splat in standard deviations of its cell. Points spread evenly over a cell have one
of 0.29 cells, so at 2 those of a flat wall just overlap and close it; at 1 it is a grid of dots."""

_CHUNK: Final = 1 << 16


def silent(done: int, total: int) -> None:
    """Tell nobody."""


def shown_rows(voxel_map: VoxelMap, *, surface: bool = False) -> npt.NDArray[np.int64]:
    """Choose the rows to write.

    Parameters
    ----------
    voxel_map : VoxelMap
    surface : bool
        Leave out the skirt of noise around surfaces; see `mapping.holds_surface`.

    Returns
    -------
    (n,) int64, ascending.

    Raises
    ------
    ValueError
        If there is none.
    """
    refuse_empty(voxel_map)
    rows = solid_rows(voxel_map)
    if surface:
        rows = rows[holds_surface(voxel_map)[rows]]
    if not len(rows):
        raise ValueError("this map has no occupied cell: rays have crossed every cell that was ever hit")
    return rows


@dataclass(frozen=True)
class Gaussians:
    """The shapes of n cells.

    Attributes
    ----------
    mean
        (n, 3) float64, metres, world axes.
    variance
        (n, 3) float32, m^2, ascending: of the points of the cell along its axes, as they are.
    axes
        (n, 3, 3) float32 right-handed rotations; the columns are the axes, the first one is the normal and
        faces free space.
    color
        (n, 3) uint8 RGB.
    """

    mean: npt.NDArray[np.float64]
    variance: Float32
    axes: Float32
    color: npt.NDArray[np.uint8]

    def __len__(self) -> int:
        """Cells."""
        return len(self.mean)

    @property
    def normal(self) -> Float32:
        """(n, 3) float32 unit normals, facing free space."""
        return self.axes[:, :, 0]

    @cached_property
    def sigma(self) -> Float32:
        """(n, 3) float32 standard deviations along the axes, metres, at least a millimetre: see `lift`."""
        return np.asarray(np.sqrt(lift(self.variance.astype(np.float64))), np.float32)

    @cached_property
    def quaternion(self) -> Float32:
        """(n, 4) float32 unit quaternions (w, x, y, z) of the axes, w >= 0."""
        from scipy.spatial.transform import Rotation

        xyzw = Rotation.from_matrix(self.axes).as_quat(canonical=True)
        return np.asarray(np.roll(xyzw, 1, axis=1), np.float32)


def gaussians(voxel_map: VoxelMap, rows: npt.NDArray[np.int64], progress: Progress = silent) -> Gaussians:
    """Read the Gaussians of rows (n,) of a map, some at a time."""
    found = Gaussians(
        np.empty((len(rows), 3)),
        np.empty((len(rows), 3), np.float32),
        np.empty((len(rows), 3, 3), np.float32),
        color(voxel_map, rows),
    )
    for start in range(0, len(rows), _CHUNK):
        part = slice(start, start + _CHUNK)
        found.mean[part] = mean(voxel_map, rows[part])
        found.variance[part], axes = eigen(covariance(voxel_map, rows[part]))
        axes[:, :, 0] = face_free(voxel_map, found.mean[part], axes[:, :, 0])
        axes[:, :, 2] = np.cross(axes[:, :, 0], axes[:, :, 1])
        found.axes[part] = axes
        progress(min(start + _CHUNK, len(rows)), len(rows))
    return found
