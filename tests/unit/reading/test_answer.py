"""A small room in a space of texts with made-up cosines: what a query must find, and what it must not."""

import numpy as np
import pytest

from mapping.answer import ask
from mapping.relevancy import IMAGE_TEXT_RULE, TEXT_RULE, RelevancyRule, rule_for

MASSAGE, ARMCHAIR, WALL, NEGATIVE = np.eye(4)
RELATED = 0.55 * MASSAGE + np.sqrt(1 - 0.55**2) * ARMCHAIR  # as MiniLM has it for the two names


def room(make_map, make_box, **options):
    """Return a wall with two chairs in front of it that touch each other, and what each cell is."""
    things = [
        (make_box((0, 0, 0), (30, 1, 12)), WALL),
        (make_box((2, 3, 0), (10, 9, 8)), MASSAGE),
        (make_box((10, 3, 0), (18, 9, 8)), RELATED),
    ]
    codes = np.concatenate([np.tile(z + 0.3 * NEGATIVE, (len(cells), 1)) for cells, z in things])
    kind = np.concatenate([np.full(len(cells), i) for i, (cells, _) in enumerate(things)])
    return make_map(np.concatenate([cells for cells, _ in things]), 0.9 * codes / 1.05, **options), kind


def one(voxel_map, vector, **options):
    return next(ask(voxel_map, vector, NEGATIVE, **options))


def test_the_right_thing_comes_first_and_its_neighbour_second(make_map, make_box):
    cells, kind = room(make_map, make_box)
    first, second = one(cells, MASSAGE).hits
    layer = 6 * 8  # averaging may move the border of two things that touch by a cell
    assert np.bincount(kind[first.rows], minlength=3)[[0, 1]].tolist() == [0, 8 * layer]
    assert set(kind[second.rows]) == {2}
    assert 8 * layer <= first.cells <= 9 * layer
    assert (first.rank, second.rank, first.frames) == (1, 2, 4)
    np.testing.assert_allclose(first.center, [0.3, 0.3, 0.2], atol=0.026)
    np.testing.assert_allclose(first.extent, [0.35, 0.25, 0.35], atol=0.051)
    assert kind[first.rows[0]] == 1
    assert first.score > 0.98 > second.score > 0.85
    assert first.confidence == pytest.approx(0.9 / 1.05 * np.sqrt(1.09), abs=1e-3)


def test_what_is_not_there_is_not_found_and_the_reason_says_so(make_map, make_box):
    cells, _ = room(make_map, make_box)
    answer = one(cells, 0.1 * MASSAGE + NEGATIVE)
    assert answer.hits == []
    assert "the best cell has relevancy" in answer.reason
    assert "below 0.85" in answer.reason


def test_a_lower_threshold_finds_it_all_the_same(make_map, make_box):
    cells, kind = room(make_map, make_box)
    hits = one(cells, 0.1 * MASSAGE + NEGATIVE, threshold=0.3).hits
    assert {1, 2} <= {int(k) for hit in hits for k in kind[hit.rows]}


def test_carved_cells_do_not_answer(make_map, make_box):
    cells, _ = room(make_map, make_box, misses=30)
    answer = one(cells, MASSAGE)
    assert answer.hits == []
    assert "stray cells" in answer.reason


def test_stray_cells_are_no_thing(make_map):
    cells = make_map([[0, 0, 0], [5, 0, 0], [9, 9, 9]], [MASSAGE] * 3)
    assert one(cells, MASSAGE).reason.startswith("only stray cells are like it (3 above")
    assert len(one(cells, MASSAGE, min_cells=1).hits) == 3


def test_a_larger_thing_goes_before_a_speck_that_is_as_good(make_map, make_box):
    speck, thing = make_box((0, 0, 0), (2, 2, 2)), make_box((9, 0, 0), (14, 5, 5))
    hits = one(make_map(np.concatenate([speck, thing]), [MASSAGE] * (8 + 125)), MASSAGE).hits
    assert [hit.cells for hit in hits] == [125, 8]


def test_top_limits_the_hits(make_map, make_box):
    cells, _ = room(make_map, make_box)
    assert len(one(cells, MASSAGE, top=1).hits) == 1
    with pytest.raises(ValueError, match="top must be >= 1, got 0"):
        one(cells, MASSAGE, top=0)


def test_a_users_negative_takes_its_cells_away(make_map, make_box):
    cells, kind = room(make_map, make_box)
    answer = next(ask(cells, MASSAGE, [NEGATIVE, RELATED]))
    assert {int(k) for hit in answer.hits for k in kind[hit.rows]} == {1}


def test_many_queries_are_answered_in_order_as_if_asked_alone(make_map, make_box):
    cells, _ = room(make_map, make_box)
    queries = np.random.default_rng(0).standard_normal((30, 4))
    for query, answer in zip(queries, ask(cells, queries, NEGATIVE), strict=True):
        alone = one(cells, query)
        np.testing.assert_allclose(answer.relevancy, alone.relevancy, atol=1e-6)
        assert [hit.cells for hit in answer.hits] == [hit.cells for hit in alone.hits]


def test_an_empty_map_says_so(make_map):
    empty = make_map(np.zeros((0, 3)), np.zeros((0, 4)))
    answer = one(empty, MASSAGE)
    assert (answer.hits, answer.reason) == ([], "the map has no cells")


def test_hits_turn_into_plain_values(make_map, make_box):
    plain = one(room(make_map, make_box)[0], MASSAGE).hits[0].to_dict()
    assert set(plain) == {"rank", "score", "confidence", "center", "extent", "cells", "frames", "best"}
    assert all(isinstance(v, int | float | list) for v in plain.values())


def test_no_negative_and_a_senseless_threshold_are_errors(make_map):
    cells = make_map([[0, 0, 0]], [MASSAGE])
    with pytest.raises(ValueError, match="at least one vector"):
        ask(cells, MASSAGE, np.zeros((0, 4)))
    with pytest.raises(ValueError, match=r"threshold must be in \(0, 1\), got 1"):
        ask(cells, MASSAGE, NEGATIVE, threshold=1)


def test_relevancy_is_the_least_pairwise_softmax():
    rule = RelevancyRule(temperature=10, threshold=0.5)
    query, negatives = np.float32([0.4, 0.1]), np.float32([[0.3, 0.2], [0.35, -0.5]])
    softmax = np.exp(10 * query) / (np.exp(10 * query) + np.exp(10 * negatives))
    np.testing.assert_allclose(rule.relevancy(query, negatives), softmax.min(axis=0), rtol=1e-5)
    assert rule.lead == pytest.approx(0)


def test_the_rule_follows_the_text_encoder():
    assert rule_for({"text_encoder": "minilm"}) is TEXT_RULE
    assert rule_for({"text_encoder": "openclip:ViT-B-32/x"}) is IMAGE_TEXT_RULE
