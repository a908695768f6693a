"""A frame: one colour and one depth image with the cameras and the pose they were taken with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from sequences.camera import scale_intrinsics

Map = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One posed RGB-D frame. Cameras have OpenCV axes: x right, y down, z forward.

    Parameters
    ----------
    rgb : numpy.ndarray
        (H, W, 3) uint8, RGB.
    depth : numpy.ndarray
        (h, w) float32, planar depth in metres, 0 = invalid.
    intrinsics, color_intrinsics : numpy.ndarray
        (3, 3) float64, camera matrices of the depth and of the colour image.
    T_world_camera : numpy.ndarray
        (4, 4) float64, pose of the depth camera.
    timestamp : float
        Seconds.
    index : int
        Frame number in the source.
    label, instance : numpy.ndarray or None
        (H', W') uint16 ids in the view of the colour camera, 0 = void; only where labels were asked for.
    T_color_depth : numpy.ndarray or None
        (4, 4) float64, depth-camera to colour-camera coordinates; None = one and the same camera.
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    intrinsics: npt.NDArray[np.float64]
    color_intrinsics: npt.NDArray[np.float64]
    T_world_camera: npt.NDArray[np.float64]
    timestamp: float
    index: int
    label: npt.NDArray[np.uint16] | None = None
    instance: npt.NDArray[np.uint16] | None = None
    T_color_depth: npt.NDArray[np.float64] | None = None

    def rgb_on_depth(self) -> npt.NDArray[np.uint8]:
        """Colour at the depth image's pixels.

        Bilinear; a colour image at least twice as fine is first reduced by area, so that thin things do not
        alias. Where the two cameras differ in place, each pixel goes through its depth (pixels without
        depth take the median depth). Beyond the border of the colour image its outermost pixels repeat.

        Returns
        -------
        numpy.ndarray
            (h, w, 3) uint8, RGB; `rgb` itself where the images already agree.
        """
        size = self.rgb.shape[0], self.rgb.shape[1]
        if self._agrees_with_depth(size):
            return self.rgb
        image: npt.NDArray[Any] = self.rgb
        K = self.color_intrinsics
        shrink = int(min(K[0, 0] / self.intrinsics[0, 0], K[1, 1] / self.intrinsics[1, 1]) + 0.01)
        if shrink >= 2:
            small = size[0] // shrink, size[1] // shrink
            image = cv2.resize(image, (small[1], small[0]), interpolation=cv2.INTER_AREA)
            K = scale_intrinsics(K, size, small)
        x, y = self._pixels_of(K)
        colored = cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        return colored.astype(np.uint8, copy=False)

    def label_on_depth(self) -> npt.NDArray[np.uint16]:
        """Label ids at the depth image's pixels, by nearest pixel; 0 beyond the labelled image.

        Returns
        -------
        numpy.ndarray
            (h, w) uint16.

        Raises
        ------
        ValueError
            If the frame carries no labels.
        """
        return self._ids_on_depth(self.label, "label")

    def instance_on_depth(self) -> npt.NDArray[np.uint16]:
        """Instance ids at the depth image's pixels; as `label_on_depth`."""
        return self._ids_on_depth(self.instance, "instance")

    def _ids_on_depth(self, ids: npt.NDArray[np.uint16] | None, what: str) -> npt.NDArray[np.uint16]:
        if ids is None:
            raise ValueError(
                f"frame {self.index} carries no {what} image; open the sequence with labels=True"
            )
        size = ids.shape[0], ids.shape[1]
        if self._agrees_with_depth(size):
            return ids
        x, y = self._pixels_of(self._color_matrix(size))
        on_depth = cv2.remap(ids, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        return on_depth.astype(np.uint16, copy=False)

    def _color_matrix(self, size: tuple[int, int]) -> npt.NDArray[np.float64]:
        """Camera matrix of the colour view at the size of a label image."""
        return scale_intrinsics(self.color_intrinsics, (self.rgb.shape[0], self.rgb.shape[1]), size)

    def _agrees_with_depth(self, size: tuple[int, int]) -> bool:
        same_view = self.T_color_depth is None and size == self.depth.shape
        return same_view and np.array_equal(self._color_matrix(size), self.intrinsics)

    def _pixels_of(self, K: npt.NDArray[np.float64]) -> tuple[Map, Map]:
        """Where each depth pixel lies in an image of the colour camera with matrix `K`: x, y (h, w)."""
        h, w = self.depth.shape
        x = (np.arange(w) - self.intrinsics[0, 2]) / self.intrinsics[0, 0]
        y = (np.arange(h) - self.intrinsics[1, 2]) / self.intrinsics[1, 1]
        if self.T_color_depth is None:
            u = np.broadcast_to(x * K[0, 0] + K[0, 2], (h, w))
            v = np.broadcast_to((y * K[1, 1] + K[1, 2])[:, None], (h, w))
            return np.ascontiguousarray(u, np.float32), np.ascontiguousarray(v, np.float32)
        valid = self.depth > 0
        typical = float(np.median(self.depth[valid])) if valid.any() else 1.0
        z = np.where(valid, self.depth, np.float32(typical))
        R, t = self.T_color_depth[:3, :3].astype(np.float32), self.T_color_depth[:3, 3].astype(np.float32)
        xz, yz = z * x.astype(np.float32), z * y.astype(np.float32)[:, None]
        px, py, pz = (R[k, 0] * xz + R[k, 1] * yz + R[k, 2] * z + t[k] for k in range(3))
        pz = np.maximum(pz, np.float32(1e-6))  # a point behind the colour camera lands far outside its image
        return (
            (px / pz * np.float32(K[0, 0]) + np.float32(K[0, 2])).astype(np.float32),
            (py / pz * np.float32(K[1, 1]) + np.float32(K[1, 2])).astype(np.float32),
        )
