"""`.sens` files: the layout against an independent reader, random access, damage, and the way back."""

import struct
import threading
import zlib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sequences import FrameError, SequenceError, open_sequence, write_scannet, write_sens


@pytest.fixture
def scene(layouts: SimpleNamespace, tmp_path: Path, room: Any) -> Path:
    folder: Path = layouts.scannet(tmp_path / "folder", room.first(5))
    return folder


@pytest.fixture
def sens(scene: Path, tmp_path: Path) -> Path:
    write_sens(tmp_path / "scene.sens", open_sequence(scene))
    return tmp_path / "scene.sens"


def independent_parse(data: bytes) -> dict[str, Any]:
    """The format as the specification's table has it, read front to back."""
    at = 0

    def take(layout: str) -> Any:
        nonlocal at
        values = struct.unpack_from("<" + layout, data, at)
        at += struct.calcsize("<" + layout)
        return values if len(values) > 1 else values[0]

    def take_bytes(count: int) -> bytes:
        nonlocal at
        at += count
        return data[at - count : at]

    result: dict[str, Any] = {"version": take("I")}
    result["name"] = take_bytes(take("Q")).decode()
    result["matrices"] = [np.array(take("16f")).reshape(4, 4) for _ in range(4)]
    result["encodings"], result["sizes"], result["shift"] = take("2i"), take("4I"), take("f")
    result["frames"] = []
    for _ in range(take("Q")):
        pose = np.array(take("16f")).reshape(4, 4)
        times, (color, depth) = take("2Q"), take("2Q")
        result["frames"].append((pose, times, take_bytes(color), take_bytes(depth)))
    result["imu"] = take("Q")
    result["rest"] = len(data) - at
    return result


def test_written_file_has_the_published_layout(sens: Path, scene: Path, room: Any) -> None:
    parsed = independent_parse(sens.read_bytes())
    assert (parsed["version"], parsed["name"], parsed["imu"], parsed["rest"]) == (4, "folder", 0, 0)
    assert (parsed["encodings"], parsed["sizes"], parsed["shift"]) == ((1, 1), (64, 48, 64, 48), 1000.0)
    np.testing.assert_array_equal(parsed["matrices"][2][:3, :3], room.K)
    assert len(parsed["frames"]) == 5
    pose, times, color, depth = parsed["frames"][3]
    np.testing.assert_array_equal(pose, room.poses[3].astype(np.float32))
    assert times == (100000, 100000)
    assert color == (scene / "color" / "3.png").read_bytes()
    raw = np.frombuffer(zlib.decompress(depth), "<u2").reshape(48, 64)
    np.testing.assert_array_equal(raw, room.units(1000)[3])


@pytest.mark.parametrize("color", ["jpeg", "png", "raw"])
@pytest.mark.parametrize("depth", ["zlib_ushort", "raw_ushort"])
def test_every_encoding_reads_back(scene: Path, tmp_path: Path, room: Any, color: str, depth: str) -> None:
    write_sens(tmp_path / "x.sens", open_sequence(scene), color=color, depth=depth)
    sequence = open_sequence(tmp_path / "x.sens")
    frame = sequence[4]
    if color == "jpeg":
        assert np.abs(frame.rgb.astype(int) - room.rgb[4]).mean() < 12
    else:
        np.testing.assert_array_equal(frame.rgb, room.rgb[4])
    np.testing.assert_array_equal(frame.depth, room.units(1000)[4].astype(np.float32) / np.float32(1000))
    assert sequence.color_bytes(0)[0] == color
    folder = tmp_path / "back"
    write_scannet(folder, sequence)
    np.testing.assert_array_equal(open_sequence(folder)[4].rgb, frame.rgb)


def test_sens_and_the_folder_written_from_it_are_one(sens: Path, tmp_path: Path, scene: Path) -> None:
    first = open_sequence(sens)
    write_scannet(tmp_path / "exported", first)
    second = open_sequence(tmp_path / "exported")
    for a, b in zip(first, second, strict=True):
        np.testing.assert_array_equal(a.rgb, b.rgb)
        np.testing.assert_array_equal(a.depth, b.depth)
        for name in ("T_world_camera", "intrinsics", "color_intrinsics"):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
        assert (a.timestamp, a.index) == (b.timestamp, b.index)
    original = open_sequence(scene)
    assert [original.timestamp(i) for i in range(5)] == [first.timestamp(i) for i in range(5)]
    np.testing.assert_allclose(first.poses, original.poses, rtol=1e-6, atol=1e-6)


def test_unregistered_cameras_survive_both_ways(
    scene: Path, tmp_path: Path, layouts: SimpleNamespace
) -> None:
    T = np.eye(4)
    T[:3, 3] = [0.0333, -0.0044, 0.001]
    (scene / "intrinsic" / "extrinsic_depth.txt").write_text(layouts.matrix_text(T))
    write_sens(tmp_path / "x.sens", open_sequence(scene))
    first = open_sequence(tmp_path / "x.sens")
    write_scannet(tmp_path / "back", first)
    second = open_sequence(tmp_path / "back")
    assert first.T_color_depth is not None
    np.testing.assert_array_equal(first.T_color_depth, second.T_color_depth)
    np.testing.assert_allclose(first.T_color_depth[:3, 3], -T[:3, 3], atol=1e-8)


def test_selection_and_random_access_from_many_threads(sens: Path, room: Any) -> None:
    sequence = open_sequence(sens, start=1, stride=2)
    assert [sequence.source_index(i) for i in range(len(sequence))] == [1, 3]
    wrong: list[int] = []

    def work(seed: int) -> None:
        for i in np.random.default_rng(seed).integers(0, 2, 40):
            if not np.array_equal(sequence[int(i)].rgb, room.rgb[1 + 2 * i]):
                wrong.append(int(i))

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_lost_tracking_is_written_and_read_as_minus_infinity(
    scene: Path, tmp_path: Path, layouts: SimpleNamespace
) -> None:
    (scene / "pose" / "2.txt").write_text(layouts.matrix_text(np.full((4, 4), np.nan)))
    write_sens(tmp_path / "x.sens", open_sequence(scene))
    assert np.isneginf(independent_parse((tmp_path / "x.sens").read_bytes())["frames"][2][0]).all()
    sequence = open_sequence(tmp_path / "x.sens")
    assert sequence.usable.tolist() == [True, True, False, True, True]
    with pytest.raises(FrameError, match=r"not finite .tracking was lost"):
        sequence[2]


def test_truncated_file_keeps_its_whole_frames(sens: Path, tmp_path: Path) -> None:
    data = sens.read_bytes()
    frames = independent_parse(data)["frames"]
    (tmp_path / "cut.sens").write_bytes(data[: -8 - len(frames[4][3]) // 2])
    sequence = open_sequence(tmp_path / "cut.sens")
    assert sequence.notes == ("the file ends early: 4 of 5 frames are whole",)
    assert len(sequence) == 5
    assert sequence[3].index == 3
    with pytest.raises(
        FrameError, match="the file ends early: 4 of 5 frames are whole; copy it again"
    ) as caught:
        sequence[4]
    assert caught.value.number == 4
    (tmp_path / "cut.sens").write_bytes(data[:-8])  # only the IMU count is missing: some files are so
    assert open_sequence(tmp_path / "cut.sens").notes == ()
    (tmp_path / "cut.sens").write_bytes(data[:450])
    with pytest.raises(SequenceError, match="none of 5 frames is whole; copy the file again"):
        open_sequence(tmp_path / "cut.sens")


@pytest.mark.parametrize(
    ("offset", "value", "message"),
    [
        (0, struct.pack("<I", 3), "expected .sens version 4, got 3; is it a .sens file"),
        (4, struct.pack("<Q", 1 << 40), "header is damaged: a sensor name of"),
        (-36, struct.pack("<i", 9), "header is damaged: colour encoding 9"),
        (-32, struct.pack("<i", 2), "depth encoding occi_ushort cannot be read; expected raw_ushort or zlib"),
        (-28, struct.pack("<I", 0), "header is damaged: colour 0x48"),
        (-12, struct.pack("<f", -1.0), "header is damaged: depth shift -1"),
        (-8, struct.pack("<Q", 1 << 40), "header is damaged: 1099511627776 frames"),
    ],
)
def test_damaged_header(sens: Path, tmp_path: Path, offset: int, value: bytes, message: str) -> None:
    data = bytearray(sens.read_bytes())
    start = offset if offset >= 0 else 304 + len("folder") + offset
    data[start : start + len(value)] = value
    (tmp_path / "bad.sens").write_bytes(data)
    with pytest.raises(SequenceError, match=message):
        open_sequence(tmp_path / "bad.sens")


def test_file_shorter_than_its_header(tmp_path: Path, sens: Path) -> None:
    for count in (0, 5, 200):
        (tmp_path / "short.sens").write_bytes(sens.read_bytes()[:count])
        with pytest.raises(SequenceError, match="the file ends within its header"):
            open_sequence(tmp_path / "short.sens")


def test_damaged_payloads_are_bad_frames(sens: Path, tmp_path: Path) -> None:
    data = bytearray(sens.read_bytes())
    frames = independent_parse(bytes(data))["frames"]
    at = data.index(frames[1][3])
    data[at + 100] ^= 0xFF
    at = data.index(frames[2][2])
    data[at : at + 8] = b"not PNG!"
    (tmp_path / "bad.sens").write_bytes(data)
    sequence = open_sequence(tmp_path / "bad.sens")
    with pytest.raises(FrameError, match=r"frame 1 \(depth\): "):
        sequence[1]
    with pytest.raises(FrameError, match=r"frame 2 \(colour\): cannot be decoded"):
        sequence[2]
    assert sequence[0].index == 0


def test_depth_of_another_size_than_declared(tmp_path: Path, sens: Path) -> None:
    data = bytearray(sens.read_bytes())
    start = 304 + len("folder") - 20
    assert struct.unpack_from("<I", data, start)[0] == 64
    struct.pack_into("<I", data, start, 32)
    (tmp_path / "bad.sens").write_bytes(data)
    with pytest.raises(FrameError, match="32x48 pixels take 3072 bytes, got 3073"):
        open_sequence(tmp_path / "bad.sens")[0]


def test_labels_beside_the_file(sens: Path, layouts: SimpleNamespace) -> None:
    with pytest.raises(SequenceError, match="no folder label-filt or label"):
        open_sequence(sens, labels=True)
    layouts.save(sens.parent / "label-filt" / "0.png", np.full((48, 64), 1291, np.uint16))
    frame = open_sequence(sens, labels=True)[0]
    assert frame.label is not None
    assert np.unique(frame.label).tolist() == [1291]
    assert frame.instance is None


def test_frames_can_be_written_too(tmp_path: Path, scene: Path) -> None:
    frames = list(open_sequence(scene))
    assert write_sens(tmp_path / "x.sens", iter(frames), depth_scale=4000) == 5
    sequence = open_sequence(tmp_path / "x.sens")
    assert sequence.depth_scale == 4000
    np.testing.assert_allclose(sequence[1].depth, frames[1].depth, atol=1e-6)
    with pytest.raises(SequenceError, match="no frames to write"):
        write_sens(tmp_path / "y.sens", [])
    assert sorted(path.name for path in tmp_path.glob("*.sens*")) == ["x.sens"]


def test_writer_options(tmp_path: Path, scene: Path) -> None:
    with pytest.raises(ValueError, match="color must be jpeg, png or raw, got 'webp'"):
        write_sens(tmp_path / "x.sens", open_sequence(scene), color="webp")
    with pytest.raises(ValueError, match="depth must be zlib_ushort or raw_ushort, got 'png'"):
        write_sens(tmp_path / "x.sens", open_sequence(scene), depth="png")


def test_failed_writing_keeps_the_old_file(sens: Path, scene: Path) -> None:
    before = sens.read_bytes()
    (scene / "depth" / "3.png").write_bytes(b"")
    with pytest.raises(FrameError, match="the file is empty"):
        write_sens(sens, open_sequence(scene))
    assert sens.read_bytes() == before
    assert list(sens.parent.glob("*.partial")) == []


def test_file_without_times_is_taken_for_30_hz(sens: Path, tmp_path: Path) -> None:
    data = bytearray(sens.read_bytes())
    for _, _, color, _ in independent_parse(bytes(data))["frames"]:
        at = data.index(color) - 32
        data[at : at + 16] = bytes(16)
    (tmp_path / "timeless.sens").write_bytes(data)
    assert open_sequence(tmp_path / "timeless.sens").timestamp(3) == 0.1
