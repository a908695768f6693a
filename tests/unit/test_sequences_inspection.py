"""The look before fusing: it understands what is right, names what is wrong, admits what it cannot tell."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sequences import Inspection, SequenceError, inspect_sequence, open_sequence
from sequences.camera import intrinsic_matrix, scale_intrinsics
from sequences.readings import other_sizes


@pytest.fixture(scope="module")
def scene(layouts: SimpleNamespace, tmp_path_factory: pytest.TempPathFactory, room: Any) -> Path:
    folder: Path = layouts.scannet(tmp_path_factory.mktemp("inspection") / "room", room)
    return folder


def errors(inspection: Inspection) -> list[str]:
    return [str(finding) for finding in inspection.findings if finding.severity == "error"]


def test_what_is_right_is_understood_and_passes(scene: Path) -> None:
    inspection = inspect_sequence(open_sequence(scene))
    inspection.raise_if_wrong()
    assert inspection.findings == ()
    text = "\n".join(inspection.summary())
    assert "room: scannet, 12 frames, colour 64x48, depth 64x48" in text
    assert "camera: 55,54,31,24.5 (fx,fy,cx,cy of depth), view of 60 x 48 degrees" in text
    assert "read at 1000 units a metre" in text
    assert "12 of 12 poses usable" in text
    assert "poses: camera-to-world 9" in text
    assert "could not" not in text
    assert inspection.numbers["agreement"]["camera-to-world"] > 0.9
    assert inspection.numbers["agreement"]["opengl"] < 0.5
    assert json.loads(json.dumps(inspection.to_dict()))["findings"] == []


@pytest.mark.parametrize(
    ("options", "fix"),
    [
        ({"pose_convention": "world-to-camera"}, "--pose-convention camera-to-world"),
        ({"pose_convention": "opengl"}, "--pose-convention camera-to-world"),
        ({"pose_convention": "opengl-world-to-camera"}, "--pose-convention camera-to-world"),
        ({"depth_scale": 5000}, "--depth-scale 1000"),
        ({"depth_scale": 200}, "--depth-scale 1000"),
        ({"depth_scale": 100}, "--depth-scale 1000"),
        ({"depth_scale": 10000}, "--depth-scale 1000"),
        (
            {"depth_scale": 5000, "pose_convention": "world-to-camera"},
            "--pose-convention camera-to-world --depth-scale 1000",
        ),
    ],
)
def test_wrong_readings_name_the_option(scene: Path, options: dict[str, Any], fix: str) -> None:
    inspection = inspect_sequence(open_sequence(scene, **options))
    with pytest.raises(SequenceError, match=f"; use {fix} .or --trust to use it as it is"):
        inspection.raise_if_wrong()
    assert [finding.option for finding in inspection.findings if finding.severity == "error"] == [fix]


@pytest.mark.parametrize(
    ("stored", "option"),
    [
        (lambda pose: np.linalg.inv(pose), "--pose-convention world-to-camera"),
        (lambda pose: pose @ np.diag([1.0, -1, -1, 1]), "--pose-convention opengl"),
    ],
)
def test_data_stored_in_another_convention(
    layouts: SimpleNamespace, tmp_path: Path, room: Any, stored: Any, option: str
) -> None:
    layouts.scannet(tmp_path, room)
    for k, pose in enumerate(room.poses):
        (tmp_path / "pose" / f"{k}.txt").write_text(layouts.matrix_text(stored(pose)))
    inspection = inspect_sequence(open_sequence(tmp_path))
    assert errors(inspection)[0].endswith(f"; use {option}")
    fixed = inspect_sequence(open_sequence(tmp_path, pose_convention=option.split()[1]))
    assert errors(fixed) == []


@pytest.mark.parametrize("scale", [5000.0, 6553.5, 4000.0])
def test_data_stored_in_other_units(
    layouts: SimpleNamespace, tmp_path: Path, room: Any, scale: float
) -> None:
    layouts.scannet(tmp_path, room, scale=scale)
    inspection = inspect_sequence(open_sequence(tmp_path))
    assert errors(inspection)[0].endswith(f"; use --depth-scale {scale:g}")


@pytest.mark.parametrize("ratio", [0.5, 0.75, 2.0, 2.025])
def test_intrinsics_of_another_image_size(scene: Path, room: Any, ratio: float) -> None:
    size = (48 * ratio, 64 * ratio)
    K = scale_intrinsics(room.K, (48, 64), size)
    inspection = inspect_sequence(open_sequence(scene, intrinsics=K))
    assert len(errors(inspection)) == 1
    option = errors(inspection)[0].rsplit("--intrinsics ", 1)[1]
    np.testing.assert_allclose([float(v) for v in option.split(",")], [55, 54, 31, 24.5], rtol=0.04)
    assert errors(inspect_sequence(open_sequence(scene, intrinsics=option))) == []


def test_principal_point_outside_is_wrong_even_where_nothing_can_be_compared(scene: Path) -> None:
    inspection = inspect_sequence(open_sequence(scene, stop=1, intrinsics="1170,1170,648,484"))
    assert len(errors(inspection)) == 1
    assert (
        "probably for images of about 1297x969; use --intrinsics 57.7332,57.9567,31.5,23.5"
        in errors(inspection)[0]
    )


def test_colour_intrinsics_of_another_size(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.scannet(tmp_path, room)
    matrix = np.eye(4)
    matrix[:3, :3] = scale_intrinsics(room.K, (48, 64), (96, 128))
    (tmp_path / "intrinsic" / "intrinsic_color.txt").write_text(layouts.matrix_text(matrix))
    inspection = inspect_sequence(open_sequence(tmp_path))
    assert len(errors(inspection)) == 1
    assert "of the colour camera is far from the middle of its 64x48 images" in errors(inspection)[0]


def test_one_frame_cannot_be_checked(scene: Path) -> None:
    inspection = inspect_sequence(open_sequence(scene, stop=1))
    assert inspection.findings == ()
    assert "poses and units: could not be checked" in inspection.lines[-1]


def test_a_camera_that_stands_still_cannot_tell(layouts: SimpleNamespace, tmp_path: Path) -> None:
    layouts.scannet(tmp_path, layouts.make_room(6, step=0.0, turn=0.0))
    for options in ({}, {"pose_convention": "world-to-camera"}, {"depth_scale": 5000}):
        inspection = inspect_sequence(open_sequence(tmp_path, **options))
        assert errors(inspection) == []
        assert (
            sum("could not be told apart, the camera hardly moves" in line for line in inspection.lines) == 2
        )


def test_a_camera_that_only_turns_tells_poses_but_not_units(layouts: SimpleNamespace, tmp_path: Path) -> None:
    layouts.scannet(tmp_path, layouts.make_room(8, step=0.0, turn=5.0))
    inspection = inspect_sequence(open_sequence(tmp_path))
    assert errors(inspection) == []
    assert any("units could not be told apart" in line for line in inspection.lines)
    assert not any("conventions could not be told apart" in line for line in inspection.lines)
    with pytest.raises(SequenceError, match="use --pose-convention camera-to-world"):
        inspect_sequence(open_sequence(tmp_path, pose_convention="opengl")).raise_if_wrong()


def test_depth_no_room_has_where_units_cannot_be_told(scene: Path) -> None:
    far = inspect_sequence(open_sequence(scene, stop=1, depth_scale=100))
    assert [(f.severity, f.option) for f in far.findings] == [("warning", "--depth-scale 1000, if so")]
    impossible = inspect_sequence(open_sequence(scene, stop=1, depth_scale=10))
    with pytest.raises(
        SequenceError, match=r"is not that of a room: the units are probably wrong; use --depth-sc"
    ):
        impossible.raise_if_wrong()


def test_poses_that_fit_nothing_are_a_warning(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.scannet(tmp_path, room)
    for k in range(len(room)):
        pose = room.poses[(5 * k + 3) % len(room)].copy()
        pose[:3, 3] += [0, 0, 0.9 * (k % 3)]
        (tmp_path / "pose" / f"{k}.txt").write_text(layouts.matrix_text(pose))
    inspection = inspect_sequence(open_sequence(tmp_path))
    assert errors(inspection) == []
    assert any("no other reading does clearly better" in f.text for f in inspection.findings)


def test_bad_frames_among_those_looked_at(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.scannet(tmp_path, room)
    (tmp_path / "pose" / "2.txt").write_text("-inf " * 16)
    (tmp_path / "depth" / "0.png").write_bytes(b"")
    inspection = inspect_sequence(open_sequence(tmp_path))
    inspection.raise_if_wrong()
    texts = [(f.severity, f.text) for f in inspection.findings]
    assert ("note", "1 of 12 frames have no usable pose and are skipped") in texts
    assert any(s == "warning" and "frames looked at cannot be read; the first: " in text for s, text in texts)
    for k in range(len(room)):
        layouts.save(tmp_path / "depth" / f"{k}.png", room.rgb[k])
    with pytest.raises(
        SequenceError, match=r"cannot be read; the first: .*16-bit image of one channel, got uint8"
    ):
        inspect_sequence(open_sequence(tmp_path)).raise_if_wrong()


def test_no_usable_pose_and_no_depth_are_errors(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.scannet(tmp_path, room.first(3))
    for k in range(3):
        layouts.save(tmp_path / "depth" / f"{k}.png", np.zeros((48, 64), np.uint16))
    with pytest.raises(SequenceError, match="the frames looked at hold no valid depth"):
        inspect_sequence(open_sequence(tmp_path)).raise_if_wrong()
    for k in range(3):
        (tmp_path / "pose" / f"{k}.txt").write_text("-inf " * 16)
    with pytest.raises(SequenceError, match=r"none of 3 poses can be used; the first: .*not finite"):
        inspect_sequence(open_sequence(tmp_path)).raise_if_wrong()


def test_gaps_in_time_and_jumps(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.scannet(tmp_path, room)
    times = [k / 30 + (8 if k > 5 else 0) for k in range(12)]
    (tmp_path / "timestamps.txt").write_text("".join(f"{k} {t!r}\n" for k, t in enumerate(times)))
    pose = room.poses[11].copy()
    pose[:3, 3] += 5
    (tmp_path / "pose" / "11.txt").write_text(layouts.matrix_text(pose))
    texts = [f.text for f in inspect_sequence(open_sequence(tmp_path)).findings]
    assert "1 gaps in time, the longest of 8.0 s" in texts
    assert any("jumps 1 times, by up to 8.7 m; first at frame 11" in text for text in texts)
    (tmp_path / "timestamps.txt").write_text("".join(f"{k} {-k / 30!r}\n" for k in range(12)))
    texts = [f.text for f in inspect_sequence(open_sequence(tmp_path)).findings]
    assert "time runs backward at 11 frames" in texts


def test_few_frames_are_decoded(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = open_sequence(scene)
    looked: list[int] = []
    read = type(sequence).depth_raw
    monkeypatch.setattr(type(sequence), "depth_raw", lambda self, i: (looked.append(i), read(self, i))[1])
    inspect_sequence(sequence, frames=6)
    assert 2 <= len(looked) <= 6
    assert len(set(looked)) == len(looked)


def test_other_sizes_bring_the_principal_point_to_the_middle() -> None:
    assert other_sizes(intrinsic_matrix(570, 570, 318, 243), (480, 640)) == []
    found = other_sizes(intrinsic_matrix(1170, 1170, 648, 484), (480, 640))
    assert any(abs(K[0, 0] - 1170 * 640 / 1296) < 1 for K in found)
    assert len(other_sizes(intrinsic_matrix(500, 500, 20, 600), (480, 640))) == 1
