"""The kitchen."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import Companion, kind
from ..materials import (
    BLACK_GLASS,
    BLACK_PLASTIC,
    CHROME,
    DARK_METAL,
    STEEL,
    draw,
    fixed,
)

TOP = 0.90  # height of worktops, so that a row of them is level
WHITE = ("white", "silver", "gray", "black")


@kind(
    70,
    "refrigerator",
    row=True,
    rooms={"kitchen": 1.0},
    materials=("metal",),
    colors=("white", "silver", "black", "red"),
    sizes=(0.96, 1.04),
    front=0.6,
)
def _refrigerator(b: Builder) -> None:
    b.box(0.62, (-0.30, 0.32), (0.04, 1.82), r=0.012)
    b.box(0.56, (-0.26, 0.30), (0, 0.05), DARK_METAL)
    for z0, z1 in ((0.06, 0.66), (0.68, 1.80)):
        b.box(0.62, (-0.345, -0.30), (z0, z1), b.main.toned(1.06), r=0.014)
    b.rod((-0.26, -0.385, 0.76), (-0.26, -0.385, 1.20), 0.013, CHROME)
    b.rod((-0.26, -0.385, 0.34), (-0.26, -0.385, 0.60), 0.013, CHROME)
    b.box((0.08, 0.2), (-0.352, -0.345), (1.50, 1.66), draw(b.rng, "paper"))  # a note


@kind(
    71,
    "stove",
    row=True,
    rooms={"kitchen": 1.0},
    materials=("metal",),
    colors=WHITE,
    sizes=(1.0, 1.0),
    front=0.7,
    companions=(Companion("range hood", "above", probability=0.9),),
)
def _stove(b: Builder) -> None:
    b.box(0.60, (-0.30, 0.30), (0.0, TOP - 0.01), r=0.008)
    b.box(0.59, (-0.30, 0.30), (TOP - 0.01, TOP + 0.005), BLACK_GLASS)
    for x, y, r in ((-0.15, -0.13, 0.09), (0.15, -0.13, 0.075), (-0.15, 0.14, 0.075), (0.15, 0.14, 0.10)):
        b.lathe(
            [(0, 0), (r, 0), (r, 0.012), (r - 0.02, 0.014), (0, 0.010)],
            DARK_METAL.toned(0.8),
            at=(x, y, TOP + 0.004),
        )
        b.tube([(x - r, y, TOP + 0.025), (x + r, y, TOP + 0.025)], 0.008, DARK_METAL)
        b.tube([(x, y - r, TOP + 0.025), (x, y + r, TOP + 0.025)], 0.008, DARK_METAL)
    b.box(0.56, (-0.325, -0.30), (0.20, 0.72), b.main.toned(0.9), r=0.01)
    b.box(0.44, (-0.330, -0.325), (0.32, 0.60), BLACK_GLASS)
    b.rod((-0.24, -0.36, 0.68), (0.24, -0.36, 0.68), 0.014, CHROME)
    for x in np.linspace(-0.22, 0.22, 5):
        b.rod((x, -0.30, 0.81), (x, -0.335, 0.81), 0.026, BLACK_PLASTIC)
    b.box(0.56, (-0.32, -0.30), (0.04, 0.17), b.main.toned(0.9), r=0.008)


@kind(
    72,
    "kitchen counter",
    row=True,
    rooms={"kitchen": 1.0},
    sizes=(1.0, 1.0),
    front=0.7,
    most=2,
    companions=(Companion("kitchen cabinet", "above", probability=0.9),),
)
def _kitchen_counter(b: Builder) -> None:
    doors = int(b.rng.integers(2, 4))
    w = 0.5 * doors
    b.box(w, (-0.26, 0.30), (0.10, TOP - 0.04))
    b.box(w, (-0.22, 0.30), (0, 0.10), DARK_METAL)
    b.box(w, (-0.30, 0.30), (TOP - 0.04, TOP), draw(b.rng, str(b.rng.choice(["stone", "wood"]))))
    for k in range(doors):
        x = -w / 2 + 0.5 * (k + 0.5)
        b.box((x - 0.24, x + 0.24), (-0.28, -0.26), (0.12, 0.66), b.main.toned(1.08))
        b.box((x - 0.24, x + 0.24), (-0.28, -0.26), (0.68, 0.84), b.main.toned(1.08))
        for z in (0.60, 0.77):
            b.rod((x - 0.08, -0.30, z), (x + 0.08, -0.30, z), 0.010, CHROME)
    b.support(w - 0.1, (-0.22, 0.24), TOP, 0.5)


@kind(73, "kitchen sink", row=True, rooms={"kitchen": 1.0}, sizes=(1.0, 1.0), front=0.7)
def _kitchen_sink(b: Builder) -> None:
    top = draw(b.rng, "stone")
    b.box(0.90, (-0.26, 0.30), (0.10, 0.70))
    b.box(0.90, (-0.22, 0.30), (0, 0.10), DARK_METAL)
    for x in (-0.225, 0.225):
        b.box((x - 0.215, x + 0.215), (-0.28, -0.26), (0.12, 0.84), b.main.toned(1.08))
        b.rod((x - 0.08, -0.30, 0.76), (x + 0.08, -0.30, 0.76), 0.010, CHROME)
    for x, y in ((-0.385, 0.0), (0.385, 0.0)):
        b.box((x - 0.065, x + 0.065), (y - 0.30, y + 0.30), (0.70, TOP), top)
    b.box(0.64, (-0.30, -0.20), (0.70, TOP), top)
    b.box(0.64, (0.18, 0.30), (0.70, TOP), top)
    b.box(0.64, (-0.20, 0.18), (0.68, 0.72), STEEL)  # the floor of the basin, and its four walls
    for x in (-0.31, 0.0, 0.31):
        b.box((x - 0.012, x + 0.012), (-0.20, 0.18), (0.70, TOP + (0.004 if x else -0.03)), STEEL)
    for y in (-0.19, 0.17):
        b.box(0.64, (y - 0.012, y + 0.012), (0.70, TOP + 0.004), STEEL)
    neck = [
        (0, 0.21, TOP),
        (0, 0.21, TOP + 0.22),
        (0, 0.18, TOP + 0.29),
        (0, 0.11, TOP + 0.31),
        (0, 0.05, TOP + 0.28),
        (0, 0.04, TOP + 0.22),
    ]
    b.tube(neck, 0.018, CHROME)
    b.rod((0.05, 0.21, TOP), (0.05, 0.21, TOP + 0.06), 0.02, CHROME)
    b.tube([(0.05, 0.21, TOP + 0.06), (0.13, 0.18, TOP + 0.09)], 0.009, CHROME)


@kind(
    74,
    "dishwasher",
    row=True,
    rooms={"kitchen": 0.6},
    materials=("metal",),
    colors=("white", "silver", "black"),
    sizes=(1.0, 1.0),
    front=0.7,
)
def _dishwasher(b: Builder) -> None:
    b.box(0.60, (-0.27, 0.30), (0.08, TOP - 0.04))
    b.box(0.56, (-0.22, 0.30), (0, 0.08), DARK_METAL)
    b.box(0.60, (-0.30, 0.30), (TOP - 0.04, TOP), draw(b.rng, "stone"))
    b.box(0.58, (-0.295, -0.27), (0.10, 0.72), b.main.toned(1.06), r=0.01)
    b.box(0.58, (-0.295, -0.27), (0.74, 0.85), BLACK_PLASTIC, r=0.008)
    b.rod((-0.2, -0.32, 0.68), (0.2, -0.32, 0.68), 0.012, CHROME)
    b.box((0.14, 0.22), (-0.30, -0.295), (0.78, 0.81), fixed("glass", (0.2, 0.9, 0.5), glow=0.5))
    b.support(0.5, (-0.22, 0.24), TOP, 0.5)


@kind(75, "range hood", where="companion", materials=("metal",), colors=("silver", "black"), sizes=(1.0, 1.0))
def _range_hood(b: Builder) -> None:
    slope = [(-0.30, 0), (0.30, 0), (0.30, 0.06), (0.13, 0.26), (-0.13, 0.26), (-0.30, 0.06)]
    b.prism(slope, 0.46, at=(0, 0.24, 1.58), tilt=90)
    b.box(0.26, (0.0, 0.24), (1.83, 2.38))
    b.box(0.50, (-0.20, 0.20), (1.572, 1.58), DARK_METAL)


@kind(76, "kitchen cabinet", where="companion", sizes=(1.0, 1.0))
def _kitchen_cabinet(b: Builder) -> None:
    w = float(b.rng.choice([0.8, 1.0]))
    b.box(w, (-0.16, 0.16), (1.48, 2.14))
    for x in (-w / 4, w / 4):
        b.box((x - w / 4 + 0.01, x + w / 4 - 0.01), (-0.18, -0.16), (1.49, 2.13), b.main.toned(1.1))
        b.box((x - w / 4 + 0.06, x + w / 4 - 0.06), (-0.186, -0.18), (1.55, 2.07), b.main.toned(1.0))
        b.rod(
            (x - np.sign(x) * (w / 4 - 0.04), -0.20, 1.53),
            (x - np.sign(x) * (w / 4 - 0.04), -0.20, 1.65),
            0.01,
            CHROME,
        )


@kind(
    77,
    "microwave",
    where="top",
    on=("kitchen counter", "dishwasher"),
    rooms={"kitchen": 0.9},
    materials=("metal",),
    colors=("white", "black", "silver"),
)
def _microwave(b: Builder) -> None:
    b.box(0.48, (-0.18, 0.18), (0.01, 0.29), r=0.012)
    b.box((-0.225, 0.10), (-0.192, -0.18), (0.03, 0.27), BLACK_GLASS)
    b.box((0.12, 0.225), (-0.190, -0.18), (0.03, 0.27), b.main.toned(0.8))
    b.box((0.13, 0.215), (-0.194, -0.19), (0.21, 0.25), fixed("glass", (0.2, 0.9, 0.6), glow=0.6))
    for z in (0.07, 0.12, 0.17):
        for x in (0.15, 0.195):
            b.box((x - 0.015, x + 0.015), (-0.196, -0.19), (z - 0.015, z + 0.015), b.main.toned(1.2))
    b.rod((0.085, -0.215, 0.06), (0.085, -0.215, 0.24), 0.01, CHROME)


@kind(
    78,
    "toaster",
    where="top",
    on=("kitchen counter", "dishwasher", "sideboard"),
    rooms={"kitchen": 0.5},
    materials=("metal",),
)
def _toaster(b: Builder) -> None:
    b.box(0.30, 0.18, (0.015, 0.20), r=0.045)
    for y in (-0.035, 0.035):
        b.box(0.22, (y - 0.014, y + 0.014), (0.19, 0.203), BLACK_PLASTIC)
        if b.chance(0.6):
            b.box(
                0.14,
                (y - 0.01, y + 0.01),
                (0.16, 0.25),
                fixed("bread", (0.72, 0.48, 0.22), "dirt", scale=0.02),
                r=0.008,
            )
    b.box((0.15, 0.17), 0.04, (0.12, 0.14), BLACK_PLASTIC)


@kind(
    79,
    "kettle",
    where="top",
    on=("kitchen counter", "dishwasher", "stove"),
    rooms={"kitchen": 0.6},
    materials=("metal", "plastic"),
)
def _kettle(b: Builder) -> None:
    b.lathe([(0, 0), (0.10, 0), (0.105, 0.03), (0.09, 0.14), (0.065, 0.21), (0.02, 0.225), (0, 0.23)])
    b.ball((0, 0, 0.24), 0.018, BLACK_PLASTIC)
    b.rod((0.08, 0, 0.10), (0.15, 0, 0.19), 0.025, None, 0.014)
    t = np.linspace(-1.2, 1.2, 9)
    b.tube([(-0.06 - 0.10 * np.cos(a), 0, 0.13 + 0.085 * np.sin(a)) for a in t], 0.014, BLACK_PLASTIC)


@kind(80, "cooking pot", where="top", on=("stove",), rooms={"kitchen": 0.7}, materials=("metal",), most=2)
def _cooking_pot(b: Builder) -> None:
    b.lathe(
        [
            (0, 0.02),
            (0.115, 0.02),
            (0.12, 0.03),
            (0.12, 0.16),
            (0.125, 0.165),
            (0.10, 0.18),
            (0.02, 0.20),
            (0, 0.20),
        ]
    )
    b.ball((0, 0, 0.215), 0.02, BLACK_PLASTIC)
    for s in (-1, 1):
        b.tube(
            [
                (s * 0.12, -0.04, 0.13),
                (s * 0.16, -0.03, 0.135),
                (s * 0.16, 0.03, 0.135),
                (s * 0.12, 0.04, 0.13),
            ],
            0.01,
            BLACK_PLASTIC,
        )


@kind(
    81,
    "coffee machine",
    where="top",
    on=("kitchen counter", "dishwasher", "sideboard"),
    rooms={"kitchen": 0.5},
    materials=("plastic", "metal"),
    colors=("black", "silver", "red", "white"),
)
def _coffee_machine(b: Builder) -> None:
    b.box(0.22, (-0.14, 0.14), (0, 0.04), r=0.012)
    b.box(0.22, (0.02, 0.14), (0.03, 0.34), r=0.015)
    b.box(0.22, (-0.13, 0.14), (0.25, 0.36), r=0.02)
    b.lathe([(0, 0), (0.06, 0), (0.07, 0.06), (0.05, 0.13), (0.055, 0.14)], BLACK_GLASS, at=(0, -0.06, 0.042))
    b.tube(
        [(0.065, -0.06, 0.15), (0.12, -0.08, 0.14), (0.12, -0.08, 0.08), (0.068, -0.06, 0.07)],
        0.008,
        BLACK_PLASTIC,
    )
    b.box((-0.04, 0.04), (-0.135, -0.13), (0.29, 0.33), fixed("glass", (0.9, 0.5, 0.2), glow=0.5))


@kind(
    82,
    "trash bin",
    rooms={"kitchen": 0.7, "bathroom": 0.4, "study": 0.5},
    where="corner",
    materials=("plastic", "metal"),
)
def _trash_bin(b: Builder) -> None:
    h = b.uniform(0.4, 0.65)
    b.lathe([(0, 0), (0.14, 0), (0.17, h), (0.17, h + 0.02)])
    b.lathe(
        [(0.178, h), (0.178, h + 0.03), (0.15, h + 0.09), (0.05, h + 0.13), (0, h + 0.13)], b.main.toned(0.7)
    )
    b.box(0.07, (-0.22, -0.15), (0.015, 0.035), BLACK_PLASTIC, r=0.008)


@kind(
    83,
    "bowl",
    where="top",
    on=("dining table", "kitchen counter", "coffee table"),
    materials=("ceramic", "wood"),
    rooms={"kitchen": 0.6, "living": 0.4},
    sizes=(1.0, 1.25),
)
def _bowl(b: Builder) -> None:
    """With fruit in it."""
    b.lathe(
        [
            (0, 0),
            (0.06, 0),
            (0.07, 0.015),
            (0.13, 0.08),
            (0.15, 0.11),
            (0.145, 0.112),
            (0.10, 0.05),
            (0, 0.035),
        ]
    )
    colors = ((0.75, 0.12, 0.08), (0.90, 0.55, 0.10), (0.55, 0.70, 0.15), (0.92, 0.80, 0.20))
    for a in np.linspace(0, 2 * np.pi, 5)[:4]:
        fruit = fixed("fruit", colors[int(b.rng.integers(4))], gloss=0.3)
        b.ball((0.055 * np.cos(a), 0.055 * np.sin(a), 0.095), 0.042, fruit)
    b.ball((0, 0, 0.15), 0.042, fixed("fruit", colors[int(b.rng.integers(4))], gloss=0.3))


@kind(
    84,
    "bottle",
    where="top",
    on=("dining table", "kitchen counter", "coffee table", "sideboard"),
    materials=("glass", "plastic"),
    rooms={"kitchen": 0.7, "living": 0.3},
    sizes=(0.95, 1.15),
    most=2,
)
def _bottle(b: Builder) -> None:
    b.lathe(
        [
            (0, 0),
            (0.045, 0),
            (0.048, 0.01),
            (0.048, 0.19),
            (0.035, 0.23),
            (0.017, 0.26),
            (0.016, 0.32),
            (0, 0.325),
        ]
    )
    b.lathe([(0.049, 0.06), (0.0495, 0.06), (0.0495, 0.15), (0.049, 0.15)], draw(b.rng, "paper"))
    b.rod((0, 0, 0.31), (0, 0, 0.34), 0.019, BLACK_PLASTIC)


@kind(
    85,
    "cup",
    where="top",
    on=("dining table", "desk", "coffee table", "kitchen counter", "nightstand"),
    materials=("ceramic",),
    rooms={"kitchen": 0.5, "living": 0.4, "study": 0.5, "bedroom": 0.2},
    sizes=(1.05, 1.25),
)
def _cup(b: Builder) -> None:
    b.lathe([(0, 0), (0.038, 0), (0.045, 0.01), (0.048, 0.11), (0.043, 0.11), (0.04, 0.02), (0, 0.018)])
    b.lathe([(0.042, 0.09), (0, 0.09)][::-1], fixed("coffee", (0.16, 0.08, 0.04), gloss=0.4))
    t = np.linspace(-1.3, 1.3, 9)
    b.tube([(0.042 + 0.033 * np.cos(a), 0, 0.058 + 0.034 * np.sin(a)) for a in t], 0.008)
