"""Materials drawn from all there are, for varied scenes: any colour, any pattern, and the word for it."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from .materials import COLORS, MATERIALS, Material, Rgb, colors_of, mix
from .scene import linear

# Patterns that one kind of surface may have instead of another. What shows something definite (books, a
# screen, a keyboard) is in none of them and stays.
SOFT: Final = (
    *("weave", "weave", "checks", "stripes", "dots", "carpet", "plain", "clouds", "plaid", "herringbone"),
    *("zigzag", "prints", "flowers", "speckles", "border", "leather"),
)
HARD: Final = ("plain", "plain", "plain", "streaks", "clouds", "speckles", "marble", "wood", "prints")
WOODEN: Final = ("wood", "wood", "wood", "plain", "plain", "streaks", "clouds", "checks", "marble")
_SOFT_MATERIALS: Final = ("fabric", "plush", "wool", "leather")
_FREE: Final = frozenset((*SOFT, *HARD, *WOODEN, "tiles", "planks", "bricks", "leaves"))
PERIODS: Final[Mapping[str, float]] = {  # metres of one period, where a pattern is new to a surface
    "weave": 0.08, "checks": 0.1, "stripes": 0.08, "dots": 0.08, "carpet": 0.02, "clouds": 0.25,
    "plaid": 0.12, "herringbone": 0.06, "zigzag": 0.1, "prints": 0.15, "flowers": 0.14, "speckles": 0.12,
    "border": 0.2, "leather": 0.03, "streaks": 0.3, "marble": 0.35, "wood": 0.1, "bricks": 0.22,
    "tiles": 0.25, "planks": 0.14, "poster": 1.0,
}  # fmt: skip


def free(material: Material) -> bool:
    """Whether a material's pattern may be exchanged: it shows nothing definite and does not shine."""
    return material.texture in _FREE and material.glow == 0


def any_rgb(rng: np.random.Generator, words: Iterable[str] = ()) -> Rgb:
    """Draw a colour: of the given words, of all words, or any hue at all."""
    choice, known = rng.random(), tuple(words)
    if choice < 0.4 and known:
        rgb = COLORS[str(rng.choice(known))]
    elif choice < 0.65:
        rgb = COLORS[str(rng.choice(list(COLORS)))]
    else:
        rgb = colorsys.hsv_to_rgb(rng.random(), rng.beta(1.6, 1.8), rng.uniform(0.06, 0.95))
    jitter = np.exp(rng.normal(0.0, 0.12) + rng.normal(0.0, 0.04, 3))
    r, g, b = (float(np.clip(c * j, 0.03, 0.95)) for c, j in zip(rgb, jitter, strict=True))
    return r, g, b


def word_for(rgb: Rgb) -> str:
    """The word of `COLORS` that is nearest to an sRGB colour, by distance in CIELAB."""
    names, lab = _words()
    return names[int(np.argmin(np.linalg.norm(lab - _lab(np.array([rgb])), axis=1)))]


def any_material(rng: np.random.Generator, base: Material) -> Material:
    """Draw another look for a material of the same name: its colour word is true to its new colour."""
    rgb = any_rgb(rng, colors_of(base.name) if base.name in MATERIALS else ())
    soft = base.name in _SOFT_MATERIALS
    patterns = SOFT if soft else WOODEN if base.name == "wood" else HARD
    texture = str(rng.choice(patterns)) if rng.random() < 0.6 else base.texture
    period = PERIODS.get(texture, base.scale) if texture != base.texture else base.scale
    return replace(
        base,
        color=word_for(rgb),
        rgb=rgb,
        rgb2=second(rng, rgb, texture),
        texture=texture,
        scale=period * float(np.exp(rng.uniform(-0.7, 0.7))),
        gloss=float(np.clip(base.gloss * rng.uniform(0.3, 1.7) + 0.1 * rng.random(), 0, 1)),
        mirror=float(base.mirror * rng.uniform(0.3, 1.6)),
    )


def second(rng: np.random.Generator, rgb: Rgb, texture: str) -> Rgb:
    """Draw the colour of the pattern on a colour: another tone of it, or another colour, which it leads."""
    if texture in ("wood", "leather", "weave", "carpet", "streaks", "clouds", "planks") or rng.random() < 0.3:
        f = float(rng.uniform(0.55, 0.92) if sum(rgb) > 0.6 else rng.uniform(1.15, 1.9))
        r, g, b = (float(np.clip(c * f, 0.02, 0.95)) for c in rgb)
        return r, g, b
    return mix(rgb, any_rgb(rng), float(rng.uniform(0.3, 0.65)))


def toned_like(material: Material, base: Material, new: Material) -> Material:
    """Take over a new look for a tone of its base: it stays as much darker or lighter as it was."""
    factor = float(np.clip(sum(material.rgb) / max(sum(base.rgb), 0.05), 0.5, 1.8))
    if material.texture != base.texture:  # it has a pattern of its own
        return replace(material, color=new.color, rgb=new.toned(factor).rgb, rgb2=new.toned(0.7 * factor).rgb)
    return new.toned(factor) if abs(factor - 1) > 0.01 else new


@lru_cache(maxsize=1)
def _words() -> tuple[tuple[str, ...], npt.NDArray[np.float64]]:
    return tuple(COLORS), _lab(np.array(list(COLORS.values())))


def _lab(srgb: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """CIELAB of sRGB colours (n, 3), white point D65 (IEC 61966-2-1, CIE 15)."""
    m = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = linear(srgb) @ m.T / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], 1)
