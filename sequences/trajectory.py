"""Camera trajectories in one text file: with times or without, a pose a line or a matrix in four."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix, quaternions_to_matrices
from sequences.errors import SequenceError
from sequences.text import read_text

Times = npt.NDArray[np.float64]

NAMES = ("trajectory.txt", "poses.txt", "groundtruth.txt", "traj.txt")
"""What a trajectory beside images or a video is called; else it is the one file that ends in .log."""

_FORMS = (
    "'time tx ty tz qx qy qz qw' (TUM), 12 or 16 numbers of a matrix by rows, four lines of four numbers, or "
    "those below a line of three integers (Redwood .log)"
)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Poses as a file stores them.

    Attributes
    ----------
    path : pathlib.Path
    poses : numpy.ndarray
        (n, 4, 4) float64.
    times : numpy.ndarray or None
        (n,) float64 seconds, rising; None where the file holds none.
    entries : numpy.ndarray or None
        (n,) int64, the first number of each entry of a .log; None elsewhere.
    """

    path: Path
    poses: Matrix
    times: Times | None = None
    entries: npt.NDArray[np.int64] | None = None


def find_trajectory(folder: Path) -> Path | None:
    """Return the trajectory of a folder: the first of `NAMES`, else its one .log file; None without."""
    for name in NAMES:
        if (folder / name).is_file():
            return folder / name
    logs = sorted(folder.glob("*.log")) if folder.is_dir() else []
    return logs[0] if len(logs) == 1 else None


def read_trajectory(path: Path) -> Trajectory:
    """Read a trajectory; lines that begin with # are comments.

    Parameters
    ----------
    path : pathlib.Path
        Each pose is a line "time tx ty tz qx qy qz qw" (seconds, metres, quaternion scalar last, as in TUM
        RGB-D), a line of 12 or 16 numbers (matrix by rows, as in KITTI and Replica), four lines of four
        numbers, or those below a line of three integers (Redwood and Open3D).

    Returns
    -------
    Trajectory
        Poses with times are in their order.

    Raises
    ------
    SequenceError
        If the file is none of these.
    FileNotFoundError
        If there is no such file.
    """
    lines = [line.strip() for line in read_text(path).splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    try:
        rows = [[float(word) for word in line.replace(",", " ").split()] for line in lines]
    except ValueError as error:
        raise SequenceError(f"{path}: expected numbers in the form {_FORMS}: {error}") from error
    lengths = [len(row) for row in rows]
    if rows and lengths == [3, 4, 4, 4, 4] * (len(rows) // 5):
        poses = np.array([row for row in rows if len(row) == 4]).reshape(-1, 4, 4)
        return Trajectory(path, poses, entries=np.array([row[0] for row in rows[::5]], np.int64))
    width = lengths[0] if len(set(lengths)) == 1 else 0
    if width == 4 and len(rows) % 4 == 0:
        return Trajectory(path, np.array(rows).reshape(-1, 4, 4))
    if width in (12, 16):
        poses = np.tile(np.eye(4), (len(rows), 1, 1))
        poses[:, : width // 4] = np.array(rows).reshape(len(rows), -1, 4)
        return Trajectory(path, poses)
    if width == 8:
        numbers = np.array(rows)
        return timed_trajectory(path, numbers[:, 0], numbers[:, 1:])
    counts = ", ".join(map(str, sorted(set(lengths))[:5])) or "no"
    raise SequenceError(f"{path}: expected poses in the form {_FORMS}; got lines of {counts} numbers")


def nearest_poses(
    trajectory: Trajectory, times: Times, max_difference: float
) -> tuple[Matrix, dict[int, str]]:
    """Take the pose nearest to each time.

    Parameters
    ----------
    trajectory : Trajectory
        With times.
    times : numpy.ndarray
        (m,) float64 seconds.
    max_difference : float
        Largest difference, seconds.

    Returns
    -------
    poses : numpy.ndarray
        (m, 4, 4) float64, as stored; NaN where none is near enough.
    problems : dict of int to str
        Row -> that, in words.
    """
    pose_times = trajectory.times
    if pose_times is None:
        raise ValueError(f"{trajectory.path}: holds no times to look poses up by")
    right = np.searchsorted(pose_times, times).clip(1, max(1, len(pose_times) - 1))
    right = np.minimum(right, len(pose_times) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(times - pose_times[left] <= pose_times[right] - times, left, right)
    gap = np.abs(pose_times[nearest] - times)
    poses = trajectory.poses[nearest].copy()
    poses[gap > max_difference] = np.nan
    problems = {
        int(row): f"the nearest pose in {trajectory.path} is {gap[row]:.3f} s away, more than "
        f"{max_difference} s"
        for row in np.flatnonzero(gap > max_difference)
    }
    return poses, problems


def timed_trajectory(path: Path, times: Times, values: Matrix) -> Trajectory:
    """Trajectory of times (n,), in any order, and values (n, 7): place, and quaternion scalar last."""
    order = np.argsort(times, kind="stable")
    poses = np.tile(np.eye(4), (len(times), 1, 1))
    poses[:, :3, :3] = quaternions_to_matrices(values[order, 3:])
    poses[:, :3, 3] = values[order, :3]
    return Trajectory(path, poses, times=times[order])
