"""A small synthetic room, and folders of it in every layout that `sequences` reads."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from sequences.camera import intrinsic_matrix

H, W = 48, 64
K = intrinsic_matrix(55.0, 54.0, 31.0, 24.5)


@dataclass(frozen=True)
class Room:
    """Frames of a room: rgb (n, H, W, 3) uint8, depth (n, H, W) metres, poses (n, 4, 4) camera-to-world."""

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float64]
    poses: npt.NDArray[np.float64]
    K: npt.NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.rgb)

    def units(self, scale: float) -> npt.NDArray[np.uint16]:
        return np.rint(self.depth * scale).astype(np.uint16)

    def first(self, n: int) -> "Room":
        return replace(self, rgb=self.rgb[:n], depth=self.depth[:n], poses=self.poses[:n])


def _render(pose: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Planar depth from within a box-shaped room with two boxes in it."""
    v, u = np.mgrid[:H, :W]
    rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones((H, W))], -1)
    direction, origin = rays @ pose[:3, :3].T, pose[:3, 3]
    with np.errstate(divide="ignore"):

        def slabs(low: list[float], high: list[float]) -> tuple[Any, Any]:
            a, b = (np.array(low) - origin) / direction, (np.array(high) - origin) / direction
            return np.minimum(a, b).max(-1), np.maximum(a, b).min(-1)

        depth = slabs([1, 2, 0], [6, 6, 2.5])[1]
        for low, high in (([4, 4.5, 0], [4.6, 5.2, 1.0]), ([2, 4, 0], [2.5, 4.6, 1.6])):
            near, far = slabs(low, high)  # type: ignore[arg-type]
            depth = np.where((near < far) & (near > 0), np.minimum(depth, near), depth)
    return depth


def make_room(n: int = 12, *, step: float = 0.08, turn: float = 4.0) -> Room:
    """A camera that walks by `step` metres and turns by `turn` degrees a frame."""
    poses = []
    for k in range(n):
        angle, tilt = np.deg2rad(60 + turn * k), np.deg2rad(15)
        forward = np.array([np.cos(angle) * np.cos(tilt), np.sin(angle) * np.cos(tilt), -np.sin(tilt)])
        right = np.cross(forward, [0, 0, 1])
        right /= np.linalg.norm(right)
        pose = np.eye(4)
        pose[:3, :3] = np.stack([right, np.cross(forward, right), forward], 1)
        pose[:3, 3] = [3.2 + step * k, 2.6 + 0.3 * step * k, 1.4]
        poses.append(pose)
    rng = np.random.default_rng(0)
    rgb = rng.integers(0, 256, (n, H // 8, W // 8, 3), dtype=np.uint8).repeat(8, 1).repeat(8, 2)
    return Room(rgb, np.stack([_render(pose) for pose in poses]), np.stack(poses), K)


def save(path: Path, image: npt.NDArray[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = image[..., ::-1] if image.ndim == 3 else image
    assert cv2.imwrite(str(path), np.ascontiguousarray(image))


def matrix_text(matrix: npt.NDArray[np.float64]) -> str:
    return "\n".join(" ".join(repr(float(value)) for value in row) for row in matrix) + "\n"


def full(K: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    matrix = np.eye(4)
    matrix[:3, :3] = K
    return matrix


def scannet(path: Path, room: Room, *, scale: float = 1000.0, K: npt.NDArray[np.float64] = K) -> Path:
    for k in range(len(room)):
        save(path / "color" / f"{k}.png", room.rgb[k])
        save(path / "depth" / f"{k}.png", room.units(scale)[k])
        (path / "pose").mkdir(exist_ok=True)
        (path / "pose" / f"{k}.txt").write_text(matrix_text(room.poses[k]))
    (path / "intrinsic").mkdir()
    for camera in ("color", "depth"):
        (path / "intrinsic" / f"intrinsic_{camera}.txt").write_text(matrix_text(full(K)))
        (path / "intrinsic" / f"extrinsic_{camera}.txt").write_text(matrix_text(np.eye(4)))
    return path


def seven_scenes(path: Path, room: Room) -> Path:
    for k in range(len(room)):
        save(path / f"frame-{k:06d}.color.png", room.rgb[k])
        save(path / f"frame-{k:06d}.depth.png", room.units(1000)[k])
        (path / f"frame-{k:06d}.pose.txt").write_text(matrix_text(room.poses[k]))
    return path


def replica(path: Path, room: Room) -> Path:
    for k in range(len(room)):
        save(path / "results" / f"frame{k:06d}.png", room.rgb[k])
        save(path / "results" / f"depth{k:06d}.png", room.units(6553.5)[k])
    lines = (" ".join(repr(float(v)) for v in pose.ravel()) for pose in room.poses)
    (path / "traj.txt").write_text("\n".join(lines) + "\n")
    camera = f'"w": {W}, "h": {H}, "fx": 55.0, "fy": 54.0, "cx": 31.0, "cy": 24.5, "scale": 6553.5'
    (path / "cam_params.json").write_text('{"camera": {' + camera + "}}")
    return path


def tum(path: Path, room: Room, *, depth_delay: float = 0.004, pose_delay: float = 0.002) -> Path:
    from scipy.spatial.transform import Rotation

    lists: dict[str, list[str]] = {
        "rgb": ["# color images"],
        "depth": ["# depth maps"],
        "groundtruth": ["# tum"],
    }
    for k in range(len(room)):
        time = 1305031102.175304 + k / 30
        save(path / "rgb" / f"{time:.6f}.png", room.rgb[k])
        save(path / "depth" / f"{time + depth_delay:.6f}.png", room.units(5000)[k])
        lists["rgb"].append(f"{time:.6f} rgb/{time:.6f}.png")
        lists["depth"].append(f"{time + depth_delay:.6f} depth/{time + depth_delay:.6f}.png")
        quaternion = Rotation.from_matrix(room.poses[k, :3, :3]).as_quat()
        numbers = [*room.poses[k, :3, 3], *quaternion]
        stamp = time + depth_delay + pose_delay
        lists["groundtruth"].append(f"{stamp:.6f} " + " ".join(repr(float(v)) for v in numbers))
    for name, lines in lists.items():
        (path / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return path


def redwood(path: Path, room: Room) -> Path:
    entries = []
    for k in range(len(room)):
        save(path / "color" / f"{k:05d}.png", room.rgb[k])
        save(path / "depth" / f"{k:05d}.png", room.units(1000)[k])
        entries.append(f"{k} {k} {k + 1}\n{matrix_text(room.poses[k])}")
    (path / "trajectory.log").write_text("".join(entries))
    matrix = [float(v) for v in room.K.T.ravel()]
    (path / "intrinsic.json").write_text(f'{{"width": {W}, "height": {H}, "intrinsic_matrix": {matrix}}}')
    return path


@pytest.fixture(scope="session")
def room() -> Room:
    return make_room()


@pytest.fixture(scope="session")
def layouts() -> SimpleNamespace:
    """Functions that write a room in each layout, and helpers: `layouts.scannet(path, room)`."""
    writers: dict[str, Callable[..., Any]] = {
        "scannet": scannet,
        "7scenes": seven_scenes,
        "replica": replica,
        "tum": tum,
        "redwood": redwood,
    }
    return SimpleNamespace(
        writers=writers,
        scannet=scannet,
        seven_scenes=seven_scenes,
        replica=replica,
        tum=tum,
        redwood=redwood,
        save=save,
        matrix_text=matrix_text,
        make_room=make_room,
    )
