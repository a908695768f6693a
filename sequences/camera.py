"""Intrinsics and poses: reading them, scaling them, and telling whether they can be used."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence as AnySequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sequences.errors import SequenceError
from sequences.text import read_text

Matrix = npt.NDArray[np.float64]
IntrinsicsLike = str | Path | AnySequence[float] | Matrix

POSE_CONVENTIONS = ("camera-to-world", "world-to-camera", "opengl", "opengl-world-to-camera")

_OPENGL_AXES = np.diag([1.0, -1.0, -1.0, 1.0])  # x right, y up, z backward -> x right, y down, z forward
_RIGID_TOLERANCE = 1e-2


def intrinsic_matrix(fx: float, fy: float, cx: float, cy: float) -> Matrix:
    """(3, 3) camera matrix from focal lengths and principal point in pixels."""
    return np.array([[fx, 0.0, cx], [0.0, fy, cy], [0.0, 0.0, 1.0]])


def scale_intrinsics(K: Matrix, size: tuple[float, float], new_size: tuple[float, float]) -> Matrix:
    """Camera matrix of a resized image.

    Pixel centres lie at whole numbers, so c' = (c + 0.5) s - 0.5 and f' = f s.

    Parameters
    ----------
    K : numpy.ndarray
        (3, 3) camera matrix of an image of `size`.
    size, new_size : tuple of float
        (height, width) in pixels.

    Returns
    -------
    numpy.ndarray
        (3, 3) float64 camera matrix of the same view at `new_size`.
    """
    if size == new_size:
        return K.copy()
    sy, sx = new_size[0] / size[0], new_size[1] / size[1]
    return intrinsic_matrix(
        K[0, 0] * sx, K[1, 1] * sy, (K[0, 2] + 0.5) * sx - 0.5, (K[1, 2] + 0.5) * sy - 0.5
    )


def format_intrinsics(K: Matrix) -> str:
    """Write `K` the way the option `--intrinsics` takes it: "fx,fy,cx,cy"."""
    return ",".join(f"{value:.6g}" for value in (K[0, 0], K[1, 1], K[0, 2], K[1, 2]))


def parse_intrinsics(value: IntrinsicsLike) -> tuple[Matrix, tuple[int, int] | None]:
    """Intrinsics from numbers, from the text "fx,fy,cx,cy", or from a file.

    Parameters
    ----------
    value : str, pathlib.Path or array of float
        Four numbers (fx, fy, cx, cy), a (3, 3) or (4, 4) matrix, or a file that holds one of these as
        text, or JSON as written by Open3D (`intrinsic_matrix`, column-major) or with keys fx, fy, cx, cy.

    Returns
    -------
    K : numpy.ndarray
        (3, 3) float64.
    size : tuple of int or None
        (height, width) of the image they are for, where the file says so.

    Raises
    ------
    SequenceError
        If no intrinsics can be made of it.
    FileNotFoundError
        If it names a file that does not exist.
    """
    size = None
    if isinstance(value, str | Path):
        source = str(value)
        numbers = [_number(part) for part in source.replace(",", " ").split()]
        if len(numbers) < 2 or None in numbers:
            numbers, size = _read_intrinsics_file(Path(value))
        array = np.array(numbers, dtype=np.float64)
    else:
        source = "intrinsics"
        array = np.asarray(value, dtype=np.float64)
    if array.size == 4:
        K = intrinsic_matrix(*array.ravel())
    elif array.size in (9, 16):
        side = math.isqrt(array.size)
        K = array.reshape(side, side)[:3, :3].copy()
    else:
        raise SequenceError(
            f"{source}: expected fx,fy,cx,cy or a 3x3 or 4x4 camera matrix, got {array.size} number(s)"
        )
    check_intrinsics(K, source)
    return K, size


def check_intrinsics(K: Matrix, source: str) -> None:
    """Raise SequenceError unless `K` is finite, without skew, with positive focal lengths."""
    regular = bool(np.isfinite(K).all()) and K[0, 0] > 0 and K[1, 1] > 0 and K[2, 2] == 1
    if not regular or np.any(K[[0, 1, 2, 2], [1, 0, 0, 1]]):
        raise SequenceError(
            f"{source}: expected a camera matrix [fx 0 cx; 0 fy cy; 0 0 1] with focal lengths > 0 px, "
            f"got {K.tolist()}; give --intrinsics fx,fy,cx,cy"
        )


def read_matrix(path: Path) -> Matrix:
    """Read a (4, 4) matrix from text: 16 numbers in row-major order; a (3, 3) or (3, 4) one is completed.

    Raises
    ------
    SequenceError
        If the file holds anything else.
    FileNotFoundError
        If there is no such file.
    """
    words = read_text(path).replace(",", " ").split()
    try:
        values = [float(word) for word in words]
    except ValueError as error:
        raise SequenceError(f"{path}: expected a 4x4 matrix as text: {error}") from error
    if len(values) not in (9, 12, 16):
        raise SequenceError(f"{path}: expected a 4x4 matrix as text, got {len(values)} number(s)")
    matrix = np.eye(4)
    columns = 3 if len(values) == 9 else 4
    matrix[: len(values) // columns, :columns] = np.reshape(values, (-1, columns))
    return matrix


def pose_faults(poses: Matrix) -> dict[int, str]:
    """Poses that cannot be used, with the reason of each.

    Parameters
    ----------
    poses : numpy.ndarray
        (n, 4, 4) float64.

    Returns
    -------
    dict of int to str
        Row -> what is wrong: not finite (tracking lost), or not a rigid motion.
    """
    finite = np.array([np.isfinite(pose).all() for pose in poses], np.bool_)
    safe = np.where(finite[:, None, None], poses, np.eye(4))
    R = safe[:, :3, :3]
    off = np.abs(R @ R.transpose(0, 2, 1) - np.eye(3)).max(axis=(1, 2), initial=0)
    determinant = np.linalg.det(R)
    affine = np.less(np.abs(safe[:, 3] - np.array([0.0, 0.0, 0.0, 1.0])).max(axis=1), 1e-4)
    rigid = (np.abs(determinant - 1) <= _RIGID_TOLERANCE) & (off <= 2 * _RIGID_TOLERANCE) & affine
    faults = {int(row): "the pose is not finite (tracking was lost)" for row in np.flatnonzero(~finite)}
    for row in np.flatnonzero(finite & ~rigid):
        faults[int(row)] = (
            f"the pose is not a rigid motion (determinant of its rotation {determinant[row]:.4g}, expected 1)"
        )
    return faults


def to_camera_to_world(poses: Matrix, convention: str) -> Matrix:
    """Poses (n, 4, 4) of a stated convention as camera-to-world with OpenCV axes.

    Parameters
    ----------
    poses : numpy.ndarray
        (n, 4, 4) float64, finite and rigid.
    convention : str
        One of `POSE_CONVENTIONS`. "opengl" means camera-to-world with y up and z backward.

    Returns
    -------
    numpy.ndarray
        (n, 4, 4) float64. The world axes stay as they are.
    """
    if convention.endswith("world-to-camera"):
        poses = np.linalg.inv(poses).astype(np.float64)
    return poses @ _OPENGL_AXES if convention.startswith("opengl") else poses


def quaternions_to_matrices(quaternions: Matrix) -> Matrix:
    """Rotation matrices (n, 3, 3) of quaternions (n, 4), scalar last; normalised first.

    A quaternion of length zero or with a NaN gives a matrix of NaN.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        x, y, z, w = (quaternions / np.linalg.norm(quaternions, axis=1, keepdims=True)).T
    rows = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    return np.moveaxis(np.array(rows), -1, 0)


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _read_intrinsics_file(path: Path) -> tuple[list[Any], tuple[int, int] | None]:
    text = read_text(path)
    if path.suffix.lower() != ".json":
        numbers = [_number(word) for word in text.replace(",", " ").split()]
        if None in numbers:
            raise SequenceError(
                f"{path}: expected numbers only: fx fy cx cy or a camera matrix; or JSON in a .json file"
            )
        return numbers, None
    try:
        record = json.loads(text)
        for key in ("camera", "intrinsic"):  # the layouts of NICE-SLAM and of Open3D's camera files
            record = record.get(key, record)
        if "intrinsic_matrix" in record:
            numbers = list(np.reshape(record["intrinsic_matrix"], (3, 3)).T.ravel())
        else:
            numbers = [record[key] for key in ("fx", "fy", "cx", "cy")]
        height, width = (
            record.get(long, record.get(short)) for long, short in (("height", "h"), ("width", "w"))
        )
        size = (int(height), int(width)) if height and width else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SequenceError(
            f"{path}: expected JSON with intrinsic_matrix (9 numbers, column-major) or fx, fy, cx, cy: "
            f"{error!r}"
        ) from error
    return numbers, size
