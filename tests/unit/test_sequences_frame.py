"""Frames on the depth image's pixels, cameras, poses, and images in memory."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from sequences import Frame, FrameError, SequenceError
from sequences.camera import (
    check_intrinsics,
    format_intrinsics,
    intrinsic_matrix,
    parse_intrinsics,
    pose_faults,
    quaternions_to_matrices,
    read_matrix,
    scale_intrinsics,
    to_camera_to_world,
)
from sequences.images import (
    decode_color,
    decode_depth,
    decode_labels,
    depth_to_metres,
    encode_jpeg,
    encode_png,
    image_encoding,
    image_size,
)

K = intrinsic_matrix(50.0, 50.0, 31.5, 23.5)


def make_frame(rgb: Any, depth: Any, color_K: Any = K, **extra: Any) -> Frame:
    return Frame(rgb, depth, K, color_K, np.eye(4), 0.0, 0, **extra)


def ramp(h: int, w: int, per_pixel: float) -> Any:
    """Red grows along x, green along y: colour says where it comes from."""
    image = np.zeros((h, w, 3))
    image[..., 0] = np.arange(w) * per_pixel
    image[..., 1] = np.arange(h)[:, None] * per_pixel
    return np.rint(image).astype(np.uint8)


def test_equal_cameras_pass_colour_through() -> None:
    frame = make_frame(ramp(48, 64, 2), np.ones((48, 64), np.float32))
    assert frame.rgb_on_depth() is frame.rgb


@pytest.mark.parametrize("factor", [1.5, 2, 3.25])
def test_finer_colour_is_brought_to_depth_pixels(factor: float) -> None:
    size = round(48 * factor), round(64 * factor)
    fine = cv2.resize(ramp(48, 64, 3), size[::-1], interpolation=cv2.INTER_LINEAR)
    frame = make_frame(fine, np.ones((48, 64), np.float32), scale_intrinsics(K, (48, 64), size))
    difference = frame.rgb_on_depth().astype(int) - ramp(48, 64, 3)
    assert np.abs(difference[2:-2, 2:-2]).max() <= 2


def test_another_focal_length_is_a_shift_from_the_centre() -> None:
    color_K = intrinsic_matrix(100.0, 100.0, 31.5, 23.5)
    on_depth = make_frame(ramp(48, 64, 2), np.ones((48, 64), np.float32), color_K).rgb_on_depth()
    # Depth pixel 41.5 lies 10 right of the centre, so 20 right of it in colour.
    assert on_depth[23, 41, 0] == pytest.approx(2 * (31.5 + 2 * 9.5), abs=1)
    assert on_depth[23, 63, 0] >= 124  # beyond the colour image its border repeats


def test_unregistered_colour_goes_through_depth() -> None:
    T = np.eye(4)
    T[0, 3] = 0.1  # 50 px * 0.1 m / depth to the right
    depth = np.full((48, 64), 1.0, np.float32)
    depth[:, 40:] = 2.0
    depth[10, 10] = 0
    label = np.arange(64, dtype=np.uint16)[None].repeat(48, 0) + 1
    frame = make_frame(ramp(48, 64, 2), depth, T_color_depth=T, label=label)
    on_depth = frame.rgb_on_depth()
    assert on_depth[20, 20, 0] == 2 * 25
    assert on_depth[20, 50, 0] == pytest.approx(2 * 52.5, abs=1)
    assert on_depth[10, 10, 0] == 2 * 15  # no depth: the median depth of 1 m stands in
    ids = frame.label_on_depth()
    assert (ids[20, 20], ids[20, 30]) == (26, 36)
    assert ids[20, 63] == 0  # beyond the labelled image: void


def test_labels_are_taken_by_nearest_pixel() -> None:
    label = np.zeros((96, 128), np.uint16)
    label[:, 64:] = 1291
    frame = make_frame(ramp(48, 64, 2), np.ones((48, 64), np.float32), label=label, instance=label)
    for ids in (frame.label_on_depth(), frame.instance_on_depth()):
        assert np.unique(ids).tolist() == [0, 1291]
        assert (ids[:, :31] == 0).all()
        assert (ids[:, 33:] == 1291).all()
    with pytest.raises(ValueError, match="frame 0 carries no instance image"):
        make_frame(frame.rgb, frame.depth).instance_on_depth()


def test_intrinsics_scale_with_pixel_centres() -> None:
    scaled = scale_intrinsics(K, (48, 64), (96, 128))
    np.testing.assert_allclose(scaled, intrinsic_matrix(100, 100, 63.5, 47.5))  # the middle stays the middle
    np.testing.assert_array_equal(scale_intrinsics(scaled, (96, 128), (48, 64)), K)


def test_intrinsics_from_numbers_texts_and_files(tmp_path: Path) -> None:
    wanted = intrinsic_matrix(500, 501, 320.5, 240)
    full = np.eye(4)
    full[:3, :3] = wanted
    (tmp_path / "four.txt").write_text("500 501 320.5 240\n")
    np.savetxt(tmp_path / "matrix.txt", full)
    (tmp_path / "open3d.json").write_text(
        json.dumps({"width": 640, "height": 480, "intrinsic_matrix": wanted.T.ravel().tolist()})
    )
    (tmp_path / "plain.json").write_text(
        '{"camera": {"w": 640, "h": 480, "fx": 500, "fy": 501, "cx": 320.5, "cy": 240}}'
    )
    for value in ("500,501,320.5,240", " 500 501 320.5 240", (500, 501, 320.5, 240), wanted, full):
        np.testing.assert_array_equal(parse_intrinsics(value)[0], wanted)
        assert parse_intrinsics(value)[1] is None
    for name, size in (
        ("four.txt", None),
        ("matrix.txt", None),
        ("open3d.json", (480, 640)),
        ("plain.json", (480, 640)),
    ):
        for path in (tmp_path / name, str(tmp_path / name)):
            found, found_size = parse_intrinsics(path)
            np.testing.assert_array_equal(found, wanted)
            assert found_size == size
    assert format_intrinsics(wanted) == "500,501,320.5,240"


def test_what_is_not_intrinsics(tmp_path: Path) -> None:
    (tmp_path / "bad.txt").write_text("fx 500\n")
    (tmp_path / "bad.json").write_text('{"fx": 500}')
    with pytest.raises(SequenceError, match=r"bad\.txt: expected numbers only"):
        parse_intrinsics(tmp_path / "bad.txt")
    with pytest.raises(SequenceError, match=r"bad\.json: expected JSON with intrinsic_matrix"):
        parse_intrinsics(tmp_path / "bad.json")
    with pytest.raises(FileNotFoundError):
        parse_intrinsics(tmp_path / "none.txt")
    with pytest.raises(SequenceError, match="got 5 number"):
        parse_intrinsics("1,2,3,4,5")
    skewed = K.copy()
    skewed[0, 1] = 3
    for matrix in (skewed, K * np.nan, K * 2):
        with pytest.raises(SequenceError, match="camera: expected a camera matrix"):
            check_intrinsics(matrix, "camera")


def test_matrices_of_several_shapes(tmp_path: Path) -> None:
    pose = np.arange(16.0).reshape(4, 4)
    pose[3] = 0, 0, 0, 1
    for rows, columns in ((4, 4), (3, 4), (3, 3)):
        np.savetxt(tmp_path / "m.txt", pose[:rows, :columns])
        expected = np.eye(4)
        expected[:rows, :columns] = pose[:rows, :columns]
        np.testing.assert_array_equal(read_matrix(tmp_path / "m.txt"), expected)
    (tmp_path / "m.txt").write_text("-inf " * 16)
    assert np.isneginf(read_matrix(tmp_path / "m.txt")).all()


def test_quaternions_are_scalar_last() -> None:
    half = np.sqrt(0.5)
    matrices = quaternions_to_matrices(np.array([[0, 0, half, half], [0, 0, 0, 2.0], [0, 0, 0, 0]]))
    np.testing.assert_allclose(matrices[0], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-15)
    np.testing.assert_array_equal(matrices[1], np.eye(3))
    assert np.isnan(matrices[2]).all()


def test_pose_conventions_are_inverses_of_what_they_state() -> None:
    pose = np.eye(4)
    pose[:3, :3] = quaternions_to_matrices(np.array([[0.1, -0.3, 0.2, 0.9]]))[0]
    pose[:3, 3] = 1, 2, 3
    axes = np.diag([1.0, -1, -1, 1])
    stored = {
        "camera-to-world": pose,
        "world-to-camera": np.linalg.inv(pose),
        "opengl": pose @ axes,
        "opengl-world-to-camera": axes @ np.linalg.inv(pose),
    }
    for convention, matrix in stored.items():
        np.testing.assert_allclose(to_camera_to_world(matrix[None], convention)[0], pose, atol=1e-12)


def test_pose_faults() -> None:
    poses = np.tile(np.eye(4), (6, 1, 1))
    poses[1] = -np.inf
    poses[2, 0, 0] = np.nan
    poses[3, :3, :3] *= 98.8
    poses[4, 3, 3] = 0
    poses[5, :3, :3] += 1e-4  # printed with few digits: fine
    assert sorted(pose_faults(poses)) == [1, 2, 3, 4]


def test_image_sizes_come_from_headers() -> None:
    rgb = ramp(37, 91, 1)
    for data in (encode_png(rgb), encode_jpeg(rgb), encode_png(rgb[..., 0].astype(np.uint16))):
        assert image_size(data[:1000]) == (37, 91)
    assert image_size(b"GIF89a") is None
    assert image_size(encode_jpeg(rgb)[:20]) is None
    assert [image_encoding(d) for d in (encode_png(rgb), encode_jpeg(rgb), b"")] == ["png", "jpeg", "unknown"]


def test_colour_is_rgb_and_lossless_as_png() -> None:
    rgb = np.zeros((4, 5, 3), np.uint8)
    rgb[..., 0] = 200
    np.testing.assert_array_equal(decode_color(encode_png(rgb), "x"), rgb)
    jpeg = decode_color(encode_jpeg(rgb), "x")
    assert jpeg[..., 0].min() > 150
    assert jpeg[..., 2].max() < 50
    grey = encode_png(np.full((4, 5), 9, np.uint8))
    np.testing.assert_array_equal(decode_color(grey, "x"), 9)


def test_depth_in_metres_is_the_float32_quotient() -> None:
    raw = np.arange(65536, dtype=np.uint16).reshape(256, 256)
    for scale in (1000.0, 5000.0, 6553.5):
        depth = depth_to_metres(raw, scale)
        expected = raw.astype(np.float32) / np.float32(scale)
        expected[-1, -1] = 0
        assert depth.dtype == np.float32
        np.testing.assert_array_equal(depth, expected)
    np.testing.assert_array_equal(decode_depth(encode_png(raw), "x"), raw)


def test_label_images_have_one_channel() -> None:
    with pytest.raises(FrameError, match="labels must be an 8- or 16-bit image of one channel"):
        decode_labels(encode_png(ramp(4, 4, 1)), "labels.png")
    assert decode_labels(encode_png(np.full((2, 2), 255, np.uint8)), "x").dtype == np.uint16
