"""Input of the map benchmark: posed depth with random unit codes, synthetic if no sequence is given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

_Points = npt.NDArray[np.float64]

_ROOM: Final = (np.array([-3.0, -1.4, -2.5]), np.array([3.0, 1.3, 2.5]))  # y points down
_THINGS: Final = (  # boxes: lowest and highest corner, metres
    ((-2.6, 0.5, 0.8), (-1.2, 1.3, 2.3)),
    ((0.2, 0.55, 0.4), (1.6, 0.62, 1.3)),
    ((1.9, -0.6, 1.8), (2.9, 1.3, 2.4)),
    ((-0.7, 0.85, 1.1), (-0.2, 1.3, 1.6)),
    ((-0.1, 0.2, -2.4), (1.3, 1.3, -1.7)),
)


@dataclass(frozen=True)
class BenchFrames:
    """Posed frames with a ring of code images, large enough not to stay in the caches.

    Attributes
    ----------
    depths
        (n, H, W) float32, metres.
    poses
        (n, 4, 4) float64, T_world_camera.
    intrinsics
        (3, 3) float64.
    rgbs
        (n, H, W, 3) uint8.
    codes
        (ring, h, w, C) float16, unit vectors.
    """

    depths: npt.NDArray[np.float32]
    poses: npt.NDArray[np.float64]
    intrinsics: npt.NDArray[np.float64]
    rgbs: npt.NDArray[np.uint8]
    codes: list[npt.NDArray[np.float16]] = field(default_factory=list)

    def __len__(self) -> int:
        """Frames."""
        return len(self.depths)


def random_codes(
    count: int, height: int, width: int, dim: int, seed: int = 0
) -> list[npt.NDArray[np.float16]]:
    """Images of random unit vectors, each (height, width, dim) float16."""
    rng = np.random.default_rng(seed)

    def images() -> Iterator[npt.NDArray[np.float16]]:
        for _ in range(count):
            code = rng.standard_normal((height, width, dim), dtype=np.float32)
            code /= np.linalg.norm(code, axis=-1, keepdims=True)
            yield code.astype(np.float16)

    return list(images())


def synthetic_frames(count: int = 40, height: int = 480, width: int = 640, seed: int = 0) -> BenchFrames:
    """A walk through a furnished box of 6 x 5 x 2.7 m, with the depth noise of a Kinect."""
    rng = np.random.default_rng(seed)
    focal = 0.82 * width
    K = np.array([[focal, 0, width / 2], [0, focal, height / 2], [0, 0, 1.0]])
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    rays = np.stack([(u - K[0, 2]) / focal, (v - K[1, 2]) / focal, np.ones_like(u)], axis=-1)
    depths = np.empty((count, height, width), np.float32)
    poses = np.tile(np.eye(4), (count, 1, 1))
    for i in range(count):
        angle = 0.9 * np.pi * i / max(count, 40)
        poses[i, :3, :3] = _turn(angle) @ _tilt(0.25)
        poses[i, :3, 3] = [0.6 * np.sin(2 * angle), -0.2, -0.8 + 0.3 * np.cos(angle)]
        z = _cast(poses[i, :3, 3], rays @ poses[i, :3, :3].T)
        z = z + rng.normal(size=z.shape) * (0.0012 + 0.0019 * (z - 0.4) ** 2)
        depths[i] = np.where(rng.random(z.shape) < 0.02, 0, np.round(z * 1000) / 1000)
    rgbs = rng.integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    return BenchFrames(depths, poses, K, rgbs)


def _cast(position: npt.NDArray[np.float64], rays: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Ray parameter of the first surface: the inside of the room or the outside of a thing (slab method)."""
    with np.errstate(divide="ignore"):
        inverse = 1 / rays

    def slabs(low: _Points, high: _Points) -> tuple[npt.NDArray[np.float64], ...]:
        one, two = (low - position) * inverse, (high - position) * inverse
        return np.minimum(one, two).max(axis=-1), np.maximum(one, two).min(axis=-1)

    nearest = slabs(*_ROOM)[1]
    for low, high in _THINGS:
        enter, leave = slabs(np.array(low), np.array(high))
        nearest = np.where((enter > 0) & (enter < leave), np.minimum(nearest, enter), nearest)
    return nearest


def _turn(angle: float) -> npt.NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def _tilt(angle: float) -> npt.NDArray[np.float64]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
