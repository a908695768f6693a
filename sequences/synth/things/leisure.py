"""Music, sport, play and odds and ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..builder import Builder
from ..kinds import Companion, kind
from ..materials import BLACK_PLASTIC, CHROME, DARK_METAL, RUBBER, draw, fixed


@kind(
    150,
    "piano",
    rooms={"living": 0.35, "study": 0.15},
    materials=("wood",),
    colors=("black", "brown", "dark brown", "white"),
    sizes=(0.95, 1.03),
    front=0.7,
    companions=(Companion("piano stool", "front", gap=0.05),),
)
def _piano(b: Builder) -> None:
    """An upright."""
    b.main = replace(b.main, gloss=0.5, mirror=0.05)
    b.box(1.46, (0.02, 0.32), (0.0, 1.22), r=0.01)
    b.box(1.50, (0.0, 0.33), (1.22, 1.26), r=0.012)
    for x in (-0.72, 0.72):
        b.box((x - 0.03, x + 0.03), (-0.28, 0.32), (0.56, 0.80), r=0.015)
        b.box((x - 0.03, x + 0.03), (-0.26, -0.18), (0.0, 0.60))
        b.box((x - 0.03, x + 0.03), (-0.28, 0.1), (0.0, 0.06))
    b.box(1.40, (-0.26, 0.04), (0.60, 0.68))
    b.box(1.38, (-0.25, -0.06), (0.68, 0.715), fixed("ivory", (0.93, 0.91, 0.86), gloss=0.3))
    for k in range(51):
        x = -0.68 + k * 1.36 / 50
        if k % 7 not in (2, 6):
            b.box((x - 0.008, x + 0.008), (-0.17, -0.06), (0.715, 0.73), BLACK_PLASTIC)
    b.box(1.38, (-0.06, 0.02), (0.68, 0.82))
    b.box(0.66, (-0.02, 0.0), (0.86, 1.06), b.main.toned(0.8), tilt=-12)
    b.box(
        0.42,
        (-0.05, -0.035),
        (0.90, 1.12),
        fixed("paper", (0.92, 0.91, 0.86), "keys", rgb2=(0.3, 0.3, 0.3), scale=0.05),
        tilt=-12,
    )
    for x in (-0.08, 0.0, 0.08):
        b.rod((x, 0.02, 0.07), (x, -0.10, 0.05), 0.014, fixed("brass", (0.75, 0.6, 0.25), gloss=0.6))


@kind(151, "piano stool", where="companion", materials=("leather",), colors=("black", "brown", "dark red"))
def _piano_stool(b: Builder) -> None:
    b.legs(0.46, 0.26, 0.40, 0.022, draw(b.rng, "wood", "black"))
    b.box(0.54, 0.34, (0.38, 0.50), r=0.035)


@kind(
    152,
    "guitar",
    rooms={"bedroom": 0.3, "living": 0.3, "study": 0.25},
    materials=("wood",),
    colors=("light brown", "brown", "dark brown", "black", "red"),
)
def _guitar(b: Builder) -> None:
    """Leans on a stand."""
    t = np.linspace(0, 2 * np.pi, 41)[:-1]
    z = 0.24 * np.cos(t)  # along the body: wide below, a waist, narrower shoulders
    r = 0.185 * np.sin(t) * (1 - 0.22 * np.exp(-(((z - 0.05) / 0.07) ** 2))) * np.where(z > 0.04, 0.82, 1.0)
    body = [(float(x), float(y)) for x, y in zip(-r, z, strict=True)]
    lean = 80.0
    b.prism(body, 0.09, at=(0, 0.05, 0.32), tilt=lean)
    c, s = np.cos(np.radians(lean)), np.sin(np.radians(lean))

    def at(along: float, out: float) -> tuple[float, float]:
        return 0.05 + along * c - out * s, 0.32 + along * s + out * c

    y, zz = at(0.03, 0.0905)
    b.lathe([(0, 0.002), (0.048, 0.002), (0.048, 0)][::-1], BLACK_PLASTIC, at=(0, y, zz), tilt=lean)
    b.lathe(
        [(0.048, 0), (0.048, 0.004), (0.056, 0.004), (0.056, 0)][::-1],
        b.main.toned(0.5),
        at=(0, y, zz),
        tilt=lean,
    )
    y0, z0 = at(0.20, 0.095)
    y1, z1 = at(0.66, 0.095)
    neck = draw(b.rng, "wood", "dark brown")
    b.box(
        (-0.027, 0.027), ((y0 + y1) / 2 - 0.018, (y0 + y1) / 2 + 0.018), (z0 - 0.08, z1), neck, tilt=lean - 90
    )
    y2, z2 = at(0.72, 0.09)
    b.box((-0.045, 0.045), (y2 - 0.014, y2 + 0.014), (z2 - 0.08, z2 + 0.07), neck, r=0.01, tilt=lean - 96)
    y3, z3 = at(-0.11, 0.10)
    b.box(0.15, (y3 - 0.012, y3 + 0.012), (z3 - 0.014, z3 + 0.014), neck)
    for x in (-0.12, 0.12):
        b.rod((x, -0.12, 0.01), (x, 0.22, 0.01), 0.012, DARK_METAL)
        b.rod((x, -0.10, 0.01), (x, -0.10, 0.09), 0.012, DARK_METAL)
        b.rod((x, 0.20, 0.01), (x * 0.6, 0.16, 0.62), 0.012, DARK_METAL)
    b.rod((-0.12, -0.02, 0.06), (0.12, -0.02, 0.06), 0.014, DARK_METAL)


@kind(
    156,
    "table football",
    rooms={"living": 0.2, "study": 0.08},
    where="free",
    materials=("wood",),
    colors=("brown", "black", "light brown"),
    sizes=(0.95, 1.02),
)
def _table_football(b: Builder) -> None:
    for x in (-0.58, 0.58):
        for y in (-0.28, 0.28):
            b.box((x - 0.05, x + 0.05), (y - 0.05, y + 0.05), (0, 0.66))
    for y in (-0.36, 0.36):
        b.box(1.34, (y - 0.025, y + 0.025), (0.60, 0.90))
    for x in (-0.67, 0.67):
        b.box((x - 0.03, x + 0.03), 0.77, (0.60, 0.90))
        b.box((x * 0.955 - 0.006, x * 0.955 + 0.006), 0.22, (0.74, 0.82), BLACK_PLASTIC)
    b.box(
        1.28,
        0.68,
        (0.70, 0.74),
        fixed("field", (0.13, 0.50, 0.20), "stripes", rgb2=(0.17, 0.58, 0.25), scale=0.2),
    )
    b.box((-0.006, 0.006), 0.66, (0.74, 0.743), fixed("line", (0.9, 0.9, 0.9)))
    for k, (x, men) in enumerate(zip(np.linspace(-0.56, 0.56, 8), (1, 2, 3, 5, 5, 3, 2, 1), strict=True)):
        b.rod((x, -0.56, 0.86), (x, 0.56, 0.86), 0.010, CHROME)
        s = 1 if k % 2 else -1
        b.capsule((x, s * 0.56, 0.86), (x, s * 0.67, 0.86), 0.022, BLACK_PLASTIC)
        shirt = fixed("plastic", (0.75, 0.1, 0.1) if k in (0, 1, 3, 5) else (0.1, 0.2, 0.7), gloss=0.3)
        for y in np.linspace(-0.24, 0.24, men) if men > 1 else (0.0,):
            b.box((x - 0.014, x + 0.014), (y - 0.022, y + 0.022), (0.765, 0.885), shirt)
            b.ball((x, y, 0.905), 0.02, fixed("skin", (0.8, 0.6, 0.45)))


@kind(
    158,
    "drum kit",
    rooms={"living": 0.1, "study": 0.12},
    where="corner",
    materials=("plastic", "wood"),
    colors=("red", "blue", "black", "white", "brown"),
    front=0.4,
)
def _drum_kit(b: Builder) -> None:
    skin = fixed("skin", (0.90, 0.88, 0.82))

    def drum(x: float, y: float, z: float, r: float, h: float) -> None:
        b.rod((x, y, z), (x, y, z + h), r)
        b.lathe([(r + 0.008, 0), (r + 0.008, 0.03), (r - 0.01, 0.035)], CHROME, at=(x, y, z + h - 0.03))
        b.lathe([(0, 0.004), (r, 0.004)][::-1], skin, at=(x, y, z + h))

    b.rod((0, -0.22, 0.28), (0, 0.20, 0.28), 0.28)
    b.rod((0, -0.225, 0.28), (0, -0.215, 0.28), 0.26, skin)
    b.tube(
        [(0.28 * np.cos(a), -0.22, 0.28 + 0.28 * np.sin(a)) for a in np.linspace(0, 2 * np.pi, 33)[:-1]],
        0.016,
        CHROME,
        closed=True,
    )
    drum(-0.16, 0.0, 0.60, 0.14, 0.18)
    drum(0.17, 0.0, 0.60, 0.15, 0.20)
    drum(0.50, 0.22, 0.18, 0.19, 0.34)
    drum(-0.46, 0.24, 0.42, 0.17, 0.13)
    for x in (-0.16, 0.17):
        b.rod((x, 0.0, 0.5), (x, 0.0, 0.62), 0.016, CHROME)
    b.rod((-0.46, 0.24, 0), (-0.46, 0.24, 0.42), 0.016, CHROME)
    for a in np.radians([0, 120, 240]):
        b.rod(
            (0.5 + 0.18 * np.cos(a), 0.22 + 0.18 * np.sin(a), 0),
            (0.5 + 0.18 * np.cos(a), 0.22 + 0.18 * np.sin(a), 0.3),
            0.01,
            CHROME,
        )
    brass = fixed("brass", (0.80, 0.62, 0.22), gloss=0.7, mirror=0.1)
    for x, y, z in ((-0.58, -0.02, 0.98), (0.56, -0.06, 1.06)):
        b.rod((x, y, 0), (x, y, z), 0.012, CHROME)
        b.lathe([(0.20, -0.02), (0.05, 0.0), (0.03, 0.02), (0, 0.025)], brass, at=(x, y, z), tilt=12)
        b.lathe([(0.0, -0.006), (0.05, -0.006), (0.20, -0.022)][::-1], brass, at=(x, y, z), tilt=12)


@kind(
    159, "easel", rooms={"study": 0.25, "living": 0.1}, materials=("wood",), colors=("light brown", "brown")
)
def _easel(b: Builder) -> None:
    for x in (-0.30, 0.30):
        b.rod((x, -0.20, 0), (x * 0.2, 0.08, 1.55), 0.018)
    b.rod((0, 0.30, 0), (0, 0.08, 1.50), 0.018)
    b.box(0.62, (-0.11, -0.03), (0.58, 0.61))
    b.box(
        0.60, (-0.05, -0.02), (0.61, 1.30), fixed("canvas", (0.8, 0.78, 0.7), "painting", scale=1.0), tilt=-10
    )


@kind(160, "rocking horse", rooms={"bedroom": 0.15}, materials=("wood",))
def _rocking_horse(b: Builder) -> None:
    arc = np.radians(np.linspace(-34, 34, 13))
    for y in (-0.13, 0.13):
        b.tube([(0.72 * np.sin(a), y, 0.745 - 0.72 * np.cos(a)) for a in arc], 0.022)
        for x in (-0.2, 0.22):
            b.rod((x * 1.25, y, 0.07), (x * 0.8, y * 0.55, 0.42), 0.025)
    b.capsule((-0.20, 0, 0.47), (0.20, 0, 0.47), 0.11)
    b.capsule((0.22, 0, 0.50), (0.36, 0, 0.76), 0.065)
    b.capsule((0.36, 0, 0.78), (0.48, 0, 0.70), 0.055)
    for y in (-0.03, 0.03):
        b.ball((0.33, y, 0.86), (0.02, 0.015, 0.04))
    hair = draw(b.rng, "plush", "brown")
    b.capsule((0.19, 0, 0.62), (0.31, 0, 0.85), 0.035, hair)
    b.capsule((-0.31, 0, 0.52), (-0.42, 0, 0.34), 0.03, hair)
    b.box(0.22, 0.24, (0.55, 0.60), draw(b.rng, "leather"), r=0.02)
    b.rod((0.30, -0.14, 0.66), (0.30, 0.14, 0.66), 0.015, hair)


@kind(
    161,
    "teddy bear",
    where="top",
    on=("bed", "armchair", "dresser", "bench", "ottoman"),
    materials=("plush",),
    rooms={"bedroom": 0.6, "living": 0.15},
    sizes=(0.95, 1.3),
)
def _teddy_bear(b: Builder) -> None:
    b.ball((0, 0, 0.14), (0.11, 0.09, 0.14))
    b.ball((0, -0.01, 0.33), 0.095)
    b.ball((0, -0.09, 0.31), (0.04, 0.04, 0.033), b.main.toned(1.35))
    b.ball((0, -0.125, 0.32), 0.013, BLACK_PLASTIC)
    for s in (-1, 1):
        b.ball((s * 0.075, 0, 0.41), (0.036, 0.022, 0.036))
        b.ball((s * 0.036, -0.085, 0.355), 0.012, BLACK_PLASTIC)
        b.capsule((s * 0.10, -0.02, 0.22), (s * 0.15, -0.08, 0.14), 0.037)
        b.capsule((s * 0.07, -0.06, 0.05), (s * 0.10, -0.19, 0.05), 0.045)
    b.ball((0, -0.055, 0.14), (0.07, 0.05, 0.09), b.main.toned(1.35))


@kind(
    164,
    "ladder",
    rooms={"hall": 0.15, "study": 0.12},
    materials=("metal", "wood"),
    colors=("silver", "light brown", "red"),
)
def _ladder(b: Builder) -> None:
    """A stepladder."""
    for x in (-0.22, 0.22):
        b.box((x - 0.02, x + 0.02), (-0.03, 0.03), (0.0, 1.52), tilt=-17)
        b.box((x - 0.018, x + 0.018), (0.50, 0.54), (0.0, 1.50), tilt=8)
    for k in range(5):
        z = 0.22 + 0.27 * k
        b.box(0.42, (-0.05 + 0.305 * (z - 0.76) - 0.03, 0.07 + 0.305 * (z - 0.76)), (z - 0.015, z + 0.015))
    b.box(0.44, (0.12, 0.42), (1.48, 1.52))


@kind(
    165,
    "cat tree",
    rooms={"living": 0.2, "bedroom": 0.1},
    where="corner",
    materials=("plush",),
    colors=("gray", "brown", "light brown"),
)
def _cat_tree(b: Builder) -> None:
    rope = fixed("rope", (0.72, 0.60, 0.42), "stripes", rgb2=(0.58, 0.46, 0.30), scale=0.03)
    b.box(0.56, 0.46, (0, 0.05))
    b.box((-0.26, 0.10), (-0.16, 0.20), (0.05, 0.38), r=0.02)
    b.lathe([(0, 0.003), (0.10, 0.003)][::-1], BLACK_PLASTIC, at=(-0.08, -0.162, 0.22), tilt=90)
    b.rod((0.20, 0.10, 0.05), (0.20, 0.10, 1.02), 0.05, rope)
    b.rod((-0.14, 0.08, 0.38), (-0.14, 0.08, 1.32), 0.05, rope)
    b.box((-0.05, 0.30), (-0.10, 0.22), (0.72, 0.76))
    b.lathe([(0, 0), (0.22, 0), (0.24, 0.08), (0.22, 0.085), (0.19, 0.03), (0, 0.03)], at=(-0.12, 0.06, 1.30))
    b.ball((0.08, -0.12, 0.52), 0.035, draw(b.rng, "plush", "pink"))
    b.rod((0.08, -0.09, 0.52), (0.08, -0.09, 0.72), 0.004, rope)


@kind(
    167,
    "shoes",
    rooms={"hall": 0.6, "bedroom": 0.25},
    materials=("leather", "fabric"),
    sizes=(1.0, 1.2),
    front=0.1,
)
def _shoes(b: Builder) -> None:
    """A pair of boots."""
    for x in (-0.08, 0.08):
        b.box((x - 0.05, x + 0.05), (-0.16, 0.13), (0, 0.03), RUBBER, r=0.012)
        b.ball((x, -0.06, 0.055), (0.05, 0.10, 0.05))
        b.capsule((x, 0.07, 0.07), (x, 0.075, 0.22), 0.05)
        b.lathe([(0.05, 0.24), (0.055, 0.26), (0.045, 0.265)], b.main.toned(0.7), at=(x, 0.075, 0))


@kind(
    168,
    "chessboard",
    where="top",
    on=("coffee table", "dining table"),
    materials=("wood",),
    colors=("brown", "dark brown"),
    rooms={"living": 0.25},
    sizes=(1.0, 1.15),
)
def _chessboard(b: Builder) -> None:
    b.box(0.42, 0.42, (0, 0.04))
    b.box(
        0.36,
        0.36,
        (0.04, 0.044),
        fixed("wood", (0.85, 0.75, 0.55), "checks", rgb2=(0.25, 0.15, 0.08), scale=0.09),
    )
    for side, rgb in ((-1, (0.88, 0.82, 0.68)), (1, (0.12, 0.09, 0.08))):
        piece = fixed("wood", rgb, gloss=0.2)
        for k in range(8):
            x = -0.1575 + 0.045 * k
            b.lathe(
                [(0, 0), (0.016, 0), (0.008, 0.02), (0.012, 0.045), (0, 0.055)],
                piece,
                at=(x, side * 0.1125, 0.044),
            )
            b.lathe(
                [(0, 0), (0.018, 0), (0.009, 0.03), (0.014, 0.07), (0, 0.085)],
                piece,
                at=(x, side * 0.1575, 0.044),
            )


@kind(
    169,
    "fire extinguisher",
    where="corner",
    rooms={"hall": 0.25, "kitchen": 0.2},
    materials=("metal",),
    colors=("red",),
)
def _fire_extinguisher(b: Builder) -> None:
    b.lathe(
        [
            (0, 0),
            (0.085, 0),
            (0.09, 0.02),
            (0.09, 0.40),
            (0.06, 0.46),
            (0.025, 0.48),
            (0.025, 0.52),
            (0, 0.52),
        ]
    )
    b.lathe([(0.0905, 0.18), (0.0905, 0.32)], fixed("paper", (0.92, 0.9, 0.85)))
    b.box((-0.02, 0.10), 0.03, (0.53, 0.55), BLACK_PLASTIC, roll=-15)
    b.box((-0.03, 0.08), 0.03, (0.50, 0.52), BLACK_PLASTIC)
    b.tube(
        [(0.02, -0.02, 0.50), (0.10, -0.06, 0.46), (0.12, -0.06, 0.30), (0.10, -0.05, 0.14)], 0.014, RUBBER
    )
    b.rod((0.10, -0.05, 0.16), (0.09, -0.05, 0.06), 0.014, BLACK_PLASTIC, 0.026)
