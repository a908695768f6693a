"""Plants, pictures, textiles and what else makes a home."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import Companion, kind
from ..materials import (
    BLACK_PLASTIC,
    DARK_METAL,
    PAPER,
    SOIL,
    WHITE_CERAMIC,
    draw,
    fixed,
)

EVERYWHERE = ("living", "bedroom", "study", "kitchen", "hall")


def pot(b: Builder, r: float, h: float) -> None:
    """A flower pot with soil in it."""
    b.lathe(
        [
            (0, 0),
            (0.7 * r, 0),
            (r, h),
            (1.06 * r, h),
            (1.06 * r, h + 0.03),
            (0.94 * r, h + 0.03),
            (0.9 * r, h - 0.02),
        ]
    )
    b.lathe([(0, h - 0.01), (0.93 * r, h - 0.02)][::-1], SOIL)


@kind(
    130,
    "potted plant",
    rooms={"living": 0.8, "study": 0.4, "bedroom": 0.35, "hall": 0.35, "kitchen": 0.2},
    where="corner",
    materials=("ceramic", "plastic", "wicker"),
    sizes=(0.85, 1.2),
    most=2,
)
def _potted_plant(b: Builder) -> None:
    pot(b, 0.17, 0.27)
    leaf = draw(b.rng, "leaf")
    style = int(b.rng.integers(3))
    if style == 0:  # a small tree
        b.tube([(0, 0, 0.25), (0.02, 0.01, 0.5), (-0.01, 0.0, 0.75)], 0.018, draw(b.rng, "wood", "brown"))
        for _ in range(9):
            x, y, z = b.rng.normal(0, 0.13), b.rng.normal(0, 0.13), b.uniform(0.75, 1.15)
            b.ball((x, y, z), (0.15, 0.15, 0.12), leaf.toned(b.uniform(0.8, 1.2)))
    else:  # bent leaves out of the pot: long and narrow, or stalks with broad blades
        for k in range(16):
            a, lean, h = k * 2.4, b.uniform(0.10, 0.34), b.uniform(0.5, 0.95)
            c, s = np.cos(a), np.sin(a)
            if style == 1:
                b.tube(
                    [
                        (0, 0, 0.25),
                        (0.4 * lean * c, 0.4 * lean * s, 0.25 + 0.7 * h),
                        (lean * c, lean * s, 0.25 + 0.9 * h),
                    ],
                    0.006,
                    leaf.toned(0.8),
                )
                b.ball(
                    (lean * c, lean * s, 0.25 + 0.9 * h),
                    (0.12, 0.075, 0.02),
                    leaf.toned(b.uniform(0.8, 1.2)),
                    tilt=b.uniform(-40, 40),
                    turn=np.degrees(a),
                )
            else:
                for t in np.linspace(0.1, 0.9, 5):
                    p = (
                        0.05 * c + lean * c * t * t * 1.3,
                        0.05 * s + lean * s * t * t * 1.3,
                        0.25 + h * t * (1.15 - 0.3 * t),
                    )
                    b.ball(
                        p,
                        (0.035 * (1.1 - t) + 0.012, 0.03, 0.12),
                        leaf.toned(0.8 + 0.4 * t),
                        tilt=-25 * s * t,
                        turn=np.degrees(a),
                    )


@kind(
    131,
    "cactus",
    where="top",
    on=("desk", "side table", "dresser", "sideboard", "nightstand"),
    materials=("ceramic",),
    rooms={"study": 0.4, "living": 0.3, "bedroom": 0.2},
    sizes=(1.0, 1.3),
)
def _cactus(b: Builder) -> None:
    pot(b, 0.075, 0.09)
    green = draw(b.rng, "leaf", "green")
    b.capsule((0, 0, 0.10), (0, 0, 0.27), 0.045, green)
    for s, z in ((-1, 0.16), (1, 0.20)):
        b.capsule((s * 0.04, 0, z), (s * 0.085, 0, z), 0.022, green)
        b.capsule((s * 0.085, 0, z), (s * 0.085, 0, z + 0.07), 0.022, green)
    b.ball((0, 0, 0.32), 0.018, fixed("flower", (0.9, 0.35, 0.5)))


@kind(
    137,
    "vase",
    where="top",
    on=("dining table", "coffee table", "console table", "sideboard", "dresser", "side table"),
    materials=("ceramic", "glass"),
    rooms={"living": 0.6, "hall": 0.5, "kitchen": 0.3, "bedroom": 0.3},
    sizes=(0.95, 1.25),
)
def _vase(b: Builder) -> None:
    b.lathe(
        [
            (0, 0),
            (0.05, 0),
            (0.085, 0.09),
            (0.08, 0.15),
            (0.04, 0.22),
            (0.05, 0.26),
            (0.045, 0.26),
            (0.03, 0.2),
        ]
    )
    bloom = ((0.85, 0.2, 0.25), (0.95, 0.8, 0.2), (0.9, 0.6, 0.75), (0.95, 0.95, 0.9))[int(b.rng.integers(4))]
    for k in range(6):
        a, lean = 2.4 * k, b.uniform(0.03, 0.12)
        tip = (lean * np.cos(a), lean * np.sin(a), b.uniform(0.36, 0.48))
        b.rod((0, 0, 0.22), tip, 0.005, fixed("leaf", (0.2, 0.42, 0.15)))
        b.ball(tip, (0.035, 0.035, 0.028), fixed("flower", bloom))


@kind(
    138,
    "candle",
    where="top",
    on=("coffee table", "dining table", "dressing table"),
    materials=("metal",),
    colors=("gold", "silver", "black"),
    rooms={"living": 0.3, "kitchen": 0.15, "bedroom": 0.2},
    sizes=(1.0, 1.3),
)
def _candle(b: Builder) -> None:
    """Three candles on one holder."""
    b.lathe([(0, 0), (0.08, 0), (0.08, 0.015), (0.015, 0.03), (0.015, 0.12), (0, 0.12)])
    b.rod((-0.11, 0, 0.12), (0.11, 0, 0.12), 0.011)
    for x in (-0.11, 0, 0.11):
        b.lathe([(0.02, 0.11), (0.03, 0.14), (0, 0.14)], at=(x, 0, 0))
        b.rod((x, 0, 0.14), (x, 0, 0.28), 0.018, fixed("wax", (0.92, 0.88, 0.78)))
        b.ball((x, 0, 0.30), (0.009, 0.009, 0.022), fixed("flame", (1.0, 0.75, 0.3), glow=2.0))


@kind(
    139,
    "globe",
    where="top",
    on=("desk", "sideboard", "dresser", "side table"),
    materials=("wood",),
    rooms={"study": 0.5, "living": 0.15},
    sizes=(1.0, 1.2),
)
def _globe(b: Builder) -> None:
    b.lathe([(0, 0), (0.10, 0), (0.10, 0.02), (0.02, 0.04), (0.02, 0.09)])
    t = np.radians(np.linspace(-112, 68, 17))
    b.tube(
        [(0.155 * np.cos(a), 0, 0.235 + 0.155 * np.sin(a)) for a in t],
        0.009,
        fixed("metal", (0.7, 0.55, 0.25), gloss=0.5),
    )
    b.ball(
        (0, 0, 0.235),
        0.14,
        fixed("paper", (0.2, 0.4, 0.7), "marble", rgb2=(0.45, 0.6, 0.25), scale=0.16, gloss=0.3),
    )


@kind(
    140,
    "statue",
    where="top",
    on=("sideboard", "console table", "dresser"),
    materials=("stone",),
    rooms={"living": 0.25, "hall": 0.25},
    sizes=(0.9, 1.2),
)
def _statue(b: Builder) -> None:
    """A bust."""
    b.lathe([(0, 0), (0.09, 0), (0.09, 0.03), (0.05, 0.05), (0.05, 0.10), (0.07, 0.12)])
    b.ball((0, 0, 0.17), (0.13, 0.07, 0.07))
    b.rod((0, 0, 0.19), (0, -0.005, 0.28), 0.04)
    b.ball((0, -0.01, 0.33), (0.058, 0.07, 0.085))
    b.ball((0, -0.08, 0.325), (0.012, 0.018, 0.022))
    b.ball((0, 0.015, 0.375), (0.066, 0.068, 0.06), b.main.toned(0.85))


@kind(141, "aquarium", rooms={"living": 0.3, "study": 0.15}, materials=("wood",), front=0.4)
def _aquarium(b: Builder) -> None:
    """A glass tank on a cabinet."""
    b.box(0.92, 0.40, (0, 0.70), r=0.01)
    for x in (-0.23, 0.23):
        b.box((x - 0.21, x + 0.21), (-0.215, -0.20), (0.05, 0.65), b.main.toned(1.12))
    b.box(
        0.90,
        0.38,
        (0.72, 1.16),
        fixed(
            "glass",
            (0.25, 0.62, 0.78),
            "water",
            rgb2=(0.75, 0.80, 0.45),
            scale=0.4,
            gloss=0.7,
            mirror=0.08,
            glow=0.45,
        ),
    )
    b.box(0.92, 0.40, (0.70, 0.735), BLACK_PLASTIC)
    b.box(0.92, 0.40, (1.15, 1.22), BLACK_PLASTIC, r=0.01)
    for _ in range(6):
        x, z = b.uniform(-0.36, 0.36), b.uniform(0.84, 1.08)
        fish = fixed(
            "fish", ((0.95, 0.5, 0.1), (0.9, 0.85, 0.2), (0.85, 0.2, 0.2))[int(b.rng.integers(3))], glow=0.3
        )
        b.ball((x, -0.192, z), (0.04, 0.008, 0.02), fish)
        b.ball((x + 0.045, -0.192, z), (0.016, 0.006, 0.02), fish)
    for x in (-0.3, -0.24, 0.28):
        b.ball((x, -0.19, 0.84), (0.018, 0.006, 0.10), fixed("leaf", (0.2, 0.5, 0.2)))


@kind(
    142,
    "fireplace",
    rooms={"living": 0.35},
    materials=("brick", "stone"),
    sizes=(0.95, 1.08),
    front=0.8,
    companions=(Companion("picture", "above", probability=0.5),),
)
def _fireplace(b: Builder) -> None:
    black = fixed("soot", (0.06, 0.05, 0.05))
    for s in (-1, 1):
        b.box((min(s * 0.38, s * 0.65), max(s * 0.38, s * 0.65)), (-0.18, 0.20), (0, 0.98))
    b.box(0.76, (-0.18, 0.20), (0.70, 0.98))
    b.box(0.76, (0.14, 0.20), (0.04, 0.70), black)
    b.box(1.36, (-0.36, 0.20), (0.0, 0.05), draw(b.rng, "stone"))
    b.box(1.46, (-0.24, 0.20), (0.98, 1.05), draw(b.rng, "wood"), r=0.012)
    for x, y in ((-0.10, -0.02), (0.08, 0.03), (0.0, -0.06)):
        b.rod((x - 0.16, y, 0.11), (x + 0.16, y + 0.03, 0.12), 0.045, draw(b.rng, "wood", "dark brown"))
    for x in (-0.15, -0.03, 0.07, 0.17):
        h = b.uniform(0.10, 0.19)
        b.ball(
            (x, 0.0, 0.14 + h),
            (0.05, 0.03, h),
            fixed("flame", (1.0, 0.55, 0.12), "flames", glow=1.2, scale=0.2),
        )
    b.support(1.3, (-0.14, 0.14), 1.05, 0.5)


@kind(143, "radiator", where="companion", materials=("metal",), colors=("white",), sizes=(1.0, 1.0))
def _radiator(b: Builder) -> None:
    """Below a window; `layout.py` asks for it."""
    for x in np.linspace(-0.40, 0.40, 12):
        b.box((x - 0.026, x + 0.026), (-0.045, 0.045), (0.14, 0.70), r=0.018)
    for z in (0.18, 0.66):
        b.rod((-0.44, 0, z), (0.44, 0, z), 0.02)
    for x in (-0.40, 0.40):
        b.rod((x, 0, 0), (x, 0, 0.16), 0.014)
    b.rod((0.42, 0, 0.66), (0.52, 0, 0.66), 0.032, WHITE_CERAMIC)


@kind(
    144,
    "books",
    where="top",
    on=("desk", "coffee table", "nightstand", "side table", "sideboard"),
    materials=("paper",),
    rooms={"study": 0.7, "living": 0.4, "bedroom": 0.4},
    sizes=(1.0, 1.15),
)
def _books(b: Builder) -> None:
    """A pile of them."""
    z = 0.0
    for _ in range(int(b.rng.integers(3, 6))):
        t, w, d = b.uniform(0.025, 0.045), b.uniform(0.19, 0.25), b.uniform(0.14, 0.18)
        turn = b.uniform(-12, 12)
        cover = draw(b.rng, "fabric")
        b.box(w - 0.012, d - 0.012, (z + 0.004, z + t - 0.004), PAPER, turn=turn)
        b.box(w, d, (z, z + 0.005), cover, turn=turn)
        b.box(w, d, (z + t - 0.005, z + t), cover, turn=turn)
        b.box(w, (-d / 2, -d / 2 + 0.006), (z, z + t), cover, turn=turn)
        z += t


@kind(145, "umbrella stand", rooms={"hall": 0.45}, where="corner", materials=("metal", "ceramic"))
def _umbrella_stand(b: Builder) -> None:
    b.lathe([(0, 0), (0.13, 0), (0.13, 0.45), (0.135, 0.46), (0.12, 0.46), (0.12, 0.04), (0, 0.04)])
    for k in range(2):
        x, y = 0.05 * (-1) ** k, 0.03 * (-1) ** k
        cloth = draw(b.rng, "fabric")
        b.rod((x, y, 0.05), (1.6 * x, 1.6 * y, 0.68), 0.018, cloth, 0.035)
        b.rod((1.6 * x, 1.6 * y, 0.66), (1.7 * x, 1.7 * y, 0.78), 0.012, DARK_METAL)
        t = np.linspace(0, np.pi, 7)
        b.tube(
            [(1.7 * x + 0.035 - 0.035 * np.cos(a), 1.7 * y, 0.78 + 0.04 * np.sin(a)) for a in t],
            0.012,
            draw(b.rng, "wood", "brown"),
        )


@kind(147, "christmas tree", rooms={"living": 0.08}, where="corner", materials=("leaf",), colors=("green",))
def _christmas_tree(b: Builder) -> None:
    b.rod((0, 0, 0), (0, 0, 0.3), 0.05, draw(b.rng, "wood", "brown"))
    for r, z0, z1 in ((0.46, 0.20, 0.80), (0.38, 0.55, 1.12), (0.29, 0.90, 1.42), (0.19, 1.22, 1.68)):
        b.lathe([(0, z0 + 0.04), (r, z0), (0.02, z1), (0, z1)])
    for k in range(26):
        t = k / 26
        a, r, z = 2.4 * k, 0.44 * (1 - t) + 0.06, 0.28 + 1.2 * t
        color = ((0.85, 0.1, 0.1), (0.95, 0.8, 0.2), (0.2, 0.4, 0.85))[k % 3]
        b.ball((r * np.cos(a), r * np.sin(a), z), 0.035, fixed("glass", color, gloss=0.8))
    b.ball((0, 0, 1.72), 0.05, fixed("star", (1.0, 0.85, 0.3), glow=0.8))
