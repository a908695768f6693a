import numpy as np
import pytest

from mapping.query import in_blocks, scores


def cosines(z, t):
    return (t / np.linalg.norm(t, axis=1, keepdims=True)) @ (z / np.linalg.norm(z, axis=1, keepdims=True)).T


def test_scores_are_cosines_whatever_the_length_of_code_and_query(make_map):
    rng = np.random.default_rng(0)
    codes, queries = rng.uniform(-0.3, 0.3, (7, 5)), 3 * rng.standard_normal((3, 5))
    cells = make_map(np.arange(21).reshape(7, 3), codes)
    for threads in (1, 2):
        np.testing.assert_allclose(
            scores(cells, queries, threads=threads), cosines(codes, queries), atol=2e-4
        )
    np.testing.assert_allclose(scores(cells, queries[1]), cosines(codes, queries[1:2]), atol=2e-4)


def test_a_head_is_applied_to_the_query_not_to_the_codes(make_map):
    rng = np.random.default_rng(1)
    head, codes, queries = (
        rng.standard_normal((9, 4)),
        rng.uniform(-1, 1, (6, 4)),
        rng.standard_normal((2, 9)),
    )
    cells = make_map(np.arange(18).reshape(6, 3), codes, head=head)
    np.testing.assert_allclose(scores(cells, queries), cosines(codes @ head.T, queries), atol=2e-4)


def test_a_cell_without_an_embedding_scores_zero(make_map):
    cells = make_map([[0, 0, 0], [1, 0, 0]], [[0, 0], [1, 0]])
    assert scores(cells, [1, 0]).tolist() == [[0, 1]]


def test_an_empty_map_scores_nothing(make_map):
    assert scores(make_map(np.zeros((0, 3)), np.zeros((0, 4))), np.eye(4)).shape == (4, 0)


@pytest.mark.parametrize(
    ("vectors", "message"),
    [
        ([[1, 0]], r"must be \(Q, 3\) for this map, got \(1, 2\)"),
        ([[1, 0, 0], [0, 0, 0]], "vector 1 must have a direction, got norm 0"),
        ([[np.nan, 0, 0]], "vector 0 must have a direction, got norm nan"),
    ],
)
def test_vectors_that_do_not_fit_are_named(make_map, vectors, message):
    with pytest.raises(ValueError, match=message):
        scores(make_map([[0, 0, 0]], [[1, 0, 0]]), vectors)


def test_a_map_without_codes_cannot_be_asked(make_map):
    with pytest.raises(ValueError, match="holds no embeddings"):
        scores(make_map([[0, 0, 0]]), [1.0])


def test_blocks_cover_every_row_once_and_errors_come_through():
    seen = np.zeros(20_000, np.int64)

    def mark(start, stop):
        seen[start:stop] += 1

    in_blocks(mark, len(seen), 3)
    assert seen.tolist() == [1] * len(seen)
    with pytest.raises(ZeroDivisionError):
        in_blocks(lambda start, stop: 1 // 0, 10, 2)
    with pytest.raises(ValueError, match="threads must be >= 1, got 0"):
        in_blocks(mark, 10, 0)
