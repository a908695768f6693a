"""How far a scene departs from the usual look: ranges in one place, drawn once into plain values.

Modules take a `Variation` and do what its values say; `PLAIN` leaves everything as it is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

DAY: Final = (0.02, 1.6)  # light through the windows; 1 is a bright day
WARMTH: Final = (2400.0, 8000.0)  # colour temperatures, kelvin


@dataclass(frozen=True, slots=True)
class Film:
    """How light becomes a picture.

    Parameters
    ----------
    exposure : float
        Brightness on top of the automatic exposure.
    balance : (3,) floats
        Factors on red, green and blue.
    gamma : float
        Exponent on the finished picture; below 1 lifts what is dark.
    """

    exposure: float = 1.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0


@dataclass(frozen=True, slots=True)
class Variation:
    """The look of one scene.

    Parameters
    ----------
    crowd : float
        0 to 1: how many things of any kind, and how much clutter, the rooms hold besides.
    disorder : float
        0 to 1: how far furniture is turned off the walls and chairs are pulled out.
    stretch : float
        Standard deviation of the logarithm of a thing's proportions; its parts vary more with it.
    repaint : float
        Share of things whose colours and patterns are drawn from all there are.
    rooms : float
        Share of walls, floors, ceilings, doors and windows that are dressed anew.
    ajar : float
        Share of the doors between rooms that do not stand open at a right angle.
    plan : (float, float)
        Factors on the usual width and depth of the plan.
    storey : float
        Metres that ceilings are higher by, at most.
    day : float or None
        Light through the windows; the usual range if None.
    lamps : (low, high)
        Range of the factor on the power of each lamp.
    off : float
        Share of the lamps that are switched off.
    warmth : (low, high) or None
        Colour temperatures of light, kelvin; those of the lamps and windows themselves if None.
    softness : (low, high)
        Range of the factor on the size of each light.
    fill : float
        Light from everywhere, in units of a white surface under normal room light.
    exposure : float
        Standard deviation of the logarithm (base 2) of the exposure of each frame.
    balance : (3,) floats
        Factors on red, green and blue.
    gamma : float
        Exponent on the finished picture.
    sensor : str
        How depth is measured: a key of `depth_sensors.SENSORS`.
    """

    crowd: float = 0.0
    disorder: float = 0.0
    stretch: float = 0.0
    repaint: float = 0.0
    rooms: float = 0.0
    ajar: float = 0.0
    plan: tuple[float, float] = (1.0, 1.0)
    storey: float = 0.0
    day: float | None = None
    lamps: tuple[float, float] = (1.0, 1.0)
    off: float = 0.0
    warmth: tuple[float, float] | None = None
    softness: tuple[float, float] = (1.0, 1.0)
    fill: float = 0.0
    exposure: float = 0.0
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    gamma: float = 1.0
    sensor: str = "kinect"

    def film(self, rng: np.random.Generator) -> Film:
        """Draw how the camera develops one frame."""
        if self.exposure == 0 and self.gamma == 1 and self.balance == (1.0, 1.0, 1.0):
            return Film()
        return Film(float(2 ** rng.normal(0.0, self.exposure)), self.balance, self.gamma)


PLAIN: Final = Variation()


def draw_variation(rng: np.random.Generator, strength: float, crowd: float = 0.0) -> Variation:
    """Draw the look of a scene.

    Parameters
    ----------
    rng : numpy.random.Generator
    strength : float
        From 0, the usual look, to 1, heavy variation.
    crowd : float
        As in `Variation`; no matter of the strength.
    """
    if strength == 0:
        return Variation(crowd=crowd)
    s = strength
    middle = float(np.exp(rng.uniform(np.log(2900), np.log(7000))))
    spread = s * 0.35
    tint = 1 + s * rng.normal(0.0, 0.08, 3)
    return Variation(
        crowd=crowd,
        disorder=s * float(rng.random()),
        stretch=0.13 * s,
        repaint=s * float(rng.uniform(0.3, 1.0)),
        rooms=min(1.2 * s, 1.0),
        ajar=0.8 * s,
        plan=(float(rng.uniform(1 - 0.12 * s, 1 + 0.3 * s)), float(rng.uniform(1 - 0.12 * s, 1 + 0.3 * s))),
        storey=0.3 * s,
        day=float(rng.choice([rng.uniform(DAY[0], 0.15), rng.uniform(0.15, 0.8), rng.uniform(0.8, DAY[1])])),
        lamps=(1 - 0.6 * s, 1 + 0.9 * s),
        off=0.5 * s * float(rng.random() < 0.6),
        warmth=(max(middle * (1 - spread), WARMTH[0]), min(middle * (1 + spread), WARMTH[1])),
        softness=(1 - 0.8 * s, 1 + 3 * s),
        fill=float(0.03 + 0.2 * s * rng.random()),
        exposure=0.5 * s * float(rng.random()),
        balance=(float(tint[0]), float(tint[1]), float(tint[2])),
        gamma=float(np.exp(s * rng.normal(0.0, 0.22))),
        sensor=str(
            rng.choice(["kinect", "exact", "coarse", "flight", "broken"], p=[0.35, 0.15, 0.15, 0.2, 0.15])
        ),
    )
