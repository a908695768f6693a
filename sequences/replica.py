"""Replica renders as packed by NICE-SLAM: `results/frame*.jpg`, `results/depth*.png`, `traj.txt`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sequences.camera import intrinsic_matrix, parse_intrinsics
from sequences.errors import SequenceError
from sequences.files import FileSequence, FrameFiles, numbered_files, peek_sizes
from sequences.options import Options
from sequences.sequence import Rig, Sequence, Track, regular_timestamps, wrong_size_message
from sequences.text import read_text


class ReplicaSequence(FileSequence):
    """One Replica scene; one camera for colour and depth, poses camera-to-world with OpenCV axes.

    Camera and depth scale come from `cam_params.json` in the scene's folder or the one above; without it they
    are those of the public renders, 1200x680 with f = 600 px and 6553.5 units per metre.
    """

    format = "replica"
    layout = "replica: traj.txt and results/ with frameNNNNNN.jpg and depthNNNNNN.png"

    PUBLIC_SIZE = (680, 1200)
    PUBLIC_INTRINSICS = intrinsic_matrix(600.0, 600.0, 599.5, 339.5)
    PUBLIC_DEPTH_SCALE = 6553.5

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether there are a trajectory and results, with depth unless that may be missing."""
        there = (path / "traj.txt").is_file() and (path / "results").is_dir()
        depth = options.depth_optional or next((path / "results").glob("depth*.png"), None) is not None
        return there and depth

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open the scene; decodes no image."""
        results = path / "results"
        depth = numbered_files(results, r"depth(\d+)\.png")
        color = numbered_files(results, r"frame(\d+)\.(?:jpe?g|png)")
        if not color or not (depth or options.depth_optional):
            raise SequenceError(
                f"{results}: expected frameNNNNNN.jpg and depthNNNNNN.png, found none of one kind"
            )
        found = sorted(color.keys() | depth.keys())
        chosen = [
            FrameFiles(
                number,
                color.get(number) or results / f"frame{number:06d}.jpg",
                (depth.get(number) or results / f"depth{number:06d}.png") if depth else None,
            )
            for number in (found[k] for k in options.select(len(found), path))
        ]
        numbers = np.array([file.number for file in chosen], np.int64)
        return cls(
            path,
            options,
            name=path.resolve().name,
            rig=cls._rig(path, chosen, options),
            track=_read_track(path / "traj.txt", numbers),
            files=chosen,
        )

    @classmethod
    def _rig(cls, path: Path, files: list[FrameFiles], options: Options) -> Rig:
        depth_size, color_size = peek_sizes(path, files)
        K, size, scale = cls.PUBLIC_INTRINSICS, cls.PUBLIC_SIZE, cls.PUBLIC_DEPTH_SCALE
        for file in (path / "cam_params.json", path.resolve().parent / "cam_params.json"):
            if file.is_file():
                K, declared = parse_intrinsics(file)
                size = declared or depth_size
                scale = _depth_scale(file)
                break
        if size != depth_size and options.intrinsics is None:
            raise SequenceError(wrong_size_message(path, K, size, depth_size))
        has_depth = files[0].depth is not None
        return Rig(depth_size, color_size, scale, depth_intrinsics=K, has_depth=has_depth)


def _depth_scale(file: Path) -> float:
    try:
        scale = float(json.loads(read_text(file))["camera"]["scale"])
    except (KeyError, TypeError, ValueError) as error:
        raise SequenceError(f"{file}: expected a number camera.scale, units per metre: {error!r}") from error
    if not 0 < scale < float("inf"):
        raise SequenceError(f"{file}: camera.scale must be > 0 units per metre, got {scale}")
    return scale


def _read_track(file: Path, numbers: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Track:
    """Poses from lines of 16 numbers, line n for frame n."""
    lines = [line for line in read_text(file).splitlines() if line.strip()]
    poses = np.full((len(numbers), 4, 4), np.nan)
    problems = {}
    for row, number in enumerate(numbers):
        if number >= len(lines):
            problems[row] = f"{file} has poses for {len(lines)} frames only"
            continue
        try:
            poses[row] = np.array(lines[number].split(), np.float64).reshape(4, 4)
        except ValueError:
            problems[row] = f"{file}: line {number + 1}: expected 16 numbers, got {lines[number][:60]!r}"
    return Track(numbers, regular_timestamps(numbers), poses, problems)
