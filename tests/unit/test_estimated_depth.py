"""Frames whose depth is estimated: where they are seen from, and what is kept."""

import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dvemap.config import DepthConfig
from dvemap.estimated_depth import EstimatedSequence
from dvemap.frame_depth import FrameDepth, open_frame_depth
from sequences import FrameError, inspect_sequence, open_sequence, prefetch
from sequences.recording import record


class Slope:
    """Depth that rises from left to right, in metres or as its inverse."""

    name, device, fingerprint = "slope", "cpu", "slope"

    def __init__(self, *, metric: bool = True) -> None:
        self.metric, self.asked = metric, 0

    def estimate(self, rgb: np.ndarray) -> np.ndarray:
        self.asked += 1
        metres = np.broadcast_to(np.linspace(1, 3, rgb.shape[1], dtype=np.float32), rgb.shape[:2])
        return metres if self.metric else 1 / metres


def test_frames_are_seen_from_the_colour_camera(tmp_path: Path, room: Any, layouts: SimpleNamespace) -> None:
    layouts.seven_scenes(tmp_path, room)
    for file in tmp_path.glob("*.depth.png"):
        file.unlink()
    source = open_sequence(tmp_path, intrinsics="55,54,31,24.5", depth_optional=True)
    assert source.T_color_depth is not None
    sequence = EstimatedSequence(source, FrameDepth(Slope()))
    assert (sequence.format, sequence.name, len(sequence)) == ("7scenes", source.name, len(room))
    frame = sequence[2]
    np.testing.assert_allclose(
        frame.T_world_camera, room.poses[2] @ np.linalg.inv(source.T_color_depth), atol=1e-6
    )
    np.testing.assert_array_equal(frame.intrinsics, source.color_intrinsics)
    assert frame.T_color_depth is None
    assert frame.rgb_on_depth() is frame.rgb
    np.testing.assert_array_equal(frame.depth[0], np.linspace(1, 3, 64, dtype=np.float32))
    assert sequence.fingerprint() != source.fingerprint()
    assert next(record(sequence, 1000).shots).depth[0, -1] == 3000  # as writers see it


def test_a_smaller_depth_image_shows_the_same(tmp_path: Path, room: Any, layouts: SimpleNamespace) -> None:
    source = open_sequence(layouts.scannet(tmp_path, room))
    sequence = EstimatedSequence(source, FrameDepth(Slope(), side=32))
    frame = sequence[0]
    assert frame.depth.shape == sequence.depth_size == (24, 32)
    assert sequence.intrinsics[0] == pytest.approx([27.5, 0, 15.25])
    assert frame.rgb_on_depth().shape == (24, 32, 3)
    assert frame.rgb.shape == (48, 64, 3)


def test_a_smaller_depth_image_is_sampled_at_the_centres_of_its_pixels() -> None:
    rgb = np.zeros((96, 630, 3), np.uint8)
    columns = np.arange(630, dtype=np.float32)
    estimator = Slope()
    estimator.estimate = lambda rgb: np.broadcast_to(columns, rgb.shape[:2])  # type: ignore[method-assign]
    for side in (208, 96):
        shown = FrameDepth(estimator, side=side).metres(rgb)[0]
        off = shown - ((np.arange(side) + 0.5) * 630 / side - 0.5)
        assert np.abs(off).max() <= 0.5 + 1e-3


def test_depth_that_is_not_used_may_be_damaged(tmp_path: Path, room: Any, layouts: SimpleNamespace) -> None:
    layouts.scannet(tmp_path, room)
    (tmp_path / "depth" / "2.png").unlink()
    source = open_sequence(tmp_path)
    sequence = EstimatedSequence(source, FrameDepth(Slope()))
    assert sequence[2].depth.all()
    assert "its measured depth is not used, estimates in metres replace it" in sequence.notes
    relative = EstimatedSequence(source, FrameDepth(Slope(metric=False)))
    assert relative.notes == source.notes
    with pytest.raises(FrameError, match=r"2\.png: the file is missing"):
        _ = relative[2]


class Known:
    """Depth of a room's frames, told by their colours, times a factor."""

    name, device, fingerprint, metric = "known", "cpu", "known", True

    def __init__(self, room: Any, factor: float = 1) -> None:
        self.depths = {
            rgb.tobytes(): np.float32(factor) * depth for rgb, depth in zip(room.rgb, room.depth, strict=True)
        }

    def estimate(self, rgb: np.ndarray) -> np.ndarray:
        return np.asarray(self.depths[rgb.tobytes()], np.float32)


def test_a_look_names_options_that_help(tmp_path: Path, room: Any, layouts: SimpleNamespace) -> None:
    layouts.scannet(tmp_path, room)
    shutil.rmtree(tmp_path / "depth")
    source = open_sequence(tmp_path, depth_optional=True)
    seen = inspect_sequence(EstimatedSequence(source, FrameDepth(Known(room))))
    assert (list(seen.findings), len(seen.numbers["agreement_by_depth_scale"])) == ([], 1)
    assert not any("units" in line for line in seen.lines)
    far = inspect_sequence(EstimatedSequence(source, FrameDepth(Known(room, factor=20))))
    assert not any("--depth-scale" in str(finding.option) for finding in far.findings)

    K = "110,108,63,49.5"  # of images twice as large
    wrong = open_sequence(tmp_path, depth_optional=True, intrinsics=K)
    (found,) = inspect_sequence(EstimatedSequence(wrong, FrameDepth(Known(room), side=32))).findings
    mended = open_sequence(tmp_path, depth_optional=True, intrinsics=str(found.option).split()[1])
    np.testing.assert_allclose(mended.intrinsics, room.K, rtol=0.05)


def test_relative_depth_takes_its_scale_from_the_camera(
    tmp_path: Path, room: Any, layouts: SimpleNamespace
) -> None:
    layouts.scannet(tmp_path, room)
    flat = np.linspace(2, 6, 64)  # twice as far as the slope says
    for k in range(len(room)):
        depth = np.zeros((48, 64))
        depth[::4] = flat
        layouts.save(tmp_path / "depth" / f"{k}.png", np.rint(depth * 1000).astype(np.uint16))
    layouts.save(tmp_path / "depth" / "4.png", np.zeros((48, 64), np.uint16))
    sequence = EstimatedSequence(open_sequence(tmp_path), FrameDepth(Slope(metric=False)))
    np.testing.assert_allclose(sequence[0].depth, np.broadcast_to(flat, (48, 64)), rtol=2e-3)
    with pytest.raises(FrameError, match=r"4\.png: relative depth is fitted to at least 50 .* got 0"):
        _ = sequence[4]
    read = dict(prefetch(sequence))
    assert isinstance(read[4], FrameError)
    assert not isinstance(read[5], FrameError)


def test_without_a_scale_it_is_refused(tmp_path: Path, room: Any, layouts: SimpleNamespace) -> None:
    layouts.scannet(tmp_path, room)
    shutil.rmtree(tmp_path / "depth")
    source = open_sequence(tmp_path, depth_optional=True)
    with pytest.raises(ValueError, match="slope estimates relative depth, which has no scale"):
        EstimatedSequence(source, FrameDepth(Slope(metric=False)))


def test_estimates_are_kept(tmp_path: Path, room: Any) -> None:
    estimator = Slope()
    first = FrameDepth(estimator, side=32, cache=tmp_path).metres(room.rgb[0])
    again = FrameDepth(estimator, side=32, cache=tmp_path)
    np.testing.assert_array_equal(again.metres(room.rgb[0]), first)
    assert estimator.asked == 1
    again.metres(room.rgb[1])
    FrameDepth(estimator, side=48, cache=tmp_path).metres(room.rgb[0])
    assert estimator.asked == 3


def test_it_is_opened_by_a_configuration(tiny_depth: dict[str, Path], tmp_path: Path) -> None:
    config = DepthConfig(source=str(tiny_depth["metric"]), device="cpu", side=64, cache=str(tmp_path))
    opened = open_frame_depth(config)
    assert opened.identity["name"] == "tiny-metric"
    assert opened.estimate(np.zeros((96, 128, 3), np.uint8)).shape == (48, 64)
    assert "estimated from colour by tiny-metric (metres) on cpu" in opened.about
    with pytest.raises(ValueError, match="none was given"):
        open_frame_depth(DepthConfig())
