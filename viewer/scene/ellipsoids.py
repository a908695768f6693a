"""The Gaussians of cells as ellipsoids: a mesh with light baked into its colours."""

from __future__ import annotations

from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import mapping
from mapping import VoxelMap
from mapping.readout import lift

Float32 = npt.NDArray[np.float32]

SIGMAS: Final = 2.0
"""How many standard deviations the half axes of an ellipsoid are long."""

MOST: Final = 120_000
"""Ellipsoids that are drawn at once; of more cells an even share is."""

_FINE_UP_TO: Final = 8_000  # ellipsoids with 42 corners each; beyond that 18 are enough to look round


def sample_of(count: int, most: int = MOST) -> npt.NDArray[np.int64]:
    """Return which of `count` cells are drawn: all, or `most` of them evenly."""
    if count <= most:
        return np.arange(count)
    return np.linspace(0, count - 1, most).astype(np.int64)


def ellipsoids(
    voxel_map: VoxelMap,
    rows: npt.NDArray[np.int64],
    colors: npt.NDArray[np.uint8],
    up: npt.NDArray[Any],
) -> tuple[Float32, Float32, npt.NDArray[np.int32]]:
    """Make the mesh of the ellipsoids of some cells.

    Parameters
    ----------
    voxel_map : VoxelMap
    rows : (n,) int64
    colors : (n, 3) uint8
    up : (3,) unit vector
        Where most of the light comes from.

    Returns
    -------
    positions : (v, 3) float32, metres
    colors : (v, 3) float32 in [0, 1]
    triangles : (t, 3) int32
    """
    sphere, facets = _sphere(2 if len(rows) <= _FINE_UP_TO else 1)
    values, vectors = mapping.eigen(mapping.covariance(voxel_map, rows))
    sigma = np.sqrt(lift(values, sigma_min=0.02 * voxel_map.cell_size)).astype(np.float32)
    axes = vectors.astype(np.float32)
    middle = mapping.mean(voxel_map, rows).astype(np.float32)
    positions = (
        np.einsum("nij,nj,vj->nvi", axes, sigma * np.float32(SIGMAS), sphere, optimize=True) + middle[:, None]
    )
    normal = np.einsum("nij,nj,vj->nvi", axes, 1 / sigma, sphere, optimize=True)
    normal /= np.linalg.norm(normal, axis=2, keepdims=True)
    sun = np.add(up, (0.45, -0.3, 0.2))
    light = 0.72 + 0.28 * (normal @ (sun / np.linalg.norm(sun)).astype(np.float32))
    shaded = (colors.astype(np.float32) / 255)[:, None] * light[..., None]
    first = (np.arange(len(rows), dtype=np.int32) * len(sphere))[:, None, None]
    return positions.reshape(-1, 3), shaded.reshape(-1, 3), (first + facets).reshape(-1, 3)


@cache
def _sphere(rounds: int) -> tuple[Float32, npt.NDArray[np.int32]]:
    """Octahedron or icosahedron whose edges were halved once: 18 or 42 corners on the unit sphere."""
    corners, facets = _octahedron() if rounds == 1 else _icosahedron()
    points = [tuple(corner) for corner in corners.tolist()]
    known: dict[tuple[int, int], int] = {}

    def halfway(a: int, b: int) -> int:
        edge = (min(a, b), max(a, b))
        if edge not in known:
            known[edge] = len(points)
            points.append(tuple((np.array(points[a]) + points[b]) / 2))
        return known[edge]

    finer = []
    for a, b, c in facets:
        ab, bc, ca = halfway(a, b), halfway(b, c), halfway(c, a)
        finer += [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
    sphere = np.array(points)
    sphere /= np.linalg.norm(sphere, axis=1, keepdims=True)
    return sphere.astype(np.float32), np.array(finer, np.int32)


def _octahedron() -> tuple[npt.NDArray[np.float64], list[tuple[int, int, int]]]:
    corners = np.concatenate([np.eye(3), -np.eye(3)])
    facets = [(0, 1, 2), (1, 3, 2), (3, 4, 2), (4, 0, 2), (1, 0, 5), (3, 1, 5), (4, 3, 5), (0, 4, 5)]
    return corners, facets


def _icosahedron() -> tuple[npt.NDArray[np.float64], list[tuple[int, int, int]]]:
    golden = (1 + 5**0.5) / 2
    ring = [(0, a, b * golden) for a in (-1, 1) for b in (-1, 1)]
    corners = np.array([tuple(np.roll(point, turn)) for turn in range(3) for point in ring])
    far = np.linalg.norm(corners[:, None] - corners[None], axis=2)
    beside = np.isclose(far, 2)
    facets = []
    for a in range(12):
        for b in range(a + 1, 12):
            for c in range(b + 1, 12):
                if beside[a, b] and beside[b, c] and beside[a, c]:
                    outward = np.cross(corners[b] - corners[a], corners[c] - corners[a]) @ corners[a] > 0
                    facets.append((a, b, c) if outward else (a, c, b))
    return corners, facets
