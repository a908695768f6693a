"""Floor plans: rectangular rooms that share walls, their doors and windows."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np

WALL: Final = 0.12  # thickness of walls, metres
DOOR_WIDTH: Final = 0.92
DOOR_HEIGHT: Final = 2.06
OUTSIDE: Final = -1

Side = Literal["west", "east", "south", "north"]
SIDES: Final[tuple[Side, ...]] = ("west", "east", "south", "north")


@dataclass(frozen=True, slots=True)
class Opening:
    """A hole in a wall of a room: from `start` to `end` along it, from `sill` to `head` in height, metres.

    `door` is the number of its door, or -1 for a window.
    """

    side: Side
    start: float
    end: float
    sill: float
    head: float
    door: int


@dataclass(slots=True)
class Room:
    """A room's inside: x0 < x < x1, y0 < y < y1 (metres), what it is for, and the holes in its walls."""

    type: str
    x0: float
    x1: float
    y0: float
    y1: float
    openings: list[Opening] = field(default_factory=list)

    @property
    def area(self) -> float:
        """Square metres."""
        return (self.x1 - self.x0) * (self.y1 - self.y0)

    def span(self, side: Side) -> tuple[float, float]:
        """Where a wall starts and ends along itself."""
        return (self.y0, self.y1) if side in ("west", "east") else (self.x0, self.x1)

    def at(self, side: Side) -> float:
        """Where a wall stands across itself."""
        return {"west": self.x0, "east": self.x1, "south": self.y0, "north": self.y1}[side]


@dataclass(frozen=True, slots=True)
class Door:
    """A door between rooms a and b (b may be `OUTSIDE`), at a `side` of a, from `start` along it, metres."""

    a: int
    b: int
    side: Side
    start: float


@dataclass(frozen=True, slots=True)
class Plan:
    """Rooms and doors, and the height of the rooms in metres."""

    rooms: list[Room]
    doors: list[Door]
    height: float


def hinge_at_end(room: Room, door: Door) -> bool:
    """Whether a door's hinge is at its larger end along the wall: the end nearer to a corner."""
    low, high = room.span(door.side)
    middle = door.start + DOOR_WIDTH / 2
    return high - middle < middle - low


def draw_plan(
    rng: np.random.Generator,
    kind: str,
    first: str | None = None,
    size: tuple[float, float] = (1.0, 1.0),
) -> Plan:
    """Draw a floor plan.

    Parameters
    ----------
    rng : numpy.random.Generator
    kind : str
        "room" for one room, "flat" for four or five.
    first : str, optional
        The type of the single room.
    size : (float, float)
        Factors on the usual width and depth.
    """
    height = float(rng.uniform(2.45, 2.7))
    if kind == "room":
        rooms = [_single(rng, first or "living", size)]
        doors: list[Door] = []
        entrance = 0
    else:
        w, d = size[0] * float(rng.uniform(8.0, 9.4)), size[1] * float(rng.uniform(6.4, 7.4))
        boxes, hall = _corridor(rng, w, d) if rng.random() < 0.5 else (_split(rng, w, d), None)
        rooms = [
            Room("", x0 + WALL / 2, x1 - WALL / 2, y0 + WALL / 2, y1 - WALL / 2) for x0, x1, y0, y1 in boxes
        ]
        doors = _connect(rng, rooms, hall)
        entrance = _assign(rng, rooms, doors, hall)
    _add_entrance(rng, rooms, doors, entrance)
    for number, door in enumerate(doors):
        _open(rooms, door, number)
    _add_windows(rng, rooms, height)
    return Plan(rooms, doors, height)


def _single(rng: np.random.Generator, type_: str, size: tuple[float, float]) -> Room:
    low, high = {"bathroom": (2.6, 3.2), "hall": (2.6, 4.0), "kitchen": (3.2, 4.2)}.get(type_, (3.8, 5.2))
    w, d = size[0] * float(rng.uniform(low, high)), size[1] * float(rng.uniform(low, 0.9 * high))
    return Room(type_, 0.0, max(w, 2.2), 0.0, max(d, 2.5))


Box = tuple[float, float, float, float]


def _corridor(rng: np.random.Generator, w: float, d: float) -> tuple[list[Box], int]:
    """A corridor from west to east with two or three rooms on either side."""
    wide = float(rng.uniform(1.5, 1.8))
    low = float(rng.uniform(0.44, 0.52)) * (d - wide)
    boxes: list[Box] = [(0.0, w, low, low + wide)]
    for y0, y1, n in ((0.0, low, 2), (low + wide, d, int(rng.integers(2, 3)))):
        cut = float(rng.uniform(0.36, 0.64)) * w
        edges = [0.0, cut, w] if n == 2 else [0.0, w]
        boxes += [(a, b, y0, y1) for a, b in itertools.pairwise(edges)]
    return boxes, 0


def _split(rng: np.random.Generator, w: float, d: float) -> list[Box]:
    """Cut the largest box across its longer side until there are four or five."""
    boxes: list[Box] = [(0.0, w, 0.0, d)]
    for _ in range(int(rng.integers(3, 5))):
        x0, x1, y0, y1 = boxes.pop(int(np.argmax([(b[1] - b[0]) * (b[3] - b[2]) for b in boxes])))
        t = float(rng.uniform(0.42, 0.58))
        if x1 - x0 > y1 - y0:
            cut = x0 + t * (x1 - x0)
            boxes += [(x0, cut, y0, y1), (cut, x1, y0, y1)]
        else:
            cut = y0 + t * (y1 - y0)
            boxes += [(x0, x1, y0, cut), (x0, x1, cut, y1)]
    return boxes


def _shared(a: Room, b: Room) -> tuple[Side, float, float] | None:
    """The side of `a` at which `b` lies, and where both walls overlap."""
    for side, other in (("east", "west"), ("west", "east"), ("north", "south"), ("south", "north")):
        if abs(abs(a.at(side) - b.at(other)) - WALL) < 1e-6:  # type: ignore[arg-type]
            low = max(a.span(side)[0], b.span(other)[0])  # type: ignore[arg-type]
            high = min(a.span(side)[1], b.span(other)[1])  # type: ignore[arg-type]
            if high - low > DOOR_WIDTH + 0.5:
                return side, low, high  # type: ignore[return-value]
    return None


def _connect(rng: np.random.Generator, rooms: list[Room], hall: int | None) -> list[Door]:
    """Doors along a spanning tree that starts at the hall or the room with most neighbours."""
    near = {
        (i, j): s
        for i in range(len(rooms))
        for j in range(len(rooms))
        if i != j and (s := _shared(rooms[i], rooms[j]))
    }
    degree = [sum(a == i for a, _ in near) + 0.01 * rooms[i].area for i in range(len(rooms))]
    root = hall if hall is not None else int(np.argmax(degree))
    doors, reached = [], [root]
    while len(reached) < len(rooms):
        pairs = [(i, j) for i in reached for j in range(len(rooms)) if j not in reached and (i, j) in near]
        i, j = pairs[0]
        side, low, high = near[j, i]  # it opens into the room that is reached through it
        room_for = high - low - DOOR_WIDTH - 0.2
        end = 0.1 + (
            0.0 if rng.random() < 0.5 else room_for
        )  # doors sit near a corner, which leaves longer walls
        doors.append(
            Door(j, i, side, low + (end if rng.random() < 0.7 else 0.1 + float(rng.uniform(0, room_for))))
        )
        reached.append(j)
    return doors


def _assign(rng: np.random.Generator, rooms: list[Room], doors: list[Door], hall: int | None) -> int:
    """Say what each room is for; return the room of the entrance."""
    order = sorted(range(len(rooms)), key=lambda i: -rooms[i].area)
    degree = [sum(i in (d.a, d.b) for d in doors) for i in range(len(rooms))]
    if hall is not None:
        rooms[hall].type = "hall"
        order.remove(hall)
        entrance = hall
    else:
        entrance = max(order, key=lambda i: (degree[i], rooms[i].area))
        rooms[entrance].type = "living"
        order.remove(entrance)
    smallest = order.pop()
    rooms[smallest].type = "bathroom"
    wanted = ["living"] if hall is not None else []
    rest = ["kitchen", "bedroom", "study"]
    if len(order) - len(wanted) < 3:
        rest = (
            ["kitchen", "bedroom"]
            if rng.random() < 0.6
            else ["kitchen", str(rng.choice(["bedroom", "study"]))]
        )
    wanted += [str(t) for t in rng.permutation(rest)]
    for i, type_ in zip(order, [*wanted, "bedroom", "study"], strict=False):
        rooms[i].type = type_
    return entrance


def _outer_sides(room: Room, rooms: list[Room]) -> list[Side]:
    x0, x1 = min(r.x0 for r in rooms), max(r.x1 for r in rooms)
    y0, y1 = min(r.y0 for r in rooms), max(r.y1 for r in rooms)
    outer = {"west": room.x0 == x0, "east": room.x1 == x1, "south": room.y0 == y0, "north": room.y1 == y1}
    return [s for s in SIDES if outer[s]]


def _add_entrance(rng: np.random.Generator, rooms: list[Room], doors: list[Door], entrance: int) -> None:
    room = rooms[entrance]
    side = min(_outer_sides(room, rooms), key=lambda s: room.span(s)[1] - room.span(s)[0])
    low, high = room.span(side)
    slack = high - low - DOOR_WIDTH
    doors.append(
        Door(entrance, OUTSIDE, side, low + min(max(0.12, float(rng.uniform(0, slack))), slack - 0.12))
    )


def _open(rooms: list[Room], door: Door, number: int) -> None:
    end = door.start + DOOR_WIDTH
    rooms[door.a].openings.append(Opening(door.side, door.start, end, 0.0, DOOR_HEIGHT, number))
    if door.b != OUTSIDE:
        other: dict[Side, Side] = {"west": "east", "east": "west", "south": "north", "north": "south"}
        rooms[door.b].openings.append(Opening(other[door.side], door.start, end, 0.0, DOOR_HEIGHT, number))


def _add_windows(rng: np.random.Generator, rooms: list[Room], height: float) -> None:
    for room in rooms:
        sides = [s for s in _outer_sides(room, rooms) if not any(o.side == s for o in room.openings)]
        most = {"bathroom": 1, "hall": 1}.get(room.type, 2)
        for side in [sides[i] for i in rng.permutation(len(sides))[:most]]:
            low, high = room.span(side)
            if room.type == "bathroom":
                width, sill, head = 0.7, 1.35, 2.05
            else:
                width = min(float(rng.uniform(1.1, 2.0)), high - low - 0.9)
                sill, head = 0.96, min(2.2, height - 0.25)
            if width < 0.5:
                continue
            centre = (low + high) / 2 + float(rng.uniform(-0.25, 0.25)) * max(high - low - width - 0.9, 0.0)
            room.openings.append(Opening(side, centre - width / 2, centre + width / 2, sill, head, -1))
