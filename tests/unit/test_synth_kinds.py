"""Kinds of things: every one builds, has a plausible size and words, and keeps its id."""

import numpy as np
import pytest

from sequences.synth.builder import Builder
from sequences.synth.kinds import STRUCTURE, Kind, Thing, build, caption, kind, kinds, vocabulary
from sequences.synth.materials import COLORS, draw

# Label ids are part of every sequence ever written: these must never change.
FROZEN = {
    1: "wall", 2: "floor", 3: "ceiling", 4: "door", 5: "window",
    10: "chair", 11: "armchair", 12: "massage chair", 16: "bean bag", 17: "sofa",
    30: "bed", 40: "desk", 50: "wardrobe", 51: "bookshelf", 70: "refrigerator",
    71: "stove", 73: "kitchen sink", 90: "bathtub", 92: "toilet", 100: "television",
    101: "monitor", 120: "floor lamp", 130: "potted plant", 132: "picture", 134: "rug",
    150: "piano", 152: "guitar", 153: "bicycle", 156: "table football",
}  # fmt: skip


@pytest.fixture(scope="module")
def things() -> dict[str, list[Thing]]:
    return {k.label: [build(k, np.random.default_rng([s, k.id])) for s in range(2)] for k in kinds().values()}


def test_ids_are_stable_and_unique() -> None:
    names = vocabulary()
    assert {i: names[i] for i in FROZEN} == FROZEN
    assert len(set(names.values())) == len(names) == len(kinds()) + len(STRUCTURE)
    assert 0 not in names
    assert len(kinds()) >= 60


def test_every_kind_builds_a_valid_surface(things: dict[str, list[Thing]]) -> None:
    for label, examples in things.items():
        for thing in examples:
            for part in thing.parts:
                s = part.surface
                assert np.isfinite(s.vertices).all(), label
                np.testing.assert_allclose(np.linalg.norm(s.normals, axis=1), 1, atol=1e-3, err_msg=label)
                assert s.faces.min() >= 0, label
                assert s.faces.max() < len(s.vertices), label
                assert (part.half > 0).all(), label
                drawn = s.vertices[np.unique(s.faces)]  # loose vertices would falsify extents
                np.testing.assert_allclose(drawn.min(0), s.vertices.min(0), atol=1e-6, err_msg=label)
                np.testing.assert_allclose(drawn.max(0), s.vertices.max(0), atol=1e-6, err_msg=label)


def test_faces_wind_with_their_normals(things: dict[str, list[Thing]]) -> None:
    for label, (thing, _) in things.items():
        for part in thing.parts:
            a, b, c = (part.surface.vertices[part.surface.faces[:, k]] for k in range(3))
            wound = np.einsum(
                "ij,ij->i", np.cross(b - a, c - a), part.surface.normals[part.surface.faces].mean(1)
            )
            assert (wound > -1e-9).mean() > 0.95, label


def test_every_kind_has_a_plausible_size(things: dict[str, list[Thing]]) -> None:
    for label, examples in things.items():
        for thing in examples:
            size = thing.high - thing.low
            assert size.max() < 2.6, label
            assert np.sort(size)[1] > 0.09, label
            where = thing.kind.where
            if where == "ceiling":
                assert thing.high[2] <= 1e-6, label
            elif where in ("wall", "corner", "free", "top", "flat"):
                assert -0.02 <= thing.low[2] <= 0.08, label
                assert thing.high[2] < 2.3, label


def test_surfaces_are_fine_enough_for_evaluation_by_vertex(things: dict[str, list[Thing]]) -> None:
    lengths = []
    for thing, _ in things.values():
        for part in thing.parts:
            corner = part.surface.vertices[part.surface.faces]
            lengths.append(np.linalg.norm(corner - np.roll(corner, 1, 1), axis=2).ravel())
    edges = np.concatenate(lengths)
    assert np.quantile(edges, 0.99) < 0.075
    assert edges.max() < 0.2


def test_every_kind_has_words(things: dict[str, list[Thing]]) -> None:
    for label, examples in things.items():
        for thing in examples:
            assert thing.caption.endswith(label)
            assert thing.attributes["color"] in COLORS
            assert set(thing.attributes) == {"color", "material", "size"}


def test_kinds_refer_to_kinds_that_exist() -> None:
    catalogue = kinds()
    for k in catalogue.values():
        for label in (*k.on, *(c.label for c in k.companions)):
            assert label in catalogue, k.label
        if k.where == "top":
            assert k.on, k.label


def test_every_kind_can_appear() -> None:
    wanted = {c.label for k in kinds().values() for c in k.companions}
    by_layout = {"massage chair", "curtain", "radiator"}
    lost = [k.label for k in kinds().values() if not k.rooms and k.label not in wanted | by_layout]
    assert lost == []


@pytest.mark.parametrize(
    ("label", "attributes", "text"),
    [
        (
            "massage chair",
            {"color": "red", "material": "leather", "size": "large"},
            "a large red leather massage chair",
        ),
        (
            "armchair",
            {"color": "orange", "material": "fabric", "size": "medium"},
            "an orange fabric armchair",
        ),
        ("books", {"color": "white", "material": "paper", "size": "small"}, "small white books"),
        ("cactus", {"color": "green", "material": "ceramic", "size": "medium"}, "a green ceramic cactus"),
    ],
)
def test_caption(label: str, attributes: dict[str, str], text: str) -> None:
    assert caption(label, attributes) == text


def test_the_same_seed_builds_the_same_thing() -> None:
    k: Kind = kinds()["piano"]
    a, b = (build(k, np.random.default_rng(5)) for _ in range(2))
    assert a.caption == b.caption
    for p, q in zip(a.parts, b.parts, strict=True):
        np.testing.assert_array_equal(p.surface.vertices, q.surface.vertices)


@pytest.mark.parametrize(
    ("id", "label", "materials", "message"),
    [
        (12, "hat stand", ("wood",), "must be free"),
        (3, "hat stand", ("wood",), "must be free"),
        (901, "sofa", ("wood",), "must be unique"),
        (901, "hat stand", ("unobtainium",), "unobtainium"),
    ],
)
def test_a_bad_registration_is_refused(id: int, label: str, materials: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):

        @kind(id, label, materials=materials)
        def _bad(b: Builder) -> None:
            b.box(1, 1, (0, 1))

    assert "hat stand" not in kinds()


def test_an_unknown_material_is_named() -> None:
    with pytest.raises(ValueError, match="got 'cheese'"):
        draw(np.random.default_rng(0), "cheese")
