"""Variation: looks, light, order and cameras that differ from scene to scene, words that stay true."""

import itertools

import numpy as np
import pytest

from sequences.synth.compose import Composition, compose, stream
from sequences.synth.depth_noise import exact_depth
from sequences.synth.depth_sensors import SENSORS, DepthSensor
from sequences.synth.illumination import relight, white
from sequences.synth.kinds import build, kinds
from sequences.synth.lighting import Light
from sequences.synth.materials import COLORS, TEXTURES, draw
from sequences.synth.palette import any_material, word_for
from sequences.synth.patterns import picture_of, printed
from sequences.synth.render import Camera, Picture, render
from sequences.synth.restyle import restyle
from sequences.synth.variation import PLAIN, Film, Variation, draw_variation
from sequences.synth.views import ViewFinder

HEAVY = Variation(
    crowd=1.0, disorder=1.0, stretch=0.13, repaint=1.0, rooms=1.0, ajar=1.0, storey=0.3, day=0.5,
    lamps=(0.4, 1.9), off=0.5, warmth=(2700, 4500), softness=(0.2, 4.0), fill=0.1,
)  # fmt: skip


@pytest.fixture(scope="module")
def heavy() -> Composition:
    return compose(8, "study", 1, variation=HEAVY, draft=True)


def test_no_strength_is_the_usual_look() -> None:
    for seed in range(20):
        assert draw_variation(np.random.default_rng(seed), 0.0) == PLAIN
    assert draw_variation(np.random.default_rng(0), 0.0, crowd=0.4) == Variation(crowd=0.4)
    assert PLAIN.film(np.random.default_rng(0)) == Film()


def test_looks_repeat_and_differ() -> None:
    looks = [draw_variation(stream(seed, "look"), 1.0) for seed in range(80)]
    assert looks == [draw_variation(stream(seed, "look"), 1.0) for seed in range(80)]
    assert PLAIN not in looks
    assert {look.sensor for look in looks} == set(SENSORS)
    assert len({look.day for look in looks}) > 20


def test_every_word_finds_itself() -> None:
    assert {name: word_for(rgb) for name, rgb in COLORS.items()} == {name: name for name in COLORS}


def test_captions_tell_the_colour_that_was_drawn() -> None:
    rng = np.random.default_rng(3)
    for k in itertools.islice(kinds().values(), 0, None, 3):
        before = build(k, np.random.default_rng(k.id))
        thing = restyle(before, rng, HEAVY)
        words = thing.attributes
        assert words["material"] == before.attributes["material"]
        assert words["size"] == before.attributes["size"]
        assert thing.caption.endswith(k.label)
        mains = [
            p.material
            for p in thing.parts
            if (p.material.name, p.material.color) == (words["material"], words["color"])
        ]
        if mains and words != before.attributes:
            assert any(word_for(m.rgb) == words["color"] for m in mains), thing.caption


def test_new_colours_keep_their_word() -> None:
    rng = np.random.default_rng(0)
    for name in ("wood", "fabric", "metal"):
        made = [any_material(rng, draw(rng, name)) for _ in range(60)]
        assert all(m.color == word_for(m.rgb) for m in made)
        assert len({m.color for m in made}) > 8
        assert len({m.texture for m in made}) > 3
        assert {m.texture for m in made} <= set(TEXTURES)


def test_proportions_change_within_a_quarter_and_surfaces_stay_whole() -> None:
    rng = np.random.default_rng(1)
    changed = 0
    for k in itertools.islice(kinds().values(), 1, None, 4):
        before = build(k, np.random.default_rng(k.id))
        thing = restyle(before, rng, Variation(stretch=0.13))
        factor = (thing.high - thing.low) / (before.high - before.low)
        assert (factor > 0.75).all(), k.label
        assert (factor < 1.3).all(), k.label
        changed += not np.allclose(factor, 1)
        points = np.concatenate([p.surface.vertices for p in thing.parts])
        np.testing.assert_allclose(points.min(0), thing.low, atol=1e-9)
        np.testing.assert_allclose(points.max(0), thing.high, atol=1e-9)
        for old, new in zip(before.parts, thing.parts, strict=True):
            np.testing.assert_allclose(np.linalg.norm(new.surface.normals, axis=1), 1, atol=1e-6)
            inside = old.surface.vertices @ old.T_part_thing[:3, :3].T + old.T_part_thing[:3, 3]
            again = new.surface.vertices @ new.T_part_thing[:3, :3].T + new.T_part_thing[:3, 3]
            np.testing.assert_allclose(inside, again, atol=1e-9)  # patterns stretch along
    assert changed > 15


def test_a_crowded_scene_holds_more_kinds(heavy: Composition) -> None:
    plain = compose(8, "study", 1, draft=True)
    assert len({i.kind for i in heavy.instances}) > len({i.kind for i in plain.instances}) + 5
    numbers = [i.instance for i in heavy.instances]
    assert numbers == list(range(1, len(numbers) + 1))
    assert set(np.unique(heavy.scene.part_instance)) - {0} == set(numbers)


def test_things_stay_in_their_rooms_however_untidy(heavy: Composition) -> None:
    room = heavy.plan.rooms[0]
    for i in heavy.instances:
        if i.label not in ("door", "window"):
            assert i.low[0] > room.x0 - 0.05, i.caption
            assert i.high[0] < room.x1 + 0.05, i.caption
            assert i.low[1] > room.y0 - 0.05, i.caption
            assert i.high[1] < room.y1 + 0.05, i.caption
            assert i.low[2] > -0.05, i.caption


def test_views_stand_on_free_floor_and_show_things(heavy: Composition) -> None:
    finder, rng = ViewFinder(heavy, np.radians(60)), np.random.default_rng(0)
    camera = Camera(48, 36, 24 / np.tan(np.radians(30)))
    shown: set[int] = set()
    for _ in range(12):
        T = finder.draw(rng)
        assert heavy.free.main()[heavy.free.cell(T[0, 3], T[1, 3])]
        picture = render(heavy.scene, camera, T, rng, samples=1)
        assert (picture.depth < 0.4).mean() < 0.35
        shown |= set(np.unique(picture.instance))
    assert len(shown) > 12


def test_film_is_exposed_balanced_and_bent(heavy: Composition) -> None:
    T = ViewFinder(heavy, np.radians(60)).draw(np.random.default_rng(5))
    camera = Camera(48, 36, 40.0)

    def mean(film: Film | None) -> np.ndarray:
        return render(heavy.scene, camera, T, np.random.default_rng(0), film).rgb.mean((0, 1))

    usual = mean(None)
    np.testing.assert_array_equal(usual, mean(Film()))
    assert (mean(Film(exposure=2.0)) > usual).all()
    assert (mean(Film(gamma=2.0)) < usual).all()
    red = mean(Film(balance=(1.3, 1.0, 0.7)))
    assert red[0] > usual[0]
    assert red[2] < usual[2]


def test_light_of_a_temperature_has_its_colour() -> None:
    warm, day, cold = white(2700), white(6500), white(9000)
    assert warm[0] > 2.5 * warm[2]
    np.testing.assert_allclose(day, 1, atol=0.06)
    assert cold[2] > cold[0]
    for kelvin in range(1800, 12000, 200):
        assert white(kelvin).mean() == pytest.approx(1)
    lamp = Light(np.zeros((4, 3)) + np.eye(4, 3), np.zeros(3), np.ones(3), 0.1, 0)
    lit = relight([lamp], np.random.default_rng(0), HEAVY)[0]
    assert 0.4 <= lit.rgb.mean() <= 1.9
    np.testing.assert_allclose(lit.points.mean(0), lamp.points.mean(0))


@pytest.fixture(scope="module")
def wall(heavy: Composition) -> tuple[Picture, Camera]:
    camera = Camera(64, 48, 56.0)
    T = ViewFinder(heavy, np.radians(60)).draw(np.random.default_rng(2))
    return render(heavy.scene, camera, T, np.random.default_rng(0)), camera


@pytest.mark.parametrize("name", list(SENSORS))
def test_sensors_measure_about_what_is_there(
    heavy: Composition, wall: tuple[Picture, Camera], name: str
) -> None:
    picture, camera = wall
    for seed in range(3):
        sensor = SENSORS[name](np.random.default_rng(seed))
        depth = sensor.measure(heavy.scene, picture, camera, np.random.default_rng(seed))
        assert depth.dtype == np.uint16
        seen = depth > 0
        assert seen.mean() > 0.25
        error = np.abs(depth[seen] / 1000 - picture.depth[seen])
        assert np.median(error) < 0.1
    if name == "exact":
        np.testing.assert_array_equal(depth, exact_depth(picture.depth))


def test_each_fault_of_a_sensor_shows(heavy: Composition, wall: tuple[Picture, Camera]) -> None:
    picture, camera = wall

    def measured(**faults: float) -> np.ndarray:
        rng = np.random.default_rng(0)
        return DepthSensor(**faults).measure(heavy.scene, picture, camera, rng) / 1000  # type: ignore[arg-type]

    near = float(np.median(picture.depth))
    assert measured(farthest=near).max() <= near + 1e-3
    assert 0.15 < (measured(patches=0.2) == 0).mean() < 0.25
    assert len(np.unique(measured(step=0.05))) < 0.2 * len(np.unique(measured()))
    np.testing.assert_allclose(measured(scale=1.1), 1.1 * measured(), atol=1.1e-3)
    assert np.abs(measured(noise=0.01) / picture.depth - 1).mean() == pytest.approx(0.008, rel=0.4)
    between = np.abs(measured(flying=1.0) - picture.depth) > 0.05
    assert 0.001 < between.mean() < 0.4


@pytest.mark.parametrize(
    "name", ["clouds", "speckles", "streaks", "plaid", "herringbone", "zigzag", "prints", "flowers"]
)
def test_patterns_vary_within_their_range_and_fade(name: str) -> None:
    xs = np.random.default_rng(0).uniform(-20, 20, (400, 2))
    near = np.array([printed(TEXTURES[name], x, y, 1e-4, 7) for x, y in xs])
    far = np.array([printed(TEXTURES[name], x, y, 40.0, 7) for x, y in xs])
    assert near.min() >= -0.01
    assert near.max() <= 1.01
    assert near.std() > 0.05
    assert far.std() < 0.4 * near.std()


@pytest.mark.parametrize("name", ["poster", "street"])
def test_pictures_are_colours_that_depend_on_the_seed(name: str) -> None:
    st = np.random.default_rng(0).random((200, 2))
    colors = [np.array([picture_of(TEXTURES[name], s, t, seed) for s, t in st]) for seed in (1, 2, 3, 4)]
    for c in colors:
        assert c.min() >= 0
        assert c.max() <= 1.5
        assert c.std(0).max() > 0.02
    assert not np.allclose(colors[0], colors[1])
