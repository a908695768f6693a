"""The registry of kinds: one decorated function is all that a new kind of thing takes.

>>> @kind(240, "hat stand", rooms={"hall": 0.5}, materials=("wood",))
... def _hat_stand(b: Builder) -> None:
...     b.rod((0, 0, 0), (0, 0, 1.7), 0.02)

Its number is the id in label images and never changes or moves to another kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Final, Literal

import numpy as np

from . import things
from .builder import Builder, Part, Support
from .materials import COLORS, MATERIALS, colors_of, draw
from .shapes import Floats

STRUCTURE: Final = {"wall": 1, "floor": 2, "ceiling": 3, "door": 4, "window": 5}

Where = Literal["wall", "corner", "free", "hung", "ceiling", "top", "flat", "companion"]
How = Literal["around", "front", "beside", "opposite", "above", "seat"]


@dataclass(frozen=True, slots=True)
class Companion:
    """A thing that comes with another one.

    Parameters
    ----------
    label : str
        Its kind.
    how : str
        "around" the four sides and looking inwards, "front" of it and looking back, "beside" it,
        "opposite" at the facing wall, "above" it on the wall, on its "seat" (a support).
    count : int
        At most this many.
    probability : float
        Of each of them.
    gap : float
        Metres between the two; negative tucks a chair under a table.
    """

    label: str
    how: How
    count: int = 1
    probability: float = 1.0
    gap: float = 0.1


@dataclass(frozen=True, slots=True)
class Kind:
    """What is known of a kind before one is built; see `kind`."""

    id: int
    label: str
    draw: Callable[[Builder], None]
    rooms: Mapping[str, float]
    where: Where
    on: tuple[str, ...]
    materials: tuple[str, ...]
    colors: tuple[str, ...]
    sizes: tuple[float, float]
    front: float
    most: int
    row: bool
    companions: tuple[Companion, ...]


@dataclass(frozen=True, slots=True)
class Thing:
    """One built thing, in its own coordinates (see `Builder`), metres.

    Parameters
    ----------
    kind : Kind
    attributes : dict
        color, material and size, each a word.
    caption : str
    parts : tuple of Part
    supports : tuple of Support
    low, high : (3,) float64
        Its bounds.
    """

    kind: Kind
    attributes: dict[str, str]
    caption: str
    parts: tuple[Part, ...]
    supports: tuple[Support, ...]
    low: Floats = field(repr=False)
    high: Floats = field(repr=False)


_KINDS: dict[str, Kind] = {}


def kind(
    id: int,
    label: str,
    *,
    rooms: Mapping[str, float] | None = None,
    where: Where = "wall",
    on: tuple[str, ...] = (),
    materials: tuple[str, ...] = ("wood",),
    colors: tuple[str, ...] = (),
    sizes: tuple[float, float] = (0.9, 1.1),
    front: float = 0.3,
    most: int = 1,
    row: bool = False,
    companions: tuple[Companion, ...] = (),
) -> Callable[[Callable[[Builder], None]], Callable[[Builder], None]]:
    """Register a function that draws a kind of thing.

    Parameters
    ----------
    id : int
        Label id, 10 to 65535, unique for ever.
    label : str
        Unique name.
    rooms : mapping, optional
        Room type to the chance that such a room holds one; 1 for what makes the room what it is.
    where : str
        "wall": back to a wall; "corner"; "free": in the middle; "hung" on a wall; "ceiling"; "top": on a
        support of one of the kinds `on`; "flat": lies on the floor and may be stood upon; "companion": only
        with others.
    on : tuple of str
        For "top".
    materials, colors : tuples of str
        What the main material is drawn from; all colours of the material by default.
    sizes : (float, float)
        Range of the uniform scale.
    front : float
        Metres that must stay free before it.
    most : int
        Most of them in one room.
    row : bool
        Stands flush with its like, as in a kitchen.
    companions : tuple of Companion

    Raises
    ------
    ValueError
        If the id or the label is taken or a material or colour is unknown.
    """

    def register(function: Callable[[Builder], None]) -> Callable[[Builder], None]:
        taken = {k.id: k.label for k in _KINDS.values()} | {i: name for name, i in STRUCTURE.items()}
        if id in taken or id < 10 or id > 65535:
            raise ValueError(
                f"id of kind {label!r} must be free and in 10..65535, got {id} ({taken.get(id)})"
            )
        if label in _KINDS or label in STRUCTURE:
            raise ValueError(f"label of a kind must be unique, got {label!r} twice")
        if unknown := [m for m in materials if m not in MATERIALS] + [c for c in colors if c not in COLORS]:
            raise ValueError(f"kind {label!r} names unknown materials or colors: {unknown}")
        _KINDS[label] = Kind(
            id,
            label,
            function,
            dict(rooms or {}),
            where,
            on,
            materials,
            colors,
            sizes,
            front,
            most,
            row,
            companions,
        )
        return function

    return register


def kinds() -> dict[str, Kind]:
    """Return all kinds by label, in the order of their ids."""
    for module in sorted(m.name for m in iter_modules(things.__path__)):
        import_module(f"{things.__name__}.{module}")
    return dict(sorted(_KINDS.items(), key=lambda item: item[1].id))


def vocabulary() -> dict[int, str]:
    """Return every label id with its name: structure, then kinds; 0 is void and not among them."""
    return {i: name for name, i in STRUCTURE.items()} | {k.id: k.label for k in kinds().values()}


def build(kind: Kind, rng: np.random.Generator, scale: float | None = None, spread: float = 0.0) -> Thing:
    """Build one thing of a kind.

    Parameters
    ----------
    kind : Kind
    rng : numpy.random.Generator
        Decides its material, colour, size and shape.
    scale : float, optional
        Uniform size factor; drawn from `kind.sizes` by default.
    spread : float
        How much wider than usual the ranges of its measures are; see `Builder`.
    """
    material = str(rng.choice(kind.materials))
    common = [c for c in kind.colors if c in colors_of(material)] or list(kind.colors)
    main = draw(rng, material, str(rng.choice(common)) if common else None)
    low_size, high_size = kind.sizes
    drawn = float(rng.uniform(low_size, high_size))
    s = drawn if scale is None else scale
    builder = Builder(rng, main, spread)
    kind.draw(builder)
    parts = tuple(_scaled(p, s) for p in builder.parts)
    supports = tuple(
        Support(a.x0 * s, a.x1 * s, a.y0 * s, a.y1 * s, a.z * s, a.headroom * s) for a in builder.supports
    )
    points = np.concatenate([p.surface.vertices for p in parts])
    third = (high_size - low_size) / 3
    size = "small" if s < low_size + third else "large" if s > high_size - third else "medium"
    attributes = {"color": main.color, "material": main.name, "size": size}
    return Thing(
        kind, attributes, caption(kind.label, attributes), parts, supports, points.min(0), points.max(0)
    )


def caption(label: str, attributes: Mapping[str, str]) -> str:
    """Write the phrase that describes a thing, such as "a large red leather massage chair"."""
    words = [attributes[k] for k in ("size", "color", "material") if k in attributes]
    words = [w for w in words if w not in ("medium", "paint", "leaf", "paper") and w not in label.split()]
    phrase = " ".join([*words, label])
    if label.endswith("s") and not label.endswith(("ss", "us")):
        return phrase  # books, shoes
    return f"{'an' if phrase[0] in 'aeiou' else 'a'} {phrase}"


def _scaled(part: Part, s: float) -> Part:
    surface = type(part.surface)(part.surface.vertices * s, part.surface.normals, part.surface.faces)
    T = part.T_part_thing.copy()
    T[:3, 3] *= s
    return Part(surface, part.material, T, part.half * s)
