"""What a room holds beyond what it is for: things of any kind, however rare, and clutter."""

from __future__ import annotations

from typing import Final

import numpy as np

from .boxes import footprint
from .kinds import Kind, Thing, kinds
from .layout import MOST_THINGS, Furnisher, Placed

GUESTS: Final = 9.0  # things on the floor or a wall of a room of 14 square metres
SMALL: Final = 12.0  # things on its tables, shelves and floor
SMALL_COMPANIONS: Final = ("pillow", "cushion", "toilet paper")
EVERYWHERE: Final = ("picture", "ceiling lamp", "radiator", "curtain")  # no need to add these


def add_guests(furnisher: Furnisher, rng: np.random.Generator, crowd: float) -> None:
    """Place large things of any kind where there is room; before a room is furnished.

    Parameters
    ----------
    furnisher : Furnisher
    rng : numpy.random.Generator
    crowd : float
        0 to 1: share of the usual number.
    """
    for index, room in enumerate(furnisher.plan.rooms):
        number = int(rng.poisson(crowd * GUESTS * min(room.area / 14.0, 1.3)))
        things = [furnisher.build(k, rng) for k in _drawn(rng, large=True, number=number)]
        for thing in sorted(things, key=footprint, reverse=True):
            if footprint(thing) < 0.2 * room.area and len(furnisher.placed) < MOST_THINGS:
                furnisher.place(thing, index)


def add_clutter(furnisher: Furnisher, rng: np.random.Generator, crowd: float) -> None:
    """Put small things of any kind on whatever bears them, and a few on the floor; after furnishing."""
    for index, room in enumerate(furnisher.plan.rooms):
        number = int(rng.poisson(crowd * SMALL * min(room.area / 14.0, 1.3)))
        hosts = [p for p in furnisher.placed if p.room == index and p.thing.supports]
        for k in _drawn(rng, large=False, number=number):
            if len(furnisher.placed) >= MOST_THINGS:
                return
            thing = furnisher.build(k, rng)
            if rng.random() < 0.2 or not _stand_somewhere(furnisher, rng, hosts, thing, index):
                _lie_somewhere(furnisher, rng, thing, index)


def _stand_somewhere(
    furnisher: Furnisher, rng: np.random.Generator, hosts: list[Placed], thing: Thing, index: int
) -> bool:
    usual = [h for h in hosts if h.thing.kind.label in thing.kind.on]
    first = usual if usual and rng.random() < 0.7 else hosts
    return any(furnisher.stand_on(first[int(h)], thing, index) for h in rng.permutation(len(first))[:4])


def _lie_somewhere(furnisher: Furnisher, rng: np.random.Generator, thing: Thing, index: int) -> None:
    for _ in range(6):
        T = furnisher.somewhere(furnisher.plan.rooms[index], 0.3)
        turn = float(rng.uniform(-np.pi, np.pi))
        T[:2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
        if furnisher.accept(thing, index, T, None):
            return


def _drawn(rng: np.random.Generator, large: bool, number: int) -> list[Kind]:
    """Different kinds, each as likely as any other, so that in the end none is rare."""
    candidates = [
        k
        for k in kinds().values()
        if (k.where != "top" and k.label not in SMALL_COMPANIONS) == large and k.label not in EVERYWHERE
    ]
    chosen = rng.choice(len(candidates), min(number, len(candidates)), replace=False)
    return [candidates[int(i)] for i in chosen]
