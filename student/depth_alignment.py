"""Metres for depth that is known up to scale: fitted to some pixels whose depth was measured.

Networks such as MiDaS, DPT and the relative Depth Anything give r, an affine function of inverse depth:
1 / d = s r + t with s > 0 and t unknown in each image (Ranftl et al., "Towards Robust Monocular Depth
Estimation", 2020, section 5). With measured d, s and t follow by least squares in inverse depth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

MIN_PIXELS: Final = 50
FARTHEST: Final = 100.0
"""Metres; what the fit puts beyond is left without depth."""

LARGEST_ERROR: Final = 0.25
"""Median relative error of a fit that can be used; depth of another scene comes to about 0.3."""

_KEPT: Final = 0.7
"""Share of the pixels that a fit uses: those that the one before explains best."""

_ROUNDS: Final = 20


@dataclass(frozen=True, slots=True)
class Alignment:
    """What makes metres of a relative inverse depth r: d = 1 / (scale r + shift).

    Attributes
    ----------
    scale, shift : float
        1 / metres.
    pixels : int
        Measured pixels that it was fitted to.
    error : float
        Median of |d - measured| / measured over all of them.
    """

    scale: float
    shift: float
    pixels: int
    error: float

    def metres(self, relative: Float32) -> Float32:
        """Return depth (h, w) float32 in metres, 0 where it would be beyond `FARTHEST` or behind."""
        inverse = self.scale * relative.astype(np.float64) + self.shift
        near = inverse >= 1 / FARTHEST
        return np.where(near, 1 / np.where(near, inverse, 1), 0).astype(np.float32)


def align_inverse_depth(relative: Float32, measured: Float32, *, min_pixels: int = MIN_PIXELS) -> Alignment:
    """Fit scale and shift of a relative inverse depth to measured depth.

    The start matches median and median absolute deviation of both sides, which outliers hardly move. Then
    least squares in inverse depth is repeated on the 70 % of the pixels that fit best, until these stay.

    Parameters
    ----------
    relative : (h, w) float32
        Larger = nearer.
    measured : (h, w) float32
        Metres, 0 = not measured. A few hundred pixels spread over near and far are enough; outliers may be a
        quarter of them.
    min_pixels : int
        Fewest measured pixels to fit to.

    Returns
    -------
    Alignment

    Raises
    ------
    ValueError
        If the shapes differ, too few pixels are measured, either depth does not vary over them, or the
        fit has no positive scale or is poor: then the two do not show the same scene.
    """
    if relative.shape != measured.shape:
        raise ValueError(
            f"relative and measured depth must have one shape, got {relative.shape} and {measured.shape}"
        )
    known = (measured > 0) & np.isfinite(measured) & np.isfinite(relative)
    count = int(known.sum())
    if count < max(min_pixels, 2):
        raise ValueError(
            f"relative depth is fitted to at least {min_pixels} measured pixels, got {count}; take an "
            "estimator of metres, or denser depth"
        )
    r, target = relative[known].astype(np.float64), 1 / measured[known].astype(np.float64)
    for values, what in ((r, "relative"), (target, "measured")):
        if np.ptp(values) <= 1e-6 * max(1.0, float(np.abs(values).max())):
            raise ValueError(f"the {what} depth is the same at all measured pixels: no scale can be fitted")
    scale = _deviation(target) / _deviation(r)
    shift = float(np.median(target) - scale * np.median(r))
    kept = max(min_pixels, round(_KEPT * count), 2)
    chosen = np.zeros(0, np.int64)
    for _ in range(_ROUNDS):
        residual = np.abs(scale * r + shift - target)
        best = np.sort(np.argpartition(residual, kept - 1)[:kept])
        if np.array_equal(best, chosen):
            break
        chosen = best
        scale, shift = _least_squares(r[chosen], target[chosen])
    if not scale > 0:
        raise ValueError(
            f"the fit of relative to measured depth has the scale {scale:.3g}, it must be > 0: the two "
            "do not show the same scene"
        )
    fitted = 1 / np.maximum(scale * r + shift, 1 / FARTHEST)
    error = float(np.median(np.abs(fitted * target - 1)))
    if error > LARGEST_ERROR:
        raise ValueError(
            f"fitted to measured depth, relative depth is {error:.0%} off at half of the {count} pixels or "
            f"more, it may be {LARGEST_ERROR:.0%}: the two do not show the same scene"
        )
    return Alignment(scale, shift, count, error)


def median_ratio(estimated: Float32, measured: Float32, *, min_pixels: int = MIN_PIXELS) -> float:
    """Return the median of measured / estimated depth, by which metric estimates are made to fit.

    Parameters
    ----------
    estimated, measured : (h, w) float32
        Metres, 0 = none.

    Raises
    ------
    ValueError
        If the shapes differ, or too few pixels have both.
    """
    if estimated.shape != measured.shape:
        raise ValueError(
            f"estimated and measured depth must have one shape, got {estimated.shape} and {measured.shape}"
        )
    both = (estimated > 0) & (measured > 0)
    if both.sum() < min_pixels:
        raise ValueError(
            f"a scale is fitted to at least {min_pixels} measured pixels, got {int(both.sum())}; take denser "
            "depth, or leave the fit out"
        )
    return float(np.median(measured[both] / estimated[both]))


def _deviation(values: npt.NDArray[np.float64]) -> float:
    """Return the median absolute deviation, or the standard deviation where over half of the values agree."""
    return float(np.median(np.abs(values - np.median(values)))) or float(values.std())


def _least_squares(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Return slope and intercept of the line of least squares; a slope of 0 where x does not vary."""
    dx = x - x.mean()
    squares = float(dx @ dx)
    slope = float(dx @ y) / squares if squares > 0 else 0.0
    return slope, float(y.mean() - slope * x.mean())
