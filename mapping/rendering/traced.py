"""What a camera sees: a few cells a pixel with their shares, from which all pictures are read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import numpy as np
import numpy.typing as npt

from mapping import readout
from mapping.kernels import render as kernel

if TYPE_CHECKING:
    from mapping.rendering.scene import Scene

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Traced:
    """Up to K cells a pixel, front to back.

    Attributes
    ----------
    scene
        What was looked at.
    T_world_camera
        (4, 4) float64, from where.
    row
        (H, W, K) int32 rows of the map, -1 after the last.
    weight
        (H, W, K) float32 shares of a pixel's light; what they lack of 1 comes from behind everything.
    depth
        (H, W, K) float32 planar depth of each cell's likeliest point, metres.
    """

    scene: Scene
    T_world_camera: npt.NDArray[np.float64]
    row: npt.NDArray[np.int32]
    weight: Float32
    depth: Float32

    @classmethod
    def empty(cls, scene: Scene, T_world_camera: npt.NDArray[np.float64], rays: int, most: int) -> Self:
        """Make room for rays, as a picture of one line."""
        shape = (1, rays, most)
        hits = np.empty(shape, np.int32), np.empty(shape, np.float32), np.empty(shape, np.float32)
        return cls(scene, T_world_camera, *hits)

    def shaped(self, size: tuple[int, int]) -> Traced:
        """Return the same rays as a picture of another height and width."""
        shape = (*size, self.row.shape[2])
        hits = self.row.reshape(shape), self.weight.reshape(shape), self.depth.reshape(shape)
        return Traced(self.scene, self.T_world_camera, *hits)

    @property
    def opacity(self) -> Float32:
        """(H, W) share of the light that comes from cells."""
        opacity: Float32 = self.weight.sum(axis=2)
        return opacity

    def blend(self, values: npt.NDArray[Any]) -> Float32:
        """Average numbers of the cells, (n,) or (n, c) by row, into (H, W) or (H, W, c); NaN for no cell."""
        table = np.ascontiguousarray(values if values.ndim == 2 else values[:, None], np.float32)
        out = np.empty((*self.row.shape[:2], table.shape[1]), np.float32)
        kernel.blend(*self._pixels(), table, out.reshape(-1, table.shape[1]))
        return out if values.ndim == 2 else out[..., 0]

    def vote(self, labels: Int64) -> Int64:
        """Take the label that most light of a pixel comes from: (n,) by row, 0 for none, to (H, W)."""
        out = np.empty(self.row.shape[:2], np.int64)
        kernel.vote(*self._pixels(), np.ascontiguousarray(labels, np.int64), out.reshape(-1))
        return out

    def median_depth(self) -> Float32:
        """(H, W) planar depth of the cell at which half of the light is reached, metres; 0 for no cell."""
        return self._at_median(self.depth, 0)

    def median_row(self) -> npt.NDArray[np.int32]:
        """(H, W) row of the cell at which half of the light is reached; -1 for no cell."""
        return self._at_median(self.row, -1)

    def color(self) -> Float32:
        """(H, W, 3) RGB, 0 to 255."""
        return self.blend(self.scene.color)

    def normals(self) -> Float32:
        """(H, W, 3) unit normals that look at the camera, world axes; NaN for no cell."""
        out = np.empty((*self.row.shape[:2], 3), np.float32)
        eye = np.ascontiguousarray(self.T_world_camera[:3, 3])
        kernel.blend_facing(*self._pixels(), self.scene.planes, eye, out.reshape(-1, 3))
        return out

    def confidence(self) -> Float32:
        """(H, W) agreement of the observations of an embedding, 0 to 1; NaN for no cell."""
        return self.blend(readout.confidence(self.scene.map))

    def _pixels(self) -> tuple[npt.NDArray[np.int32], Float32]:
        most = self.row.shape[2]
        return self.row.reshape(-1, most), self.weight.reshape(-1, most)

    def _at_median(self, values: npt.NDArray[Any], nothing: int) -> npt.NDArray[Any]:
        place = np.empty(self.row.shape[:2], np.int32)
        kernel.median(*self._pixels(), place.reshape(-1))
        found = np.take_along_axis(values, np.maximum(place, 0)[..., None], axis=2)[..., 0]
        return np.where(place >= 0, found, np.asarray(nothing, values.dtype))
