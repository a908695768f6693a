"""Another look for walls, floors, ceilings, doors and windows: paint, wallpaper, any floor, any view."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from .builder import Part
from .kinds import STRUCTURE
from .materials import COLORS, Material, Rgb, fixed, mix
from .palette import PERIODS, any_material, any_rgb, free, second, toned_like
from .structure import Element
from .variation import Variation

WALLS: Final = (
    *("plain", "plain", "plain", "plain", "clouds", "clouds", "stripes", "dots", "prints", "flowers"),
    *("plaid", "zigzag", "bricks", "tiles", "wood", "streaks", "speckles", "herringbone"),
)
FLOORS: Final = (
    *("planks", "planks", "planks", "tiles", "tiles", "carpet", "carpet", "herringbone", "marble"),
    *("speckles", "clouds", "plain", "checks", "prints", "streaks", "plaid"),
)
ACCENT: Final = 0.15  # share of walls that differ from the others of their room
VIEWS: Final = ("sky", "photo", "street", "haze", "haze", "poster")


def restyle_structure(
    elements: Sequence[Element], rng: np.random.Generator, variation: Variation
) -> list[Element]:
    """Draw another look for the structure of a scene, one for each room.

    Parameters
    ----------
    elements : sequence of Element
    rng : numpy.random.Generator
    variation : Variation
        `rooms` counts: the share of what is dressed anew.
    """
    looks: dict[tuple[object, ...], tuple[Material, Material]] = {}
    skirting, view = any_material(rng, fixed("wood", (0.85, 0.84, 0.80))), _view(rng)

    def dressed(element: Element, part: Part, accent: int) -> Part:
        base = part.material
        if base.glow == 0 and not (free(base) and (element.kind in ROOM_WIDE or base.name == "wood")):
            return part
        room = element.room if element.kind in ROOM_WIDE else -1
        key = (element.kind, room, accent, base.name, base.color)
        if key not in looks:
            if base.glow > 0:
                new = replace(base, texture=view.texture, rgb=view.rgb, rgb2=view.rgb2)
            elif element.kind == STRUCTURE["wall"] and base.name == "wood":
                new = skirting
            else:
                new = _DRAWN[element.kind](rng, base)
            looks[key] = base, new if rng.random() < variation.rooms else base
        return replace(part, material=toned_like(base, *looks[key]))

    dressed_elements = []
    for number, element in enumerate(elements):
        alone = element.kind == STRUCTURE["wall"] and rng.random() < ACCENT * variation.rooms
        parts = tuple(dressed(element, p, number if alone else -1) for p in element.parts)
        dressed_elements.append(replace(element, parts=parts, attributes=_words(element, parts)))
    return dressed_elements


ROOM_WIDE: Final = (STRUCTURE["wall"], STRUCTURE["floor"], STRUCTURE["ceiling"])


def _words(element: Element, parts: tuple[Part, ...]) -> dict[str, str] | None:
    """The words of an element, with the colour that its main parts have now."""
    words = element.attributes
    if words is None:
        return None
    pairs = [(a.material, b.material) for a, b in zip(element.parts, parts, strict=True)]
    wooden = [(old, new) for old, new in pairs if old.name == "wood" and new.color]
    main = [new.color for old, new in wooden if old.color] or [new.color for _, new in wooden]
    return {**words, "color": main[0]} if main else words


def _wall(rng: np.random.Generator, base: Material) -> Material:
    rgb = any_rgb(rng, ("white", "cream", "beige", "gray", "light blue", "light green"))
    pale = rng.random()
    if pale < 0.75:  # most walls are pale, some strong, some dark
        rgb = mix(rgb, COLORS["white"], float(rng.uniform(0.35, 0.95)))
    texture = str(rng.choice(WALLS))
    return _surface(rng, base, rgb, texture, 0.1 * float(rng.random() < 0.3))


def _floor(rng: np.random.Generator, base: Material) -> Material:
    texture = str(rng.choice(FLOORS))
    woods = ("brown", "light brown", "dark brown", "beige", "gray")
    rgb = any_rgb(rng, woods if texture in ("planks", "herringbone") else ("gray", "beige", "blue", "white"))
    return _surface(rng, base, rgb, texture, float(rng.uniform(0.0, 0.4)) * (texture != "carpet"))


def _ceiling(rng: np.random.Generator, base: Material) -> Material:
    rgb = mix(any_rgb(rng, ("white", "gray")), COLORS["white"], float(rng.uniform(0.5, 1.0)))
    texture = str(rng.choice(["plain", "plain", "plain", "clouds", "tiles", "planks", "speckles"]))
    return _surface(rng, base, rgb, texture, 0.0)


def _surface(rng: np.random.Generator, base: Material, rgb: Rgb, texture: str, gloss: float) -> Material:
    scale = PERIODS.get(texture, 0.2) * float(np.exp(rng.uniform(-0.5, 0.9)))
    rgb2 = second(rng, rgb, texture)
    if texture in ("plain", "clouds"):
        rgb2 = mix(rgb, rgb2, float(rng.uniform(0.1, 0.6)))
    return replace(base, rgb=rgb, rgb2=rgb2, texture=texture, scale=scale, gloss=gloss, mirror=0.05 * gloss)


def _view(rng: np.random.Generator) -> Material:
    """What is seen through the windows: landscapes, streets, or nothing but light."""
    texture = str(rng.choice(VIEWS))
    if texture == "haze":
        rgb = mix(any_rgb(rng), COLORS["white"], 0.8)
        return fixed("glass", rgb, "plain", rgb)
    return fixed("glass", (0.6, 0.75, 0.9), texture)


_DRAWN: Final = {
    STRUCTURE["wall"]: _wall,
    STRUCTURE["floor"]: _floor,
    STRUCTURE["ceiling"]: _ceiling,
    STRUCTURE["door"]: any_material,
    STRUCTURE["window"]: any_material,
}
