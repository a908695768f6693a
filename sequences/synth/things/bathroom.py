"""The bathroom."""

from __future__ import annotations

import numpy as np

from .. import shapes
from ..builder import Builder
from ..kinds import Companion, kind
from ..materials import BLACK_GLASS, BLACK_PLASTIC, CHROME, GRAY_PLASTIC, WHITE_CERAMIC, draw, fixed

CERAMIC = ("white", "white", "light blue", "pink", "beige")


@kind(
    90,
    "bathtub",
    rooms={"bathroom": 0.8},
    materials=("ceramic",),
    colors=CERAMIC,
    sizes=(0.95, 1.0),
    front=0.4,
)
def _bathtub(b: Builder) -> None:
    length, width, h = 1.60, 0.74, 0.56
    inner = shapes.rounded_box((length - 0.16, width - 0.14, 0.86), 0.16)
    low = (inner.vertices[inner.faces][:, :, 2] < 1e-6).all(1)  # only the lower half of a hollow box
    used, faces = np.unique(inner.faces[low, ::-1], return_inverse=True)
    b.add(shapes.Surface(inner.vertices[used], -inner.normals[used], faces.reshape(-1, 3)), at=(0, 0, h))
    for y in (-width / 2, width / 2):
        s = np.sign(y)
        b.box(length, (min(y, y - s * 0.075), max(y, y - s * 0.075)), (0.0, h), r=0.02)
    for x in (-length / 2, length / 2):
        s = np.sign(x)
        b.box((min(x, x - s * 0.085), max(x, x - s * 0.085)), width, (0.0, h), r=0.02)
    for sx in (-1, 1):  # the rim closes the corners of the rounded basin
        for sy in (-1, 1):
            x, y = sx * (length / 2 - 0.11), sy * (width / 2 - 0.10)
            b.box((x - 0.035, x + 0.035), (y - 0.03, y + 0.03), (0.3, h - 0.004))
    b.box(
        length - 0.18,
        width - 0.16,
        (0.26, 0.27),
        fixed("water", (0.55, 0.75, 0.80), "water", gloss=0.8, mirror=0.12, scale=0.25),
    )
    x = length / 2 - 0.05
    b.tube([(x, 0.0, h), (x, 0.0, h + 0.14), (x - 0.03, 0, h + 0.17), (x - 0.14, 0, h + 0.15)], 0.018, CHROME)
    for y in (-0.10, 0.10):
        b.rod((x, y, h), (x, y, h + 0.06), 0.022, CHROME)


@kind(
    91,
    "shower",
    rooms={"bathroom": 0.6},
    where="corner",
    materials=("glass",),
    colors=("light blue", "light green"),
    sizes=(0.95, 1.0),
    front=0.5,
)
def _shower(b: Builder) -> None:
    b.box(0.9, 0.9, (0, 0.14), WHITE_CERAMIC, r=0.03)
    tiles = fixed("ceramic", (0.70, 0.80, 0.86), "tiles", rgb2=(0.92, 0.92, 0.9), scale=0.15, gloss=0.3)
    b.box(0.9, (0.41, 0.45), (0.14, 2.0), tiles)
    b.box((0.43, 0.45), (-0.43, 0.41), (0.14, 1.95))
    b.box((-0.45, -0.43), (-0.43, 0.41), (0.14, 1.95))
    for x in (-0.44, 0.44):
        b.box((x - 0.018, x + 0.018), (-0.45, -0.41), (0.14, 2.0), CHROME)
    b.box(0.9, (-0.45, -0.42), (1.95, 2.0), CHROME)
    b.rod((0, 0.39, 0.9), (0, 0.39, 1.92), 0.013, CHROME)
    b.tube([(0, 0.39, 1.92), (0, 0.30, 1.97), (0, 0.20, 1.95)], 0.013, CHROME)
    b.rod((0, 0.18, 1.94), (0, 0.155, 1.89), 0.03, CHROME, 0.10)
    b.rod((-0.09, 0.38, 1.05), (0.09, 0.38, 1.05), 0.026, CHROME)
    t = np.linspace(0, np.pi, 9)
    b.tube([(0.10 - 0.10 * np.cos(a), 0.37, 1.02 - 0.35 * np.sin(a)) for a in t], 0.009, CHROME)


@kind(
    92,
    "toilet",
    rooms={"bathroom": 1.0},
    materials=("ceramic",),
    colors=("white", "white", "beige", "pink"),
    sizes=(0.97, 1.05),
    front=0.5,
    companions=(Companion("toilet paper", "beside", probability=0.7),),
)
def _toilet(b: Builder) -> None:
    lid = draw(b.rng, "plastic", str(b.rng.choice(["white", "black", "white"])))
    b.box(0.38, (0.16, 0.34), (0.40, 0.82), r=0.035)
    b.box(0.41, (0.14, 0.35), (0.80, 0.84), r=0.018)
    b.rod((0, 0.25, 0.835), (0, 0.25, 0.85), 0.025, CHROME)
    b.lathe(
        [(0, 0), (0.13, 0), (0.12, 0.10), (0.14, 0.22), (0.19, 0.34), (0.20, 0.40), (0.17, 0.41)],
        at=(0, -0.06, 0),
    )
    b.box(0.24, (0.12, 0.34), (0.0, 0.40), r=0.04)
    t = np.linspace(0, 2 * np.pi, 25)[:-1]
    seat = [(0.195 * np.cos(a), -0.07 + (0.25 if np.sin(a) < 0 else 0.19) * np.sin(a), 0.425) for a in t]
    b.tube(seat, 0.030, lid, closed=True)
    b.lathe([(0.17, 0.41), (0.10, 0.28), (0, 0.26)][::-1], b.main.toned(0.75), at=(0, -0.06, 0))
    cover = [(0.20 * np.cos(a), 0.25 * np.sin(a)) for a in t]
    b.prism(cover, 0.025, lid, at=(0, 0.155, 0.66), tilt=82)


@kind(
    93,
    "washbasin",
    rooms={"bathroom": 1.0},
    materials=("ceramic",),
    colors=CERAMIC,
    sizes=(0.97, 1.05),
    front=0.5,
    companions=(Companion("mirror", "above", probability=0.9),),
)
def _washbasin(b: Builder) -> None:
    b.lathe([(0, 0), (0.12, 0), (0.08, 0.10), (0.075, 0.60), (0.13, 0.72)], at=(0, 0.08, 0))
    b.lathe([(0.10, 0.68), (0.22, 0.74), (0.29, 0.86), (0.285, 0.87), (0.25, 0.86), (0.17, 0.77), (0, 0.74)])
    b.box(0.52, (0.12, 0.29), (0.74, 0.88), r=0.03)
    b.tube([(0, 0.22, 0.87), (0, 0.22, 0.98), (0, 0.18, 1.01), (0, 0.08, 0.99)], 0.017, CHROME)
    for x in (-0.12, 0.12):
        b.rod((x, 0.22, 0.87), (x, 0.22, 0.93), 0.022, CHROME)


@kind(
    94,
    "washing machine",
    rooms={"bathroom": 0.6, "kitchen": 0.2},
    materials=("metal",),
    colors=("white", "white", "gray", "black"),
    sizes=(0.97, 1.03),
    front=0.5,
)
def _washing_machine(b: Builder) -> None:
    b.box(0.60, (-0.28, 0.30), (0.02, 0.85), r=0.015)
    face = -0.28
    b.lathe(
        [(0.15, 0), (0.21, 0), (0.21, 0.035), (0.16, 0.05), (0.15, 0.03)], CHROME, at=(0, face, 0.42), tilt=90
    )
    b.lathe(
        [(0, 0.055), (0.08, 0.045), (0.155, 0.02), (0.155, 0.0)][::-1],
        BLACK_GLASS,
        at=(0, face, 0.42),
        tilt=90,
    )
    b.box(0.58, (face - 0.012, face), (0.70, 0.83), b.main.toned(0.85), r=0.005)
    b.rod((0.06, face, 0.765), (0.06, face - 0.04, 0.765), 0.036, GRAY_PLASTIC)
    b.box((-0.27, -0.08), (face - 0.018, face), (0.72, 0.81), b.main.toned(1.05))
    b.box((0.14, 0.25), (face - 0.016, face), (0.75, 0.79), fixed("glass", (0.3, 0.6, 0.9), glow=0.4))
    b.support(0.5, (-0.2, 0.22), 0.85, 0.6)


@kind(95, "towel rail", rooms={"bathroom": 0.8}, where="hung", materials=("fabric",), most=2)
def _towel_rail(b: Builder) -> None:
    for x in (-0.30, 0.30):
        b.rod((x, 0.09, 1.22), (x, 0.0, 1.22), 0.013, CHROME)
    b.rod((-0.32, 0, 1.22), (0.32, 0, 1.22), 0.012, CHROME)
    b.box((-0.24, 0.18), (-0.045, -0.02), (0.60, 1.24), r=0.012)
    b.box((-0.24, 0.18), (0.015, 0.04), (0.80, 1.24), r=0.012)
    b.box((-0.24, 0.18), (-0.045, 0.04), (1.22, 1.25), r=0.014)
    b.box((-0.245, 0.185), (-0.048, -0.017), (0.68, 0.73), b.main.toned(0.7), r=0.012)


@kind(
    96,
    "bathroom scale",
    rooms={"bathroom": 0.3},
    materials=("plastic",),
    colors=("white", "black", "light blue"),
    sizes=(1.0, 1.2),
    front=0.1,
)
def _bathroom_scale(b: Builder) -> None:
    b.box(0.34, 0.32, (0.0, 0.06), r=0.025)
    b.box(0.12, (-0.01, 0.06), (0.058, 0.064), BLACK_GLASS)
    for x in (-0.09, 0.09):
        b.box((x - 0.05, x + 0.05), (-0.13, -0.02), (0.058, 0.063), BLACK_PLASTIC.toned(3.0))


@kind(97, "toilet paper", where="companion", materials=("paper",), colors=("white",), sizes=(1.1, 1.3))
def _toilet_paper(b: Builder) -> None:
    """Rolls on a stand beside the toilet."""
    b.lathe([(0, 0), (0.09, 0), (0.09, 0.015), (0.012, 0.02), (0.012, 0.50), (0, 0.505)], CHROME)
    for k in range(3):
        b.lathe(
            [(0.02, 0), (0.058, 0), (0.062, 0.01), (0.062, 0.09), (0.058, 0.10), (0.02, 0.10)],
            at=(0, 0, 0.03 + 0.11 * k),
        )
