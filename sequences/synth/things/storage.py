"""Things that hold other things."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..builder import Builder
from ..kinds import Companion, kind
from ..materials import BLACK_PLASTIC, CHROME, DARK_METAL, RUBBER, draw, fixed


def drawers(
    b: Builder, width: float, front: float, z0: float, z1: float, rows: int, columns: int = 1
) -> None:
    """Drawer fronts with a handle each on a front plane y = `front`."""
    height, span = (z1 - z0) / rows, width / columns
    for row in range(rows):
        for column in range(columns):
            x, z = -width / 2 + span * (column + 0.5), z0 + height * row
            b.box(
                (x - span / 2 + 0.01, x + span / 2 - 0.01),
                (front - 0.015, front),
                (z + 0.01, z + height - 0.01),
                b.main.toned(1.12),
            )
            b.box(
                (x - 0.06, x + 0.06),
                (front - 0.04, front - 0.015),
                (z + height / 2, z + height / 2 + 0.018),
                DARK_METAL,
            )


@kind(50, "wardrobe", rooms={"bedroom": 1.0, "hall": 0.3}, sizes=(0.95, 1.05), front=0.6)
def _wardrobe(b: Builder) -> None:
    doors = int(b.rng.integers(2, 4))
    w = 0.5 * doors
    b.box(w, (-0.28, 0.28), (0.06, 2.0))
    b.box(w - 0.04, (-0.24, 0.26), (0, 0.06), DARK_METAL)
    b.box(w + 0.06, (-0.31, 0.28), (2.0, 2.05))
    for k in range(doors):
        x = -w / 2 + 0.5 * (k + 0.5)
        b.box((x - 0.24, x + 0.24), (-0.30, -0.28), (0.10, 1.96), b.main.toned(1.1), r=0.006)
        b.box((x - 0.17, x + 0.17), (-0.308, -0.30), (1.08, 1.86), b.main.toned(0.95))
        b.box((x - 0.17, x + 0.17), (-0.308, -0.30), (0.20, 0.92), b.main.toned(0.95))
        handle = x + (0.20 if k % 2 == 0 else -0.20)
        b.rod((handle, -0.33, 0.92), (handle, -0.33, 1.10), 0.012, CHROME)


@kind(51, "bookshelf", rooms={"study": 1.0, "living": 0.6, "bedroom": 0.25}, sizes=(0.9, 1.08), most=2)
def _bookshelf(b: Builder) -> None:
    w, h, n = b.uniform(0.75, 1.0), b.uniform(1.5, 1.95), 5
    for x in (-w / 2, w / 2 - 0.03):
        b.box((x, x + 0.03), (-0.15, 0.15), (0, h))
    b.box(w, (0.135, 0.15), (0, h), b.main.toned(0.85))
    pitch = (h - 0.1) / n
    for k in range(n + 1):
        b.box(w - 0.06, (-0.15, 0.135), (0.06 + k * pitch - 0.03, 0.06 + k * pitch))
    for k in range(n):
        z, x, end = 0.06 + k * pitch, -w / 2 + 0.04, w / 2 - 0.04
        if b.chance(0.15):  # a box instead of books
            b.box((x + 0.08, end - 0.08), (-0.12, 0.10), (z, z + 0.6 * pitch), draw(b.rng, "fabric"), r=0.02)
            continue
        end -= b.uniform(0, 0.25)
        while x < end - 0.12:  # runs of books of one height
            run = min(b.uniform(0.14, 0.3), end - x)
            books = fixed("paper", (0.5, 0.3, 0.2), "books", scale=0.032)
            b.box(
                (x, x + run), (b.uniform(-0.13, -0.10), 0.10), (z, z + pitch * b.uniform(0.66, 0.86)), books
            )
            x += run + 0.004


@kind(52, "dresser", rooms={"bedroom": 0.6, "hall": 0.3, "living": 0.15}, front=0.5)
def _dresser(b: Builder) -> None:
    w = b.uniform(0.8, 1.2)
    b.box(w, (-0.22, 0.22), (0.06, 0.80))
    b.box(w + 0.04, (-0.24, 0.22), (0.80, 0.83), r=0.008)
    b.box(w - 0.06, (-0.19, 0.20), (0, 0.06), DARK_METAL)
    drawers(b, w - 0.02, -0.22, 0.08, 0.79, 3, 2)
    b.support(w - 0.1, 0.34, 0.83)


@kind(53, "tv stand", rooms={}, where="companion", sizes=(0.95, 1.08))
def _tv_stand(b: Builder) -> None:
    w = b.uniform(1.2, 1.6)
    b.box(w, (-0.20, 0.20), (0.42, 0.46))
    b.box(w, (-0.20, 0.20), (0.06, 0.10))
    b.box(w, (0.17, 0.20), (0.10, 0.42), b.main.toned(0.7))
    for x in (-w / 2 + 0.02, -w / 6, w / 6, w / 2 - 0.02):
        b.box((x - 0.02, x + 0.02), (-0.20, 0.18), (0.10, 0.42))
    b.legs(w - 0.1, 0.32, 0.06, 0.02, DARK_METAL)
    for x in (-w / 3, w / 3):
        b.box((x - w / 6 + 0.03, x + w / 6 - 0.03), (-0.215, -0.20), (0.11, 0.41), b.main.toned(1.12))
        b.ball((x, -0.225, 0.26), 0.014, CHROME)
    b.box(0.30, (-0.14, 0.10), (0.10, 0.16), BLACK_PLASTIC)
    b.support(w - 0.05, 0.34, 0.46, 0.9)


@kind(54, "shoe rack", rooms={"hall": 0.6}, materials=("wood", "metal"))
def _shoe_rack(b: Builder) -> None:
    for x in (-0.37, 0.37):
        b.box((x - 0.015, x + 0.015), 0.30, (0, 0.52))
    for z in (0.12, 0.32, 0.50):
        for y in np.linspace(-0.13, 0.13, 4):
            b.rod((-0.37, y, z), (0.37, y, z), 0.012)
    for z in (0.13, 0.33):
        for x in (-0.26, -0.02, 0.22):
            if b.chance(0.75):
                shoes = draw(b.rng, "leather")
                for dx in (-0.05, 0.05):
                    b.ball((x + dx, -0.02, z + 0.045), (0.042, 0.13, 0.045), shoes)
                    b.ball((x + dx, 0.06, z + 0.075), (0.035, 0.055, 0.045), shoes)


@kind(55, "coat rack", rooms={"hall": 0.7}, where="corner", materials=("wood", "metal"), sizes=(0.95, 1.05))
def _coat_rack(b: Builder) -> None:
    b.rod((0, 0, 0.03), (0, 0, 1.75), 0.022)
    b.ball((0, 0, 1.77), 0.035)
    for k, a in enumerate(np.radians(np.arange(0, 360, 60))):
        c, s = np.cos(a), np.sin(a)
        b.tube([(0, 0, 1.55), (0.10 * c, 0.10 * s, 1.56), (0.17 * c, 0.17 * s, 1.66)], 0.012)
        if k % 2 == 0:
            b.rod((0, 0, 0.12), (0.26 * c, 0.26 * s, 0.012), 0.016)
    for a in b.rng.uniform(0, 2 * np.pi, 2):
        coat = draw(b.rng, "fabric")
        x, y = 0.15 * np.cos(a), 0.15 * np.sin(a)
        b.lathe(
            [(0, 0.72), (0.13, 0.74), (0.12, 1.05), (0.10, 1.38), (0.05, 1.54), (0, 1.56)], coat, at=(x, y, 0)
        )


@kind(56, "filing cabinet", rooms={"study": 0.5}, materials=("metal",), front=0.5)
def _filing_cabinet(b: Builder) -> None:
    rows = int(b.rng.integers(2, 5))
    b.box(0.44, (-0.28, 0.28), (0, 0.33 * rows + 0.03), r=0.006)
    drawers(b, 0.43, -0.28, 0.02, 0.33 * rows + 0.01, rows)
    if rows < 4:
        b.support(0.36, 0.45, 0.33 * rows + 0.03)


@kind(57, "wall shelf", rooms={"living": 0.3, "study": 0.4, "bedroom": 0.3, "kitchen": 0.25}, where="hung")
def _wall_shelf(b: Builder) -> None:
    w = b.uniform(0.7, 1.0)
    b.box(w, 0.24, (1.46, 1.495))
    for x in (-w / 3, w / 3):
        b.box((x - 0.015, x + 0.015), (-0.08, 0.12), (1.36, 1.46), DARK_METAL)
    books = fixed("paper", (0.5, 0.3, 0.2), "books", scale=0.032)
    b.box((-w / 2 + 0.05, w * 0.1), (-0.09, 0.09), (1.495, 1.495 + b.uniform(0.20, 0.25)), books)
    b.lathe(
        [(0, 0), (0.05, 0), (0.07, 0.08), (0.04, 0.15), (0.05, 0.17)],
        draw(b.rng, "ceramic"),
        at=(0.3 * w, 0, 1.495),
    )


@kind(
    58,
    "box",
    rooms={"study": 0.3, "hall": 0.25, "bedroom": 0.2},
    where="corner",
    materials=("cardboard",),
    sizes=(0.85, 1.2),
)
def _box(b: Builder) -> None:
    w, d, h = b.uniform(0.38, 0.5), b.uniform(0.32, 0.42), b.uniform(0.26, 0.36)
    b.box(w, d, (0, h))
    b.box(w + 0.004, 0.05, (0, h + 0.002), b.main.toned(1.25))  # the tape
    if b.chance(0.5):
        b.box(w * 0.8, (-d * 0.4, d * 0.4), (h, h + 0.22), b.main.toned(0.92))
        b.box(w * 0.8 + 0.004, 0.05, (h, h + 0.222), b.main.toned(1.2))


@kind(
    59,
    "basket",
    rooms={"living": 0.25, "bedroom": 0.25, "bathroom": 0.3},
    where="corner",
    materials=("wicker",),
)
def _basket(b: Builder) -> None:
    b.lathe(
        [(0, 0), (0.19, 0), (0.25, 0.30), (0.26, 0.33), (0.24, 0.335), (0.23, 0.30), (0.18, 0.03), (0, 0.03)]
    )
    for s in (-1, 1):
        t = np.linspace(0, np.pi, 9)
        b.tube([(s * 0.25, 0.08 * np.cos(a), 0.33 + 0.08 * np.sin(a)) for a in t], 0.012)
    for _ in range(3):
        x, y = b.rng.uniform(-0.08, 0.08, 2)
        b.ball((x, y, 0.25), (0.12, 0.10, 0.08), draw(b.rng, "fabric"))


@kind(60, "suitcase", rooms={"bedroom": 0.35, "hall": 0.3}, materials=("plastic", "fabric", "leather"))
def _suitcase(b: Builder) -> None:
    b.box(0.44, 0.26, (0.05, 0.68), r=0.05)
    for x in np.linspace(-0.15, 0.15, 4):
        b.box((x - 0.012, x + 0.012), 0.27, (0.10, 0.63), b.main.toned(0.8), r=0.006)
    for x in (-0.16, 0.16):
        for y in (-0.09, 0.09):
            b.ball((x, y, 0.028), 0.028, RUBBER)
    for x in (-0.11, 0.11):
        b.rod((x, 0.09, 0.66), (x, 0.09, 0.98), 0.011, CHROME)
    b.capsule((-0.11, 0.09, 0.98), (0.11, 0.09, 0.98), 0.018, BLACK_PLASTIC)


@kind(
    61,
    "laundry basket",
    rooms={"bathroom": 0.5, "bedroom": 0.2},
    where="corner",
    materials=("plastic", "wicker"),
)
def _laundry_basket(b: Builder) -> None:
    wall = replace(b.main, texture="grille", scale=0.05, rgb2=b.main.toned(0.35).rgb)
    b.lathe([(0, 0), (0.19, 0), (0.23, 0.50), (0.24, 0.54), (0.22, 0.54), (0.20, 0.42), (0, 0.42)], wall)
    for _ in range(4):
        x, y = b.rng.uniform(-0.09, 0.09, 2)
        b.ball((x, y, 0.48), (0.13, 0.10, 0.09), draw(b.rng, "fabric"))


@kind(62, "clothes rack", rooms={"bedroom": 0.3}, materials=("metal",), front=0.4)
def _clothes_rack(b: Builder) -> None:
    for x in (-0.55, 0.55):
        b.rod((x, -0.22, 0.02), (x, 0.22, 0.02), 0.018)
        b.rod((x, 0, 0.02), (x, 0, 1.55), 0.018)
    b.rod((-0.58, 0, 1.55), (0.58, 0, 1.55), 0.018)
    b.rod((-0.55, 0, 0.18), (0.55, 0, 0.18), 0.014)
    for x in np.linspace(-0.46, 0.46, 8):
        if b.chance(0.9):
            cloth = draw(b.rng, "fabric")
            low = b.uniform(0.55, 0.85)
            b.box((x - 0.03, x + 0.03), 0.42, (low, 1.44), cloth, r=0.028)
            b.tube([(x, 0, 1.44), (x, 0, 1.52), (x, 0.02, 1.57)], 0.006, DARK_METAL)


@kind(
    63,
    "sideboard",
    rooms={"living": 0.4, "kitchen": 0.15},
    front=0.5,
    companions=(Companion("picture", "above", probability=0.5),),
)
def _sideboard(b: Builder) -> None:
    w = b.uniform(1.2, 1.6)
    b.legs(w - 0.1, 0.34, 0.16, 0.022)
    b.box(w, (-0.21, 0.21), (0.15, 0.76), r=0.01)
    for k in range(3):
        x = w * (k - 1) / 3
        b.box((x - w / 6 + 0.01, x + w / 6 - 0.01), (-0.225, -0.21), (0.18, 0.73), b.main.toned(1.12))
        b.ball((x + w / 8, -0.235, 0.50), 0.017, CHROME)
    b.support(w - 0.1, 0.34, 0.76)


@kind(64, "display cabinet", rooms={"living": 0.25}, front=0.5)
def _display_cabinet(b: Builder) -> None:
    glass = fixed("glass", (0.42, 0.50, 0.52), gloss=0.8, mirror=0.15)
    b.box(0.9, (-0.20, 0.20), (0, 1.80))
    b.box(0.96, (-0.23, 0.20), (1.80, 1.86), r=0.01)
    for x in (-0.22, 0.22):
        b.box((x - 0.17, x + 0.17), (-0.206, -0.20), (0.75, 1.74), glass)
        for z in (1.07, 1.40):
            b.box((x - 0.17, x + 0.17), (-0.212, -0.20), (z, z + 0.02))
        b.box((x - 0.20, x + 0.20), (-0.215, -0.20), (0.06, 0.66), b.main.toned(1.1))
        b.ball((x * 0.2, -0.22, 0.45), 0.016, CHROME)


@kind(65, "safe", rooms={"study": 0.15}, materials=("metal",), colors=("gray", "black"))
def _safe(b: Builder) -> None:
    b.box(0.46, 0.44, (0.02, 0.56), r=0.015)
    b.box(0.38, (-0.235, -0.22), (0.08, 0.50), b.main.toned(1.3), r=0.007)
    b.rod((-0.06, -0.235, 0.32), (-0.06, -0.27, 0.32), 0.055, CHROME)
    for a in np.radians([90, 210, 330]):
        b.rod((0.10, -0.27, 0.24), (0.10 + 0.08 * np.cos(a), -0.27, 0.24 + 0.08 * np.sin(a)), 0.010, CHROME)
    b.rod((0.10, -0.235, 0.24), (0.10, -0.28, 0.24), 0.025, CHROME)
