"""Frames whose depth is estimated: where they are seen from, and what is kept."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dvemap.config import DepthConfig
from dvemap.estimated_depth import EstimatedSequence
from dvemap.frame_depth import FrameDepth, open_frame_depth
from sequences import FrameError, open_sequence, prefetch
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
    import shutil

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
