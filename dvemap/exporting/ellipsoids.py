"""The Gaussians of a map as ellipsoids, in one triangle mesh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dvemap.exporting.cells import SIGMAS, Float32, Gaussians, Progress, gaussians, shown_rows, silent
from mapping import VoxelMap
from viewer import write_ply

_MOST_TRIANGLES: Final = 4_000_000  # what browsers and mesh editors still turn smoothly
_CHUNK: Final = 1 << 15


@dataclass(frozen=True)
class Mesh:
    """Triangles.

    Attributes
    ----------
    vertices, normals
        (v, 3) float32, metres and unit vectors, world axes.
    faces
        (f, 3) uint32, counter-clockwise from outside.
    colors
        (v, 3) uint8 RGB.
    """

    vertices: Float32
    normals: Float32
    faces: npt.NDArray[np.uint32]
    colors: npt.NDArray[np.uint8]


def write_ellipsoids(
    voxel_map: VoxelMap,
    path: Path,
    *,
    sigmas: float = SIGMAS,
    surface: bool = False,
    progress: Progress = silent,
) -> Mesh:
    """Write the occupied cells of a map as ellipsoids in a binary PLY mesh with colours and normals.

    Parameters
    ----------
    voxel_map : VoxelMap
    path : Path
    sigmas : float
        Radius of an ellipsoid, in standard deviations.
    surface : bool
        Leave out the skirt of noise around surfaces.
    progress : callable, optional
        Told the cells that are done, and all.

    Returns
    -------
    Mesh
        What was written.

    Raises
    ------
    ValueError
        If `sigmas` is not > 0 or the map has no occupied cell.
    """
    mesh = ellipsoids_of(voxel_map, sigmas=sigmas, surface=surface, progress=progress)
    properties = dict(zip(("nx", "ny", "nz"), mesh.normals.T, strict=True))
    write_ply(path, mesh.vertices, faces=mesh.faces, colors=mesh.colors, properties=properties)
    return mesh


def ellipsoids_of(
    voxel_map: VoxelMap, *, sigmas: float = SIGMAS, surface: bool = False, progress: Progress = silent
) -> Mesh:
    """Make the ellipsoids that `write_ellipsoids` writes; the more there are, the coarser each is."""
    if not sigmas > 0:
        raise ValueError(f"sigmas must be > 0, got {sigmas}")
    rows = shown_rows(voxel_map, surface=surface)
    cells = gaussians(voxel_map, rows, progress)
    detail = max((k for k in (1, 2) if len(cells) * len(sphere(k)[1]) <= _MOST_TRIANGLES), default=0)
    return _ellipsoids(cells, sigmas, *sphere(detail))


def _ellipsoids(cells: Gaussians, sigmas: float, points: Float32, triangles: npt.NDArray[np.uint32]) -> Mesh:
    """Put a unit sphere, stretched and turned, at every cell; normals are those of the quadric."""
    n, m = len(cells), len(points)
    vertices, normals = np.empty((n, m, 3), np.float32), np.empty((n, m, 3), np.float32)
    for start in range(0, n, _CHUNK):
        part = slice(start, start + _CHUNK)
        turn, sigma = cells.axes[part].transpose(0, 2, 1), cells.sigma[part, None, :]
        vertices[part] = (points * (sigmas * sigma)) @ turn + cells.mean[part, None, :]
        across = (points / sigma) @ turn
        normals[part] = across / np.linalg.norm(across, axis=2, keepdims=True)
    faces = triangles[None] + (np.arange(n, dtype=np.uint32) * np.uint32(m))[:, None, None]
    return Mesh(
        vertices.reshape(-1, 3), normals.reshape(-1, 3), faces.reshape(-1, 3), cells.color.repeat(m, axis=0)
    )


@cache
def sphere(detail: int) -> tuple[Float32, npt.NDArray[np.uint32]]:
    """Make a unit sphere: an octahedron whose triangles are cut in four `detail` times.

    Returns
    -------
    points
        (2 + 4 * 4**detail, 3) float32.
    triangles
        (8 * 4**detail, 3) uint32, counter-clockwise from outside.
    """
    points = np.concatenate([np.eye(3), -np.eye(3)])
    triangles = np.array(
        [[0, 1, 2], [1, 3, 2], [3, 4, 2], [4, 0, 2], [1, 0, 5], [3, 1, 5], [4, 3, 5], [0, 4, 5]]
    )
    for _ in range(detail):
        edges = np.sort(triangles[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
        distinct, where = np.unique(edges, axis=0, return_inverse=True)
        middle = points[distinct].sum(axis=1)
        a, b, c = triangles.T
        ab, bc, ca = (len(points) + where).reshape(-1, 3).T
        points = np.concatenate([points, middle / np.linalg.norm(middle, axis=1, keepdims=True)])
        corners = ((a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca))
        triangles = np.concatenate([np.stack(corner, axis=1) for corner in corners])
    return points.astype(np.float32), triangles.astype(np.uint32)
