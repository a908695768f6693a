"""From a seed to a furnished and lit scene with the list of what is in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .crowd import add_clutter, add_guests
from .free_space import FreeSpace
from .illumination import relight
from .kinds import STRUCTURE, caption
from .layout import Furnisher, Placed
from .lighting import Light, bake
from .plan import OUTSIDE, Plan, draw_plan
from .scene import Scene, SceneAssembly
from .shapes import STEP, Floats, steps
from .structure import build_structure
from .surroundings import restyle_structure
from .variation import PLAIN, Variation

DRAFT_STEP: Final = 0.09  # metres between vertices where no mesh is asked for
SCENES: Final = ("flat", "room")
ROOM_TYPES: Final = ("living", "bedroom", "kitchen", "study", "bathroom", "hall")


@dataclass(frozen=True, slots=True)
class Instance:
    """One thing of a scene, as written to objects.json.

    Parameters
    ----------
    instance : int
        Its number in instance images, from 1.
    kind : int
        Label id.
    label, caption : str
    attributes : dict
        color, material, size.
    low, high : (3,) float64
        Bounds in the world, metres.
    room : str
        What its room is for.
    """

    instance: int
    kind: int
    label: str
    caption: str
    attributes: dict[str, str]
    low: Floats
    high: Floats
    room: str

    def to_dict(self) -> dict[str, Any]:
        """Return the entry of objects.json."""
        center, extent = (self.low + self.high) / 2, self.high - self.low
        return {
            "instance": self.instance,
            "kind": self.label,
            "label": self.kind,
            "caption": self.caption,
            "attributes": self.attributes,
            "center": [round(float(c), 4) for c in center],
            "extent": [round(float(e), 4) for e in extent],
            "room": self.room,
        }


@dataclass(frozen=True, slots=True)
class Composition:
    """A scene with what is known about it."""

    scene: Scene
    plan: Plan
    free: FreeSpace
    instances: list[Instance]
    daylight: float


def stream(seed: int, name: str, frame: int = 0) -> np.random.Generator:
    """Return a generator for one purpose and frame, so that no draw depends on the order of others."""
    key = int.from_bytes(hashlib.sha256(name.encode()).digest()[:4], "little")
    return np.random.default_rng([seed, key, frame])


def has_massage_chair(seed: int) -> bool:
    """Decide by the toss of a coin whether a seed's scene holds a massage chair."""
    return bool(stream(seed, "massage chair").random() < 0.5)


def compose(
    seed: int,
    kind: str = "flat",
    workers: int = 2,
    *,
    variation: Variation = PLAIN,
    draft: bool = False,
) -> Composition:
    """Build, furnish and light a scene.

    Parameters
    ----------
    seed : int
        Not negative.
    kind : str
        "flat" for several rooms, "room" for one of a type that the seed decides, or one of `ROOM_TYPES`.
    workers : int
        Threads for the light; the result does not depend on it.
    variation : Variation
        Of the looks; the usual one by default.
    draft : bool
        Whether surfaces are tessellated more coarsely and their light is baked from fewer rays.

    Raises
    ------
    ValueError
        If the seed or the kind is not one of these.
    """
    if seed < 0:
        raise ValueError(f"seed must be >= 0, got {seed}")
    if kind not in (*SCENES, *ROOM_TYPES):
        raise ValueError(f"kind must be one of {', '.join((*SCENES, *ROOM_TYPES))}, got {kind!r}")
    special = ("massage chair",) if has_massage_chair(seed) else ()
    rng = stream(seed, "plan")
    room_type = kind
    if kind == "room":
        room_type = str(rng.choice(("living", "bedroom", "study") if special else ROOM_TYPES))
    plan = draw_plan(rng, "flat" if kind == "flat" else "room", room_type, variation.plan)
    daylight = float(stream(seed, "light").uniform(0.25, 1.1))
    v, vary = variation, stream(seed, "variation")
    if v.storey > 0:
        plan = replace(plan, height=plan.height + float(vary.uniform(0.0, v.storey)))
    if v.day is not None:
        daylight = v.day
    with steps(DRAFT_STEP if draft else STEP):
        furnisher = _furnish(seed, plan, special, v)
        angles = {k: vary.uniform(0.15, 1.75) for k in range(len(plan.doors)) if vary.random() < v.ajar}
        elements, lights = build_structure(stream(seed, "structure"), plan, daylight, angles)
    if v.rooms > 0:
        elements = restyle_structure(elements, vary, v)
    placed = furnisher.placed

    assembly = SceneAssembly()
    instances: list[Instance] = []
    for number, e in enumerate(elements):
        instance = 0
        if e.attributes is not None:
            instance = len(instances) + 1
            points = np.concatenate([p.surface.vertices for p in e.parts])
            label = next(name for name, i in STRUCTURE.items() if i == e.kind)
            low, high = points.min(0), points.max(0)
            words = caption(label, e.attributes)
            instances.append(
                Instance(instance, e.kind, label, words, e.attributes, low, high, plan.rooms[e.room].type)
            )
        assembly.add(e.parts, np.eye(4), e.kind, instance, e.room, seed * 7 + number)
    for number, p in enumerate(placed):
        instances.append(_instance(p, len(instances) + 1, plan))
        assembly.add(
            p.thing.parts, p.T, p.thing.kind.id, instances[-1].instance, p.room, seed * 13 + 1000 + number
        )
        lights += _glow(p)
    scene = assembly.finish()
    connected = np.eye(len(plan.rooms), dtype=bool)
    for door in plan.doors:
        if door.b != OUTSIDE:
            connected[door.a, door.b] = connected[door.b, door.a] = True
    lights = relight(lights, vary, v) if v.warmth else lights
    bake(scene, lights, connected, workers, draft, v.fill)
    return Composition(scene, plan, furnisher.free, instances, daylight)


def _furnish(seed: int, plan: Plan, special: tuple[str, ...], variation: Variation) -> Furnisher:
    furnisher, crowd = Furnisher(stream(seed, "layout"), plan, variation), variation.crowd
    if crowd > 0:
        add_guests(furnisher, stream(seed, "guests"), crowd)
    furnisher.furnish(special)
    if crowd > 0:
        add_clutter(furnisher, stream(seed, "clutter"), crowd)
    return furnisher


def _instance(p: Placed, number: int, plan: Plan) -> Instance:
    points = np.concatenate([part.surface.vertices for part in p.thing.parts]) @ p.T[:3, :3].T + p.T[:3, 3]
    k = p.thing.kind
    return Instance(
        number,
        k.id,
        k.label,
        p.thing.caption,
        p.thing.attributes,
        points.min(0),
        points.max(0),
        plan.rooms[p.room].type,
    )


def _glow(p: Placed) -> list[Light]:
    """The light of a thing's glowing parts, as one lamp."""
    bulbs = [part for part in p.thing.parts if part.material.glow >= 1.1]
    area = sum(
        float(4 * (b.half[0] * b.half[1] + b.half[1] * b.half[2] + b.half[0] * b.half[2])) for b in bulbs
    )
    if area < 0.01:
        return []
    centres: npt.NDArray[np.float64] = np.array([b.surface.vertices.mean(0) for b in bulbs])
    centre = centres.mean(0)
    reach = max(float(np.linalg.norm(b.surface.vertices - centre, axis=1).max()) for b in bulbs) + 0.03
    point = (p.T @ [*centre, 1.0])[:3]
    fire = any(b.material.name == "flame" for b in bulbs)
    rgb = np.array([1.0, 0.5, 0.2]) if fire else np.array([1.0, 0.9, 0.75])
    power = float(np.clip(20 * area, 0.25, 2.4))
    spread = 0.08 * np.array([[1, 1, 0], [-1, 1, 0.0], [-1, -1, 0], [1, -1, 0]])  # soft edges of shadows
    return [Light(point + spread, np.zeros(3), power * rgb, reach + 0.05, p.room)]
