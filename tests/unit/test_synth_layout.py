"""Plans and furnishing: rooms with what they need, nothing in anything else, ways left free."""

import itertools

import numpy as np
import pytest

from sequences.synth.compose import compose, has_massage_chair, stream
from sequences.synth.layout import Furnisher, Placed
from sequences.synth.plan import OUTSIDE, Plan, draw_plan


def furnished(seed: int, kind: str, special: tuple[str, ...] = ()) -> Furnisher:
    plan = draw_plan(stream(seed, "plan"), "flat" if kind == "flat" else "room", kind)
    furnisher = Furnisher(stream(seed, "layout"), plan)
    furnisher.furnish(special)
    return furnisher


@pytest.fixture(scope="module")
def flats() -> list[Furnisher]:
    return [furnished(seed, "flat", ("massage chair",)) for seed in range(3)]


def test_rooms_of_a_flat_are_joined_by_doors() -> None:
    for seed in range(30):
        plan = draw_plan(stream(seed, "plan"), "flat")
        assert len(plan.rooms) in (4, 5)
        assert {"living", "bathroom", "kitchen"} <= {r.type for r in plan.rooms}
        reached = {0}
        for _ in plan.rooms:
            reached |= {
                b for d in plan.doors for a, b in ((d.a, d.b), (d.b, d.a)) if a in reached and b != OUTSIDE
            }
        assert reached == set(range(len(plan.rooms)))
        assert sum(d.b == OUTSIDE for d in plan.doors) == 1


def test_openings_of_one_wall_do_not_overlap() -> None:
    for seed in range(30):
        for room in draw_plan(stream(seed, "plan"), "flat").rooms:
            for a, b in itertools.combinations(room.openings, 2):
                assert a.side != b.side or a.end < b.start or b.end < a.start


def depth_of_overlap(a: Placed, b: Placed) -> float:
    """Smallest overlap of two boxes over the axes: how far one would have to move to be free."""
    return min(min(a.box[k + 1], b.box[k + 1]) - max(a.box[k], b.box[k]) for k in (0, 2, 4))


def test_nothing_stands_in_anything_else(flats: list[Furnisher]) -> None:
    for furnisher in flats:
        for a, b in itertools.combinations(furnisher.placed, 2):
            if a.room == b.room and a.host is not b and b.host is not a:
                flat = "flat" in (a.thing.kind.where, b.thing.kind.where)
                limit = 0.02 if flat else 0.004
                assert depth_of_overlap(a, b) <= limit, (a.thing.caption, b.thing.caption)


def test_things_stay_in_their_rooms(flats: list[Furnisher]) -> None:
    for furnisher in flats:
        for p in furnisher.placed:
            room = furnisher.plan.rooms[p.room]
            assert p.box[0] >= room.x0
            assert p.box[1] <= room.x1
            assert p.box[2] >= room.y0
            assert p.box[3] <= room.y1
            assert p.box[5] <= furnisher.plan.height + 1e-6


def test_every_room_can_be_walked_to(flats: list[Furnisher]) -> None:
    for furnisher in flats:
        main = furnisher.free.main()
        for index in range(len(furnisher.plan.rooms)):
            assert (main & (furnisher.free.room == index)).sum() >= 20


def test_rooms_hold_what_they_are_for(flats: list[Furnisher]) -> None:
    needs = {
        "bathroom": {"toilet", "washbasin"},
        "kitchen": {"kitchen sink", "refrigerator"},
        "bedroom": {"bed"},
    }
    asked, held = 0, 0
    for furnisher in flats:
        for index, room in enumerate(furnisher.plan.rooms):
            labels = {p.thing.kind.label for p in furnisher.placed if p.room == index}
            for label in needs.get(room.type, set()):
                asked += 1
                held += label in labels
    assert held >= 0.85 * asked


def test_a_massage_chair_that_is_asked_for_is_placed() -> None:
    for seed in range(4):
        for kind in ("living", "bedroom", "study"):
            placed = furnished(seed, kind, ("massage chair",)).placed
            assert sum(p.thing.kind.label == "massage chair" for p in placed) == 1


def test_about_half_of_the_seeds_hold_a_massage_chair() -> None:
    assert 0.3 <= np.mean([has_massage_chair(seed) for seed in range(40)]) <= 0.7
    assert 0.45 <= np.mean([has_massage_chair(seed) for seed in range(2000)]) <= 0.55


def test_seeds_differ_and_repeat() -> None:
    def words(furnisher: Furnisher) -> list[str]:
        return [p.thing.caption for p in furnisher.placed]

    a, b, c = furnished(1, "living"), furnished(1, "living"), furnished(2, "living")
    assert words(a) == words(b)
    for p, q in zip(a.placed, b.placed, strict=True):
        np.testing.assert_array_equal(p.T, q.T)
    assert words(a) != words(c)


def test_ways_run_over_free_floor() -> None:
    free = furnished(3, "living").free
    cells = [tuple(int(x) for x in c) for c in np.argwhere(free.main())]
    length, paths = free.ways([cells[0], cells[-1]])  # type: ignore[list-item]
    way = paths[0][1]
    assert way[0] == cells[0]
    assert way[-1] == cells[-1]
    assert all(free.main()[c] for c in way)
    assert all(max(abs(a[0] - b[0]), abs(a[1] - b[1])) == 1 for a, b in itertools.pairwise(way))
    assert length[0, 1] == pytest.approx(length[1, 0])


def test_a_plan_of_one_room_has_one_door() -> None:
    plan: Plan = draw_plan(np.random.default_rng(0), "room", "kitchen")
    assert [r.type for r in plan.rooms] == ["kitchen"]
    assert len(plan.doors) == 1


@pytest.mark.parametrize(
    ("seed", "kind", "message"), [(-1, "flat", "seed must be >= 0"), (0, "castle", "kind must be")]
)
def test_bad_arguments_are_named(seed: int, kind: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compose(seed, kind)
