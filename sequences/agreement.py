"""How well the depth of neighbouring frames agrees under one reading of poses, units and camera."""

from __future__ import annotations

from collections.abc import Sequence as AnySequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix, to_camera_to_world

TOLERANCE = 0.03  # relative difference of depth that still agrees: 6 cm at 2 m
_SOFT_TOLERANCE = 0.05
_SAMPLES = 60  # pixels sampled along the longer side of an image
_WANTED_TRANSLATION = 0.3  # metres
_WANTED_ROTATION = np.deg2rad(20.0)
_LONGEST_STEP = 90  # frames

Depth = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read a sequence, relative to how it is being read: `unit` multiplies depth."""

    convention: str
    depth_scale: float
    unit: float
    intrinsics: Matrix

    def changes(self, other: Reading) -> int:
        """Number of things in which two readings differ."""
        return (
            (self.convention != other.convention)
            + (self.depth_scale != other.depth_scale)
            + (not np.array_equal(self.intrinsics, other.intrinsics))
        )


@dataclass(frozen=True, slots=True)
class Agreement:
    """How one reading does.

    Attributes
    ----------
    share : float
        Share of the points seen by both frames of a pair whose depths differ by at most 3 %.
    seen : float
        Share of the points of one frame that fall on valid depth in the other.
    score : float
        What readings are ranked by: mean over all points of max(0, 1 - relative difference / 5 %), 0 where
        not seen.
    """

    share: float
    seen: float
    score: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Two frames that see some of the same things; poses as stored."""

    depths: tuple[Depth, Depth]
    stored_poses: Matrix  # (2, 4, 4)


def choose_pairs(stored_poses: Matrix, usable: npt.NDArray[np.bool_], count: int) -> list[tuple[int, int]]:
    """Pairs of frames spread over a sequence, far enough apart to tell readings from each other.

    The later frame of a pair is the first that has moved by 0.3 m or turned by 20 degrees, whichever way the
    poses are to be read, or the last within 90 frames.

    Parameters
    ----------
    stored_poses : numpy.ndarray
        (n, 4, 4) float64.
    usable : numpy.ndarray
        (n,) bool, which of them are rigid.
    count : int
        Number of pairs to find.

    Returns
    -------
    list of tuple of int
        (earlier, later); fewer than `count` for a short sequence.
    """
    rows = np.flatnonzero(usable)
    if len(rows) < 2:
        return []
    pairs = []
    starts = np.linspace(0, len(rows) - 1, min(count, len(rows) - 1), endpoint=False).astype(int)
    for start in np.unique(starts):
        later = rows[start + 1 : start + 1 + _LONGEST_STEP]
        here, there = stored_poses[rows[start]], stored_poses[later]
        forward, backward = np.linalg.inv(here) @ there, here @ np.linalg.inv(there)
        cosine = (np.trace(forward[:, :3, :3], axis1=1, axis2=2) - 1) / 2
        moved = np.minimum(*(np.linalg.norm(T[:, :3, 3], axis=1) for T in (forward, backward)))
        enough = (moved >= _WANTED_TRANSLATION) | (np.arccos(cosine.clip(-1, 1)) >= _WANTED_ROTATION)
        chosen = int(np.argmax(enough)) if enough.any() else len(later) - 1
        pairs.append((int(rows[start]), int(later[chosen])))
    return pairs


def measure(pairs: AnySequence[Pair], reading: Reading) -> Agreement:
    """Reproject each frame of each pair into the other, and compare depth there.

    Parameters
    ----------
    pairs : sequence of Pair
        At least one, with depth in metres as the sequence is being read.
    reading : Reading
        The reading to try.

    Returns
    -------
    Agreement
        Over all points of all pairs, both ways.
    """
    points = seen = agreeing = 0
    score = 0.0
    for pair in pairs:
        poses = to_camera_to_world(pair.stored_poses, reading.convention)
        for source, target in ((0, 1), (1, 0)):
            T = np.linalg.inv(poses[target]) @ poses[source]
            count, error = _reproject(pair.depths[source], pair.depths[target], T, reading)
            points += count
            seen += len(error)
            agreeing += int((error <= TOLERANCE).sum())
            score += float(np.maximum(0, 1 - error / _SOFT_TOLERANCE).sum())
    points = max(points, 1)
    return Agreement(agreeing / max(seen, 1), seen / points, score / points)


def _reproject(
    source: Depth, target: Depth, T: Matrix, reading: Reading
) -> tuple[int, npt.NDArray[np.float64]]:
    """Number of sampled points of `source`, and the relative depth errors of those that `target` sees too."""
    h, w = source.shape
    step = max(1, max(h, w) // _SAMPLES)
    K = reading.intrinsics
    v, u = np.mgrid[step // 2 : h : step, step // 2 : w : step]
    z = source[v, u] * np.float64(reading.unit)
    valid = z > 0
    u, v, z = u[valid], v[valid], z[valid]
    points = np.stack([(u - K[0, 2]) / K[0, 0] * z, (v - K[1, 2]) / K[1, 1] * z, z])
    moved = T[:3, :3] @ points + T[:3, 3:]
    moved = moved[:, moved[2] > 1e-6]
    x, y = (np.rint(moved[k] / moved[2] * K[k, k] + K[k, 2]) for k in (0, 1))
    inside = (x >= 0) & (x < w) & (y >= 0) & (y < h)
    there = target[y[inside].astype(int), x[inside].astype(int)] * np.float64(reading.unit)
    expected = moved[2, inside]
    known = there > 0
    return len(z), np.abs(there[known] - expected[known]) / expected[known]
