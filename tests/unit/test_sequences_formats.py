"""Every reader gives back what its layout was written from, and says what is wrong with what is not right."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sequences import FrameError, SequenceError, open_sequence, write_sens
from sequences.seven_scenes import SevenScenesSequence
from sequences.tum import associate

FORMATS = ("scannet", "7scenes", "replica", "tum", "redwood")
SCALES = {"replica": 6553.5, "tum": 5000.0}
K = "55,54,31,24.5"


def opened(layouts: SimpleNamespace, path: Path, room: Any, format: str, **options: Any) -> Any:
    folder = path / "scene"
    folder.mkdir(exist_ok=True)
    layouts.writers[format](folder, room)
    if format in ("7scenes", "tum"):
        options.setdefault("intrinsics", K)
    return open_sequence(folder, **options)


@pytest.mark.parametrize("format", FORMATS)
def test_reader_gives_back_what_was_written(
    layouts: SimpleNamespace, tmp_path: Path, room: Any, format: str
) -> None:
    sequence = opened(layouts, tmp_path, room.first(3), format)
    assert sequence.format == format
    assert (len(sequence), sequence.name) == (3, "scene")
    frame = sequence[2]
    np.testing.assert_array_equal(frame.rgb, room.rgb[2])
    scale = SCALES.get(format, 1000.0)
    expected = room.units(scale)[2].astype(np.float32) / np.float32(scale)
    np.testing.assert_array_equal(frame.depth, expected)
    np.testing.assert_allclose(frame.T_world_camera, room.poses[2], atol=1e-12)
    np.testing.assert_array_equal(frame.intrinsics, room.K)
    assert frame.index == 2
    assert frame.rgb.dtype == np.uint8
    assert frame.depth.dtype == np.float32
    assert frame.T_world_camera.dtype == np.float64


@pytest.mark.parametrize("format", FORMATS)
def test_a_missing_depth_image_is_one_bad_frame(
    layouts: SimpleNamespace, tmp_path: Path, room: Any, format: str
) -> None:
    sequence = opened(layouts, tmp_path, room.first(3), format)
    victim = sorted(
        path for path in (tmp_path / "scene").rglob("*.png") if "depth" in path.name + path.parent.name
    )[1]
    victim.unlink()
    sequence = open_sequence(tmp_path / "scene", intrinsics=K)
    assert len(sequence) == 3
    assert sequence[0].index == 0
    with pytest.raises(FrameError, match="the file is missing") as caught:
        sequence[1]
    assert caught.value.kind == "image"
    assert caught.value.number == 1


@pytest.mark.parametrize("format", ["7scenes", "replica", "tum", "redwood"])
def test_labels_of_a_format_without_them_are_refused(
    layouts: SimpleNamespace, tmp_path: Path, room: Any, format: str
) -> None:
    with pytest.raises(SequenceError, match="bring no label images"):
        opened(layouts, tmp_path, room.first(2), format, labels=True)


def test_seven_scenes_wants_one_sequence(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    for name in ("seq-01", "seq-02"):
        (tmp_path / name).mkdir()
        layouts.seven_scenes(tmp_path / name, room.first(1))
    with pytest.raises(SequenceError, match="found seq-01, seq-02; open one"):
        open_sequence(tmp_path, intrinsics=K)
    sequence = open_sequence(tmp_path / "seq-02", intrinsics=K)
    assert sequence.name == f"{tmp_path.name}-seq-02"
    np.testing.assert_array_equal(sequence.color_intrinsics, SevenScenesSequence.COLOR_INTRINSICS)
    assert sequence.T_color_depth is not None
    with pytest.raises(SequenceError, match="7-Scenes images are 640x480, these are 64x48"):
        open_sequence(tmp_path / "seq-02")


def test_seven_scenes_invalid_depth_is_zero(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.seven_scenes(tmp_path, room.first(1))
    raw = room.units(1000)[0].copy()
    raw[5, 6] = 65535
    layouts.save(tmp_path / "frame-000000.depth.png", raw)
    depth = open_sequence(tmp_path, intrinsics=K)[0].depth
    assert depth[5, 6] == 0
    assert depth.max() < 10


def test_replica_without_a_camera_file_must_have_the_public_size(
    layouts: SimpleNamespace, tmp_path: Path, room: Any
) -> None:
    layouts.replica(tmp_path, room.first(2))
    (tmp_path / "cam_params.json").unlink()
    with pytest.raises(
        SequenceError, match=r"are for images of 1200x680, the images are 64x48.*--intrinsics 32,"
    ):
        open_sequence(tmp_path)
    assert open_sequence(tmp_path, intrinsics=K).depth_scale == 6553.5
    (tmp_path / "cam_params.json").write_text('{"camera": {"fx": 5, "fy": 5, "cx": 3, "cy": 3, "scale": 0}}')
    with pytest.raises(SequenceError, match=r"camera\.scale must be > 0"):
        open_sequence(tmp_path)


def test_replica_damaged_and_missing_poses_are_bad_frames(
    layouts: SimpleNamespace, tmp_path: Path, room: Any
) -> None:
    layouts.replica(tmp_path, room.first(3))
    lines = (tmp_path / "traj.txt").read_text().splitlines()
    (tmp_path / "traj.txt").write_text("\n".join([lines[0], "1 2 three"]) + "\n")
    sequence = open_sequence(tmp_path)
    assert sequence.usable.tolist() == [True, False, False]
    with pytest.raises(FrameError, match="line 2: expected 16 numbers"):
        sequence.pose(1)
    with pytest.raises(FrameError, match="has poses for 2 frames only") as caught:
        sequence[2]
    assert caught.value.kind == "pose"


def test_association_is_greedy_by_nearest_time_and_uses_each_once() -> None:
    a = np.array([0.0, 0.010, 0.100])
    b = np.array([0.012, 0.002, 0.125, 0.009])
    assert associate(a, b, 0.02) == [(0, 1), (1, 3)]
    assert associate(a, b, 0.03) == [(0, 1), (1, 3), (2, 2)]
    assert associate(a, b, 0.0005) == []


def test_tum_takes_times_of_depth_and_the_nearest_pose(
    layouts: SimpleNamespace, tmp_path: Path, room: Any
) -> None:
    layouts.tum(tmp_path, room.first(4))
    lines = (tmp_path / "groundtruth.txt").read_text().splitlines()
    (tmp_path / "groundtruth.txt").write_text(
        "\n".join(lines[:2] + lines[3:]) + "\n"
    )  # frame 1 loses its pose
    sequence = open_sequence(tmp_path, intrinsics=K)
    assert sequence.timestamp(2) == pytest.approx(1305031102.175304 + 2 / 30 + 0.004, abs=1e-6)
    with pytest.raises(FrameError, match=r"nearest pose in .* is 0\.03\d s away, more than 0\.02 s"):
        sequence.pose(1)
    np.testing.assert_allclose(sequence.pose(2), room.poses[2], atol=1e-12)
    assert open_sequence(tmp_path, intrinsics=K, max_time_difference=0.1).usable.all()


def test_tum_unpaired_images_are_an_error(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.tum(tmp_path, room.first(2), depth_delay=0.5)
    with pytest.raises(SequenceError, match=r"no colour image lies within 0\.02 s of a depth image"):
        open_sequence(tmp_path, intrinsics=K)


def test_tum_camera_follows_from_the_folders_name(layouts: SimpleNamespace, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    big = layouts.make_room(1)
    big = type(big)(
        rng.integers(0, 256, (1, 480, 640, 3), np.uint8), np.full((1, 480, 640), 2.0), big.poses, big.K
    )
    for name, fx in (("rgbd_dataset_freiburg1_xyz", 517.3), ("fr3_office", 535.4)):
        (tmp_path / name).mkdir()
        sequence = open_sequence(layouts.tum(tmp_path / name, big))
        assert sequence.intrinsics[0, 0] == fx
        undistorted = not np.array_equal(sequence[0].rgb, big.rgb[0])
        assert undistorted == ("freiburg1" in name)  # freiburg3 is rectified already
        assert sequence.color_bytes(0)[0] == "png"
    (tmp_path / "other").mkdir()
    layouts.tum(tmp_path / "other", big)
    with pytest.raises(SequenceError, match="does not say the intrinsics of its 640x480 depth images"):
        open_sequence(tmp_path / "other")


def test_tum_damaged_list(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.tum(tmp_path, room.first(2))
    (tmp_path / "depth.txt").write_text("# nothing\n")
    with pytest.raises(SequenceError, match=r"depth\.txt: the list is empty"):
        open_sequence(tmp_path, intrinsics=K)
    (tmp_path / "depth.txt").write_text("yesterday depth/1.png\n")
    with pytest.raises(SequenceError, match=r"depth\.txt: expected lines 'timestamp \.\.\.'"):
        open_sequence(tmp_path, intrinsics=K)


def test_redwood_log_of_some_frames_names_them(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.redwood(tmp_path, room.first(4))
    entries = [f"{k} {k} 5\n{layouts.matrix_text(room.poses[k])}" for k in (0, 3)]
    (tmp_path / "trajectory.log").write_text("".join(entries))
    sequence = open_sequence(tmp_path)
    assert sequence.usable.tolist() == [True, False, False, True]
    np.testing.assert_array_equal(sequence.pose(3), room.poses[3])
    with pytest.raises(FrameError, match=r"trajectory\.log has no pose for it"):
        sequence.pose(1)


def test_redwood_damaged_or_ambiguous_input(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.redwood(tmp_path, room.first(2))
    log = (tmp_path / "trajectory.log").read_text()
    (tmp_path / "trajectory.log").write_text(log[:-40])
    with pytest.raises(SequenceError, match="expected for each frame a line of three integers"):
        open_sequence(tmp_path)
    (tmp_path / "trajectory.log").write_text(log)
    (tmp_path / "second.log").write_text(log)
    with pytest.raises(SequenceError, match=r"found second\.log, trajectory\.log"):
        open_sequence(tmp_path)
    (tmp_path / "second.log").unlink()
    (tmp_path / "intrinsic.json").write_text(
        '{"width": 640, "height": 480, "intrinsic_matrix": [5,0,0,0,5,0,2,2,1]}'
    )
    with pytest.raises(SequenceError, match="are for images of 640x480, the images are 64x48"):
        open_sequence(tmp_path)


@pytest.mark.parametrize(
    ("format", "file"),
    [
        ("tum", "groundtruth.txt"),
        ("tum", "rgb.txt"),
        ("replica", "traj.txt"),
        ("replica", "cam_params.json"),
        ("redwood", "trajectory.log"),
        ("scannet", "intrinsic/intrinsic_depth.txt"),
    ],
)
def test_binary_content_under_the_name_of_a_text_file(
    layouts: SimpleNamespace, tmp_path: Path, room: Any, format: str, file: str
) -> None:
    layouts.writers[format](tmp_path, room.first(2))
    (tmp_path / file).write_bytes(b"\x1f\x8b\x08 a compressed file")
    with pytest.raises(SequenceError, match=rf"{file}: expected UTF-8 text, got byte 0x8b at position 1"):
        open_sequence(tmp_path, **({"intrinsics": K} if format == "tum" else {}))


def test_tum_poses_that_lack_a_number(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.tum(tmp_path, room.first(7))
    lines = (tmp_path / "groundtruth.txt").read_text().splitlines()[1:]
    lines = [line.rsplit(" ", 1)[0] for line in lines]  # seven lines of six numbers make six of seven
    (tmp_path / "groundtruth.txt").write_text("\n".join(lines) + "\n")
    with pytest.raises(SequenceError, match="expected lines 'timestamp tx ty tz qx qy qz qw'"):
        open_sequence(tmp_path, intrinsics=K)


def test_times_that_are_no_times(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.scannet(tmp_path / "room", room.first(2))
    (tmp_path / "room" / "timestamps.txt").write_text("0 1.5\n1 nan\n")
    with pytest.raises(SequenceError, match="frame 1 must have a finite time in seconds, got nan"):
        open_sequence(tmp_path / "room")
    (tmp_path / "room" / "timestamps.txt").write_text("0 -1.5\n1 0\n")
    with pytest.raises(SequenceError, match=r"store times >= 0 s, frame 0 has -1\.5; shift all times"):
        write_sens(tmp_path / "x.sens", open_sequence(tmp_path / "room"))
    assert [path.name for path in tmp_path.iterdir()] == ["room"]
