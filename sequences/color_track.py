"""What colour images or a video without depth need beside them: a trajectory, a camera, perhaps times."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from sequences.camera import parse_intrinsics
from sequences.errors import SequenceError
from sequences.options import Options
from sequences.sequence import Rig, Size, Track, regular_timestamps, wrong_size_message
from sequences.text import read_text
from sequences.trajectory import NAMES, Times, Trajectory, find_trajectory, nearest_poses, read_trajectory

INTRINSICS = ("intrinsic.txt", "intrinsics.txt", "intrinsic_color.txt", "intrinsic.json", "intrinsics.json")
"""What the camera of colour images is called, in their folder or in its folder intrinsic/."""

WANTED = f"{', '.join(NAMES)} or a .log"


def color_rig(folder: Path, size: Size, options: Options) -> Rig:
    """Return the camera of images of a size: fx fy cx cy, a 3x3 or 4x4 matrix, or JSON (`parse_intrinsics`).

    Raises
    ------
    SequenceError
        If a file holds no intrinsics, or those of images of another size.
    """
    places = (folder, folder / "intrinsic")
    files = (place / name for place in places for name in INTRINSICS)
    found = next((file for file in files if file.is_file()), None)
    K = None
    if found is not None and options.intrinsics is None:
        K, declared = parse_intrinsics(found)
        if declared not in (None, size):
            raise SequenceError(wrong_size_message(folder, K, declared or size, size))
    return Rig(size, size, 1000.0, depth_intrinsics=K, has_depth=False)


def color_track(
    folder: Path,
    path: Path,
    chosen: range,
    numbers: npt.NDArray[np.int64],
    frames: int,
    times: Times | None,
    options: Options,
) -> Track:
    """Give frames their poses and times.

    A trajectory of as many poses as there are frames goes with them one by one, and its times are theirs. A
    .log goes by the numbers of its entries, where these are places among the frames. Any other trajectory
    must have times (TUM lines): each frame takes the pose nearest to its own time. `timestamps.txt` beside it
    states that (a line a frame, the last number in it is the time in seconds), else the recording, from 0;
    images have no times of their own.

    Parameters
    ----------
    folder, path : pathlib.Path
        Where the trajectory lies, and what error messages call the sequence.
    chosen : range
        Places of the selected ones among all frames.
    numbers : numpy.ndarray
        (m,) int64, what the selected ones are called.
    frames : int
        How many there are in all.
    times : numpy.ndarray or None
        (frames,) float64 seconds from the first, as the recording has them; None where it has none.
    options : Options

    Raises
    ------
    SequenceError
        If there is no trajectory, it is as long as none of these, or its times and the frames' do not meet.
    """
    file = find_trajectory(folder)
    if file is None:
        raise SequenceError(f"{path}: no trajectory beside it; expected {WANTED} in {folder}")
    trajectory = read_trajectory(file)
    stated = _read_times(folder / "timestamps.txt", frames)
    own = times if stated is None else stated
    matched = stated is not None or len(trajectory.poses) != frames
    if trajectory.times is not None and own is not None and matched:
        selected = own[chosen]
        poses, problems = nearest_poses(trajectory, selected, options.max_time_difference)
        if len(problems) == len(selected):
            raise SequenceError(_apart(path, trajectory, trajectory.times, own))
        return Track(numbers, selected, poses, problems)
    placed = _by_entries(trajectory, frames)
    if placed is None:
        if len(trajectory.poses) != frames:
            raise SequenceError(
                f"{file}: has {len(trajectory.poses)} poses for the {frames} frames of {path}; expected one "
                "a frame, or times to match them by (lines 'time tx ty tz qx qy qz qw'"
                + (")" if own is not None else ", and timestamps.txt beside it with the time of each image)")
            )
        placed = trajectory.poses
        own = own if trajectory.times is None else trajectory.times
    if own is None:
        own = regular_timestamps(np.arange(frames))
    missing = np.isnan(placed[chosen]).all(axis=(1, 2))
    problems = {int(row): f"{file} has no pose for it" for row in np.flatnonzero(missing)}
    return Track(numbers, own[chosen], placed[chosen], problems)


def _by_entries(trajectory: Trajectory, frames: int) -> npt.NDArray[np.float64] | None:
    """Poses (frames, 4, 4) by the numbers of a .log, NaN where it has none; None where they are no places."""
    entries = trajectory.entries
    if entries is None or len(set(entries.tolist())) != len(entries):
        return None
    if entries.min() < 0 or entries.max() >= frames:
        return None
    poses = np.full((frames, 4, 4), np.nan)
    poses[entries] = trajectory.poses
    return poses


def _read_times(path: Path, frames: int) -> Times | None:
    if not path.is_file():
        return None
    lines = [line.split() for line in read_text(path).splitlines() if line.strip() and line.strip()[0] != "#"]
    try:
        times = np.array([float(words[-1]) for words in lines])
    except ValueError as error:
        raise SequenceError(
            f"{path}: expected one line for each frame, its time in seconds: {error}"
        ) from error
    if len(times) != frames:
        raise SequenceError(f"{path}: has {len(times)} times for {frames} frames; expected one a frame")
    return times


def _apart(path: Path, trajectory: Trajectory, pose_times: Times, times: Times) -> str:
    return (
        f"{path}: no frame has a pose near its time; the frames run from {times[0]:.3f} to "
        f"{times[-1]:.3f} s, the poses in {trajectory.path} from {pose_times[0]:.3f} to "
        f"{pose_times[-1]:.3f} s; write the times of all {len(times)} frames, on the clock of the poses, "
        "into timestamps.txt beside it"
    )
