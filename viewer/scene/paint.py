"""The colours of cells in each mode, and what the colours mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

import mapping
from mapping import Answer
from viewer.colors import heat_colors, overlay_heat
from viewer.scene.cloud import Cloud

Colors = npt.NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Scale:
    """What the ends of the heat colours stand for.

    Attributes
    ----------
    low, high : float
    unit : str
        What is measured.
    overlay : bool
        Whether low cells keep their own, greyed colour instead of the dark end.
    """

    low: float
    high: float
    unit: str
    overlay: bool = False


def heat_scale(answer: Answer) -> Scale:
    """Range of the heat of an answer: it begins to show a little below the threshold."""
    high = max(float(answer.relevancy.max(initial=0.0)), answer.threshold + 1e-3)
    return Scale(answer.threshold - 0.5 * (high - answer.threshold), high, "relevancy", overlay=True)


def text_heat(cloud: Cloud, answer: Answer) -> tuple[Colors, Scale]:
    """Heat over the greyed colours of the cells, (m, 3) uint8."""
    scale = heat_scale(answer)
    return overlay_heat(cloud.colors, answer.relevancy[cloud.rows], scale.low, scale.high), scale


def confidence(cloud: Cloud) -> tuple[Colors, Scale]:
    """How well the observations of each cell agree, (m, 3) uint8; grey without an embedding."""
    value = mapping.confidence(cloud.map, cloud.rows)
    known = np.where(value > 0, value, np.nan)
    low = float(np.nanpercentile(known, 2)) if (value > 0).any() else 0.0
    scale = Scale(min(low, 0.99), 1.0, "agreement of observations")
    return heat_colors(known, scale.low, scale.high), scale


def occupancy(cloud: Cloud) -> tuple[Colors, Scale]:
    """Log-odds that each cell is occupied, (m, 3) uint8."""
    value = mapping.log_odds(cloud.map, cloud.rows)
    high = float(np.percentile(value, 98)) if len(value) else 1.0
    scale = Scale(0.0, max(high, 0.1), "log-odds of occupancy")
    return heat_colors(value, scale.low, scale.high), scale


def normal_colors(cloud: Cloud) -> Colors:
    """Normals as colours, (m, 3) uint8: x, y and z from -1 to 1 as red, green and blue."""
    colors: Colors = np.rint((cloud.normals + 1) * 127.5).astype(np.uint8)
    return colors
