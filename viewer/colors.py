"""Colours for numbers, readable with any colour vision."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

# The inverse of OKLab: B. Ottosson, "A perceptual color space for image processing", 2020.
_LMS = np.array(
    [
        [1.0, 0.3963377774, 0.2158037573],
        [1.0, -0.1055613458, -0.0638541728],
        [1.0, -0.0894841775, -1.2914855480],
    ]
)
_RGB = np.array(
    [
        [4.0767416621, -3.3077115913, 0.2309699292],
        [-1.2684380046, 2.6097574011, -0.3413193965],
        [-0.0041960863, -0.7034186147, 1.7076147010],
    ]
)


def oklab_to_rgb(lab: npt.NDArray[np.float64]) -> npt.NDArray[np.uint8]:
    """Convert OKLab (..., 3), lightness 0..1, to sRGB bytes; colours that no screen shows are clipped."""
    linear = np.clip((lab @ _LMS.T) ** 3 @ _RGB.T, 0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    rgb: npt.NDArray[np.uint8] = np.rint(encoded * 255).astype(np.uint8)
    return rgb


def _heat_table() -> npt.NDArray[np.uint8]:
    """Dark blue over violet and orange to pale yellow; the lightness rises evenly, whatever the hue does."""
    steps = np.linspace(0, 1, 256)
    anchors = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
    a = np.interp(steps, anchors, [0.00, 0.10, 0.13, 0.06, -0.03])
    b = np.interp(steps, anchors, [-0.10, -0.10, 0.01, 0.11, 0.13])
    return oklab_to_rgb(np.stack([0.22 + 0.73 * steps, a, b], axis=1))


def _depth_table() -> npt.NDArray[np.uint8]:
    """Pale yellow over green and teal to dark violet; the lightness falls evenly."""
    steps, anchors = np.linspace(0, 1, 256), np.linspace(0, 1, 5)
    a = np.interp(steps, anchors, [-0.05, -0.10, -0.07, -0.01, 0.07])
    b = np.interp(steps, anchors, [0.15, 0.08, -0.01, -0.09, -0.09])
    return oklab_to_rgb(np.stack([0.95 - 0.68 * steps, a, b], axis=1))


_HEAT = _heat_table()
_DEPTH = _depth_table()


def depth_colors(share: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.uint8]:
    """Colours of depths: (...), 0 near to 1 far, into (..., 3) uint8 RGB, evenly falling in lightness."""
    colors: npt.NDArray[np.uint8] = _DEPTH[np.rint(share * 255).astype(np.int64)]
    return colors


def heat_colors(
    scores: npt.NDArray[np.floating[Any]], low: float | None = None, high: float | None = None
) -> npt.NDArray[np.uint8]:
    """Colours of scores: dark blue for low, pale yellow for high, evenly rising in lightness.

    Parameters
    ----------
    scores
        (n,) numbers. NaN is shown as middle grey.
    low, high
        What the ends of the scale stand for; the least and greatest finite score if None.

    Returns
    -------
    (n, 3) uint8 RGB.
    """
    finite = np.isfinite(scores)
    if low is None:
        low = float(scores[finite].min()) if finite.any() else 0.0
    if high is None:
        high = float(scores[finite].max()) if finite.any() else 1.0
    share = (np.where(finite, scores, low) - low) / max(high - low, 1e-12)
    colors = _HEAT[np.clip(np.rint(share * 255), 0, 255).astype(np.int64)]
    colors[~finite] = 128
    return colors


def overlay_heat(
    colors: npt.NDArray[np.uint8], scores: npt.NDArray[np.floating[Any]], low: float, high: float
) -> npt.NDArray[np.uint8]:
    """Heat on top of what a map looks like: the less a cell scores, the more it keeps its own, greyed colour.

    Parameters
    ----------
    colors
        (n, 3) uint8, the cells' own.
    scores
        (n,) numbers; NaN counts as low.
    low, high
        Scores at which the heat begins, and at which it hides the cell's own colour.

    Returns
    -------
    (n, 3) uint8 RGB.
    """
    share = np.clip((np.nan_to_num(scores, nan=low) - low) / max(high - low, 1e-12), 0, 1)[:, None]
    grey = 0.35 * colors + 0.65 * colors.mean(axis=1, keepdims=True)
    heat = _HEAT[(80 + 150 * share[:, 0]).astype(np.int64)]
    mixed: npt.NDArray[np.uint8] = np.rint((1 - share) * grey + share * heat).astype(np.uint8)
    return mixed
