"""Materials: what a surface is made of, the colours it comes in, and the pattern drawn on it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

Rgb = tuple[float, float, float]

# Patterns evaluated at hit points; the numbers are what `shading.py` switches on.
TEXTURES: Final = {
    name: i
    for i, name in enumerate(
        (
            "plain",
            "wood",
            "planks",
            "tiles",
            "carpet",
            "stripes",
            "dots",
            "leather",
            "weave",
            "marble",
            "books",
            "painting",
            "screen",
            "leaves",
            "bricks",
            "checks",
            "clock",
            "keys",
            "grille",
            "border",
            "sky",
            "dirt",
            "flames",
            "water",
            "photo",
            "clouds",
            "speckles",
            "streaks",
            "plaid",
            "herringbone",
            "zigzag",
            "prints",
            "flowers",
            "poster",
            "street",
        )
    )
}

# sRGB, 0..1. The names are the colour attribute of things, so they stay common words.
COLORS: Final[dict[str, Rgb]] = {
    "white": (0.88, 0.87, 0.84),
    "gray": (0.50, 0.50, 0.51),
    "black": (0.09, 0.09, 0.10),
    "red": (0.70, 0.11, 0.10),
    "dark red": (0.42, 0.07, 0.09),
    "orange": (0.87, 0.43, 0.10),
    "yellow": (0.90, 0.74, 0.18),
    "green": (0.20, 0.48, 0.22),
    "olive green": (0.42, 0.44, 0.20),
    "light green": (0.58, 0.76, 0.50),
    "turquoise": (0.16, 0.58, 0.58),
    "light blue": (0.52, 0.71, 0.86),
    "blue": (0.13, 0.28, 0.62),
    "dark blue": (0.09, 0.13, 0.33),
    "purple": (0.43, 0.20, 0.53),
    "pink": (0.89, 0.56, 0.64),
    "brown": (0.40, 0.25, 0.14),
    "light brown": (0.68, 0.50, 0.31),
    "dark brown": (0.24, 0.14, 0.08),
    "beige": (0.79, 0.71, 0.57),
    "cream": (0.90, 0.85, 0.72),
    "silver": (0.70, 0.71, 0.73),
    "gold": (0.78, 0.61, 0.26),
}


@dataclass(frozen=True, slots=True)
class Material:
    """How one surface looks.

    Parameters
    ----------
    name, color : str
        Words of the caption, e.g. "leather", "red".
    rgb, rgb2 : three floats
        sRGB of the surface and of its pattern.
    texture : str
        A key of `TEXTURES`.
    scale : float
        Metres of one period of the pattern.
    gloss : float
        Strength of highlights, 0 to 1.
    mirror : float
        Share of light that is reflected as by a mirror, 0 to 1.
    glow : float
        Emitted light, in units of a white surface under normal room light.
    """

    name: str
    color: str
    rgb: Rgb
    rgb2: Rgb
    texture: str = "plain"
    scale: float = 0.1
    gloss: float = 0.0
    mirror: float = 0.0
    glow: float = 0.0

    def toned(self, factor: float) -> Material:
        """Return the same material, darker (< 1) or lighter (> 1)."""
        return replace(self, rgb=_tone(self.rgb, factor), rgb2=_tone(self.rgb2, factor))


def _tone(rgb: Rgb, factor: float) -> Rgb:
    r, g, b = (min(max(c * factor, 0.02), 0.95) for c in rgb)
    return r, g, b


def mix(a: Rgb, b: Rgb, t: float) -> Rgb:
    """Blend two colours: a at t = 0, b at t = 1."""
    r, g, bl = (x * (1 - t) + y * t for x, y in zip(a, b, strict=True))
    return r, g, bl


# name: (colours it comes in, texture, period in metres, gloss, mirror)
_FAMILIES: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...], float, float, float]]] = {
    "wood": (
        ("brown", "light brown", "dark brown", "white", "black", "beige"),
        ("wood",),
        0.10,
        0.12,
        0.0,
    ),
    "leather": (
        ("black", "brown", "dark brown", "red", "beige", "white", "dark blue", "dark red"),
        ("leather",),
        0.03,
        0.35,
        0.0,
    ),
    "fabric": (
        (
            "gray",
            "blue",
            "dark blue",
            "light blue",
            "green",
            "olive green",
            "red",
            "orange",
            "yellow",
            "purple",
            "pink",
            "turquoise",
            "beige",
            "brown",
            "white",
            "black",
        ),
        ("weave", "weave", "weave", "checks", "stripes", "dots"),
        0.09,
        0.0,
        0.0,
    ),
    "plush": (("brown", "light brown", "white", "pink", "gray"), ("carpet",), 0.03, 0.0, 0.0),
    "wool": (
        ("red", "blue", "beige", "gray", "green", "dark red", "turquoise", "orange"),
        ("border",),
        0.2,
        0.0,
        0.0,
    ),
    "metal": (("silver", "black", "white", "gold", "gray", "red", "blue"), ("plain",), 0.1, 0.55, 0.06),
    "plastic": (
        ("white", "black", "gray", "red", "blue", "green", "yellow", "orange", "light blue", "turquoise"),
        ("plain",),
        0.1,
        0.30,
        0.0,
    ),
    "ceramic": (
        ("white", "white", "light blue", "beige", "pink", "turquoise", "cream"),
        ("plain",),
        0.1,
        0.6,
        0.04,
    ),
    "glass": (("light blue", "green", "turquoise", "light green", "brown"), ("plain",), 0.1, 0.8, 0.12),
    "stone": (("gray", "white", "black", "beige"), ("marble",), 0.35, 0.35, 0.03),
    "brick": (("red", "brown", "gray"), ("bricks",), 0.22, 0.0, 0.0),
    "wicker": (("light brown", "brown", "beige"), ("checks",), 0.035, 0.0, 0.0),
    "cardboard": (("light brown",), ("plain",), 0.1, 0.0, 0.0),
    "paper": (("white", "cream", "beige"), ("plain",), 0.1, 0.0, 0.0),
    "rubber": (("black", "gray", "blue", "purple", "red", "pink"), ("plain",), 0.1, 0.15, 0.0),
    "leaf": (("green", "olive green", "light green"), ("leaves",), 0.05, 0.05, 0.0),
    "paint": (
        ("cream", "white", "beige", "light blue", "light green", "yellow", "pink"),
        ("plain",),
        0.3,
        0.0,
        0.0,
    ),
}

MATERIALS: Final = tuple(_FAMILIES)


def colors_of(material: str) -> tuple[str, ...]:
    """Return the colours that a material comes in."""
    return tuple(dict.fromkeys(_FAMILIES[material][0]))


def draw(rng: np.random.Generator, material: str, color: str | None = None) -> Material:
    """Make a material, drawing its colour (unless given), shade and pattern.

    Parameters
    ----------
    rng : numpy.random.Generator
    material : str
        One of `MATERIALS`.
    color : str, optional
        A key of `COLORS`.

    Raises
    ------
    ValueError
        If the material or the colour is unknown.
    """
    if material not in _FAMILIES:
        raise ValueError(f"material must be one of {', '.join(_FAMILIES)}, got {material!r}")
    colors, textures, scale, gloss, mirror = _FAMILIES[material]
    color = color or str(rng.choice(colors))
    if color not in COLORS:
        raise ValueError(f"color must be one of {', '.join(COLORS)}, got {color!r}")
    jitter = rng.normal(1.0, 0.05) * rng.normal(1.0, 0.012, 3)
    rgb = _tone(COLORS[color], 1.0)
    r, g, b = (float(np.clip(c * j, 0.02, 0.95)) for c, j in zip(rgb, jitter, strict=True))
    rgb = (r, g, b)
    texture = str(rng.choice(textures))
    other = COLORS[str(rng.choice(("white", "beige", "gray", "dark blue", "cream")))]
    rgb2 = {
        "wood": _tone(rgb, 0.86 if color in ("white", "beige") else 0.74),
        "leather": _tone(rgb, 0.8),
        "weave": _tone(rgb, 0.8),
        "carpet": _tone(rgb, 0.75),
        "checks": mix(rgb, other, 0.45) if material == "fabric" else _tone(rgb, 0.6),
        "stripes": mix(rgb, other, 0.5),
        "dots": mix(rgb, other, 0.6),
        "border": mix(rgb, other, 0.75),
        "marble": mix(rgb, COLORS["gray"], 0.5),
        "bricks": (0.72, 0.70, 0.66),
        "leaves": _tone(rgb, 0.65),
    }.get(texture, _tone(rgb, 0.85))
    return Material(material, color, rgb, rgb2, texture, scale * float(rng.uniform(0.85, 1.2)), gloss, mirror)


def fixed(name: str, rgb: Rgb, texture: str = "plain", rgb2: Rgb | None = None, **looks: float) -> Material:
    """Make a material of a definite look, for parts that never vary (chrome, screens, tyres, flames)."""
    return Material(name, "", rgb, rgb2 or _tone(rgb, 0.8), texture, **looks)


CHROME: Final = fixed("metal", (0.75, 0.76, 0.78), gloss=0.8, mirror=0.25)
STEEL: Final = fixed("metal", (0.62, 0.63, 0.65), gloss=0.5, mirror=0.06)
DARK_METAL: Final = fixed("metal", (0.16, 0.16, 0.17), gloss=0.4)
BLACK_PLASTIC: Final = fixed("plastic", (0.07, 0.07, 0.08), gloss=0.3)
WHITE_PLASTIC: Final = fixed("plastic", (0.88, 0.88, 0.87), gloss=0.3)
GRAY_PLASTIC: Final = fixed("plastic", (0.45, 0.46, 0.48), gloss=0.3)
WHITE_CERAMIC: Final = fixed("ceramic", (0.92, 0.92, 0.91), gloss=0.6, mirror=0.04)
BLACK_GLASS: Final = fixed("glass", (0.04, 0.04, 0.05), gloss=0.9, mirror=0.16)
RUBBER: Final = fixed("rubber", (0.06, 0.06, 0.06), gloss=0.05)
WHITE_CLOTH: Final = fixed("fabric", (0.88, 0.87, 0.84), "weave", scale=0.06)
SOIL: Final = fixed("soil", (0.20, 0.13, 0.08), "dirt", scale=0.02)
MIRROR: Final = fixed("glass", (0.80, 0.85, 0.86), gloss=0.2, mirror=0.85)
PAPER: Final = fixed("paper", (0.90, 0.89, 0.85))
BULB: Final = fixed("glass", (1.0, 0.93, 0.78), glow=2.2)
