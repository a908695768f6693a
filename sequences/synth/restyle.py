"""Another look for a built thing: other proportions, other materials, and words that stay true."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import numpy as np

from .builder import Part, Support
from .kinds import Thing, caption
from .materials import Material
from .palette import any_material, any_rgb, free, toned_like
from .shapes import Floats, Surface
from .variation import Variation

PICTURES = ("painting", "photo", "poster", "street")
BRIGHT = 1.1  # glow from which on a part lights its room
TALLEST = 2.25  # metres: nothing grows beyond doors and low ceilings


def restyle(thing: Thing, rng: np.random.Generator, variation: Variation) -> Thing:
    """Draw another look for a thing, within what a scene's variation says.

    Parameters
    ----------
    thing : Thing
    rng : numpy.random.Generator
    variation : Variation
        `stretch`, `repaint` and `off` count.
    """
    if variation.stretch > 0:
        thing = _stretched(thing, rng, variation.stretch)
    if variation.repaint > 0:
        thing = _repainted(thing, rng, variation.repaint)
        thing = _shown(thing, rng, variation.repaint)
    if variation.off > 0 and rng.random() < variation.off:
        thing = _switched_off(thing)
    return thing


def _stretched(thing: Thing, rng: np.random.Generator, sigma: float) -> Thing:
    """Change proportions by at most a quarter; the volume, and so the word for the size, stays."""
    if thing.kind.row or thing.kind.sizes == (1.0, 1.0):  # must fit to others
        return thing
    logs = np.clip(rng.normal(0.0, sigma, 3), -0.22, 0.22)
    scale = np.exp(logs - logs.mean())
    anchor = np.zeros(3)
    if thing.kind.where == "hung" or thing.low[2] > 0.5:  # its height on the wall stays
        anchor[2] = (thing.low[2] + thing.high[2]) / 2
    elif thing.high[2] > 0.5:
        scale[2] = min(scale[2], max(TALLEST / thing.high[2], 0.9))

    def moved(p: Floats) -> Floats:
        return np.asarray((p - anchor) * scale + anchor, float)

    into = np.eye(4)
    into[:3, :3], into[:3, 3] = np.diag(1 / scale), anchor - anchor / scale
    parts = []
    for p in thing.parts:
        normals = p.surface.normals / scale
        normals /= np.linalg.norm(normals, axis=1, keepdims=True)
        surface = Surface(moved(p.surface.vertices), normals, p.surface.faces)
        parts.append(Part(surface, p.material, p.T_part_thing @ into, p.half))
    supports = tuple(
        Support(
            a.x0 * scale[0],
            a.x1 * scale[0],
            a.y0 * scale[1],
            a.y1 * scale[1],
            float(moved(np.array([0, 0, a.z]))[2]),
            a.headroom * scale[2],
        )
        for a in thing.supports
    )
    return replace(thing, parts=tuple(parts), supports=supports, low=moved(thing.low), high=moved(thing.high))


def _repainted(thing: Thing, rng: np.random.Generator, share: float) -> Thing:
    """Give every material of a thing, with all its tones, another look with a probability."""
    groups = Counter((p.material.name, p.material.color) for p in thing.parts if free(p.material))
    main = thing.attributes["material"], thing.attributes["color"]
    looks: dict[tuple[str, str], tuple[Material, Material]] = {}
    for group in groups:
        base = next(p.material for p in thing.parts if (p.material.name, p.material.color) == group)
        # chrome, black plastic and the like vary less, and leaves are green as a rule
        likely = 0.2 if group[0] == "leaf" else 1.0 if group[1] else 0.4
        if rng.random() < likely * share:
            new = any_material(rng, base) if group[1] else replace(base, rgb=any_rgb(rng, ("gray", "black")))
            looks[group] = base, new
    parts = tuple(
        Part(p.surface, toned_like(p.material, *look), p.T_part_thing, p.half)
        if free(p.material) and (look := looks.get((p.material.name, p.material.color)))
        else p
        for p in thing.parts
    )
    words = dict(thing.attributes)
    if main in looks:
        words["color"] = looks[main][1].color
    return replace(thing, parts=parts, attributes=words, caption=caption(thing.kind.label, words))


def _shown(thing: Thing, rng: np.random.Generator, share: float) -> Thing:
    """Show something else in frames and on screens, one and the same on all of a thing."""
    picture = str(rng.choice(PICTURES))
    if rng.random() > share:
        return thing

    def changed(part: Part) -> Part:
        m = part.material
        if m.texture not in (*PICTURES, "screen"):
            return part
        if m.glow > 0 and picture == "poster":  # the screen is dark
            return replace(
                part, material=replace(m, texture="plain", rgb=(0.03, 0.03, 0.04), glow=0.0, gloss=0.7)
            )
        return replace(part, material=replace(m, texture=picture))

    return replace(thing, parts=tuple(changed(p) for p in thing.parts))


def _switched_off(thing: Thing) -> Thing:
    parts = tuple(
        replace(p, material=replace(p.material, glow=0.05))
        if p.material.glow >= BRIGHT and p.material.name != "flame"
        else p
        for p in thing.parts
    )
    return replace(thing, parts=parts)
