"""Sequences without depth: images and videos with poses beside them."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from sequences import Sequence, SequenceError, open_sequence, prefetch
from sequences.camera import scale_intrinsics
from sequences.frame import Frame
from sequences.reprojection import depth_in_color_view
from sequences.trajectory import read_trajectory
from sequences.video import VideoFile

FRAMES = 40


def without_depth(path: Path, format: str) -> None:
    """Take the depth out of a folder."""
    import shutil

    shutil.rmtree(path / "depth", ignore_errors=True)
    for file in path.rglob("*depth*"):
        if file.suffix == ".png" or file.name == "depth.txt":
            file.unlink()


@pytest.mark.parametrize("format", ["scannet", "7scenes", "replica", "tum", "redwood"])
def test_a_format_without_its_depth(tmp_path: Path, room: Any, layouts: SimpleNamespace, format: str) -> None:
    layouts.writers[format](tmp_path, room)
    options = {"intrinsics": "55,54,31,24.5"} if format in ("tum", "7scenes") else {}
    whole = open_sequence(tmp_path, depth_optional=True, **options)  # depth is read where there is some
    assert whole.has_depth
    assert whole[3].depth.all()
    without_depth(tmp_path, format)
    for chosen in ({}, {"format": format}):
        with pytest.raises(
            SequenceError, match=rf"an RGB-only sequence \({format}\).* with --depth-from depth-"
        ):
            open_sequence(tmp_path, **options, **chosen)
    bare = open_sequence(tmp_path, depth_optional=True, **options)
    assert (bare.format, bare.has_depth, len(bare)) == (format, False, len(room))
    assert bare.depth_size == bare.color_size == (48, 64)
    given = open_sequence(tmp_path, depth_optional=True, intrinsics="44,45,30,22").color_intrinsics
    assert (given[0, 0], given[1, 1], *given[:2, 2]) == (44, 45, 30, 22)
    frame = bare[3]
    assert not frame.depth.any()
    np.testing.assert_array_equal(frame.rgb, room.rgb[3])
    np.testing.assert_allclose(frame.T_world_camera, room.poses[3], atol=1e-6)
    if format != "7scenes":
        np.testing.assert_allclose(bare.color_intrinsics, room.K)
    assert bare.fingerprint() != whole.fingerprint() or format in ("7scenes", "redwood", "scannet", "replica")


def number_of(rgb: np.ndarray) -> int:
    """Read the number that `write_video` drew as light and dark squares."""
    bits = rgb[12::24, 8::16].mean(axis=2)[:2, :4].ravel() > 127
    return int(bits @ (1 << np.arange(8)))


def write_video(path: Path, frames: int = FRAMES) -> Path:
    """Write a film whose frames show their numbers."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 30, (64, 48))
    for k in range(frames):
        bits = (k >> np.arange(8)) & 1
        squares = np.uint8(225) * bits.reshape(2, 4).astype(np.uint8) + np.uint8(15)
        writer.write(np.repeat(squares.repeat(24, 0).repeat(16, 1)[..., None], 3, axis=2))
    writer.release()
    return path


def poses_of(count: int = FRAMES) -> np.ndarray:
    poses = np.tile(np.eye(4), (count, 1, 1))
    poses[:, :3, :3] = Rotation.from_rotvec(np.outer(np.linspace(0, 1, count), [0, 1, 0])).as_matrix()
    poses[:, 0, 3] = 0.1 * np.arange(count)
    return poses


def tum_line(time: float, pose: np.ndarray) -> str:
    numbers = [time, *pose[:3, 3], *Rotation.from_matrix(pose[:3, :3]).as_quat()]
    return " ".join(f"{value:.9f}" for value in numbers)


def rows(matrices: np.ndarray) -> str:
    return "\n".join(" ".join(f"{value:.9f}" for value in row) for row in matrices) + "\n"


TRAJECTORIES = {
    "poses.txt": lambda poses: rows(poses.reshape(-1, 16)),
    "trajectory.txt": lambda poses: "# time and pose\n" + "\n".join(map(tum_line, range(100, 140), poses)),
    "traj.txt": lambda poses: rows(poses[:, :3].reshape(-1, 12)),
    "groundtruth.txt": lambda poses: rows(poses.reshape(-1, 4)),
    "camera.log": lambda poses: "".join(f"{k} {k} {k + 1}\n{rows(pose)}" for k, pose in enumerate(poses)),
}


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video(tmp_path_factory.mktemp("film") / "video.mp4")


@pytest.fixture
def walk(film: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "walk"
    folder.mkdir()
    (folder / "video.mp4").symlink_to(film)
    (folder / "intrinsic.txt").write_text("50 50 31.5 23.5\n")
    return folder


def opened(path: Path, **options: Any) -> Sequence:
    return open_sequence(path, depth_optional=True, **options)


@pytest.mark.parametrize("name", TRAJECTORIES)
def test_a_video_with_any_trajectory(walk: Path, name: str) -> None:
    poses = poses_of()
    (walk / name).write_text(TRAJECTORIES[name](poses))
    with pytest.raises(SequenceError, match=r"an RGB-only sequence \(video\)"):
        open_sequence(walk)
    sequence = opened(walk)
    assert (sequence.format, sequence.name, len(sequence)) == ("video", "walk", FRAMES)
    assert (sequence.color_size, sequence.depth_size) == ((48, 64), (48, 64))
    assert sequence.intrinsics.tolist() == [[50, 0, 31.5], [0, 50, 23.5], [0, 0, 1]]
    np.testing.assert_allclose(sequence.poses, poses, atol=1e-6)
    start = 100 if name == "trajectory.txt" else 0
    step = 1 if name == "trajectory.txt" else 1 / 30
    assert sequence.timestamp(6) == pytest.approx(start + 6 * step)
    assert number_of(sequence[17].rgb) == 17
    assert not sequence[17].depth.any()
    assert opened(walk / "video.mp4").name == "video"  # the file itself


def test_a_video_is_read_at_random_and_by_several_threads(walk: Path) -> None:
    (walk / "poses.txt").write_text(TRAJECTORIES["poses.txt"](poses_of()))
    sequence = opened(walk)
    order = np.random.default_rng(0).permutation(FRAMES).tolist()
    assert [number_of(sequence[i].rgb) for i in order] == order
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda i: number_of(sequence[i].rgb), order)) == order
    assert [number_of(frame.rgb) for _, frame in prefetch(sequence, workers=3)] == list(range(FRAMES))  # type: ignore[union-attr]
    thin = opened(walk, start=3, stride=4)
    assert [number_of(frame.rgb) for frame in thin] == list(range(3, FRAMES, 4))
    assert thin.source_index(2) == 11


def test_reading_on_does_not_seek(film: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    video = VideoFile(film)
    sought = []
    real = video._capture

    class Watched:
        def set(self, what: int, value: float) -> bool:
            sought.append(value)
            return bool(real.set(what, value))

        def __getattr__(self, name: str) -> Any:
            return getattr(real, name)

    monkeypatch.setattr(video, "_capture", Watched())
    for number in (1, 0, 3, 2, 5, 4, 7, 6):  # as threads that read ahead ask
        assert number_of(video.frame(number)) == number
    assert sought == []
    assert number_of(video.frame(1)) == 1
    assert sought == []  # still there
    video.frame(20)
    assert number_of(video.frame(1)) == 1
    assert sought == [1]


def test_films_of_phones_are_of_no_steady_rate() -> None:
    """The file: 30 frames at 30 Hz, then 30 at 10 Hz."""
    path = Path(__file__).parent.parent / "golden" / "variable_rate.mp4"
    video = VideoFile(path)
    assert video.frames == 60
    np.testing.assert_allclose(video.times[[0, 1, 29, 30, 31, 59]], np.array([0, 1, 29, 30, 33, 117]) / 30)
    order = np.random.default_rng(0).permutation(60).tolist()
    assert [number_of(video.frame(k)) for k in order] == order
    assert [number_of(VideoFile(path).frame(k)) for k in (50, 45)] == [50, 45]


def test_times_decide_where_there_are_more_poses(walk: Path) -> None:
    poses = poses_of(4 * FRAMES)
    times = np.arange(4 * FRAMES) / 120 + 0.001
    (walk / "trajectory.txt").write_text("\n".join(map(tum_line, times, poses)))
    sequence = opened(walk)
    np.testing.assert_allclose(sequence.poses, poses[::4], atol=1e-6)
    (walk / "trajectory.txt").write_text("\n".join(map(tum_line, times + 5000, poses)))
    with pytest.raises(
        SequenceError, match=r"frames run from 0\.000 to 1\.300 s, the poses .* into timestamps"
    ):
        opened(walk)
    (walk / "timestamps.txt").write_text("".join(f"{k} {5000 + k / 30}\n" for k in range(FRAMES)))
    sequence = opened(walk)
    np.testing.assert_allclose(sequence.poses, poses[::4], atol=1e-6)
    assert sequence.timestamp(30) == pytest.approx(5001)
    (walk / "timestamps.txt").write_text("5000\n5001\n")
    with pytest.raises(SequenceError, match="has 2 times for 40 frames"):
        opened(walk)


def test_what_is_wrong_is_said(walk: Path) -> None:
    with pytest.raises(SequenceError, match=r"walk: no trajectory beside it; expected trajectory\.txt, "):
        opened(walk)
    file = walk / "poses.txt"
    file.write_text(rows(poses_of()[:-1].reshape(-1, 16)))
    with pytest.raises(
        SequenceError, match=r"has 39 poses for the 40 frames of .* or times to match them by"
    ):
        opened(walk)
    file.write_text("1 2 3\n4 5\n")
    with pytest.raises(
        SequenceError, match=r"poses\.txt: expected poses in the form .* got lines of 2, 3 numbers"
    ):
        opened(walk)
    file.write_text("a b\n")
    with pytest.raises(SequenceError, match=r"poses\.txt: expected numbers"):
        opened(walk)
    file.write_text(TRAJECTORIES["poses.txt"](poses_of()))
    (walk / "intrinsic.txt").unlink()
    with pytest.raises(SequenceError, match=r"the intrinsics of its 64x48 colour images; give --intrinsics"):
        opened(walk)
    assert opened(walk, intrinsics="50,50,31.5,23.5").intrinsics[0, 0] == 50
    (walk / "intrinsic.json").write_text(
        '{"width": 128, "height": 96, "fx": 100, "fy": 100, "cx": 63, "cy": 47}'
    )
    with pytest.raises(SequenceError, match=r"128x96, the images are 64x48; .* --intrinsics 50,50,31"):
        opened(walk)
    (walk / "video.mp4").unlink()
    (walk / "video.mp4").write_bytes(b"no film")
    with pytest.raises(SequenceError, match="cannot be decoded as a video"):
        opened(walk, intrinsics="50,50,31.5,23.5")


def test_a_log_may_leave_frames_out(walk: Path) -> None:
    poses = poses_of()
    kept = [k for k in range(FRAMES) if k % 10]
    (walk / "a.log").write_text("".join(f"{k} {k} {FRAMES}\n{rows(poses[k])}" for k in kept))
    sequence = opened(walk)
    assert sequence.usable.tolist() == [bool(k % 10) for k in range(FRAMES)]
    np.testing.assert_allclose(sequence.pose(7), poses[7], atol=1e-6)
    with pytest.raises(SequenceError, match=r"a\.log has no pose for it"):
        sequence.pose(10)


def test_a_folder_of_images(tmp_path: Path, room: Any, layouts: SimpleNamespace) -> None:
    for k in range(len(room)):
        layouts.save(tmp_path / "images" / f"img_{10 * k:04d}.png", room.rgb[k])
    (tmp_path / "poses.txt").write_text(rows(room.poses.reshape(-1, 16)))
    (tmp_path / "intrinsic_color.txt").write_text(layouts.matrix_text(room.K))
    sequence = opened(tmp_path, stride=2)
    assert (sequence.format, len(sequence), sequence.source_index(3)) == ("images", 6, 60)
    np.testing.assert_array_equal(sequence[3].rgb, room.rgb[6])
    np.testing.assert_allclose(sequence[3].T_world_camera, room.poses[6], atol=1e-6)
    np.testing.assert_allclose(sequence.intrinsics, room.K)
    assert sequence.timestamp(1) == pytest.approx(2 / 30, abs=1e-6)

    (tmp_path / "poses.txt").unlink()  # every tenth frame of a film: which pose is whose is not to be guessed
    times = np.arange(10 * len(room)) / 30
    poses = room.poses.repeat(10, axis=0)
    (tmp_path / "trajectory.txt").write_text("\n".join(map(tum_line, times, poses)))
    with pytest.raises(SequenceError, match=rf"has {10 * len(room)} poses .* and timestamps\.txt beside it"):
        opened(tmp_path)
    (tmp_path / "timestamps.txt").write_text("".join(f"{time}\n" for time in times[::10]))
    np.testing.assert_allclose(opened(tmp_path).poses, room.poses, atol=1e-6)


def test_trajectories_are_read_in_the_order_of_their_times(tmp_path: Path) -> None:
    poses = poses_of(5)
    file = tmp_path / "trajectory.txt"
    file.write_text("\n".join(tum_line(time, poses[int(time)]) for time in (3, 1, 0, 4, 2)))
    read = read_trajectory(file)
    assert read.times is not None
    assert read.times.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_allclose(read.poses, poses, atol=1e-8)


def test_depth_is_brought_into_the_colour_view(room: Any) -> None:
    depth = room.depth[0].astype(np.float32)
    frame = Frame(room.rgb[0], depth, room.K, room.K, np.eye(4), 0.0, 0)
    assert depth_in_color_view(frame, room.K, (48, 64)) is depth
    half = scale_intrinsics(room.K, (48, 64), (24, 32))
    small = depth_in_color_view(frame, half, (24, 32))
    blocks = depth.reshape(24, 2, 32, 2)
    assert (
        (small >= blocks.min(axis=(1, 3)) - 1e-6) & (small <= blocks.max(axis=(1, 3)) + 1e-6)
    ).mean() > 0.9
    T = np.eye(4)
    T[:3, 3] = 0.0, 0.0, 0.5
    moved = Frame(room.rgb[0], depth, room.K, room.K, np.eye(4), 0.0, 0, T_color_depth=T)
    shown = depth_in_color_view(moved, room.K, (48, 64))
    assert shown[24, 31] == pytest.approx(depth[24, 31] + 0.5, abs=0.02)
