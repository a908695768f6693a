"""What hangs on walls and lies on floors."""

from __future__ import annotations

import numpy as np

from ..builder import Builder
from ..kinds import kind
from ..materials import (
    BLACK_PLASTIC,
    CHROME,
    MIRROR,
    fixed,
)

EVERYWHERE = ("living", "bedroom", "study", "kitchen", "hall")


@kind(
    132,
    "picture",
    rooms={k: 0.8 for k in EVERYWHERE},
    where="hung",
    materials=("wood", "metal"),
    most=2,
    sizes=(0.85, 1.25),
)
def _picture(b: Builder) -> None:
    w, h = (b.uniform(0.65, 0.9), b.uniform(0.5, 0.6)) if b.chance(0.6) else (0.5, 0.7)
    z = 1.55
    for x in (-w / 2, w / 2):
        b.box((x - 0.022, x + 0.022), (-0.02, 0.02), (z - h / 2 - 0.022, z + h / 2 + 0.022))
    for y in (z - h / 2, z + h / 2):
        b.box(w - 0.044, (-0.02, 0.02), (y - 0.022, y + 0.022))
    art = str(b.rng.choice(["painting", "painting", "photo"]))
    b.box(
        w - 0.04,
        (-0.008, 0.02),
        (z - h / 2 + 0.02, z + h / 2 - 0.02),
        fixed("canvas", (0.6, 0.5, 0.4), art, scale=1.0),
    )


@kind(
    133,
    "mirror",
    rooms={"hall": 0.5, "bedroom": 0.3},
    where="hung",
    materials=("wood", "metal"),
    sizes=(0.95, 1.1),
)
def _mirror(b: Builder) -> None:
    if b.chance(0.4):
        b.lathe(
            [(0, 0.0), (0.34, 0.0), (0.34, 0.035), (0.31, 0.04), (0.30, 0.02)], at=(0, 0.02, 1.52), tilt=90
        )
        b.lathe([(0, 0.025), (0.31, 0.025)][::-1], MIRROR, at=(0, 0.02, 1.52), tilt=90)
        return
    w, h, z = 0.56, 0.76, 1.52
    b.box(w, (-0.012, 0.02), (z - h / 2, z + h / 2), r=0.012)
    b.box(w - 0.08, (-0.016, -0.012), (z - h / 2 + 0.04, z + h / 2 - 0.04), MIRROR)


@kind(
    134,
    "rug",
    rooms={"living": 0.8, "bedroom": 0.6, "study": 0.4, "hall": 0.3, "bathroom": 0.3},
    where="flat",
    materials=("wool",),
    sizes=(0.85, 1.1),
)
def _rug(b: Builder) -> None:
    if b.chance(0.25):
        b.lathe([(0, 0), (0.8, 0), (0.8, 0.012), (0, 0.012)])
        return
    w, d = b.uniform(1.3, 2.1), b.uniform(0.9, 1.4)
    b.box(w, d, (0, 0.012))


@kind(135, "curtain", where="companion", materials=("fabric",), sizes=(1.0, 1.0))
def _curtain(b: Builder) -> None:
    """One of the pair beside a window; `layout.py` asks for it."""
    for x in np.linspace(-0.17, 0.17, 6):
        b.rod((x, 0.0, 0.05), (x, 0.0, 2.25), 0.042, b.main.toned(b.uniform(0.93, 1.05)))
    b.box(0.40, (-0.012, 0.02), (0.05, 2.25), b.main.toned(0.9))
    b.rod((-0.24, 0, 2.27), (0.24, 0, 2.27), 0.016, CHROME)


@kind(
    136,
    "clock",
    rooms={"kitchen": 0.6, "living": 0.35, "study": 0.4, "hall": 0.2},
    where="hung",
    materials=("metal", "wood", "plastic"),
    sizes=(0.9, 1.2),
)
def _clock(b: Builder) -> None:
    z = 1.8
    b.lathe(
        [(0, 0), (0.19, 0), (0.20, 0.01), (0.20, 0.045), (0.175, 0.05), (0.17, 0.02)],
        at=(0, 0.025, z),
        tilt=90,
    )
    b.lathe(
        [(0, 0.024), (0.172, 0.024)][::-1],
        fixed("paper", (0.93, 0.92, 0.88), "clock", scale=1.0),
        at=(0, 0.025, z),
        tilt=90,
    )
    for a, length, w in ((b.uniform(0, 6.28), 0.085, 0.010), (b.uniform(0, 6.28), 0.13, 0.007)):
        b.rod((0, -0.006, z), (length * np.sin(a), -0.006, z + length * np.cos(a)), w, BLACK_PLASTIC)


@kind(146, "whiteboard", rooms={"study": 0.4}, where="hung", materials=("metal",), colors=("silver", "black"))
def _whiteboard(b: Builder) -> None:
    b.box(1.20, (-0.012, 0.02), (1.05, 1.85), r=0.008)
    b.box(1.14, (-0.016, -0.012), (1.08, 1.82), fixed("enamel", (0.94, 0.94, 0.94), gloss=0.3))
    b.box(0.50, (-0.07, -0.01), (1.02, 1.05))
    ink = ((0.1, 0.2, 0.7), (0.75, 0.1, 0.1), (0.1, 0.1, 0.1))
    for k in range(4):
        z, x0 = 1.70 - 0.14 * k, -0.48
        t = np.linspace(0, b.uniform(0.5, 0.9), 50)
        b.tube([(x0 + a, -0.017, z + 0.025 * np.sin(40 * a + k)) for a in t], 0.007, fixed("ink", ink[k % 3]))
