"""Walls, floors, ceilings, doors and windows of a floor plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .builder import Builder, Part
from .kinds import STRUCTURE
from .lighting import Light
from .materials import CHROME, COLORS, Material, draw, fixed, mix
from .plan import DOOR_HEIGHT, DOOR_WIDTH, OUTSIDE, SIDES, WALL, Opening, Plan, Room, Side, hinge_at_end
from .shapes import Floats, Surface, rectangle


@dataclass(frozen=True, slots=True)
class Element:
    """A piece of structure in the world: its parts, kind id, room, and the words of doors and windows."""

    parts: tuple[Part, ...]
    kind: int
    room: int
    attributes: dict[str, str] | None = None


def wall_frame(room: Room, side: Side, along: float, z: float = 0.0) -> Floats:
    """World from a frame at a wall (4, 4): x along it, +y into it, z up; a thing has its back to it."""
    turn = {"north": 0.0, "west": np.pi / 2, "south": np.pi, "east": -np.pi / 2}[side]
    T = np.eye(4)
    c, s = np.cos(turn), np.sin(turn)
    T[:2, :2] = np.round([[c, -s], [s, c]])
    across = room.at(side)
    T[:3, 3] = (across, along, z) if side in ("west", "east") else (along, across, z)
    return T


def build_structure(
    rng: np.random.Generator, plan: Plan, daylight: float, angles: Mapping[int, float] | None = None
) -> tuple[list[Element], list[Light]]:
    """Build everything that is not furniture, and the light that windows let in.

    Parameters
    ----------
    rng : numpy.random.Generator
    plan : Plan
    daylight : float
        Strength of what comes through the windows; 1 is a bright day.
    angles : mapping, optional
        How far doors between rooms stand open, radians, by their number; at a right angle by default.
    """
    elements: list[Element] = []
    lights: list[Light] = []
    door_material = draw(rng, "wood", str(rng.choice(["white", "white", "brown", "light brown", "beige"])))
    frame = fixed("wood", (0.86, 0.85, 0.82))
    for index, room in enumerate(plan.rooms):
        walls, floor, skirting = _surfaces(rng, room.type)
        h = plan.height
        wide, deep = room.x1 - room.x0, room.y1 - room.y0
        bottom = rectangle((room.x0, room.y0, 0), (wide, 0, 0), (0, deep, 0))
        top = rectangle((room.x0, room.y0, h), (0, deep, 0), (wide, 0, 0))
        elements.append(Element((_part(bottom, floor),), STRUCTURE["floor"], index))
        ceiling = fixed("paint", (0.90, 0.90, 0.88))
        elements.append(Element((_part(top, ceiling),), STRUCTURE["ceiling"], index))
        for side in SIDES:
            elements.append(Element(tuple(_wall(room, side, h, walls, skirting)), STRUCTURE["wall"], index))
        for opening in room.openings:
            if opening.door < 0:
                element, light = _window(rng, room, opening, index, frame, daylight)
                elements.append(element)
                lights.append(light)
    for number, door in enumerate(plan.doors):
        room, along = plan.rooms[door.a], door.start + DOOR_WIDTH / 2
        b = Builder(rng, door_material)
        _door(
            b,
            frame,
            angle=0.0 if door.b == OUTSIDE else (angles or {}).get(number, np.pi / 2),
            mirrored=hinge_at_end(room, door) == (door.side in ("north", "west")),
        )
        T = wall_frame(room, door.side, along)
        parts = tuple(
            Part(p.surface.moved(T), p.material, p.T_part_thing @ np.linalg.inv(T), p.half) for p in b.parts
        )
        words = {"color": door_material.color, "material": "wood", "size": "medium"}
        elements.append(Element(parts, STRUCTURE["door"], door.a, words))
        if door.b != OUTSIDE:  # the floor between two rooms
            sill = rectangle((-DOOR_WIDTH / 2, 0, 0.0), (DOOR_WIDTH, 0, 0), (0, WALL, 0)).moved(T)
            elements.append(Element((_part(sill, draw(rng, "wood", "brown")),), STRUCTURE["floor"], door.a))
    return elements, lights


def _part(surface: Surface, material: Material) -> Part:
    v = surface.vertices
    return Part(surface, material, np.eye(4), np.maximum((v.max(0) - v.min(0)) / 2, 1e-4))


def _surfaces(rng: np.random.Generator, type_: str) -> tuple[Material, Material, Material]:
    """Draw the walls, the floor and the skirting of a room."""
    skirting = fixed("wood", (0.85, 0.84, 0.80))
    paint = draw(rng, "paint")
    paint = replace(paint, rgb=mix(paint.rgb, COLORS["white"], 0.5))
    if type_ in ("bathroom", "kitchen"):
        size = float(rng.uniform(0.15, 0.4))
        base = draw(rng, "ceramic", str(rng.choice(["white", "cream", "beige", "light blue"])))
        floor = replace(base, texture="tiles", scale=size, rgb2=(0.55, 0.54, 0.52), gloss=0.3, mirror=0.0)
        if type_ == "bathroom":
            tile = draw(rng, "ceramic")
            return (
                replace(tile, texture="tiles", scale=0.2, rgb2=(0.72, 0.71, 0.69), gloss=0.25, mirror=0.0),
                floor,
                skirting,
            )
        return paint, floor, skirting
    style = rng.random()
    if style < 0.3:
        pattern = str(rng.choice(["stripes", "dots"]))
        paint = replace(
            paint, texture=pattern, scale=float(rng.uniform(0.12, 0.3)), rgb2=paint.toned(0.9).rgb
        )  # wallpaper
    wood = draw(rng, "wood", str(rng.choice(["brown", "light brown", "beige", "dark brown"])))
    floor = replace(
        wood, texture="planks", scale=float(rng.uniform(0.10, 0.18)), rgb2=wood.toned(0.7).rgb, gloss=0.12
    )
    if type_ in ("bedroom", "study") and rng.random() < 0.4:
        carpet = draw(rng, "wool", str(rng.choice(["beige", "gray", "blue", "green"])))
        floor = replace(carpet, texture="carpet", scale=0.02, rgb2=carpet.toned(0.8).rgb)
    return paint, floor, skirting


def _wall(room: Room, side: Side, height: float, material: Material, skirting: Material) -> list[Part]:
    """One inner wall with its openings left out, and its skirting board."""
    T = wall_frame(room, side, 0.0)
    flip = (
        1.0 if side in ("north", "west") else -1.0
    )  # the frame's x runs against the world axis at the others
    low, high = room.span(side)
    holes = sorted((o for o in room.openings if o.side == side), key=lambda o: o.start)
    pieces: list[tuple[float, float, float, float]] = []
    boards: list[tuple[float, float]] = []
    position = low
    for hole in holes:
        pieces.append((position, hole.start, 0.0, height))
        boards.append((position, hole.start))
        if hole.sill > 0:
            pieces.append((hole.start, hole.end, 0.0, hole.sill))
            boards.append((hole.start, hole.end))
        pieces.append((hole.start, hole.end, hole.head, height))
        position = hole.end
    pieces.append((position, high, 0.0, height))
    boards.append((position, high))
    parts = []
    for a, b, z0, z1 in pieces:
        x0, x1 = sorted((flip * a, flip * b))
        if b - a > 1e-6 and z1 - z0 > 1e-6:
            parts.append(_part(rectangle((x0, 0, z0), (x1 - x0, 0, 0), (0, 0, z1 - z0)).moved(T), material))
    trim = Builder(np.random.default_rng(0), skirting)
    for a, b in boards:
        x0, x1 = sorted((flip * a, flip * b))
        if b - a > 0.02:
            trim.box((x0, x1), (-0.012, 0.0), (0.0, 0.08))
    parts += [_part(p.surface.moved(T), skirting) for p in trim.parts]
    return parts


def _door(b: Builder, frame: Material, angle: float, mirrored: bool) -> None:
    """A door frame through the wall, and its leaf: open at an angle (radians) into the room, 0 = closed."""
    w, h = DOOR_WIDTH / 2, DOOR_HEIGHT
    for s in (-1, 1):
        b.box((min(s * w, s * (w - 0.04)), max(s * w, s * (w - 0.04))), (-0.02, WALL + 0.02), (0, h), frame)
        for y in (-0.02, WALL):
            b.box(
                (min(s * (w - 0.01), s * (w + 0.06)), max(s * (w - 0.01), s * (w + 0.06))),
                (y, y + 0.02),
                (0, h + 0.06),
                frame,
            )
    b.box(2 * w, (-0.02, WALL + 0.02), (h - 0.04, h), frame)
    for y in (-0.02, WALL):
        b.box(2 * w + 0.12, (y, y + 0.02), (h, h + 0.06), frame)
    leaf = Builder(b.rng, b.main)
    width = 2 * w - 0.09
    leaf.box((0, width), (-0.02, 0.02), (0.01, h - 0.05))
    for y in (-0.025, 0.02):
        for z0, z1 in ((0.15, 0.85), (1.05, 1.85)):
            leaf.box((0.12, width - 0.12), (y, y + 0.005), (z0, z1), b.main.toned(0.9))
    for y in (-0.055, 0.055):
        leaf.rod((width - 0.07, 0, 1.02), (width - 0.07, y, 1.02), 0.012, CHROME)
        leaf.capsule((width - 0.07, y, 1.02), (width - 0.18, y, 1.02), 0.012, CHROME)
    closed, turn = angle == 0, -angle  # the leaf swings towards -y, into the room
    T = np.eye(4)
    T[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    T[:3, 3] = (-w + 0.045, 0.04 if closed else -0.03, 0)
    if mirrored:
        # hinge on the other side: half a turn, then swing the other way
        half = np.diag([-1.0, -1.0, 1.0, 1.0])
        swing = np.eye(4)
        swing[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
        T = swing @ half
        T[:3, 3] = (w - 0.045, 0.04 if closed else -0.03, 0)
    b.parts += [
        Part(p.surface.moved(T), p.material, p.T_part_thing @ np.linalg.inv(T), p.half) for p in leaf.parts
    ]


def _window(
    rng: np.random.Generator, room: Room, opening: Opening, index: int, frame: Material, daylight: float
) -> tuple[Element, Light]:
    """A window with a bright view, and the light that falls through it."""
    b = Builder(rng, frame)
    w, z0, z1 = opening.end - opening.start, opening.sill, opening.head
    glow = 0.15 + 1.1 * daylight
    view = fixed("glass", (0.6, 0.75, 0.9), "sky", scale=1.0, glow=glow)
    b.box(w, (0.09, 0.10), (z0, z1), view)
    for x in (-w / 2, w / 2):
        b.box((min(x, x * (1 - 0.1 / w)), max(x, x * (1 - 0.1 / w))), (0.0, 0.10), (z0, z1))
    for z, dz in ((z0, 0.05), (z1 - 0.05, 0.05)):
        b.box(w, (0.0, 0.10), (z, z + dz))
    b.box(0.05, (0.06, 0.10), (z0, z1))
    if z1 - z0 > 1.0:
        b.box(w, (0.06, 0.10), (z0 + 0.62 * (z1 - z0), z0 + 0.62 * (z1 - z0) + 0.04))
    b.box(w + 0.12, (-0.05, 0.02), (z0 - 0.035, z0), r=0.008)  # the sill
    T = wall_frame(room, opening.side, (opening.start + opening.end) / 2)
    parts = tuple(
        Part(p.surface.moved(T), p.material, p.T_part_thing @ np.linalg.inv(T), p.half) for p in b.parts
    )
    xs, zs = np.meshgrid(np.array([-0.25, 0.25]) * w, z0 + np.array([0.3, 0.7]) * (z1 - z0))
    samples = np.stack([xs.ravel(), np.full(4, 0.05), zs.ravel()], 1) @ T[:3, :3].T + T[:3, 3]
    power = 2.6 * daylight * w * (z1 - z0)
    light = Light(samples, -T[:3, 1], power * np.array([0.92, 0.98, 1.08]), 0.06, index)
    words = {
        "color": "white",
        "material": "wood",
        "size": "large" if w > 1.5 else "small" if w < 0.9 else "medium",
    }
    return Element(parts, STRUCTURE["window"], index, words), light
