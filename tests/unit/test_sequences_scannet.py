"""The exported ScanNet layout: what it may hold, and what may be wrong with it."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sequences import FrameError, SequenceError, open_sequence, write_scannet


@pytest.fixture
def scene(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> Path:
    folder: Path = layouts.scannet(tmp_path / "scene0000_00", room)
    return folder


def test_frames_are_sorted_by_number_and_selected(scene: Path, room: Any) -> None:
    sequence = open_sequence(scene, start=1, stop=11, stride=3)
    assert [sequence.source_index(i) for i in range(len(sequence))] == [1, 4, 7, 10]
    assert sequence[-1].index == 10
    assert [frame.index for frame in sequence] == [1, 4, 7, 10]
    assert sequence.timestamp(3) == 0.333333  # 30 Hz, on whole microseconds
    np.testing.assert_array_equal(sequence[2].rgb, room.rgb[7])
    with pytest.raises(IndexError, match="frame 4 of a sequence of 4 frames"):
        sequence[4]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"start": -1}, "start must be >= 0, got -1"),
        ({"stop": -1}, "stop must be >= 0, got -1"),
        ({"stride": 0}, "stride must be >= 1, got 0"),
        ({"depth_scale": 0}, "depth_scale must be > 0 units per metre, got 0"),
        (
            {"pose_convention": "c2w"},
            "pose_convention must be one of camera-to-world, world-to-camera, opengl",
        ),
        ({"max_time_difference": -1}, "max_time_difference must be >= 0 s, got -1"),
        ({"start": 20}, "no frames from 20 to the end; the sequence has 12 frames"),
        ({"format": "kitti"}, "format must be one of scannet, scannet-sens"),
        ({"format": "tum"}, "rgb.txt"),
        ({"labels": True}, "no folder label-filt or label"),
        ({"intrinsics": "1,2,3"}, "got 3 number"),
        ({"intrinsics": (50, -50, 3, 3)}, "focal lengths > 0 px"),
    ],
)
def test_options_out_of_range(scene: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, OSError), match=message.replace("(", r"\(")):
        open_sequence(scene, **options)


def test_overrides(scene: Path, room: Any) -> None:
    plain = open_sequence(scene)
    inverted = open_sequence(
        scene, pose_convention="world-to-camera", depth_scale=500, intrinsics=(60, 61, 30, 20)
    )
    np.testing.assert_allclose(inverted[3].T_world_camera, np.linalg.inv(room.poses[3]), atol=1e-12)
    np.testing.assert_allclose(inverted[3].depth, 2 * plain[3].depth, rtol=1e-6)
    for K in (inverted.intrinsics, inverted.color_intrinsics):
        np.testing.assert_array_equal(K, [[60, 0, 30], [0, 61, 20], [0, 0, 1]])
    opengl = open_sequence(scene, pose_convention="opengl").pose(0)
    np.testing.assert_allclose(opengl[:3, 1:3], -room.poses[0][:3, 1:3], atol=1e-12)


def test_poses_that_cannot_be_used_are_bad_frames(scene: Path, layouts: SimpleNamespace, room: Any) -> None:
    (scene / "pose" / "1.txt").write_text(layouts.matrix_text(np.full((4, 4), -np.inf)))
    scaled = room.poses[2].copy()
    scaled[:3, :3] *= 1.1
    (scene / "pose" / "2.txt").write_text(layouts.matrix_text(scaled))
    (scene / "pose" / "3.txt").write_text("1 0 0\n")
    (scene / "pose" / "4.txt").unlink()
    (scene / "pose" / "5.txt").write_text("1 0 0 zero\n" * 4)
    mirrored = room.poses[6].copy()
    mirrored[:3, 0] *= -1
    (scene / "pose" / "6.txt").write_text(layouts.matrix_text(mirrored))
    sequence = open_sequence(scene)
    assert np.flatnonzero(~sequence.usable).tolist() == [1, 2, 3, 4, 5, 6]
    assert np.isnan(sequence.poses[1:7]).all()
    for number, message in (
        (1, "not finite"),
        (2, "not a rigid motion .determinant of its rotation 1.331"),
        (3, "got 3 number"),
        (4, r"4\.txt is missing"),
        (5, "zero"),
        (6, "determinant of its rotation -1"),
    ):
        with pytest.raises(FrameError, match=message) as caught:
            sequence[number]
        assert (caught.value.kind, caught.value.number) == ("pose", number)


def test_images_that_cannot_be_used_are_bad_frames(scene: Path, layouts: SimpleNamespace, room: Any) -> None:
    layouts.save(scene / "depth" / "1.png", room.rgb[1])
    layouts.save(scene / "depth" / "2.png", room.units(25)[2].astype(np.uint8))
    layouts.save(scene / "depth" / "3.png", room.units(1000)[3][::2])
    for name, number in (("color", 4), ("depth", 5)):
        data = (scene / name / f"{number}.png").read_bytes()
        (scene / name / f"{number}.png").write_bytes(data[: len(data) // 2])
    (scene / "color" / "6.png").write_bytes(b"")
    (scene / "color" / "7.png").write_bytes(b"not an image at all")
    damaged = bytearray((scene / "depth" / "8.png").read_bytes())
    damaged[len(damaged) // 2] ^= 0xFF
    (scene / "depth" / "8.png").write_bytes(damaged)
    sequence = open_sequence(scene)
    for number, message in (
        (1, "16-bit image of one channel, got uint8 with 3 channel"),
        (2, "16-bit image of one channel, got uint8 with 1 channel"),
        (3, "the image is 64x24, expected 64x48"),
        (4, r"color/4\.png: the png file is truncated"),
        (5, r"depth/5\.png: the png file is truncated"),
        (6, r"color/6\.png: the file is empty"),
        (7, r"color/7\.png: cannot be decoded"),
        (8, r"depth/8\.png: cannot be decoded"),
    ):
        with pytest.raises(FrameError, match=message) as caught:
            sequence[number]
        assert (caught.value.kind, caught.value.number) == ("image", number)
    assert sequence[0].index == 0


def test_truncated_jpeg_is_not_taken_for_an_image(scene: Path, layouts: SimpleNamespace, room: Any) -> None:
    layouts.save(scene / "color" / "0.jpg", room.rgb[0])
    data = (scene / "color" / "0.jpg").read_bytes()
    (scene / "color" / "0.png").unlink()
    assert open_sequence(scene)[0].rgb.shape == room.rgb[0].shape
    (scene / "color" / "0.jpg").write_bytes(data[:-200])
    with pytest.raises(FrameError, match="the jpeg file is truncated"):
        open_sequence(scene)[0]


def test_labels_and_their_names(scene: Path, layouts: SimpleNamespace, room: Any) -> None:
    ids = np.arange(96 * 128, dtype=np.uint16).reshape(96, 128) % 1300
    for k in range(len(room)):
        layouts.save(scene / "label-filt" / f"{k}.png", ids)
        layouts.save(scene / "instance-filt" / f"{k}.png", (ids % 7).astype(np.uint8))
    (scene / "instance-filt" / "1.png").unlink()
    (scene / "label_names.txt").write_text("0\tvoid\n3\tarm chair\n1291\tmassage chair\n")
    sequence = open_sequence(scene, labels=True)
    assert sequence.label_names == {3: "arm chair", 1291: "massage chair"}
    frame = sequence[0]
    assert frame.label is not None
    assert frame.instance is not None
    np.testing.assert_array_equal(frame.label, ids)
    assert frame.instance.dtype == np.uint16
    assert set(np.unique(frame.label_on_depth())) <= set(np.unique(ids))
    assert frame.label_on_depth().shape == frame.depth.shape
    with pytest.raises(FrameError, match=r"instance-filt/1\.png: the file is missing"):
        sequence[1]
    with pytest.raises(ValueError, match="open the sequence with labels=True"):
        open_sequence(scene)[0].label_on_depth()


def test_label_names_forms(scene: Path) -> None:
    (scene / "label_names.txt").write_text("0 background\n1 a_book\n2 tissue box\n")
    assert open_sequence(scene).label_names == {1: "a_book", 2: "tissue box"}
    (scene / "label_names.txt").write_text("wall\nfloor\n")
    assert open_sequence(scene).label_names == {1: "wall", 2: "floor"}
    (scene / "label_names.txt").unlink()
    assert open_sequence(scene).label_names == {}
    table = scene.parent / "scannetv2-labels.combined.tsv"
    table.write_text(
        "id\traw_category\tcategory\n2\tchair\tchair\n2\tchairs\tchair\n1291\tmassage\tmassage chair\n"
    )
    assert open_sequence(scene).label_names == {2: "chair", 1291: "massage chair"}
    table.write_text("number\tname\n1\twall\n")
    with pytest.raises(SequenceError, match="expected tab-separated columns id"):
        _ = open_sequence(scene).label_names


def test_registered_depth_takes_the_colour_camera(scene: Path, layouts: SimpleNamespace, room: Any) -> None:
    (scene / "intrinsic" / "extrinsic_depth.txt").write_text(
        layouts.matrix_text(np.array([[1, 0, 0, 0.1], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], float))
    )
    T = open_sequence(scene).T_color_depth
    assert T is not None
    assert T[0, 3] == -0.1
    (scene / "depth").rename(scene / "depth_registered")
    shifted = room.poses[0] @ np.linalg.inv(T)
    (scene / "pose_registered").mkdir()
    for k in range(len(room)):
        (scene / "pose_registered" / f"{k}.txt").write_text(layouts.matrix_text(shifted))
    sequence = open_sequence(scene, depth_folder="depth_registered")
    assert sequence.T_color_depth is None
    np.testing.assert_array_equal(sequence.intrinsics, sequence.color_intrinsics)
    np.testing.assert_array_equal(sequence.pose(0), shifted)
    original = open_sequence(scene, depth_folder="depth_registered", pose_folder="pose")
    np.testing.assert_array_equal(original.pose(0), room.poses[0])
    assert original.notes[1].endswith("use --pose-folder pose_registered")
    assert len(sequence.notes) == 1


def test_extrinsics_that_are_no_motions_are_ignored(scene: Path, layouts: SimpleNamespace) -> None:
    (scene / "intrinsic" / "extrinsic_color.txt").write_text(layouts.matrix_text(np.zeros((4, 4))))
    sequence = open_sequence(scene)
    assert sequence.T_color_depth is None
    assert "extrinsics are not rigid" in sequence.notes[0]


def test_missing_intrinsics(scene: Path, room: Any) -> None:
    (scene / "intrinsic" / "intrinsic_depth.txt").unlink()
    np.testing.assert_array_equal(open_sequence(scene).intrinsics, room.K)  # equal sizes: the colour camera's
    (scene / "intrinsic" / "intrinsic_color.txt").unlink()
    with pytest.raises(
        SequenceError, match="does not say the intrinsics of its 64x48 depth images; give --intrin"
    ):
        open_sequence(scene)
    (scene / "intrinsic" / "intrinsic_depth.txt").write_text("0 0 0 0\n" * 4)
    with pytest.raises(SequenceError, match=r"depth intrinsics: expected a camera matrix"):
        open_sequence(scene)


def test_zero_padded_names(scene: Path, room: Any) -> None:
    for folder in ("color", "depth", "pose"):
        for path in list((scene / folder).iterdir()):
            path.rename(path.with_name(path.name.rjust(10, "0")))
    frame = open_sequence(scene)[10]
    assert frame.index == 10
    np.testing.assert_array_equal(frame.T_world_camera, room.poses[10])


def test_frames_folder_of_nice_slam(scene: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    scene.rename(outer / "frames")
    sequence = open_sequence(outer)
    assert (sequence.format, sequence.name, len(sequence)) == ("scannet", "outer", 12)


def test_written_scene_reads_back_identically(scene: Path, tmp_path: Path) -> None:
    first = open_sequence(scene, stride=2)
    assert write_scannet(tmp_path / "copy", first) == 6
    second = open_sequence(tmp_path / "copy")
    assert second.fingerprint() == first.fingerprint()
    assert not (tmp_path / "copy" / "timestamps.txt").exists()
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.depth, b.depth)
        np.testing.assert_array_equal(a.T_world_camera, b.T_world_camera)
        assert (a.timestamp, a.index) == (b.timestamp, b.index)
    with pytest.raises(FileExistsError, match="is not an empty folder"):
        write_scannet(tmp_path / "copy", first)
    write_scannet(tmp_path / "rounded", first, exact_poses=False)
    np.testing.assert_allclose(open_sequence(tmp_path / "rounded").poses, first.poses, atol=5.1e-7)


def test_writing_an_unreadable_frame_leaves_nothing(scene: Path, tmp_path: Path) -> None:
    (scene / "depth" / "3.png").write_bytes(b"")
    with pytest.raises(FrameError, match="the file is empty"):
        write_scannet(tmp_path / "copy", open_sequence(scene))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["scene0000_00"]


def test_other_units_are_written_as_millimetres(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.tum(tmp_path / "fr", room.first(2))
    source = open_sequence(tmp_path / "fr", intrinsics="55,54,31,24.5")
    write_scannet(tmp_path / "copy", source)
    copy = open_sequence(tmp_path / "copy")
    np.testing.assert_allclose(copy[1].depth, source[1].depth, atol=0.00051)
    assert copy.timestamp(1) == source.timestamp(1)  # not 30 Hz from 0: kept in timestamps.txt
    (tmp_path / "copy" / "timestamps.txt").write_text("0 1.0\n")
    with pytest.raises(SequenceError, match="one line 'number seconds' for every frame"):
        open_sequence(tmp_path / "copy")


def test_fingerprint_says_what_decides_the_frames(scene: Path, tmp_path: Path) -> None:
    mark = open_sequence(scene).fingerprint()
    scene.rename(tmp_path / "moved")
    assert open_sequence(tmp_path / "moved").fingerprint() == mark
    for options in ({"start": 1}, {"stride": 2}, {"depth_scale": 999}, {"pose_convention": "opengl"}):
        assert open_sequence(tmp_path / "moved", **options).fingerprint() != mark
    assert open_sequence(tmp_path / "moved", intrinsics=(1, 1, 1, 1)).fingerprint() != mark


def test_opening_decodes_no_image(scene: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import cv2

    def refuse(*_: Any) -> None:
        raise AssertionError("an image was decoded")

    monkeypatch.setattr(cv2, "imdecode", refuse)
    assert len(open_sequence(scene)) == 12


def test_opening_many_frames_is_quick(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> None:
    layouts.scannet(tmp_path, room.first(1))
    for folder, suffix in (("color", "png"), ("depth", "png"), ("pose", "txt")):
        for k in range(1, 2000):
            (tmp_path / folder / f"{k}.{suffix}").hardlink_to(tmp_path / folder / f"0.{suffix}")
    start = time.process_time()
    assert len(open_sequence(tmp_path)) == 2000
    assert time.process_time() - start < 1.0  # 0.15 s here; 30,000 frames open in a few seconds
