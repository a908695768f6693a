"""TUM RGB-D: lists of colour and depth images with times, and a motion-capture trajectory."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix, intrinsic_matrix
from sequences.errors import SequenceError
from sequences.files import FileSequence, FrameFiles, peek_sizes
from sequences.images import decode_color, encode_png
from sequences.options import Options
from sequences.sequence import Rig, Sequence, Track
from sequences.text import read_text
from sequences.trajectory import Times, nearest_poses, timed_trajectory

# The data set's own calibration: intrinsics of the 640x480 images, and k1 k2 p1 p2 k3 of the colour images.
INTRINSICS = {
    "1": intrinsic_matrix(517.3, 516.5, 318.6, 255.3),
    "2": intrinsic_matrix(520.9, 521.0, 325.1, 249.7),
    "3": intrinsic_matrix(535.4, 539.2, 320.1, 247.6),
}
DISTORTION = {
    "1": (0.2624, -0.9531, -0.0054, 0.0026, 1.1633),
    "2": (0.2312, -0.7849, -0.0033, -0.0001, 0.9172),
}
DEPTH_SCALE = 5000.0


class TumSequence(FileSequence):
    """A TUM RGB-D sequence: depth registered to colour, poses camera-to-world, quaternions scalar last.

    Colour and depth images are paired greedily by nearest time, each at most once; a depth image takes the
    pose nearest in time. Both differ by at most `max_time_difference` (0.02 s). Frames are numbered by their
    place among the pairs; their time is the depth image's. The camera follows from freiburg1, 2 or 3 (fr1,
    fr2, fr3) in the folder's name, else from the option; colour images of freiburg1 and 2 are undistorted by
    the data set's calibration unless the option is given. Without depth.txt the frames are the colour images,
    with their times.
    """

    format = "tum"
    layout = "tum: rgb.txt, depth.txt and groundtruth.txt"

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether the three lists are there, or two where depth may be missing."""
        lists = ["rgb.txt", "groundtruth.txt", *([] if options.depth_optional else ["depth.txt"])]
        return all((path / name).is_file() for name in lists)

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open the folder and pair its images; decodes none."""
        has_depth = not options.depth_optional or (path / "depth.txt").is_file()
        images = _paired_images(path, options) if has_depth else _color_images(path)
        selected = options.select(len(images), path)
        numbers = np.array(selected, np.int64)
        chosen = [FrameFiles(k, *images[k][1:]) for k in selected]
        times = np.array([images[k][0] for k in selected])
        poses, problems = _read_poses(path / "groundtruth.txt", times, options.max_time_difference)
        depth_size, color_size = peek_sizes(path, chosen)
        camera = _camera_name(path) if depth_size == (480, 640) else None
        sequence = cls(
            path,
            options,
            name=path.resolve().name,
            rig=Rig(
                depth_size,
                color_size,
                DEPTH_SCALE,
                depth_intrinsics=INTRINSICS.get(camera or ""),
                has_depth=has_depth,
            ),
            track=Track(numbers, times, poses, problems),
            files=chosen,
        )
        if options.intrinsics is None and camera in DISTORTION:
            K = sequence.color_intrinsics
            sequence._undistortion = cv2.initUndistortRectifyMap(
                K, np.array(DISTORTION[camera]), np.eye(3), K, color_size[::-1], cv2.CV_16SC2
            )
        return sequence

    _undistortion: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None

    def color_bytes(self, i: int) -> tuple[str, bytes]:
        """Colour of the i-th frame: its file, or a PNG without the lens distortion where that is known."""
        encoding, data = super().color_bytes(i)
        return (encoding, data) if self._undistortion is None else ("png", encode_png(self._rgb(i)))

    def _rgb(self, i: int) -> npt.NDArray[np.uint8]:
        if self._undistortion is None:
            return super()._rgb(i)
        _, data = super().color_bytes(i)
        rgb = self._checked(i, decode_color(data, self.describe(i, "colour")), self.color_size, "colour")
        return cv2.remap(rgb, *self._undistortion, cv2.INTER_LINEAR).astype(np.uint8, copy=False)


def associate(a: Times, b: Times, max_difference: float) -> list[tuple[int, int]]:
    """Pair two lists of times greedily, nearest first, each time at most once.

    Parameters
    ----------
    a, b : numpy.ndarray
        (n,) and (m,) float64 seconds, in any order.
    max_difference : float
        Largest difference within a pair, seconds.

    Returns
    -------
    list of tuple of int
        Positions (in `a`, in `b`), by time in `b`.
    """
    order = np.argsort(b, kind="stable")
    first = np.searchsorted(b[order], a - max_difference, "left")
    last = np.searchsorted(b[order], a + max_difference, "right")
    candidates = [(i, int(j)) for i in range(len(a)) for j in order[first[i] : last[i]]]
    candidates.sort(key=lambda pair: (abs(a[pair[0]] - b[pair[1]]), pair))
    free_a, free_b = np.ones(len(a), bool), np.ones(len(b), bool)
    pairs = []
    for i, j in candidates:
        if free_a[i] and free_b[j]:
            free_a[i] = free_b[j] = False
            pairs.append((i, j))
    return sorted(pairs, key=lambda pair: (b[pair[1]], pair))


def _paired_images(path: Path, options: Options) -> list[tuple[float, Path, Path | None]]:
    """Time of the depth image, colour image and depth image of each pair."""
    color_times, color_files = _read_list(path / "rgb.txt")
    depth_times, depth_files = _read_list(path / "depth.txt")
    pairs = associate(color_times, depth_times, options.max_time_difference)
    if not pairs:
        raise SequenceError(
            f"{path}: no colour image lies within {options.max_time_difference} s of a depth image; "
            f"times run from {color_times[0]:.3f} to {color_times[-1]:.3f} s in rgb.txt, from "
            f"{depth_times[0]:.3f} to {depth_times[-1]:.3f} s in depth.txt"
        )
    return [(float(depth_times[j]), path / color_files[i], path / depth_files[j]) for i, j in pairs]


def _color_images(path: Path) -> list[tuple[float, Path, Path | None]]:
    """Time and file of each colour image, in the order of time."""
    times, files = _read_list(path / "rgb.txt")
    return [(float(times[k]), path / files[k], None) for k in np.argsort(times, kind="stable")]


def _camera_name(path: Path) -> str | None:
    match = re.search(r"(?:freiburg|fr)([123])(?!\d)", path.resolve().name)
    return match[1] if match else None


def _read_list(path: Path) -> tuple[Times, list[str]]:
    """Times in seconds and what follows on each line; comment lines begin with #."""
    lines = (line.strip() for line in read_text(path).splitlines())
    rows = [line.replace(",", " ").split(maxsplit=1) for line in lines if line and not line.startswith("#")]
    try:
        times = np.array([float(row[0]) for row in rows])
        rest = [row[1] for row in rows]
    except (ValueError, IndexError) as error:
        raise SequenceError(f"{path}: expected lines 'timestamp ...': {error}") from error
    if not rest:
        raise SequenceError(f"{path}: the list is empty")
    return times, rest


def _read_poses(path: Path, times: Times, max_difference: float) -> tuple[Matrix, dict[int, str]]:
    """The pose nearest to each time, and by row the reason where none is near enough."""
    pose_times, rest = _read_list(path)
    try:
        values = np.array([line.split()[:7] for line in rest], np.float64).reshape(len(rest), 7)
    except ValueError as error:
        raise SequenceError(f"{path}: expected lines 'timestamp tx ty tz qx qy qz qw': {error}") from error
    return nearest_poses(timed_trajectory(path, pose_times, values), times, max_difference)
