"""Things to sleep in and on."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import Companion, kind
from ..materials import WHITE_CLOTH, draw


@kind(
    30,
    "bed",
    rooms={"bedroom": 1.0},
    materials=("wood",),
    sizes=(0.95, 1.05),
    front=0.6,
    companions=(Companion("nightstand", "beside", 2, 0.8, gap=0.06), Companion("pillow", "seat", 2, 1.0)),
)
def _bed(b: Builder) -> None:
    w = float(b.rng.choice([1.0, 1.4, 1.6]))
    blanket = draw(b.rng, "fabric")
    b.box(w + 0.08, (-1.0, 1.0), (0.12, 0.32))
    b.box(w + 0.10, (0.98, 1.05), (0.0, b.uniform(0.85, 1.15)), r=0.02)
    b.legs(w, (-0.94, 0.94), 0.14, 0.035)
    b.box(w, (-0.98, 0.97), (0.30, 0.50), WHITE_CLOTH, r=0.05)
    b.box(w + 0.07, (-1.03, 0.32), (0.26, 0.545), blanket, r=0.06)
    b.box(w + 0.075, (0.18, 0.36), (0.40, 0.555), WHITE_CLOTH, r=0.05)  # the folded sheet
    b.support(w - 0.1, (0.42, 0.92), 0.50, 0.5)


@kind(31, "bunk bed", rooms={"bedroom": 0.12}, materials=("wood", "metal"), sizes=(0.95, 1.05), front=0.6)
def _bunk_bed(b: Builder) -> None:
    cover = draw(b.rng, "fabric")
    for x in (-1.0, 1.0):
        for y in (-0.44, 0.44):
            b.box((x - 0.04, x + 0.04), (y - 0.04, y + 0.04), (0, 1.80))
    for z in (0.26, 1.24):
        b.box(1.96, 0.88, (z, z + 0.10))
        b.box(1.90, 0.82, (z + 0.09, z + 0.24), WHITE_CLOTH, r=0.04)
        b.box((-0.96, 0.45), 0.85, (z + 0.12, z + 0.27), cover, r=0.05)
        b.cushion((0.52, 0.92), 0.55, (z + 0.22, z + 0.36), WHITE_CLOTH)
    b.box((-0.96, 0.40), (-0.46, -0.43), (1.52, 1.62))
    b.box(1.96, (0.43, 0.46), (1.52, 1.62))
    for x in (0.56, 0.92):
        b.rod((x, -0.50, 0), (x, -0.47, 1.66), 0.022)
    for z in np.arange(0.25, 1.55, 0.27):
        b.rod((0.56, -0.49, z), (0.92, -0.49, z), 0.02)


@kind(32, "crib", rooms={"bedroom": 0.15}, materials=("wood",), front=0.4)
def _crib(b: Builder) -> None:
    for x in (-0.6, 0.6):
        for y in (-0.32, 0.32):
            b.box((x - 0.025, x + 0.025), (y - 0.025, y + 0.025), (0, 0.92))
    for y in (-0.32, 0.32):
        for z in (0.28, 0.86):
            b.box(1.2, (y - 0.018, y + 0.018), (z, z + 0.05))
        for x in np.linspace(-0.52, 0.52, 11):
            b.rod((x, y, 0.30), (x, y, 0.87), 0.011)
    for x in (-0.6, 0.6):
        b.box((x - 0.015, x + 0.015), 0.62, (0.28, 0.90))
    b.box(1.16, 0.60, (0.30, 0.42), WHITE_CLOTH, r=0.03)
    b.box((-0.56, 0.15), 0.58, (0.38, 0.45), draw(b.rng, "fabric"), r=0.03)


@kind(33, "pillow", where="companion", materials=("fabric",), colors=("white", "beige", "light blue", "pink"))
def _pillow(b: Builder) -> None:
    b.cushion(0.62, 0.40, (0, 0.16))


@kind(34, "cushion", where="companion", materials=("fabric",))
def _cushion(b: Builder) -> None:
    b.cushion(0.42, (-0.20, 0.20), (0.12, 0.28), tilt=68)


@kind(
    35,
    "mattress",
    rooms={"bedroom": 0.05},
    materials=("fabric",),
    colors=("white", "beige", "light blue", "gray"),
)
def _mattress(b: Builder) -> None:
    """Leans against the wall."""
    b.box(1.9, (0.0, 0.2), (0.0, 0.95), r=0.05, tilt=-8)
    b.box(1.91, (-0.003, 0.203), (0.45, 0.49), b.main.toned(0.8), r=0.05, tilt=-8)


@kind(36, "yoga mat", rooms={"bedroom": 0.15, "living": 0.1}, where="corner", materials=("rubber",))
def _yoga_mat(b: Builder) -> None:
    """Rolled up and standing in a corner."""
    turns = np.linspace(0, 7 * np.pi, 90)
    b.rod((0, 0, 0), (0, 0, 0.62), 0.085)
    b.tube(
        [((0.012 + 0.073 * t / 22) * np.cos(t), (0.012 + 0.073 * t / 22) * np.sin(t), 0.622) for t in turns],
        0.005,
        b.main.toned(0.6),
    )
    for z in (0.15, 0.45):
        b.rod((0, 0, z), (0, 0, z + 0.03), 0.09, b.main.toned(0.5))
