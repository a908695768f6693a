"""Furnishing: which things a room holds and where they stand, without overlaps and with ways left free."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from .boxes import Box, footprint, free_knee_room, kept_free, overlap, pose, world_box
from .free_space import FreeSpace
from .kinds import Companion, Kind, Thing, build, kinds
from .plan import SIDES, Plan, Room, Side
from .restyle import restyle
from .shapes import Floats
from .structure import wall_frame
from .variation import PLAIN, Variation

GAP: Final = 0.015  # metres between a thing and the wall behind it
TRIES: Final = 24
AT_WINDOWS: Final = ("curtain", "radiator")  # the only things that may stand before a window
MOST_THINGS: Final = 235  # with doors and windows, instances fit into a byte


@dataclass(slots=True)
class Placed:
    """A thing in the world.

    Parameters
    ----------
    thing : Thing
    T : (4, 4) float64
        World from the thing's coordinates.
    room : int
    box : tuple
        Bounds in the world: x0, x1, y0, y1, z0, z1.
    side : str or None
        The wall that it has at its back.
    host : Placed or None
        What it stands on or came with.
    """

    thing: Thing
    T: Floats
    room: int
    box: Box
    side: Side | None = None
    host: Placed | None = None


@dataclass(slots=True)
class Furnisher:
    """Places things into the rooms of a plan.

    Parameters
    ----------
    rng : numpy.random.Generator
    plan : Plan
    variation : Variation
        Of what things look like and how far they are off their places.
    """

    rng: np.random.Generator
    plan: Plan
    variation: Variation = PLAIN
    placed: list[Placed] = field(default_factory=list)
    _solid: list[list[Box]] = field(default_factory=list)
    _front: list[list[Box]] = field(default_factory=list)
    _view: list[list[Box]] = field(default_factory=list)
    free: FreeSpace = field(init=False)

    def __post_init__(self) -> None:
        self.free = FreeSpace(self.plan)
        for room in self.plan.rooms:
            self._solid.append([kept_free(room, o) for o in room.openings if o.door >= 0])
            self._view.append([kept_free(room, o) for o in room.openings if o.door < 0])
            self._front.append([])

    def furnish(self, special: tuple[str, ...] = ()) -> list[Placed]:
        """Fill all rooms; the `special` kinds are placed first, in the first room that takes them."""
        catalogue = kinds()
        order = sorted(
            range(len(self.plan.rooms)), key=lambda i: _SPECIAL_ROOMS.get(self.plan.rooms[i].type, 9)
        )
        for label in special:
            for index in order:
                if self.place(self.build(catalogue[label], self.rng), index):
                    break
        for index, room in enumerate(self.plan.rooms):
            self._furnish_room(index, room, catalogue)
        return self.placed

    def build(self, kind: Kind, rng: np.random.Generator) -> Thing:
        """Build a thing with the looks of this scene."""
        spread = 4 * self.variation.stretch
        return restyle(build(kind, rng, spread=spread), rng, self.variation)

    def _furnish_room(self, index: int, room: Room, catalogue: dict[str, Kind]) -> None:
        chosen: list[Thing] = []
        for k in catalogue.values():
            p = k.rooms.get(room.type, 0.0)
            for n in range(k.most):
                if k.where not in ("top", "companion") and self.rng.random() < (p if n == 0 else 0.5 * p):
                    chosen.append(self.build(k, self.rng))
        # What makes the room what it is comes first, then large before small; what hangs keeps clear of it.
        chosen.sort(key=lambda t: (t.kind.rooms[room.type] < 1.0, -footprint(t)))
        for turn in (("ceiling", "wall", "free"), ("corner",), ("window",), ("hung",), ("flat",)):
            if turn == ("window",):
                self._dress_windows(index, catalogue)
                self._put_on_top(index, room, catalogue)
            for thing in chosen:
                if thing.kind.where in turn and len(self.placed) < MOST_THINGS:
                    self.place(thing, index)

    def place(self, thing: Thing, index: int) -> bool:
        """Place a thing where its kind wants to be, and what comes with it; say whether there was room."""
        for T, side in self._spots(thing, index):
            if self.accept(thing, index, T, side):
                self._bring_companions(self.placed[-1], index)
                return True
        return False

    def _spots(self, thing: Thing, index: int) -> list[tuple[Floats, Side | None]]:
        room, where = self.plan.rooms[index], thing.kind.where
        if where == "ceiling":
            centre = ((room.x0 + room.x1) / 2, (room.y0 + room.y1) / 2)
            return [(pose(centre[0] + dx, centre[1], self.plan.height, 0.0), None) for dx in (0.0, 0.7, -0.7)]
        if where in ("free", "flat"):
            return [(self.somewhere(room, 0.9 if where == "free" else 0.6), None) for _ in range(TRIES)]
        spots: list[tuple[float, Floats, Side | None]] = []
        half = (thing.high[0] - thing.low[0]) / 2
        for side in SIDES:
            low, high = room.span(side)
            ends = (low + half + 0.03, high - half - 0.03)
            if ends[1] < ends[0]:
                continue
            draws = self.rng.uniform(*ends, TRIES)
            alongs = [(a, 1.0 + self.rng.random()) for a in draws]
            corner = 0.0 if where == "corner" else 0.8
            alongs += [(a, corner + self.rng.random()) for a in ends]
            if thing.kind.row:
                alongs = [(a, 2.0 + c) for a, c in alongs] + self._beside_row(index, side, half)
            away = 0.05 if where == "corner" else GAP
            for along, cost in alongs:
                if ends[0] - 0.03 <= along <= ends[1] + 0.03:
                    spots.append((cost, self._against(thing, room, side, along, away), side))
        spots.sort(key=lambda s: s[0])
        return [(T, side) for _, T, side in spots]

    def _beside_row(self, index: int, side: Side, half: float) -> list[tuple[float, float]]:
        """Places flush with a row of kitchen things at this wall."""
        axis = 2 if side in ("west", "east") else 0
        row = [p.box for p in self.placed if p.room == index and p.side == side and p.thing.kind.row]
        return [
            (a, self.rng.random()) for b in row for a in (b[axis] - half - 0.004, b[axis + 1] + half + 0.004)
        ]

    def somewhere(self, room: Room, margin: float) -> Floats:
        """Draw a pose on the floor of a room, this far from its walls (metres)."""
        cx, cy = (room.x0 + room.x1) / 2, (room.y0 + room.y1) / 2
        dx, dy = max((room.x1 - room.x0) / 2 - margin, 0.05), max((room.y1 - room.y0) / 2 - margin, 0.05)
        x, y = cx + self.rng.uniform(-dx, dx), cy + self.rng.uniform(-dy, dy)
        longer = 0.0 if room.x1 - room.x0 > room.y1 - room.y0 else np.pi / 2
        turn = longer if self.rng.random() < 0.8 else longer + np.pi / 2
        return pose(x, y, 0.0, turn + self._untidy(0.6)[0])

    def _against(self, thing: Thing, room: Room, side: Side, along: float, gap: float) -> Floats:
        T = wall_frame(room, side, along)
        middle = (thing.low[0] + thing.high[0]) / 2
        T[:3, 3] += T[:3, :3] @ np.array([-middle, -thing.high[1] - gap, 0.0])
        if (
            thing.kind.row
            or thing.kind.where == "hung"
            or thing.kind.label in AT_WINDOWS
            or thing.low[2] > 0.3
        ):
            return T
        turn, pull = self._untidy(0.25, 0.1)
        half, centre = (thing.high - thing.low) / 2, (thing.high + thing.low) / 2
        out = half[0] * abs(np.sin(turn)) + half[1] * (abs(np.cos(turn)) - 1) + pull
        about = pose(-centre[0], -centre[1], 0, 0)
        return np.asarray(T @ pose(centre[0], centre[1] - out, 0, turn) @ about) if turn else T

    def _untidy(self, turn: float, pull: float = 0.0) -> tuple[float, float]:
        """Draw how far a thing is turned off its place (radians) and pulled out (metres)."""
        d = self.variation.disorder
        if d == 0:
            return 0.0, 0.0
        return float(self.rng.normal(0.0, turn * d)), abs(float(self.rng.normal(0.0, pull * d)))

    def accept(
        self,
        thing: Thing,
        index: int,
        T: Floats,
        side: Side | None,
        host: Placed | None = None,
        loose: bool = False,
    ) -> bool:
        """Place a thing if it fits; `loose` ignores its host, which it may be tucked under."""
        room, kind = self.plan.rooms[index], thing.kind
        box = world_box(
            T, (thing.low[0], thing.high[0], thing.low[1], thing.high[1], thing.low[2], thing.high[2])
        )
        inside = box[0] > room.x0 and box[1] < room.x1 and box[2] > room.y0 and box[3] < room.y1
        if not inside or box[5] > self.plan.height + 1e-6:
            return False
        if kind.where == "flat":
            flats = [p.box for p in self.placed if p.thing.kind.where == "flat"]
            if any(overlap(box, f, 0.05) for f in flats):
                return False
            self.placed.append(Placed(thing, T, index, box))
            return True
        solids = self._solid[index]
        if loose and host is not None:
            solids = [s for s in solids if s is not host.box]
        margin = 0.0 if kind.row else 0.02
        if any(overlap(box, s, margin) for s in solids):
            return False
        if kind.label not in AT_WINDOWS and any(overlap(box, v, 0.0) for v in self._view[index]):
            return False
        on_floor = box[4] < 0.3
        front = world_box(
            T, (thing.low[0], thing.high[0], thing.low[1] - kind.front, thing.low[1], 0.05, 1.0)
        )
        if (
            on_floor
            and not loose
            and (
                any(overlap(front, s, 0.0) for s in solids)
                or any(overlap(box, f, 0.0) for f in self._front[index])
            )
        ):
            return False
        bulky = on_floor or (
            box[4] < 1.8 and min(box[1] - box[0], box[3] - box[2]) > 0.12 and kind.where != "top"
        )
        if bulky and not self.free.add(box):
            return False
        solids = self._solid[index]
        solids.append(box)
        if on_floor and not loose and kind.where in ("wall", "corner"):
            self._front[index].append(front)
        self.placed.append(Placed(thing, T, index, box, side, host))
        return True

    def _bring_companions(self, host: Placed, index: int) -> None:
        catalogue = kinds()
        for companion in host.thing.kind.companions:
            model = None
            for n in range(companion.count):
                if self.rng.random() > companion.probability or len(self.placed) >= MOST_THINGS:
                    continue
                # Chairs around one table are of one make: the same generator state builds the same chair.
                model = self.rng.integers(2**31) if model is None else model
                thing = self.build(catalogue[companion.label], np.random.default_rng(model))
                self._place_companion(host, companion, thing, n, index)

    def _place_companion(self, host: Placed, companion: Companion, thing: Thing, n: int, index: int) -> None:
        how, gap = companion.how, companion.gap
        low, high, t = host.thing.low, host.thing.high, thing
        middle = (low + high) / 2
        if how == "seat":
            self.stand_on(host, t, index)
        elif how == "opposite" and host.side is not None:
            facing: dict[Side, Side] = {"west": "east", "east": "west", "south": "north", "north": "south"}
            room = self.plan.rooms[index]
            along = float(host.T[1, 3] if host.side in ("west", "east") else host.T[0, 3])
            sides = [facing[host.side], *[s for s in SIDES if s not in (host.side, facing[host.side])]]
            spots = [
                (s, along + d if s == sides[0] else float(self.rng.uniform(*room.span(s))))
                for s in sides
                for d in (0.0, 0.3, -0.3, 0.7, -0.7, 1.1, -1.1)
            ]
            for side, a in spots:
                if self.accept(t, index, self._against(t, room, side, a, GAP), side, host):
                    return
        elif how == "above" and t.kind.where == "ceiling":
            x, y = (host.T @ [middle[0], middle[1], 0, 1])[:2]
            self.accept(t, index, pose(x, y, self.plan.height, 0.0), None, host)
        elif how == "above" and host.side is not None:
            if self.variation.disorder > 0:  # what is above hangs on the wall, even if its host is turned
                centre = host.T[:3, :3] @ middle + host.T[:3, 3]
                along = float(centre[1] if host.side in ("west", "east") else centre[0])
                spot = self._against(t, self.plan.rooms[index], host.side, along, GAP)
            else:
                back = high[1] - t.high[1]
                spot = host.T @ pose(middle[0] - (t.low[0] + t.high[0]) / 2, back, 0, 0)
            self.accept(t, index, spot, host.side, host)
        elif how == "beside":
            for s in (1, -1) if self.rng.random() < 0.5 else (-1, 1):
                x = (high[0] + gap - t.low[0]) if s > 0 else (low[0] - gap - t.high[0])
                if self.accept(t, index, host.T @ pose(x, high[1] - t.high[1], 0, 0), host.side, host):
                    return
        elif how == "front":
            x = free_knee_room(host.thing) - (t.low[0] + t.high[0]) / 2
            turn, pull = self._untidy(0.6, 0.25)
            spot = host.T @ pose(x, low[1] - gap + t.low[1] - pull, 0, np.pi + turn)
            self.accept(t, index, spot, None, host, loose=True)
        elif how == "around":
            wide = high[0] - low[0] > 1.1
            xs = (-0.25, 0.25) if wide else (0.0,)
            seats = [(x * (high[0] - low[0]), s) for s in (-1, 1) for x in xs]
            seats = seats if wide else [(0.0, -1), (0.0, 1), (0.0, -2), (0.0, 2)]
            x, s = seats[n % len(seats)]
            jitter = self.rng.uniform(-0.12, 0.12)
            turn, pull = self._untidy(0.6, 0.25)
            jitter, gap = jitter + turn, gap + pull
            if abs(s) == 1:
                y = (low[1] - gap + t.low[1]) if s < 0 else (high[1] + gap - t.low[1])
                spot = pose(x, y, 0, (np.pi if s < 0 else 0.0) + jitter)
            else:
                x = (low[0] - gap + t.low[1]) if s < 0 else (high[0] + gap - t.low[1])
                spot = pose(x, 0.0, 0, (np.pi / 2 if s < 0 else -np.pi / 2) + jitter)
            self.accept(t, index, host.T @ spot, None, host, loose=True)

    def _put_on_top(self, index: int, room: Room, catalogue: dict[str, Kind]) -> None:
        hosts = [p for p in self.placed if p.room == index and p.thing.supports]
        for k in catalogue.values():
            p = k.rooms.get(room.type, 0.0) if k.where == "top" else 0.0
            fitting = [h for h in hosts if h.thing.kind.label in k.on]
            for n in range(k.most if fitting else 0):
                if self.rng.random() < (p if n == 0 else 0.5 * p) and len(self.placed) < MOST_THINGS:
                    thing = self.build(k, self.rng)
                    for h in self.rng.permutation(len(fitting)):
                        if self.stand_on(fitting[int(h)], thing, index):
                            break

    def stand_on(self, host: Placed, thing: Thing, index: int) -> bool:
        """Stand a thing on a support of its host: tall things at the back, wide ones in the middle."""
        w, d, h = thing.high - thing.low
        for support in host.thing.supports:
            room_x, room_y = support.x1 - support.x0 - 0.92 * w, support.y1 - support.y0 - 0.85 * d
            if room_x < 0 or room_y < 0 or h > support.headroom:
                continue
            for attempt in range(TRIES // 2):
                fx = 0.5 if attempt == 0 and w > 0.35 else float(self.rng.random())
                fy = float(self.rng.uniform(0.75, 1.0)) if h > 0.3 else float(self.rng.uniform(0.0, 0.7))
                x = support.x0 - 0.04 * w + fx * room_x + w / 2 + 0.0
                y = support.y0 - 0.075 * d + fy * room_y + d / 2
                turn = float(self.rng.uniform(-0.25, 0.25)) if w < 0.5 else 0.0
                turn += self._untidy(1.2 if w < 0.35 else 0.15)[0]
                middle = (thing.low + thing.high) / 2
                spot = host.T @ pose(x, y, support.z, turn) @ pose(-middle[0], -middle[1], 0, 0)
                if self.accept(thing, index, spot, None, host, loose=True):
                    return True
        return False

    def _dress_windows(self, index: int, catalogue: dict[str, Kind]) -> None:
        room = self.plan.rooms[index]
        for o in [o for o in room.openings if o.door < 0]:
            centre = (o.start + o.end) / 2
            if self.rng.random() < 0.7:
                self._at_wall(self.build(catalogue["radiator"], self.rng), index, o.side, centre)
            if room.type != "bathroom" and self.rng.random() < 0.7:
                make = self.rng.integers(2**31)
                for along in (o.start - 0.16, o.end + 0.16):
                    self._at_wall(
                        self.build(catalogue["curtain"], np.random.default_rng(make)), index, o.side, along
                    )

    def _at_wall(self, thing: Thing, index: int, side: Side, along: float) -> None:
        self.accept(thing, index, self._against(thing, self.plan.rooms[index], side, along, 0.03), side)


_SPECIAL_ROOMS: Final = {"living": 0, "bedroom": 1, "study": 2, "hall": 3, "kitchen": 4}
