"""Redwood and Open3D reconstruction folders: colour, depth, and a `.log` trajectory."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from sequences.camera import Matrix, intrinsic_matrix, parse_intrinsics
from sequences.errors import SequenceError
from sequences.files import FileSequence, FrameFiles, numbered_files, peek_sizes
from sequences.options import Options
from sequences.sequence import Rig, Sequence, Track, regular_timestamps, wrong_size_message
from sequences.text import read_text

_COLOR_FOLDERS = ("color", "rgb", "image")
_COLOR_FILE = r"\D*(\d+).*\.(?:jpe?g|png)"
_DEPTH_FILE = r"\D*(\d+).*\.png"


class RedwoodSequence(FileSequence):
    """Colour and depth registered to it, in millimetres; poses camera-to-world with OpenCV axes.

    The trajectory is the one `.log` file in the folder or in its folder scene/. The first number of each of
    its entries is the frame's place in the list of images where that is possible, else entries go by order.
    Intrinsics come from the one JSON file with an `intrinsic_matrix`, else for 640x480 images they are
    PrimeSense's nominal ones (f = 525 px).
    """

    format = "redwood"
    layout = "redwood: a .log trajectory (also in scene/), color/ (or rgb/, image/) and depth/"

    DEFAULT_SIZE = (480, 640)
    DEFAULT_INTRINSICS = intrinsic_matrix(525.0, 525.0, 319.5, 239.5)

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether there are a log and the folders of images."""
        there = bool(_logs(path)) and _color_folder(path) is not None
        return there and (options.depth_optional or (path / "depth").is_dir())

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open the folder; decodes no image."""
        logs, color_folder = _logs(path), _color_folder(path)
        if len(logs) != 1 or color_folder is None:
            names = ", ".join(str(log.relative_to(path)) for log in logs) or "none"
            raise SequenceError(
                f"{path}: expected one .log trajectory beside color/ and depth/, found {names}; "
                "keep one and move the others away"
            )
        files = _pair_images(path, color_folder)
        selected = options.select(len(files), path)
        chosen = [files[k] for k in selected]
        numbers = np.array([file.number for file in chosen], np.int64)
        trajectory = _read_log(logs[0], len(files))
        poses = np.full((len(chosen), 4, 4), np.nan)
        problems = {}
        for row, position in enumerate(selected):
            if position in trajectory:
                poses[row] = trajectory[position]
            else:
                problems[row] = f"{logs[0]} has no pose for it"
        return cls(
            path,
            options,
            name=path.resolve().name,
            rig=cls._rig(path, chosen, options),
            track=Track(numbers, regular_timestamps(numbers), poses, problems),
            files=chosen,
        )

    @classmethod
    def _rig(cls, path: Path, files: list[FrameFiles], options: Options) -> Rig:
        depth_size, color_size = peek_sizes(path, files)
        found = _find_intrinsics(path)
        K = size = None
        if found is not None:
            K, size = parse_intrinsics(found)
        elif depth_size == cls.DEFAULT_SIZE:
            K = cls.DEFAULT_INTRINSICS
        if K is not None and size not in (None, depth_size) and options.intrinsics is None:
            raise SequenceError(wrong_size_message(path, K, size or depth_size, depth_size))
        has_depth = files[0].depth is not None
        return Rig(depth_size, color_size, 1000.0, depth_intrinsics=K, has_depth=has_depth)


def _logs(path: Path) -> list[Path]:
    return sorted(path.glob("*.log")) or sorted(path.glob("scene/*.log")) if path.is_dir() else []


def _color_folder(path: Path) -> Path | None:
    return next((path / name for name in _COLOR_FOLDERS if (path / name).is_dir()), None)


def _pair_images(path: Path, color_folder: Path) -> list[FrameFiles]:
    """Colour and depth by equal number; by order where the numbers differ but there are as many of each.

    Where there is no folder of depth, the colour images alone.
    """
    color = numbered_files(color_folder, _COLOR_FILE)
    if not (path / "depth").is_dir():
        return [FrameFiles(number, file, None) for number, file in color.items()]
    depth = numbered_files(path / "depth", _DEPTH_FILE)
    common = color.keys() & depth.keys()
    if len(color) == len(depth) and len(common) < len(depth):
        pairs = zip(color.values(), depth.items(), strict=True)
        return [FrameFiles(number, color_file, file) for color_file, (number, file) in pairs]
    if not common:
        raise SequenceError(
            f"{path}: {len(color)} images in {color_folder.name}/ and {len(depth)} in depth/ cannot be "
            "paired; expected equal numbers in their names"
        )
    return [
        FrameFiles(
            number,
            color.get(number) or color_folder / f"{number:06d}.jpg",
            depth.get(number) or path / "depth" / f"{number:06d}.png",
        )
        for number in sorted(color.keys() | depth.keys())
    ]


def _read_log(file: Path, images: int) -> dict[int, Matrix]:
    """Poses by place in the list of images."""
    lines = [line for line in read_text(file).splitlines() if line.strip()]
    try:
        if len(lines) % 5:
            raise ValueError(f"{len(lines)} lines are not a multiple of 5")
        entries = [int(lines[k].split()[0]) for k in range(0, len(lines), 5)]
        rows = [[float(word) for word in line.split()] for k, line in enumerate(lines) if k % 5]
        poses = np.array(rows, np.float64).reshape(-1, 4, 4)
    except (ValueError, IndexError) as error:
        raise SequenceError(
            f"{file}: expected for each frame a line of three integers and four lines of four: {error}"
        ) from error
    distinct = len(set(entries)) == len(entries) and all(0 <= entry < images for entry in entries)
    return dict(zip(entries if distinct else range(len(entries)), poses, strict=True))


def _find_intrinsics(path: Path) -> Path | None:
    """The one JSON file of the folder that holds an intrinsic matrix."""
    found = []
    for file in sorted(path.glob("*.json")):
        try:
            record = json.loads(file.read_text())
        except ValueError:
            continue
        if isinstance(record, dict) and "intrinsic_matrix" in record.get("intrinsic", record):
            found.append(file)
    if len(found) > 1:
        names = ", ".join(file.name for file in found)
        raise SequenceError(
            f"{path}: several files hold intrinsics ({names}); choose one with --intrinsics FILE"
        )
    return found[0] if found else None
