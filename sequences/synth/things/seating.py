"""Things to sit on."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import Companion, kind
from ..materials import BLACK_PLASTIC, CHROME, DARK_METAL, draw


@kind(10, "chair", where="companion", materials=("wood", "plastic", "fabric"), sizes=(0.95, 1.08))
def _chair(b: Builder) -> None:
    frame = b.main if b.main.name != "fabric" else draw(b.rng, "wood")
    b.legs((-0.19, 0.19), (-0.19, 0.19), 0.44, 0.022, frame, splay=0.02)
    b.box(0.45, 0.44, (0.43, 0.49), r=0.025)
    if b.chance(0.5):  # slats between two posts
        for x in (-0.19, 0.19):
            b.rod((x, 0.19, 0.46), (x, 0.25, 0.93), 0.02, frame)
        for z in (0.58, 0.72, 0.86):
            b.box(0.40, 0.02, (z, z + 0.08), frame, r=0.008, tilt=-7)
    else:
        b.box(0.44, (0.19, 0.235), (0.50, 0.94), r=0.02, tilt=-7)


@kind(
    11,
    "armchair",
    rooms={"living": 0.7, "bedroom": 0.25, "study": 0.2},
    materials=("fabric", "leather"),
    sizes=(0.92, 1.08),
    front=0.5,
    most=2,
    companions=(Companion("cushion", "seat", probability=0.4),),
)
def _armchair(b: Builder) -> None:
    wood = draw(b.rng, "wood", "dark brown")
    b.legs((-0.32, 0.32), (-0.32, 0.30), 0.14, 0.025, wood)
    b.box(0.82, (-0.38, 0.38), (0.12, 0.34), r=0.04)
    b.box(0.54, (-0.40, 0.22), (0.32, 0.48), r=0.06)
    b.box(0.60, (0.16, 0.38), (0.34, 0.95), r=0.08, tilt=-8)
    for x in (-0.36, 0.36):
        b.box((x - 0.08, x + 0.08), (-0.39, 0.36), (0.14, 0.64), r=0.07)
    b.support(0.5, (-0.36, 0.12), 0.48, 0.4)


@kind(12, "massage chair", materials=("leather",), sizes=(0.98, 1.1), front=0.5)
def _massage_chair(b: Builder) -> None:
    dark = BLACK_PLASTIC
    pad = b.main.toned(1.18 if sum(b.main.rgb) < 0.6 else 0.8)
    b.box(0.66, (-0.45, 0.42), (0.0, 0.14), dark, r=0.05)  # plinth
    b.box(0.56, (-0.42, 0.28), (0.16, 0.44), r=0.09, tilt=6)  # seat, its front raised
    b.box(0.46, (-0.40, 0.16), (0.40, 0.50), pad, r=0.05, tilt=6)
    back = 38.0  # degrees of recline
    b.box(0.66, (0.17, 0.41), (0.34, 1.24), r=0.11, tilt=-back)
    c, s = np.cos(np.radians(back)), np.sin(np.radians(back))
    for k, (along, thick) in enumerate(
        ((-0.28, 0.20), (-0.06, 0.20), (0.15, 0.18))
    ):  # padded rolls of the back
        y, z = 0.29 + along * s - 0.10 * c, 0.79 + along * c + 0.10 * s
        b.capsule((-0.17, y, z), (0.17, y, z), thick / 2, pad if k != 1 else b.main.toned(0.7))
    y, z = 0.29 + 0.36 * s - 0.12 * c, 0.79 + 0.36 * c + 0.12 * s
    b.capsule((-0.16, y, z), (0.16, y, z), 0.085, pad)  # head roll
    for x in (-0.27, 0.27):  # shoulder wings
        b.box((x - 0.07, x + 0.07), (0.02, 0.26), (0.80, 1.16), r=0.065, tilt=-back)
    for x in (-0.40, 0.40):  # arm pods with a hollow for the forearm
        b.box((x - 0.10, x + 0.10), (-0.42, 0.34), (0.06, 0.62), dark.toned(2.2), r=0.09)
        b.box((x - 0.085, x + 0.085), (-0.40, 0.22), (0.56, 0.70), r=0.065)
        b.capsule((x * 0.93, -0.30, 0.69), (x * 0.93, 0.10, 0.69), 0.05, pad)
    b.box(0.52, (-0.84, -0.42), (0.12, 0.42), r=0.09, tilt=28)  # foot rest with two calf troughs
    for x in (-0.13, 0.13):
        b.box((x - 0.085, x + 0.085), (-0.86, -0.42), (0.36, 0.44), pad, r=0.04, tilt=28)
    for x in (-0.25, 0.0, 0.25):
        b.box((x - 0.035, x + 0.035), (-0.86, -0.44), (0.38, 0.50), r=0.03, tilt=28)
    b.box(0.50, (-0.98, -0.86), (0.05, 0.26), dark.toned(1.8), r=0.05, tilt=10)  # foot stop


@kind(
    13,
    "office chair",
    rooms={"study": 0.3},
    where="companion",
    materials=("fabric", "leather"),
    sizes=(0.95, 1.08),
)
def _office_chair(b: Builder) -> None:
    for a in np.linspace(0, 2 * np.pi, 6)[:5]:
        tip = (0.30 * np.sin(a), -0.30 * np.cos(a), 0.07)
        b.rod((0, 0, 0.11), tip, 0.028, BLACK_PLASTIC, 0.018)
        b.ball((tip[0], tip[1], 0.032), 0.032, BLACK_PLASTIC)
    b.rod((0, 0, 0.10), (0, 0, 0.43), 0.028, CHROME)
    b.box(0.50, (-0.25, 0.23), (0.42, 0.52), r=0.045)
    b.box(0.08, (0.20, 0.30), (0.45, 0.70), BLACK_PLASTIC, r=0.02)
    b.box(0.46, (0.20, 0.29), (0.60, 1.10), r=0.042, tilt=-6)
    for x in (-0.27, 0.27):
        b.rod((x, 0.04, 0.46), (x, 0.04, 0.67), 0.018, BLACK_PLASTIC)
        b.box((x - 0.035, x + 0.035), (-0.14, 0.14), (0.66, 0.70), BLACK_PLASTIC, r=0.015)


@kind(14, "stool", rooms={"kitchen": 0.3, "bathroom": 0.2, "hall": 0.2}, materials=("wood", "plastic"))
def _stool(b: Builder) -> None:
    b.legs(0.22, 0.22, 0.42, 0.02, splay=0.05)
    b.lathe([(0, 0.41), (0.17, 0.41), (0.18, 0.44), (0.17, 0.46), (0, 0.465)])
    for s in (-1, 1):
        b.rod((-0.13, 0.13 * s, 0.18), (0.13, 0.13 * s, 0.18), 0.012)


@kind(15, "bar stool", rooms={"kitchen": 0.3}, materials=("leather", "plastic", "wood"), most=2)
def _bar_stool(b: Builder) -> None:
    b.lathe([(0, 0), (0.20, 0), (0.20, 0.012), (0.03, 0.04), (0.025, 0.72), (0, 0.72)], CHROME)
    ring = np.linspace(0, 2 * np.pi, 17)[:-1]
    b.tube([(0.15 * np.cos(a), 0.15 * np.sin(a), 0.28) for a in ring], 0.011, CHROME, closed=True)
    b.rod((-0.14, 0, 0.28), (0.14, 0, 0.28), 0.009, CHROME)
    b.lathe([(0, 0.70), (0.17, 0.71), (0.19, 0.74), (0.19, 0.77), (0.16, 0.80), (0, 0.81)])
    b.box(0.34, (0.14, 0.18), (0.80, 0.98), r=0.018, tilt=-8)


@kind(
    16,
    "bean bag",
    rooms={"living": 0.35, "study": 0.2, "bedroom": 0.15},
    where="corner",
    materials=("fabric", "leather"),
    sizes=(0.9, 1.15),
)
def _bean_bag(b: Builder) -> None:
    b.lathe([(0, 0), (0.34, 0), (0.45, 0.07), (0.48, 0.17), (0.45, 0.28), (0.36, 0.36), (0, 0.38)])
    b.ball((0, 0.16, 0.42), (0.42, 0.30, 0.40), tilt=-14)
    b.ball((0, -0.16, 0.26), (0.38, 0.28, 0.16))


@kind(
    17,
    "sofa",
    rooms={"living": 1.0, "study": 0.15},
    materials=("fabric", "leather"),
    sizes=(0.95, 1.05),
    front=0.7,
    companions=(
        Companion("coffee table", "front", gap=0.4, probability=0.85),
        Companion("cushion", "seat", 3, 0.6),
        Companion("tv stand", "opposite", probability=0.9),
        Companion("floor lamp", "beside", probability=0.4),
    ),
)
def _sofa(b: Builder) -> None:
    seats = int(b.rng.integers(2, 4))
    w = 0.62 * seats
    b.box(w + 0.36, (-0.42, 0.42), (0.06, 0.32), r=0.04)
    for x in np.linspace(-w / 2, w / 2, seats + 1)[:-1]:
        b.box((x + 0.01, x + 0.61), (-0.44, 0.24), (0.30, 0.47), b.main.toned(1.06), r=0.06)
        b.box((x + 0.01, x + 0.61), (0.14, 0.36), (0.42, 0.86), b.main.toned(1.06), r=0.08, tilt=-8)
    b.box(w + 0.34, (0.28, 0.44), (0.06, 0.78), r=0.06)
    for s in (-1, 1):
        x = s * (w / 2 + 0.10)
        b.box((x - 0.10, x + 0.10), (-0.43, 0.42), (0.06, 0.62), r=0.08)
    for x in (-w / 2, w / 2):
        for y in (-0.36, 0.36):
            b.rod((x, y, 0), (x, y, 0.08), 0.022, DARK_METAL)
    b.support(w - 0.1, (-0.40, 0.10), 0.47, 0.4)


@kind(18, "ottoman", rooms={"living": 0.3, "bedroom": 0.15}, materials=("fabric", "leather"))
def _ottoman(b: Builder) -> None:
    b.legs(0.36, 0.36, 0.12, 0.022, draw(b.rng, "wood"))
    b.box(0.52, 0.52, (0.10, 0.40), r=0.07)
    b.ball((0, 0, 0.40), (0.02, 0.02, 0.01), b.main.toned(0.6))


@kind(19, "bench", rooms={"hall": 0.5, "bedroom": 0.15}, materials=("wood",))
def _bench(b: Builder) -> None:
    b.box(1.05, 0.36, (0.40, 0.45), r=0.012)
    for x in (-0.44, 0.44):
        b.box((x - 0.03, x + 0.03), 0.32, (0, 0.40), r=0.01)
    b.box(0.86, 0.03, (0.14, 0.22))
    b.support(0.95, 0.3, 0.45)


@kind(20, "rocking chair", rooms={"living": 0.2, "bedroom": 0.2}, materials=("wood",), front=0.5)
def _rocking_chair(b: Builder) -> None:
    arc = np.radians(np.linspace(-30, 30, 13))
    for x in (-0.26, 0.26):
        b.tube([(x, 0.85 * np.sin(a), 0.85 - 0.85 * np.cos(a) + 0.02) for a in arc], 0.02)
        b.rod((x, -0.24, 0.05), (x, -0.24, 0.64), 0.018)
        b.rod((x, 0.22, 0.05), (x, 0.34, 1.12), 0.02)
        b.box((x - 0.03, x + 0.03), (-0.28, 0.26), (0.63, 0.66), r=0.012)
    b.box(0.52, (-0.26, 0.24), (0.42, 0.46), r=0.018, tilt=5)
    b.rod((-0.26, 0.33, 1.08), (0.26, 0.33, 1.08), 0.035)
    for x in np.linspace(-0.18, 0.18, 6):
        b.rod((x, 0.235, 0.46), (x, 0.325, 1.06), 0.011)
    b.cushion(0.44, (-0.24, 0.18), (0.45, 0.52), draw(b.rng, "fabric"))


@kind(21, "high chair", rooms={"kitchen": 0.2, "living": 0.05}, materials=("wood", "plastic"))
def _high_chair(b: Builder) -> None:
    b.legs(0.26, 0.26, 0.58, 0.018, splay=0.10)
    b.box(0.32, 0.30, (0.56, 0.60), r=0.015)
    b.box(0.32, (0.13, 0.16), (0.60, 0.92), r=0.012, tilt=-8)
    for x in (-0.16, 0.16):
        b.box((x - 0.015, x + 0.015), (-0.18, 0.14), (0.60, 0.74), r=0.01)
    b.box(0.44, (-0.36, -0.12), (0.73, 0.76), draw(b.rng, "plastic", "white"), r=0.012)
    b.box(0.26, (-0.30, -0.24), (0.24, 0.27))
