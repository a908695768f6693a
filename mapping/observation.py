"""One frame as given, checked once and brought into the form that the kernels want."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mapping.keys import AXIS_OFFSET, pack
from mapping.settings import FusionSettings

_RIGID_TOLERANCE: Final = 1e-3
_NO_RGB: Final = np.zeros((0, 0, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class Observation:
    """The arguments of `VoxelMap.integrate`."""

    depth: npt.NDArray[np.float32]
    intrinsics: npt.NDArray[np.float64]
    T_world_camera: npt.NDArray[np.float64]
    rgb: npt.NDArray[np.uint8] | None
    codes: npt.NDArray[np.float16] | None
    confidence: npt.NDArray[np.floating[Any]] | None
    timestamp_ns: int

    def check(self, code_dim: int) -> None:
        """Check shapes, types and the pose.

        Raises
        ------
        ValueError
            Naming the argument, the rule and what came.
        """
        depth, K, T = self.depth, np.asarray(self.intrinsics), np.asarray(self.T_world_camera)
        _expect("depth", depth, (None, None), np.float32)
        if K.shape != (3, 3) or not np.isfinite(K).all() or not (K[0, 0] > 0 and K[1, 1] > 0):
            raise ValueError(
                f"intrinsics must be a finite (3, 3) matrix with positive focal lengths, got {K}"
            )
        if (K.ravel()[[1, 3, 6, 7, 8]] != [0, 0, 0, 0, 1]).any():
            raise ValueError(f"intrinsics must be [fx 0 cx; 0 fy cy; 0 0 1] (no skew), got {K}")
        if T.shape != (4, 4) or not np.isfinite(T).all():
            raise ValueError(f"T_world_camera must be a finite (4, 4) matrix, got {T}")
        R = T[:3, :3]
        if (
            np.abs(R @ R.T - np.eye(3)).max() > _RIGID_TOLERANCE
            or np.linalg.det(R) < 0
            or np.abs(T[3] - [0, 0, 0, 1]).max() > _RIGID_TOLERANCE
        ):
            raise ValueError(f"T_world_camera must be rigid (rotation and translation), got {T}")
        if not (isinstance(self.timestamp_ns, int | np.integer) and abs(int(self.timestamp_ns)) < 2**63):
            raise ValueError(f"timestamp_ns must be an integer of 64 bits, got {self.timestamp_ns!r}")
        if self.rgb is not None:
            _expect("rgb", self.rgb, (*depth.shape, 3), np.uint8)
        if self.codes is not None:
            _check_codes(self.codes, depth.shape, code_dim)
        if self.confidence is not None:
            if self.codes is None:
                raise ValueError("confidence weighs codes, but no codes were given")
            _expect("confidence", self.confidence, self.codes.shape[:2], np.floating)
            if not (self.confidence.min() >= 0 and self.confidence.max() <= 1):
                raise ValueError("confidence must be in [0, 1]")

    def code_weight(self, weight: npt.NDArray[np.uint16]) -> npt.NDArray[np.uint16]:
        """(h * w,) uint16 weights of the code pixels: those of their depth pixels times the confidence."""
        if self.codes is None:
            return np.zeros(0, np.uint16)
        (height, width), (h, w) = weight.shape, self.codes.shape[:2]
        step_v, step_u = height // h, width // w
        middle = weight[step_v // 2 :: step_v, step_u // 2 :: step_u]
        if self.confidence is not None:
            middle = np.floor(middle * self.confidence.astype(np.float64) + 0.5).astype(np.uint16)
        return middle.ravel()


@dataclass(frozen=True, slots=True)
class Geometry:
    """Viewing rays in cells of the map, and in pixels of the image.

    Attributes
    ----------
    column, line
        (3, W), (3, H) float64: a point is origin + z (column[:, u] + line[:, v]), in cells.
    origin
        (3,) float64 in [0, 1), the camera's place in its cell. Splitting the position off keeps the
        precision the same anywhere in the world.
    origin_key
        Key of the camera's cell.
    axis
        (3,) float64, viewing direction in world axes.
    slope_x, slope_y, ray_x, ray_y
        float32, as `kernels.weights.weigh` wants them.
    pad
        Base line of depth differences, pixels.
    """

    column: npt.NDArray[np.float64]
    line: npt.NDArray[np.float64]
    origin: npt.NDArray[np.float64]
    origin_key: int
    axis: npt.NDArray[np.float64]
    slope_x: npt.NDArray[np.float32]
    slope_y: npt.NDArray[np.float32]
    ray_x: npt.NDArray[np.float32]
    ray_y: npt.NDArray[np.float32]
    pad: int

    @classmethod
    def of(cls, frame: Observation, cell_size: float, settings: FusionSettings) -> Geometry:
        """Compute the rays of a checked frame.

        Raises
        ------
        ValueError
            If a point could lie beyond 2**20 cells from the origin of the world.
        """
        height, width = frame.depth.shape
        K = np.asarray(frame.intrinsics, np.float64)
        T = np.asarray(frame.T_world_camera, np.float64)
        R = T[:3, :3]
        pad = max(1, width // 160)
        x, y = np.arange(width) - K[0, 2], np.arange(height) - K[1, 2]
        tangent_x, tangent_y = x / K[0, 0], y / K[1, 1]
        column = R[:, :1] * tangent_x / cell_size
        line = (R[:, 1:2] * tangent_y + R[:, 2:]) / cell_size
        position = T[:3, 3] / cell_size
        cell = np.floor(position)
        _check_reach(cell, column, line, frame.depth, cell_size, settings)
        return cls(
            column=column,
            line=line,
            origin=position - cell,
            origin_key=int(pack(cell.astype(np.int64))),
            axis=np.ascontiguousarray(R[:, 2]),
            slope_x=np.stack([np.full(width, K[0, 0]), x]).astype(np.float32) / np.float32(pad),
            slope_y=np.stack([np.full(height, K[1, 1]), y]).astype(np.float32) / np.float32(pad),
            ray_x=(tangent_x**2).astype(np.float32),
            ray_y=(tangent_y**2).astype(np.float32),
            pad=pad,
        )


def rgb_or_none(rgb: npt.NDArray[np.uint8] | None) -> npt.NDArray[np.uint8]:
    """(H, W, 3) colour, C-contiguous and writable so that one compiled version is enough; empty for none."""
    return _NO_RGB if rgb is None else np.require(rgb, requirements=["C", "W"])


def _check_reach(
    cell: npt.NDArray[np.float64],
    column: npt.NDArray[np.float64],
    line: npt.NDArray[np.float64],
    depth: npt.NDArray[np.float32],
    cell_size: float,
    settings: FusionSettings,
) -> None:
    """Refuse frames whose points may leave the range of keys; exact about depth only if it matters."""
    slope = np.maximum(column.max(axis=1) + line.max(axis=1), -(column.min(axis=1) + line.min(axis=1)))
    room = AXIS_OFFSET - 2 - np.abs(cell).max()
    if settings.depth_max * slope.max() < room:
        return
    valid = depth[(depth >= settings.depth_min) & (depth <= settings.depth_max)]
    if not (room > 0 and (valid.size == 0 or float(valid.max()) * slope.max() < room)):
        raise ValueError(
            f"points must lie within {(AXIS_OFFSET - 2) * cell_size:g} m of the world's origin "
            f"({AXIS_OFFSET} cells of {cell_size:g} m); the camera is at {(cell * cell_size).tolist()}"
        )


def _check_codes(codes: npt.NDArray[np.float16], depth_shape: tuple[int, ...], code_dim: int) -> None:
    _expect("codes", codes, (None, None, None), np.float16)
    h, w, dim = codes.shape
    if dim != code_dim:
        raise ValueError(f"codes must have {code_dim} numbers a pixel as the map has, got {dim}")
    if not dim or not h or not w or depth_shape[0] % h or depth_shape[1] % w:
        raise ValueError(
            f"the height and width of codes must divide those of depth, got {h} x {w} "
            f"and {depth_shape[0]} x {depth_shape[1]}"
        )


def _expect(name: str, array: Any, shape: tuple[int | None, ...], dtype: type) -> None:
    """Check that an array has this shape (None: any) and element type."""
    if not isinstance(array, np.ndarray):
        raise ValueError(f"{name} must be a NumPy array, got {type(array).__name__}")
    fits = array.ndim == len(shape) and all(
        want in (None, got) for want, got in zip(shape, array.shape, strict=True)
    )
    if not fits or array.size == 0:
        wanted = tuple("any" if size is None else size for size in shape)
        raise ValueError(f"{name} must have shape {wanted} and not be empty, got {array.shape}")
    if not np.issubdtype(array.dtype, dtype) or not array.dtype.isnative:
        raise ValueError(f"{name} must be {dtype.__name__}, got {array.dtype}")
