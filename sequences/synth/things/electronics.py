"""Screens, machines and appliances."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import kind
from ..materials import (
    BLACK_GLASS,
    BLACK_PLASTIC,
    CHROME,
    DARK_METAL,
    GRAY_PLASTIC,
    WHITE_PLASTIC,
    Material,
    draw,
    fixed,
)

DARK = ("black", "gray", "silver", "white")


def screen(b: Builder, lit: float = 0.7) -> Material:
    """A screen that shows something with probability `lit`."""
    return (
        fixed("glass", (0.15, 0.2, 0.3), "screen", scale=0.3, gloss=0.4, glow=0.75)
        if b.chance(lit)
        else BLACK_GLASS
    )


@kind(
    100,
    "television",
    where="top",
    on=("tv stand",),
    rooms={"living": 1.0, "bedroom": 1.0},
    materials=("plastic",),
    colors=("black", "gray"),
    sizes=(0.95, 1.15),
)
def _television(b: Builder) -> None:
    b.box(0.98, (0.0, 0.05), (0.06, 0.64), r=0.008)
    picture = (
        fixed("glass", (0.2, 0.3, 0.4), "photo", scale=1.0, gloss=0.3, glow=0.7)
        if b.chance(0.6)
        else BLACK_GLASS
    )
    b.box(0.94, (-0.004, 0.0), (0.085, 0.62), picture)
    b.box(0.40, (-0.10, 0.12), (0, 0.018), r=0.006)
    b.box(0.10, (0.01, 0.045), (0.01, 0.10))


@kind(
    101,
    "monitor",
    where="top",
    on=("desk",),
    rooms={"study": 1.0, "bedroom": 0.6},
    materials=("plastic",),
    colors=DARK,
)
def _monitor(b: Builder) -> None:
    b.box(0.56, (0.0, 0.035), (0.14, 0.48), r=0.008)
    b.box(0.53, (-0.004, 0.0), (0.16, 0.46), screen(b, 0.8))
    b.box(0.06, (0.035, 0.06), (0.01, 0.34))
    b.lathe([(0, 0), (0.12, 0), (0.12, 0.012), (0, 0.018)], at=(0, 0.04, 0))


@kind(
    102,
    "laptop",
    where="top",
    on=("desk", "dining table", "coffee table"),
    materials=("metal",),
    colors=("silver", "black", "gray"),
    rooms={"study": 0.5, "living": 0.4, "bedroom": 0.3},
)
def _laptop(b: Builder) -> None:
    b.box(0.36, (-0.16, 0.10), (0, 0.02), r=0.006)
    b.box(
        0.31,
        (-0.06, 0.08),
        (0.02, 0.022),
        fixed("plastic", (0.1, 0.1, 0.1), "keys", rgb2=(0.45, 0.45, 0.45), scale=0.02),
    )
    b.box(0.36, (0.115, 0.127), (0.01, 0.255), r=0.005, tilt=-15)
    b.box(0.33, (0.110, 0.116), (0.03, 0.24), screen(b, 1.0), tilt=-15)


@kind(
    103,
    "keyboard",
    where="top",
    on=("desk",),
    rooms={"study": 0.9, "bedroom": 0.4},
    materials=("plastic",),
    colors=("black", "white", "gray"),
    sizes=(1.0, 1.1),
)
def _keyboard(b: Builder) -> None:
    b.box(0.44, 0.15, (0, 0.022), r=0.008)
    dark = sum(b.main.rgb) < 1.0
    caps = b.main.toned(3.2 if dark else 0.6)
    b.box(0.42, 0.13, (0.022, 0.03), fixed("plastic", caps.rgb, "keys", rgb2=b.main.rgb, scale=0.022))


@kind(
    104,
    "printer",
    rooms={"study": 0.6},
    where="top",
    on=("filing cabinet", "desk", "dresser", "side table"),
    materials=("plastic",),
    colors=("white", "black", "gray"),
)
def _printer(b: Builder) -> None:
    b.box(0.42, 0.34, (0, 0.20), r=0.02)
    b.box(0.36, 0.26, (0.20, 0.235), b.main.toned(0.7), r=0.01)
    b.box(0.30, (-0.30, -0.16), (0.04, 0.05), GRAY_PLASTIC)
    b.box(0.22, (-0.28, -0.16), (0.05, 0.056), fixed("paper", (0.93, 0.93, 0.92)))
    b.box(0.32, (-0.173, -0.168), (0.05, 0.10), BLACK_PLASTIC)
    b.box(0.22, (0.12, 0.15), (0.2, 0.36), fixed("paper", (0.93, 0.93, 0.92)), tilt=-20)


@kind(
    105,
    "speaker",
    rooms={"living": 0.5, "study": 0.2},
    materials=("wood", "plastic"),
    colors=("black", "brown", "white"),
    most=2,
)
def _speaker(b: Builder) -> None:
    h = b.uniform(0.75, 1.0)
    b.box(0.22, (-0.14, 0.14), (0.02, h), r=0.012)
    b.box(0.28, 0.32, (0, 0.025), BLACK_PLASTIC)
    for z, r in ((h - 0.12, 0.045), (h - 0.30, 0.085), (h - 0.52, 0.085)):
        b.lathe(
            [(0, 0.0), (r * 0.35, 0.012), (r * 0.4, 0.0), (r * 0.85, 0.016), (r, 0.018), (r + 0.01, 0)][::-1],
            BLACK_PLASTIC,
            at=(0, -0.14, z),
            tilt=90,
        )
        b.ball((0, -0.145, z), r * 0.35, GRAY_PLASTIC)


@kind(
    106,
    "computer",
    rooms={"study": 0.7},
    materials=("metal", "plastic"),
    colors=("black", "white", "gray"),
    front=0.2,
)
def _computer(b: Builder) -> None:
    """A desktop tower."""
    b.box(0.20, 0.44, (0.015, 0.46), r=0.008)
    b.box(0.18, (-0.232, -0.22), (0.03, 0.44), b.main.toned(0.75))
    b.box(0.14, (-0.236, -0.23), (0.37, 0.41), BLACK_PLASTIC)
    b.box(0.14, (-0.236, -0.23), (0.31, 0.35), BLACK_PLASTIC)
    b.box(0.14, (-0.235, -0.23), (0.06, 0.22), fixed("plastic", (0.3, 0.3, 0.3), "grille", scale=0.02))
    b.rod((0, -0.23, 0.27), (0, -0.24, 0.27), 0.014, fixed("glass", (0.3, 0.6, 1.0), glow=1.2))


@kind(
    107,
    "fan",
    rooms={"bedroom": 0.3, "living": 0.2, "study": 0.25},
    where="corner",
    materials=("plastic", "metal"),
    colors=("white", "black", "silver", "gray"),
)
def _fan(b: Builder) -> None:
    b.lathe([(0, 0), (0.20, 0), (0.20, 0.02), (0.04, 0.05), (0, 0.05)])
    b.rod((0, 0, 0.04), (0, 0, 0.95), 0.018, CHROME)
    b.rod((0, 0.12, 1.08), (0, -0.02, 1.08), 0.055)
    b.rod((0, 0.03, 0.9), (0, 0.05, 1.06), 0.03)
    t = np.linspace(0, 2 * np.pi, 33)[:-1]
    for y, r in ((-0.12, 0.20), (-0.07, 0.235), (-0.01, 0.20)):
        b.tube([(r * np.cos(a), y, 1.08 + r * np.sin(a)) for a in t], 0.008, CHROME, closed=True)
    for a in t[::2]:
        c, s = np.cos(a), np.sin(a)
        b.tube(
            [
                (0.04 * c, -0.13, 1.08 + 0.04 * s),
                (0.20 * c, -0.12, 1.08 + 0.20 * s),
                (0.235 * c, -0.07, 1.08 + 0.235 * s),
            ],
            0.004,
            CHROME,
        )
    for a in np.radians([90, 210, 330]):
        b.ball((0.11 * np.cos(a), -0.06, 1.08 + 0.11 * np.sin(a)), (0.085, 0.012, 0.085), b.main.toned(0.75))
    b.ball((0, -0.11, 1.08), (0.05, 0.03, 0.05))


@kind(
    108,
    "vacuum cleaner",
    rooms={"hall": 0.35, "bedroom": 0.15, "living": 0.15},
    materials=("plastic",),
    front=0.1,
)
def _vacuum_cleaner(b: Builder) -> None:
    b.ball((0, 0.05, 0.14), (0.15, 0.24, 0.13))
    b.ball((0, 0.16, 0.15), (0.12, 0.12, 0.125), BLACK_PLASTIC.toned(2.0))
    for x in (-0.15, 0.15):
        b.rod((x - 0.02, 0.14, 0.09), (x + 0.02, 0.14, 0.09), 0.085, BLACK_PLASTIC)
    b.tube(
        [
            (0, -0.18, 0.16),
            (0, -0.28, 0.30),
            (0.08, -0.30, 0.52),
            (0.20, -0.24, 0.74),
            (0.30, -0.12, 0.88),
            (0.36, -0.05, 0.94),
        ],
        0.022,
        BLACK_PLASTIC,
    )
    b.rod((0.36, -0.06, 0.95), (0.36, -0.24, 0.05), 0.017, CHROME)
    b.box((0.22, 0.50), (-0.33, -0.21), (0.0, 0.055), BLACK_PLASTIC, r=0.02)


@kind(
    109,
    "air conditioner",
    rooms={"living": 0.25, "bedroom": 0.25, "study": 0.15},
    where="hung",
    materials=("plastic",),
    colors=("white",),
)
def _air_conditioner(b: Builder) -> None:
    b.box(0.85, (-0.11, 0.11), (1.95, 2.22), r=0.04)
    b.box(0.78, (-0.118, -0.09), (1.96, 2.0), fixed("plastic", (0.35, 0.35, 0.36), "grille", scale=0.02))
    b.box((0.24, 0.34), (-0.113, -0.11), (2.1, 2.13), fixed("glass", (0.3, 0.9, 0.5), glow=0.6))


@kind(
    110,
    "telephone",
    where="top",
    on=("desk", "console table", "side table"),
    materials=("plastic",),
    rooms={"study": 0.4, "hall": 0.4, "living": 0.2},
    colors=("black", "red", "white", "green"),
    sizes=(1.0, 1.2),
)
def _telephone(b: Builder) -> None:
    b.box(0.22, (-0.10, 0.10), (0, 0.08), r=0.03, tilt=8)
    b.rod((0, -0.04, 0.075), (0, -0.05, 0.095), 0.062, WHITE_PLASTIC)
    for a in np.linspace(0, 2 * np.pi, 11)[:-1]:
        b.ball((0.042 * np.cos(a), -0.052 + 0.042 * np.sin(a), 0.094), 0.009, BLACK_PLASTIC)
    b.capsule((-0.10, 0.06, 0.14), (0.10, 0.06, 0.14), 0.022)
    for x in (-0.11, 0.11):
        b.rod((x, 0.06, 0.14), (x, 0.04, 0.10), 0.028, None, 0.036)
        b.box((x * 0.7 - 0.012, x * 0.7 + 0.012), (0.04, 0.08), (0.07, 0.125))


@kind(
    111,
    "radio",
    where="top",
    on=("sideboard", "kitchen counter", "nightstand", "dresser", "side table"),
    materials=("wood", "plastic"),
    rooms={"kitchen": 0.3, "living": 0.3, "bedroom": 0.3},
    sizes=(1.0, 1.2),
)
def _radio(b: Builder) -> None:
    b.box(0.30, 0.12, (0.01, 0.19), r=0.02)
    b.box(
        (-0.13, 0.03),
        (-0.068, -0.058),
        (0.03, 0.17),
        fixed("fabric", (0.55, 0.47, 0.35), "grille", scale=0.02),
    )
    b.box((0.05, 0.13), (-0.066, -0.058), (0.11, 0.16), fixed("glass", (0.95, 0.85, 0.6), glow=0.4))
    for x in (0.07, 0.115):
        b.rod((x, -0.06, 0.06), (x, -0.085, 0.06), 0.018, CHROME)
    b.rod((0.13, 0.04, 0.18), (0.06, 0.04, 0.42), 0.005, CHROME)


@kind(
    112,
    "iron",
    where="top",
    on=("ironing board",),
    materials=("plastic",),
    rooms={"bedroom": 0.9, "bathroom": 0.9},
    sizes=(1.0, 1.2),
)
def _iron(b: Builder) -> None:
    sole = [
        (-0.12, -0.055),
        (0.03, -0.055),
        (0.10, -0.03),
        (0.14, 0.0),
        (0.10, 0.03),
        (0.03, 0.055),
        (-0.12, 0.055),
    ]
    b.prism(sole, 0.02, CHROME)
    b.prism([(0.92 * x, 0.9 * y) for x, y in sole], 0.045, at=(-0.003, 0, 0.02))
    b.tube([(-0.10, 0, 0.06), (-0.11, 0, 0.12), (-0.06, 0, 0.145), (0.02, 0, 0.135), (0.06, 0, 0.06)], 0.018)


@kind(
    113,
    "projector",
    where="top",
    on=("coffee table",),
    rooms={"living": 0.12},
    materials=("plastic",),
    colors=("white", "black"),
)
def _projector(b: Builder) -> None:
    b.box(0.32, 0.24, (0.015, 0.11), r=0.018)
    b.rod((0.08, -0.12, 0.065), (0.08, -0.15, 0.065), 0.042, DARK_METAL)
    b.rod(
        (0.08, -0.145, 0.065),
        (0.08, -0.153, 0.065),
        0.032,
        fixed("glass", (0.5, 0.6, 0.9), gloss=0.9, mirror=0.2),
    )
    b.box(
        (-0.14, 0.0), (-0.124, -0.118), (0.03, 0.09), fixed("plastic", (0.4, 0.4, 0.4), "grille", scale=0.016)
    )


@kind(
    114,
    "sewing machine",
    where="top",
    on=("desk", "dining table", "dressing table"),
    materials=("metal", "plastic"),
    rooms={"study": 0.2, "bedroom": 0.2},
    colors=("white", "black", "red", "light blue"),
)
def _sewing_machine(b: Builder) -> None:
    b.box(0.40, 0.17, (0, 0.07), r=0.015)
    b.box((0.09, 0.19), 0.12, (0.06, 0.32), r=0.03)
    b.box((-0.18, 0.19), 0.10, (0.22, 0.32), r=0.03)
    b.box((-0.19, -0.10), 0.09, (0.13, 0.30), r=0.02)
    b.rod((-0.145, 0, 0.14), (-0.145, 0, 0.07), 0.006, CHROME)
    b.rod((0.19, 0, 0.25), (0.22, 0, 0.25), 0.055, draw(b.rng, "metal", "silver"))
    b.rod((0.05, 0, 0.32), (0.05, 0, 0.38), 0.018, draw(b.rng, "fabric"))


@kind(
    115,
    "game console",
    where="top",
    on=("tv stand", "coffee table"),
    rooms={"living": 0.4},
    materials=("plastic",),
    colors=("white", "black"),
    sizes=(1.0, 1.2),
)
def _game_console(b: Builder) -> None:
    """A controller lies on it."""
    b.box(0.30, 0.22, (0, 0.065), r=0.012)
    b.box(0.302, 0.222, (0.028, 0.036), fixed("glass", (0.3, 0.5, 1.0), glow=0.5))
    pad = b.main.toned(0.4 if sum(b.main.rgb) > 1.5 else 3.0)
    b.ball((0, 0, 0.085), (0.075, 0.035, 0.02), pad)
    for x in (-0.06, 0.06):
        b.ball((x, -0.03, 0.085), (0.025, 0.045, 0.02), pad, turn=np.degrees(np.sign(x) * 0.3))
