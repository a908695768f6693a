"""Tables and desks."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import Companion, kind
from ..materials import DARK_METAL, MIRROR, draw


@kind(
    40,
    "desk",
    rooms={"study": 1.0, "bedroom": 0.35},
    materials=("wood",),
    sizes=(0.95, 1.08),
    front=0.8,
    companions=(Companion("office chair", "front", gap=-0.12),),
)
def _desk(b: Builder) -> None:
    w = b.uniform(1.15, 1.5)
    b.box(w, (-0.36, 0.34), (0.71, 0.745), r=0.01)
    b.box((w / 2 - 0.44, w / 2 - 0.02), (-0.30, 0.32), (0.04, 0.71))
    for z in (0.08, 0.29, 0.50):
        b.box((w / 2 - 0.43, w / 2 - 0.03), (-0.325, -0.30), (z, z + 0.19), b.main.toned(1.08), r=0.008)
        b.box((w / 2 - 0.28, w / 2 - 0.18), (-0.35, -0.325), (z + 0.10, z + 0.12), DARK_METAL)
    b.box((-w / 2 + 0.02, -w / 2 + 0.06), (-0.32, 0.32), (0, 0.71))
    b.box((-w / 2 + 0.06, w / 2 - 0.4), (0.28, 0.30), (0.35, 0.71))
    b.support(w - 0.1, (-0.30, 0.32), 0.745, 0.7)


@kind(
    41,
    "dining table",
    rooms={"kitchen": 0.75, "living": 0.45},
    where="free",
    materials=("wood", "stone"),
    sizes=(0.95, 1.05),
    companions=(
        Companion("chair", "around", 4, 0.95, gap=-0.20),
        Companion("pendant lamp", "above", probability=0.6),
    ),
)
def _dining_table(b: Builder) -> None:
    if b.chance(0.3):  # round, on a column
        b.lathe([(0, 0.71), (0.55, 0.71), (0.56, 0.73), (0.55, 0.75), (0, 0.75)])
        wood = b.main if b.main.name == "wood" else draw(b.rng, "wood")
        b.lathe(
            [(0, 0), (0.32, 0), (0.32, 0.03), (0.09, 0.09), (0.055, 0.35), (0.10, 0.70), (0.12, 0.71)], wood
        )
        b.support(0.7, 0.7, 0.75, 0.8)
        return
    w = b.uniform(1.2, 1.7)
    b.box(w, 0.84, (0.71, 0.75), r=0.012)
    wood = b.main if b.main.name == "wood" else draw(b.rng, "wood")
    for x in (-w / 2 + 0.07, w / 2 - 0.07):
        for y in (-0.35, 0.35):
            b.box((x - 0.035, x + 0.035), (y - 0.035, y + 0.035), (0, 0.71), wood)
    for y in (-0.35, 0.35):
        b.box(w - 0.14, (y - 0.012, y + 0.012), (0.62, 0.71), wood)
    b.support(w - 0.15, 0.7, 0.75, 0.8)


@kind(42, "coffee table", where="companion", materials=("wood", "glass", "stone"), sizes=(0.95, 1.1))
def _coffee_table(b: Builder) -> None:
    legs = b.main if b.main.name == "wood" else draw(b.rng, "wood", "dark brown")
    w = b.uniform(0.85, 1.15)
    b.box(w, 0.55, (0.38, 0.42), r=0.012)
    b.box(w - 0.1, 0.45, (0.13, 0.155), legs)
    for x in (-w / 2 + 0.06, w / 2 - 0.06):
        for y in (-0.22, 0.22):
            b.box((x - 0.03, x + 0.03), (y - 0.03, y + 0.03), (0, 0.38), legs)
    b.support(w - 0.1, 0.45, 0.42, 0.7)


@kind(
    43, "side table", rooms={"living": 0.5, "hall": 0.3, "bedroom": 0.1}, materials=("wood", "metal", "stone")
)
def _side_table(b: Builder) -> None:
    b.lathe([(0, 0.50), (0.24, 0.50), (0.25, 0.515), (0.24, 0.53), (0, 0.53)])
    for a in np.radians([30, 150, 270]):
        b.rod((0.22 * np.cos(a), 0.22 * np.sin(a), 0), (0.07 * np.cos(a), 0.07 * np.sin(a), 0.50), 0.017)
    b.support(0.30, 0.30, 0.53, 0.8)


@kind(44, "nightstand", where="companion", materials=("wood",), sizes=(0.95, 1.05))
def _nightstand(b: Builder) -> None:
    b.legs(0.34, 0.30, 0.14, 0.018)
    b.box(0.44, 0.38, (0.13, 0.52), r=0.01)
    for z in (0.16, 0.34):
        b.box(0.38, (-0.205, -0.19), (z, z + 0.15), b.main.toned(1.12))
        b.ball((0, -0.215, z + 0.075), 0.016, DARK_METAL)
    b.support(0.38, 0.32, 0.52, 0.8)


@kind(
    45,
    "dressing table",
    rooms={"bedroom": 0.35},
    materials=("wood",),
    front=0.6,
    companions=(Companion("stool", "front", gap=-0.05),),
)
def _dressing_table(b: Builder) -> None:
    b.legs(0.88, 0.34, 0.62, 0.022)
    b.box(1.0, (-0.22, 0.22), (0.60, 0.76), r=0.01)
    for x in (-0.25, 0.25):
        b.box((x - 0.21, x + 0.21), (-0.235, -0.22), (0.63, 0.73), b.main.toned(1.1))
        b.ball((x, -0.245, 0.68), 0.016, DARK_METAL)
    b.box(0.62, (0.15, 0.19), (0.80, 1.45), r=0.015)
    b.box(0.54, (0.14, 0.15), (0.84, 1.41), MIRROR)
    for x in (-0.2, 0.2):
        b.box((x - 0.02, x + 0.02), (0.17, 0.20), (0.76, 0.84))
    b.support(0.9, (-0.18, 0.08), 0.76, 0.4)


@kind(46, "console table", rooms={"hall": 0.6, "living": 0.15}, materials=("wood", "metal"))
def _console_table(b: Builder) -> None:
    b.box(1.0, 0.32, (0.78, 0.82), r=0.01)
    for x in (-0.46, 0.46):
        for y in (-0.12, 0.12):
            b.box((x - 0.02, x + 0.02), (y - 0.02, y + 0.02), (0, 0.78))
    b.box(0.92, 0.28, (0.16, 0.18))
    b.support(0.9, 0.26, 0.82)


@kind(47, "ironing board", rooms={"bedroom": 0.2, "bathroom": 0.15}, materials=("fabric",), front=0.2)
def _ironing_board(b: Builder) -> None:
    t = np.linspace(-0.5, 0.5, 9)
    nose = [(0.62 + 0.16 * np.cos(np.pi * a), 0.17 * np.sin(np.pi * a)) for a in t]
    b.prism([(-0.60, 0.17), (-0.60, -0.17), *nose], 0.035, at=(0, 0, 0.86))
    for y in (-0.12, 0.12):
        b.rod((-0.45, y, 0), (0.35, y, 0.86), 0.014, DARK_METAL)
        b.rod((0.45, y, 0), (-0.35, y, 0.86), 0.014, DARK_METAL)
    for x in (-0.45, 0.45):
        b.rod((x, -0.16, 0.015), (x, 0.16, 0.015), 0.015, DARK_METAL)
    b.support((-0.5, -0.1), 0.2, 0.895)
