"""The colours of embeddings, and the panel that shows them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dvemap.lettering import fitted, text_width
from dvemap.prediction.inputs import resized_measured
from dvemap.prediction.look import DARK, LIGHT, Look
from dvemap.prediction.panel import GAP, HEADER, MARGIN, PAPER, SIDEBAR, TILE, TITLE, draw_panel
from dvemap.prediction.predictor import Labeller, Prediction, Predictor, Question, make_predictor, write_npz
from mapping import linear_probe, make_class_list, prototypes
from mapping.relevancy import TEXT_RULE
from student import EmbeddingSpace

RNG = np.random.default_rng(3)
DEPTH = np.linspace(1, 3, 24 * 32, dtype=np.float32).reshape(24, 32)


def random(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def unit(vectors: np.ndarray) -> np.ndarray:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def test_colours_are_the_principal_components_of_the_embeddings() -> None:
    head, codes = random(20, 6), (random(24, 32, 6) * [5, 3, 2, 1, 1, 1]).astype(np.float16)
    look = Look.fit([codes], [DEPTH], head)
    embeddings = (codes.astype(np.float64) @ head.T).reshape(-1, 20)
    _, _, axes = np.linalg.svd(embeddings - embeddings.mean(axis=0), full_matrices=False)
    axes = axes[:3] * np.sign(axes[np.arange(3), np.abs(axes[:3]).argmax(axis=1)])[:, None]
    expected = (embeddings - embeddings.mean(axis=0)) @ axes.T
    found = codes.reshape(-1, 6).astype(np.float64) @ look.weight.T + look.offset
    np.testing.assert_allclose(found, expected, atol=0.02 * expected.std())
    colors = look.colors(codes, (24, 32)).astype(int)
    assert colors.min() == DARK
    assert colors.max() == LIGHT
    assert np.allclose(look.depth, [1.02, 2.98])


def test_signs_do_not_depend_on_what_the_solver_likes() -> None:
    codes = random(24, 32, 5).astype(np.float16)
    looks = [Look.fit([part], [DEPTH], None) for part in (codes, codes[::-1], codes[:, ::-1])]
    for look in looks[1:]:
        np.testing.assert_allclose(look.weight, looks[0].weight, atol=1e-4)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_few_channels_and_flat_images_have_colours_too(channels: int) -> None:
    codes = np.ones((4, 4, channels), np.float16)
    look = Look.fit([codes], [0 * DEPTH], None)
    assert (look.colors(codes, (8, 8)) == round((DARK + LIGHT) / 2)).all()
    codes[:2] = 2
    assert len(np.unique(Look.fit([codes], [DEPTH], None).colors(codes, (4, 4)).reshape(-1, 3), axis=0)) == 2


def test_a_look_comes_back_from_its_file(tmp_path: Path) -> None:
    look = Look.fit([random(4, 4, 5).astype(np.float16)], [DEPTH], None)
    look.save(tmp_path / "look.npz")
    again = Look.load(tmp_path / "look.npz")
    for name in ("weight", "offset", "low", "high", "depth"):
        np.testing.assert_array_equal(getattr(again, name), getattr(look, name))


def predictor(labels: bool, heat: bool, text: str = "chair", count: int = 3) -> Predictor:
    names = [f"a class with quite a long name, number {k}" for k in range(count)]
    vectors = random(count, 5)
    labeller = Labeller(prototypes(vectors), make_class_list("mine", names), "text")
    question = Question(text, (), unit(random(5, 5)), TEXT_RULE)
    space = EmbeddingSpace("s", 5)
    return Predictor(space, labeller if labels else None, question if heat else None)


@pytest.mark.parametrize(
    ("labels", "heat", "columns", "rows", "beside"),
    [(False, False, 3, 1, 0), (False, True, 2, 2, 0), (True, False, 2, 2, SIDEBAR), (True, True, 3, 2, 0)],
)
def test_a_panel_holds_what_there_is_and_keeps_its_margins(
    labels: bool, heat: bool, columns: int, rows: int, beside: int
) -> None:
    long = "an armchair with “cushions” für müde Gäste, 椅子, " * 9
    reader = predictor(labels, heat, long, count=60)
    codes = unit(random(12, 16, 5)).astype(np.float16)
    look = Look.fit([codes], [DEPTH], None)
    rgb = RNG.integers(0, 256, (48, 64, 3), dtype=np.uint8)
    panel = draw_panel(
        rgb, DEPTH, reader.predict(codes, (48, 64)), reader, look, title=long, subtitle=3 * long
    )
    width = 2 * MARGIN + columns * TILE + (columns - 1) * GAP + beside
    assert panel.shape == (2 * MARGIN + TITLE + rows * (HEADER + 360) + (rows - 1) * GAP, width, 3)
    edge = MARGIN - 2  # tiles have a line around them
    for border in (panel[:, :edge], panel[:, -edge:], panel[-edge:], panel[:edge]):
        assert (border == PAPER).all()
    between = panel[MARGIN + TITLE + HEADER : -MARGIN, MARGIN + TILE + 2 : MARGIN + TILE + GAP - 2]
    assert (between[:360] == PAPER).all()


def test_letters_know_their_width_and_end_in_an_ellipsis() -> None:
    assert fitted("chair", 500, 16) == "chair"
    short = fitted("a massage chair that is too long", 100, 16)
    assert short.startswith("a massage")
    assert short.endswith("…")
    assert text_width(short, 16) <= 100
    assert fitted("chair", 0, 16) == "…"


def test_numbers_hold_what_makes_embeddings_again(tmp_path: Path) -> None:
    head, codes = random(8, 5), random(3, 4, 5).astype(np.float16)
    reader = Predictor(EmbeddingSpace("s", 8, head))
    write_npz(tmp_path / "x.npz", Prediction(codes), reader)
    with np.load(tmp_path / "x.npz", allow_pickle=False) as made:
        assert sorted(made.files) == ["codes", "head", "space"]
        np.testing.assert_array_equal(made["codes"] @ made["head"].T, codes @ head.T)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"classes": "nyuv2-40"}, "has no text encoder; use a linear probe with --probe"),
        ({"text": "chair"}, "has no text encoder"),
        ({"negatives": ("sofa",)}, "give the --text too"),
    ],
)
def test_what_a_space_cannot_answer_is_refused(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        make_predictor(EmbeddingSpace("s", 8), **asked)


def test_runs_that_read_codes_otherwise_are_told_apart() -> None:
    vectors = random(3, 5)
    names = make_class_list("mine", ["a", "b", "c"])
    bias = np.float32([0, 0, 1])
    readers = [prototypes(vectors), prototypes(vectors[[1, 0, 2]]), linear_probe(-vectors)]
    readers += [linear_probe(vectors), linear_probe(vectors, bias), prototypes(vectors, np.array([7, 8, 9]))]
    identities = [
        Predictor(EmbeddingSpace("s", 5), Labeller(one, names, "probe")).identity for one in readers
    ]
    assert len({str(identity) for identity in identities}) == len(readers)


def test_sparse_depth_keeps_the_middle_of_its_pixels() -> None:
    depth = np.zeros((3, 4), np.float32)
    depth[0, 0], depth[2, 3] = 1, 2
    large = resized_measured(depth, (15, 20))
    assert {(int(y), int(x)): float(large[y, x]) for y, x in np.argwhere(large)} == {(2, 2): 1, (12, 17): 2}
    assert resized_measured(depth, depth.shape) is depth
