"""A map made ready to be looked at: its Gaussians, and the tree in which rays find them."""

from __future__ import annotations

import math
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypedDict, Unpack

import numpy as np
import numpy.typing as npt

from mapping import readout
from mapping.kernels import render as kernel
from mapping.query import in_blocks
from mapping.rendering.normals import is_flat, surface_normals
from mapping.rendering.traced import Traced
from mapping.rendering.tree import CellTree
from mapping.settings import POSITION_ONE, WEIGHT_ONE

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]

FULL: Final = math.exp(-1.5)
"""Likelihood, relative to that of the mean, from which on a Gaussian is opaque.

A surface that fills its cell evenly has a standard deviation of h / sqrt(12), so that the sides of the cell
begin at exp(-1.5): up to there what a cell holds of a surface is shown whole, and beyond it fades."""

MARGIN: Final = 0.25
"""How far beyond its cell a Gaussian is looked for, in cells: those of one surface meet without cracks."""

MOST_HITS: Final = 6
"""Cells that a pixel can see."""

SHAPE_PRIOR: Final = 0.1
"""Points that the prior of a cell's shape, a ball that fills the cell, counts for."""

DOUBT: Final = 1.0
"""Points that half of a cell's opacity needs: the noise beside a surface is fainter than the surface."""


_RAYS: Final = 4096  # a thread takes at a time


class TraceOptions(TypedDict, total=False):
    """What may be said of a trace.

    Attributes
    ----------
    near, far
        Planar depth to begin and to end at, metres; 0.05 and 10 km by default.
    shape
        Whether a cell looks like its Gaussian (by default), or like a cube.
    full
        Likelihood, relative to that of the mean, from which on a Gaussian is opaque; FULL by default.
    hidden
        (n,) bool by row of the map, cells to look through.
    threads
        Threads that share the rays, 2 by default; what they find does not depend on it.
    """

    near: float
    far: float
    shape: bool
    full: float
    hidden: npt.NDArray[np.bool_] | None
    threads: int


class Scene:
    """A map made ready to be looked at, from any number of places.

    Parameters
    ----------
    voxel_map
        The map; later changes are not seen.
    rows
        (m,) int64 or (n,) bool, the cells to show; by default those that hold something (`mapping.solid`).

    Attributes
    ----------
    rows
        (m,) int64, the cells that are shown.
    normal
        (m, 3) float32 unit vectors of no particular sign, in the order of `rows`.
    flat
        (m,) bool, the cells whose own points say the normal, without those of their neighbours.
    """

    def __init__(self, voxel_map: VoxelMap, rows: npt.ArrayLike | None = None):
        shown = readout.solid(voxel_map) & (voxel_map.weight > 0)
        if rows is not None:
            wanted = np.asarray(rows)
            only = np.zeros(len(voxel_map), bool)
            only[wanted] = True
            shown &= only
        self.map = voxel_map
        self.cell_size = voxel_map.cell_size
        self.tree = CellTree.of(voxel_map.key, np.flatnonzero(shown))
        self.rows = self.tree.rows
        self._gaussians, self.normal, self.flat = _gaussians(voxel_map, self.rows)

    @cached_property
    def means(self) -> Float64:
        """(m, 3) means of the cells that are shown, metres, in the order of `rows`."""
        return readout.mean(self.map, self.rows)

    @cached_property
    def color(self) -> Float32:
        """(n, 3) colours of the cells by row of the map, 0 to 255."""
        return readout.color(self.map).astype(np.float32)

    @cached_property
    def planes(self) -> Float32:
        """(n, 4) by row of the map: normals n of the cells that are shown, and n . mean in metres."""
        planes = np.zeros((len(self.map), 4), np.float32)
        planes[self.rows, :3] = self.normal
        planes[self.rows, 3] = np.einsum("nk,nk->n", self.normal, self.means)
        return planes

    @property
    def size_in_bytes(self) -> int:
        """Memory of what rays need, the map and what is read from it not counted."""
        return self.tree.size_in_bytes + self._gaussians.nbytes + self.normal.nbytes

    def trace(
        self,
        intrinsics: npt.ArrayLike,
        T_world_camera: npt.ArrayLike,
        size: tuple[int, int],
        **options: Unpack[TraceOptions],
    ) -> Traced:
        """Find which cells each pixel of a camera sees.

        Parameters
        ----------
        intrinsics
            (3, 3) pinhole matrix, pixels; the middle of the upper left pixel is (0, 0).
        T_world_camera
            (4, 4) rigid pose, OpenCV axes, metres.
        size
            Height and width of the picture.
        options
            See `TraceOptions`.

        Returns
        -------
        Traced

        Raises
        ------
        ValueError
            If the camera or the size is none.
        """
        K, (height, width) = _checked_camera(intrinsics, size)
        x = np.tile((np.arange(width) - K[0, 2]) / K[0, 0], height)
        y = np.repeat((np.arange(height) - K[1, 2]) / K[1, 1], width)
        return self.trace_rays(x, y, T_world_camera, **options).shaped((height, width))

    def trace_rays(
        self,
        x: Float64,
        y: Float64,
        T_world_camera: npt.ArrayLike,
        *,
        near: float = 0.05,
        far: float = 1e4,
        shape: bool = True,
        full: float = FULL,
        hidden: npt.NDArray[np.bool_] | None = None,
        threads: int = 2,
    ) -> Traced:
        """Find which cells each of some rays (x, y, 1) of a camera meets.

        Parameters
        ----------
        x, y
            (p,) float64.
        T_world_camera
            (4, 4) rigid pose, OpenCV axes, metres.
        near, far, shape, full, hidden, threads
            See `TraceOptions`.

        Returns
        -------
        Traced
            A picture of one line.

        Raises
        ------
        ValueError
            If the pose is not rigid.
        """
        T = _checked_pose(T_world_camera)
        traced = Traced.empty(self, T, len(x), MOST_HITS)
        axes = np.ascontiguousarray(T[:3, :3] / self.cell_size)
        origin = T[:3, 3] / self.cell_size + float(1 << 20)
        gaussians = self._gaussians
        if hidden is not None:
            gaussians = gaussians.copy()
            gaussians[hidden[self.rows], 9] = 0
        tree, opaque = self.tree, full if shape else 0.0
        hits = traced.row[0], traced.weight[0], traced.depth[0]

        def rays(start: int, stop: int) -> None:
            kernel.trace(
                origin, axes, x, y, tree.box, near, far, tree.block_key, tree.block_mask, tree.block_first,
                tree.brick_mask, tree.brick_first, gaussians, tree.rows, opaque, MARGIN, *hits, start, stop,
            )  # fmt: skip

        in_blocks(rays, len(x), threads, _RAYS)
        return traced


def _gaussians(voxel_map: VoxelMap, rows: Int64) -> tuple[Float32, Float32, npt.NDArray[np.bool_]]:
    """Return what `kernel.trace` wants to know of cells, (m, 10), their normals (m, 3) and flatness (m,).

    A cell that few points hit may hold more of a surface than they say, and less surely: see SHAPE_PRIOR
    and DOUBT.
    """
    h = voxel_map.cell_size
    count = voxel_map.weight[rows] / WEIGHT_ONE
    trust = (count / (count + SHAPE_PRIOR))[:, None]
    values, vectors = readout.eigen(readout.covariance(voxel_map, rows))
    normal, flat = surface_normals(voxel_map, rows, values, vectors), is_flat(values)
    values = readout.lift(trust * values + (1 - trust) * h**2 / 12)
    precision = readout.compose(h**2 / values, vectors)
    gaussians = np.empty((len(rows), 10), np.float32)
    gaussians[:, :3] = 0.5 + voxel_map.s[rows] / (voxel_map.weight[rows, None] * float(POSITION_ONE))
    gaussians[:, 3:9] = precision[:, *np.triu_indices(3)]
    uncounted = np.add(*readout.evidence(voxel_map, rows)) == 0
    gaussians[:, 9] = np.where(uncounted, 1.0, readout.occupied(voxel_map, rows)) * count / (count + DOUBT)
    return gaussians, normal, flat


def _checked_camera(intrinsics: npt.ArrayLike, size: tuple[int, int]) -> tuple[Float64, tuple[int, int]]:
    K = np.asarray(intrinsics, np.float64)
    if K.shape != (3, 3) or not np.isfinite(K).all() or not (K[0, 0] > 0 and K[1, 1] > 0):
        raise ValueError(f"intrinsics must be (3, 3), finite, with focal lengths > 0 px, got {K.tolist()}")
    if len(size) != 2 or min(size) < 1:
        raise ValueError(f"size must be a height and a width > 0 px, got {size}")
    return K, size


def _checked_pose(T_world_camera: npt.ArrayLike) -> Float64:
    T = np.asarray(T_world_camera, np.float64)
    rigid = T.shape == (4, 4) and bool(np.isfinite(T).all())
    if rigid:
        R = T[:3, :3]
        rigid = np.allclose(R @ R.T, np.eye(3), atol=2e-2) and bool(np.linalg.det(R) > 0)
        rigid = rigid and np.allclose(T[3], [0, 0, 0, 1], atol=1e-6)
    if not rigid:
        raise ValueError(f"T_world_camera must be a rigid pose (4, 4), got {T.tolist()}")
    return T
