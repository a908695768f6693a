"""Which reading of poses, depth units and camera the frames themselves speak for."""

from __future__ import annotations

from collections.abc import Sequence as AnySequence
from dataclasses import dataclass
from itertools import product

import numpy as np

from sequences.agreement import Agreement, Pair, Reading, measure
from sequences.camera import POSE_CONVENTIONS, Matrix, format_intrinsics, intrinsic_matrix, scale_intrinsics
from sequences.sequence import Sequence, Size

DEPTH_SCALES = (100.0, 256.0, 1000.0, 4000.0, 5000.0, 6553.5, 8000.0, 10000.0)
_RATIOS = (1.25, 4 / 3, 1.5, 2.0, 2.025, 2.25, 2.5, 3.0, 4.0)
IMAGE_RATIOS = (*(1 / ratio for ratio in _RATIOS), *_RATIOS)
GOOD_SHARE = 0.6  # of the depth that agrees: real sequences with good poses reach 0.85 to 0.98

# Another reading must do this much better than the present one to be believed.
_BETTER_SHARE = 0.15
_BETTER_SCORE = 1.2
_LEAST_SEEN = 0.05
_OFF_CENTRE = 0.08
_TELLING = 0.9  # a reading whose score exceeds this part of the present one cannot be told from it


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the frames say about how they are read.

    Attributes
    ----------
    now, best : Agreement
        Of the present reading and of the one that does best.
    wrong : Reading or None
        The reading that does clearly better than the present one.
    conventions, scales : dict
        Agreement by pose convention and by depth scale, all else as it is read now.
    poses_told, scale_told : bool
        Whether the frames can tell pose conventions, and depth scales, from each other.
    """

    now: Agreement
    best: Agreement
    wrong: Reading | None
    conventions: dict[str, Agreement]
    scales: dict[float, Agreement]
    poses_told: bool
    scale_told: bool


def judge(sequence: Sequence, pairs: AnySequence[Pair]) -> Verdict:
    """Try other readings of a sequence on pairs of its frames.

    First those that differ from the present one in one thing; if none of them does well, all combinations.

    Parameters
    ----------
    sequence : Sequence
        How it is read now.
    pairs : sequence of Pair
        At least one.

    Returns
    -------
    Verdict
        See there.
    """
    now = Reading(sequence.pose_convention, sequence.depth_scale, 1.0, sequence.intrinsics)
    conventions = {name: _with(now, convention=name) for name in POSE_CONVENTIONS}
    units = () if sequence.estimated else DEPTH_SCALES
    scales = {scale: _with(now, scale=scale) for scale in (*units, sequence.depth_scale)}
    cameras = [_with(now, K=K) for K in other_sizes(sequence.intrinsics, sequence.depth_size)]
    by_convention = {name: measure(pairs, reading) for name, reading in conventions.items()}
    by_scale = {scale: measure(pairs, reading) for scale, reading in scales.items()}
    tried = [
        *zip(conventions.values(), by_convention.values(), strict=True),
        *zip(scales.values(), by_scale.values(), strict=True),
        *((reading, measure(pairs, reading)) for reading in cameras),
    ]
    present = by_convention[now.convention]
    if not any(_good(agreement) for _, agreement in tried):
        combined = (
            Reading(convention, scale, scales[scale].unit, K)
            for convention, scale, K in product(
                conventions, scales, [now.intrinsics, *(reading.intrinsics for reading in cameras)]
            )
        )
        tried += [(reading, measure(pairs, reading)) for reading in combined if reading.changes(now) > 1]
    reading, best = max(tried, key=lambda entry: entry[1].score)
    better = best.share >= present.share + _BETTER_SHARE and best.score >= _BETTER_SCORE * present.score
    far = [value for scale, value in by_scale.items() if not 0.3 < scale / now.depth_scale < 3]
    others = [value for name, value in by_convention.items() if name != now.convention]
    limit = _TELLING * present.score
    return Verdict(
        now=present,
        best=best,
        wrong=reading if better and _good(best) else None,
        conventions=by_convention,
        scales=by_scale,
        poses_told=all(value.score < limit for value in others),
        scale_told=all(value.score < limit for value in far),
    )


def off_centre(K: Matrix, size: Size) -> float:
    """Distance of the principal point from the middle, in parts of the image size; larger of x and y."""
    return float(max(abs((K[0, 2] + 0.5) / size[1] - 0.5), abs((K[1, 2] + 0.5) / size[0] - 0.5)))


def other_sizes(K: Matrix, size: Size) -> list[Matrix]:
    """Camera matrices that `K` may stand for, if it is that of images of another size.

    Empty where the principal point lies near the middle of the images. Otherwise `K` scaled by each common
    ratio of image sizes that brings it there or, if none does, by the one that brings it to the middle.
    """
    if off_centre(K, size) <= _OFF_CENTRE:
        return []
    scaled = [scale_intrinsics(K, size, (size[0] * ratio, size[1] * ratio)) for ratio in IMAGE_RATIOS]
    return [K for K in scaled if off_centre(K, size) <= _OFF_CENTRE] or [centred(K, size)]


def centred(K: Matrix, size: Size) -> Matrix:
    """Camera matrix scaled so that its principal point lies in the middle of an image of `size`."""
    cx, cy = (size[1] - 1) / 2, (size[0] - 1) / 2
    sx, sy = ((c + 0.5) / max(abs(k) + 0.5, 1.0) for c, k in ((cx, K[0, 2]), (cy, K[1, 2])))
    return intrinsic_matrix(K[0, 0] * sx, K[1, 1] * sy, cx, cy)


def fixing_options(now: Sequence, reading: Reading) -> str:
    """Options that turn how a sequence is read now into `reading`."""
    options = []
    if reading.convention != now.pose_convention:
        options.append(f"--pose-convention {reading.convention}")
    if reading.depth_scale != now.depth_scale:
        options.append(f"--depth-scale {reading.depth_scale:g}")
    if not np.array_equal(reading.intrinsics, now.intrinsics):
        options.append(intrinsics_option(now, reading.intrinsics))
    return " ".join(options)


def intrinsics_option(sequence: Sequence, K: Matrix) -> str:
    """Option that gives the depth images the camera matrix `K` (3, 3)."""
    if sequence.estimated:  # the option is of the images that depth is estimated from
        K = scale_intrinsics(K, sequence.depth_size, sequence.color_size)
    return f"--intrinsics {format_intrinsics(K)}"


def _with(
    now: Reading, *, convention: str | None = None, scale: float | None = None, K: Matrix | None = None
) -> Reading:
    scale = now.depth_scale if scale is None else scale
    return Reading(
        convention or now.convention, scale, now.depth_scale / scale, now.intrinsics if K is None else K
    )


def _good(agreement: Agreement) -> bool:
    return agreement.share >= GOOD_SHARE and agreement.seen >= _LEAST_SEEN
