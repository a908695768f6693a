"""Other light for a scene: warm or cold, strong or weak, hard or soft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from .lighting import Light
from .variation import Variation


def relight(lights: Sequence[Light], rng: np.random.Generator, variation: Variation) -> list[Light]:
    """Draw colour, power and size of all lights anew.

    Parameters
    ----------
    lights : sequence of Light
    rng : numpy.random.Generator
    variation : Variation
        `warmth`, `lamps` and `softness` count.
    """
    sky = white(float(rng.uniform(4500, 9000)))  # all windows show the same sky
    changed = []
    for light in lights:
        window = bool(light.direction.any())
        factor = 1.0 if window else float(rng.uniform(*variation.lamps))
        color = sky if window or variation.warmth is None else white(float(rng.uniform(*variation.warmth)))
        middle = light.points.mean(0)
        size = 1.0 if window else float(rng.uniform(*variation.softness))
        points = middle + size * (light.points - middle)
        changed.append(replace(light, points=points, rgb=factor * float(light.rgb.mean()) * color))
    return changed


def white(kelvin: float) -> npt.NDArray[np.float64]:
    """Linear RGB of a black body of a temperature from 1,700 to 25,000 K, of mean 1, against daylight (D65).

    Its chromaticity is the Planckian locus in the cubic approximation of Kim et al. (US patent 7024034).
    """
    t = 1000.0 / kelvin
    if kelvin < 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvin < 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin < 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    xyz = np.array([x / y, 1.0, (1 - x - y) / y])
    m = np.array([[3.2406, -1.5372, -0.4986], [-0.9689, 1.8758, 0.0415], [0.0557, -0.2040, 1.0570]])
    rgb = np.maximum(m @ xyz, 0.05)
    return np.asarray(rgb / rgb.mean(), float)
