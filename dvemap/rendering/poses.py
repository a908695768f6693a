"""Camera poses from what a user gives: numbers, a file of poses, or a sequence."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from sequences.camera import pose_faults, quaternions_to_matrices
from sequences.text import read_text

Float64 = npt.NDArray[np.float64]

LAYOUTS: Final = (
    "16 numbers a line (T_world_camera row by row), 12 (without its last row), "
    "8 (time x y z qx qy qz qw), or 4 x 4 matrices below each other"
)
"""What a file of poses may hold."""


def parse_pose(text: str) -> Float64:
    """Read one pose (4, 4) from 16 numbers in a text, or from the file that it names.

    Raises
    ------
    ValueError
        If it is neither, or not one rigid pose.
    """
    words = text.replace(",", " ").replace("[", " ").replace("]", " ").split()
    if len(words) == 16:
        try:
            pose = np.array([float(word) for word in words]).reshape(1, 4, 4)
        except ValueError:
            raise ValueError(f"--pose: expected 16 numbers or a file, got {text!r}") from None
        return np.asarray(_checked(pose, "--pose")[0], np.float64)
    path = Path(text)
    if not path.is_file():
        raise ValueError(
            f"--pose: expected 16 numbers or a file, got {len(words)} words and no file {text!r}"
        )
    poses = read_poses(path)
    if len(poses) != 1:
        raise ValueError(f"{path}: expected one pose, got {len(poses)}; give it as --trajectory")
    return np.asarray(poses[0])


def read_poses(path: Path) -> Float64:
    """Read poses T_world_camera (k, 4, 4) from a text file; see `LAYOUTS`.

    Lines that begin with # do not count.

    Raises
    ------
    ValueError
        If it holds anything else, or a pose is not rigid.
    OSError
        If it cannot be read.
    """
    lines = [
        line.replace(",", " ").replace("[", " ").replace("]", " ") for line in read_text(path).splitlines()
    ]
    rows = [line.split() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    try:
        values = [[float(word) for word in row] for row in rows]
    except ValueError as error:
        raise ValueError(f"{path}: expected poses as {LAYOUTS}: {error}") from None
    lengths = {len(row) for row in values}
    if len(lengths) != 1 or not lengths <= {4, 8, 12, 16} or (lengths == {4} and len(values) % 4):
        found = f"lines of {', '.join(map(str, sorted(lengths)))} numbers" if values else "nothing"
        raise ValueError(f"{path}: expected poses as {LAYOUTS}, got {found}")
    table = np.array(values)
    if lengths == {8}:
        poses = np.tile(np.eye(4), (len(table), 1, 1))
        poses[:, :3, :3] = quaternions_to_matrices(table[:, 4:])
        poses[:, :3, 3] = table[:, 1:4]
    elif lengths == {12}:
        poses = np.tile(np.eye(4), (len(table), 1, 1))
        poses[:, :3] = table.reshape(-1, 3, 4)
    else:
        poses = table.reshape(-1, 4, 4)
    return _checked(poses, str(path))


def _checked(poses: Float64, source: str) -> Float64:
    faults = pose_faults(poses)
    if faults:
        row, reason = next(iter(faults.items()))
        raise ValueError(f"{source}: pose {row + 1} of {len(poses)}: {reason}")
    return poses
