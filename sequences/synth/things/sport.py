"""Things to move with."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import kind
from ..materials import BLACK_PLASTIC, CHROME, DARK_METAL, RUBBER, STEEL, fixed


@kind(
    153,
    "bicycle",
    rooms={"hall": 0.35, "living": 0.1},
    materials=("metal",),
    colors=("red", "blue", "black", "white", "gold"),
    sizes=(0.92, 1.0),
)
def _bicycle(b: Builder) -> None:
    for x in (-0.52, 0.52):
        t = np.linspace(0, 2 * np.pi, 37)[:-1]
        b.tube([(x + 0.32 * np.cos(a), 0, 0.335 + 0.32 * np.sin(a)) for a in t], 0.018, RUBBER, closed=True)
        for a in t[::4]:
            b.tube([(x, 0, 0.335), (x + 0.31 * np.cos(a), 0, 0.335 + 0.31 * np.sin(a))], 0.0035, STEEL)
        b.rod((x, -0.04, 0.335), (x, 0.04, 0.335), 0.022, CHROME)
    rear, front, crank = (-0.52, 0, 0.335), (0.52, 0, 0.335), (-0.08, 0, 0.30)
    seat, head = (-0.20, 0, 0.78), (0.36, 0, 0.80)
    for p, q in ((rear, crank), (rear, seat), (crank, seat), (crank, (0.38, 0, 0.72)), (seat, head)):
        b.rod(p, q, 0.018)
    b.rod(head, front, 0.018)
    b.rod(head, (0.33, 0, 0.95), 0.016, CHROME)
    b.tube(
        [(0.26, -0.26, 0.97), (0.33, -0.20, 0.97), (0.34, 0, 0.95), (0.33, 0.20, 0.97), (0.26, 0.26, 0.97)],
        0.015,
        BLACK_PLASTIC,
    )
    b.rod(seat, (-0.225, 0, 0.88), 0.015, CHROME)
    b.ball((-0.23, 0, 0.90), (0.13, 0.07, 0.03), BLACK_PLASTIC)
    b.rod((-0.08, -0.02, 0.30), (-0.08, -0.05, 0.30), 0.085, STEEL)
    for s, y in ((1, -0.08), (-1, 0.08)):
        b.rod((-0.08, y * 0.6, 0.30), (-0.08 + s * 0.12, y * 0.8, 0.30 - s * 0.11), 0.012, STEEL)
        b.box(
            (-0.13 + s * 0.12, -0.03 + s * 0.12),
            (y - 0.04, y + 0.04),
            (0.29 - s * 0.11, 0.31 - s * 0.11),
            BLACK_PLASTIC,
        )


@kind(
    154,
    "dumbbell",
    rooms={"bedroom": 0.25, "study": 0.1, "living": 0.08},
    materials=("rubber", "metal"),
    colors=("black", "gray", "blue", "pink", "red"),
    sizes=(1.0, 1.3),
    front=0.1,
)
def _dumbbell(b: Builder) -> None:
    """A pair of them."""
    for y in (-0.10, 0.10):
        b.rod((-0.10, y, 0.09), (0.10, y, 0.09), 0.02, CHROME)
        for s in (-1, 1):
            b.rod((s * 0.07, y, 0.09), (s * 0.17, y, 0.09), 0.09)
            b.rod((s * 0.17, y, 0.09), (s * 0.20, y, 0.09), 0.06)


@kind(
    155,
    "treadmill",
    rooms={"study": 0.15, "living": 0.1, "bedroom": 0.08},
    materials=("plastic",),
    colors=("black", "gray", "white"),
    sizes=(0.95, 1.03),
    front=0.6,
)
def _treadmill(b: Builder) -> None:
    b.box(0.72, (-0.72, 0.65), (0.0, 0.15), r=0.03)
    b.box(
        0.48,
        (-0.70, 0.42),
        (0.14, 0.165),
        fixed("rubber", (0.10, 0.10, 0.11), "stripes", rgb2=(0.14, 0.14, 0.15), scale=0.1),
    )
    b.box(0.72, (0.34, 0.65), (0.1, 0.26), r=0.05)
    for x in (-0.34, 0.34):
        b.rod((x, 0.48, 0.15), (x, 0.30, 1.22), 0.032, DARK_METAL)
        b.capsule((x, 0.30, 1.02), (x, -0.10, 1.02), 0.028, RUBBER)
    b.box(0.76, (0.18, 0.36), (1.14, 1.32), r=0.04, tilt=-25)
    b.box(
        0.34,
        (0.158, 0.176),
        (1.17, 1.29),
        fixed("glass", (0.2, 0.5, 0.8), "screen", glow=0.7, scale=0.2),
        tilt=-25,
    )


@kind(
    157,
    "exercise ball",
    rooms={"bedroom": 0.15, "study": 0.2, "living": 0.1},
    where="corner",
    materials=("rubber",),
    colors=("blue", "purple", "red", "gray", "pink"),
)
def _exercise_ball(b: Builder) -> None:
    b.ball((0, 0, 0.32), 0.32)
    for z, r in ((0.24, 0.309), (0.40, 0.309), (0.32, 0.32)):
        t = np.linspace(0, 2 * np.pi, 33)[:-1]
        b.tube([(r * np.cos(a), r * np.sin(a), z) for a in t], 0.006, b.main.toned(0.75), closed=True)


@kind(
    162,
    "ball",
    rooms={"bedroom": 0.2, "hall": 0.15, "living": 0.1},
    where="corner",
    materials=("rubber", "leather"),
    colors=("red", "blue", "pink", "brown", "white"),
    sizes=(1.0, 1.3),
)
def _ball(b: Builder) -> None:
    b.ball((0, 0, 0.12), 0.12)
    for tilt in (0, 90):
        t = np.linspace(0, 2 * np.pi, 25)[:-1]
        ring = [(0.12 * np.cos(a), 0.12 * np.sin(a), 0.12) for a in t]
        if tilt:
            ring = [(x, 0.0, 0.12 + y) for x, y, _ in ring]
        b.tube(ring, 0.004, BLACK_PLASTIC, closed=True)


@kind(
    163,
    "punching bag",
    rooms={"study": 0.1, "bedroom": 0.08},
    where="corner",
    materials=("leather",),
    colors=("red", "black", "brown"),
)
def _punching_bag(b: Builder) -> None:
    """On a heavy foot."""
    b.lathe([(0, 0), (0.28, 0), (0.28, 0.10), (0.18, 0.16), (0, 0.16)], BLACK_PLASTIC)
    b.rod((0, 0, 0.15), (0, 0, 0.62), 0.045, STEEL)
    b.lathe([(0, 0.58), (0.15, 0.58), (0.18, 0.62), (0.18, 1.55), (0.14, 1.62), (0, 1.63)])
    for z in (0.72, 1.45):
        b.rod((0, 0, z), (0, 0, z + 0.04), 0.184, b.main.toned(0.6))


@kind(
    166,
    "tricycle",
    rooms={"bedroom": 0.12, "hall": 0.1},
    materials=("metal", "plastic"),
    colors=("red", "blue", "yellow"),
)
def _tricycle(b: Builder) -> None:
    for x, y, r in ((0.28, 0, 0.15), (-0.22, -0.16, 0.10), (-0.22, 0.16, 0.10)):
        b.rod((x, y - 0.022, r), (x, y + 0.022, r), r, RUBBER)
        b.rod((x, y - 0.026, r), (x, y + 0.026, r), 0.6 * r)
    b.rod((-0.22, -0.15, 0.10), (-0.22, 0.15, 0.10), 0.015, STEEL)
    b.tube([(-0.22, 0, 0.10), (-0.08, 0, 0.20), (0.10, 0, 0.26), (0.20, 0, 0.36)], 0.022)
    b.rod((0.28, 0, 0.15), (0.18, 0, 0.50), 0.018)
    b.tube(
        [(0.12, -0.16, 0.52), (0.18, -0.06, 0.50), (0.18, 0.06, 0.50), (0.12, 0.16, 0.52)],
        0.018,
        BLACK_PLASTIC,
    )
    b.box((-0.22, 0.0), 0.18, (0.27, 0.31), BLACK_PLASTIC, r=0.018)
    b.rod((-0.12, 0, 0.18), (-0.12, 0, 0.28), 0.02)
