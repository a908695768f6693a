"""Lamps. Their glowing parts light the scene: `lighting.py` finds them by their glow."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import kind
from ..materials import BULB, CHROME, Material, draw, fixed

SHADES = ("fabric", "paper")


def shade(b: Builder) -> Material:
    """A lamp shade that glows."""
    rgb = b.main.rgb
    warm = (min(0.5 + 0.5 * rgb[0], 1.0), 0.42 + 0.45 * rgb[1], 0.3 + 0.42 * rgb[2])
    return fixed("fabric", warm, glow=0.95)


@kind(
    120,
    "floor lamp",
    rooms={"living": 0.5, "bedroom": 0.25, "study": 0.3},
    where="corner",
    materials=("metal", "wood"),
)
def _floor_lamp(b: Builder) -> None:
    b.lathe([(0, 0), (0.15, 0), (0.15, 0.02), (0.03, 0.045), (0, 0.045)])
    b.rod((0, 0, 0.03), (0, 0, 1.40), 0.016)
    b.lathe([(0.21, 1.32), (0.14, 1.62)], shade(b))
    b.lathe([(0.139, 1.62), (0.209, 1.32)], shade(b))
    b.ball((0, 0, 1.45), 0.05, BULB)


@kind(
    121,
    "table lamp",
    where="top",
    on=("nightstand", "side table", "console table", "dresser", "sideboard"),
    rooms={"bedroom": 0.9, "living": 0.6, "hall": 0.4},
    materials=("ceramic", "wood", "metal"),
    most=2,
)
def _table_lamp(b: Builder) -> None:
    b.lathe(
        [
            (0, 0),
            (0.07, 0),
            (0.075, 0.02),
            (0.04, 0.05),
            (0.08, 0.13),
            (0.06, 0.20),
            (0.02, 0.25),
            (0.015, 0.30),
        ]
    )
    b.lathe([(0.15, 0.26), (0.09, 0.44)], shade(b))
    b.lathe([(0.089, 0.44), (0.149, 0.26)], shade(b))
    b.ball((0, 0, 0.33), 0.035, BULB)


@kind(
    122,
    "desk lamp",
    where="top",
    on=("desk",),
    rooms={"study": 0.8, "bedroom": 0.3},
    materials=("metal", "plastic"),
)
def _desk_lamp(b: Builder) -> None:
    b.lathe([(0, 0), (0.085, 0), (0.085, 0.018), (0.02, 0.03), (0, 0.03)])
    b.rod((0, 0, 0.02), (0.05, 0.04, 0.26), 0.011)
    b.ball((0.05, 0.04, 0.26), 0.018)
    b.rod((0.05, 0.04, 0.26), (-0.02, -0.16, 0.44), 0.011)
    b.rod((-0.02, -0.15, 0.46), (-0.03, -0.22, 0.36), 0.03, None, 0.085)
    b.ball((-0.03, -0.215, 0.365), 0.045, BULB)


@kind(
    123,
    "ceiling lamp",
    where="ceiling",
    rooms={k: 1.0 for k in ("living", "bedroom", "study", "bathroom", "hall")},
    materials=("glass",),
    colors=("light blue", "light green"),
)
def _ceiling_lamp(b: Builder) -> None:
    b.rod((0, 0, -0.03), (0, 0, 0), 0.20, CHROME)
    b.lathe([(0, -0.13), (0.08, -0.12), (0.15, -0.09), (0.19, -0.03), (0.19, -0.02)], BULB)


@kind(
    124,
    "pendant lamp",
    where="ceiling",
    rooms={"kitchen": 0.9, "study": 0.1},
    materials=("metal", "plastic", "glass"),
)
def _pendant_lamp(b: Builder) -> None:
    b.lathe([(0.05, -0.03), (0.06, -0.02), (0.06, 0.0)])
    b.rod((0, 0, -0.50), (0, 0, 0), 0.010, fixed("rubber", (0.05, 0.05, 0.05)))
    b.lathe([(0.20, -0.72), (0.17, -0.62), (0.08, -0.53), (0.03, -0.48), (0, -0.48)])
    b.lathe([(0.03, -0.485), (0.075, -0.535), (0.165, -0.625), (0.195, -0.72)], b.main.toned(1.4))
    b.ball((0, 0, -0.64), 0.06, BULB)


@kind(
    125,
    "chandelier",
    where="ceiling",
    rooms={"living": 0.3},
    materials=("metal",),
    colors=("gold", "black", "silver"),
)
def _chandelier(b: Builder) -> None:
    b.rod((0, 0, -0.30), (0, 0, 0), 0.014)
    b.lathe([(0, -0.56), (0.03, -0.54), (0.05, -0.48), (0.02, -0.42), (0.05, -0.35), (0.015, -0.30)])
    for a in np.radians(np.arange(0, 360, 60)):
        c, s = np.cos(a), np.sin(a)
        b.tube(
            [
                (0.03 * c, 0.03 * s, -0.46),
                (0.12 * c, 0.12 * s, -0.54),
                (0.25 * c, 0.25 * s, -0.52),
                (0.31 * c, 0.31 * s, -0.43),
            ],
            0.012,
        )
        b.lathe([(0, 0), (0.04, 0.01), (0.045, 0.02)], at=(0.31 * c, 0.31 * s, -0.43))
        b.rod((0.31 * c, 0.31 * s, -0.42), (0.31 * c, 0.31 * s, -0.35), 0.014, fixed("wax", (0.9, 0.88, 0.8)))
        b.ball((0.31 * c, 0.31 * s, -0.32), (0.022, 0.022, 0.035), BULB)


@kind(
    126,
    "lava lamp",
    where="top",
    on=("nightstand", "side table", "dresser"),
    rooms={"bedroom": 0.2, "living": 0.15},
    materials=("metal",),
    sizes=(1.0, 1.2),
)
def _lava_lamp(b: Builder) -> None:
    glow = draw(b.rng, "plastic", str(b.rng.choice(["red", "orange", "blue", "green"])))
    b.lathe([(0, 0), (0.07, 0), (0.045, 0.08), (0.065, 0.13)])
    b.lathe([(0.062, 0.13), (0.065, 0.18), (0.035, 0.34)], fixed("glass", glow.rgb, glow=0.8))
    b.lathe([(0.036, 0.34), (0.024, 0.41), (0, 0.41)])
