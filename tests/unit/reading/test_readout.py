import math

import numpy as np
import pytest

from mapping import readout

CORNERS = np.array([[-1024, 0, 0], [1024, 0, 0], [0, -512, 0], [0, 512, 0]])


def test_mean_is_the_centre_plus_the_local_mean(make_map):
    one = make_map([[2, -1, 0]], points=[[[2048, 0, -2048], [0, 0, 0]]], cell_size=0.1)
    np.testing.assert_allclose(readout.mean(one), [[0.25 + 0.025, -0.05, 0.05 - 0.025]], atol=1e-12)


def test_covariance_equals_numpy_in_metres(make_map):
    points = np.random.default_rng(0).integers(-2048, 2048, (2, 30, 3))
    sigma = readout.covariance(make_map([[0, 0, 0], [7, 8, 9]], points=points, cell_size=0.05))
    expected = [np.cov(p.T * 0.05 / 4096, bias=True) for p in points]
    np.testing.assert_allclose(sigma, expected, rtol=1e-9, atol=1e-18)


def test_covariance_does_not_depend_on_where_the_cell_lies(make_map):
    points = np.random.default_rng(1).integers(-2048, 2048, (2, 40, 3))
    points[1] = points[0]
    sigma = readout.covariance(make_map([[0, 0, 0], [10_000, -10_000, 10_000]], points=points))
    assert np.array_equal(sigma[0], sigma[1])


def test_regularise_lifts_a_plane_to_ratio_and_floor():
    sigma = np.diag([0.0, 1e-4, 4e-4])[None]
    np.testing.assert_allclose(
        np.linalg.eigvalsh(readout.regularise(sigma, ratio=1e-2, sigma_min=1e-4))[0], [4e-6, 1e-4, 4e-4]
    )
    np.testing.assert_allclose(
        np.linalg.eigvalsh(readout.regularise(sigma, ratio=1e-3, sigma_min=2e-3))[0], [4e-6, 1e-4, 4e-4]
    )
    np.testing.assert_allclose(readout.regularise(np.zeros((1, 3, 3)))[0], 1e-6 * np.eye(3))


@pytest.mark.parametrize(
    ("option", "message"), [({"ratio": 2}, "ratio must be"), ({"sigma_min": 0}, "> 0 m")]
)
def test_regularise_rejects_what_cannot_be(option, message):
    with pytest.raises(ValueError, match=message):
        readout.regularise(np.zeros((1, 3, 3)), **option)


def test_shape_of_a_plane_a_line_and_a_point(make_map):
    line = np.tile([[-1000, 1000, 0], [1000, -1000, 0]], (2, 1))
    shape = readout.shape(readout.covariance(make_map(np.eye(3), points=[CORNERS, line, 0 * line])))
    np.testing.assert_allclose(shape.normal[0], [0, 0, 1], atol=1e-9)
    np.testing.assert_allclose(shape.planarity, [0.25, 0, 0], atol=1e-9)
    np.testing.assert_allclose(shape.linearity, [0.75, 1, 0], atol=1e-9)
    np.testing.assert_allclose(shape.scatter, [0, 0, 1], atol=1e-9)


def test_log_odds_weigh_hits_against_misses_and_are_clamped(make_map):
    cells = make_map(np.arange(12).reshape(4, 3), hits=[3, 1, 0, 5000], misses=[0, 5, 9, 0])
    odds = readout.log_odds(cells)
    np.testing.assert_allclose(odds, [3 * math.log(1.5), math.log(1.5) - 1, -1.8, 255])
    np.testing.assert_allclose(readout.occupied(cells), 1 / (1 + np.exp(-odds)))
    assert readout.log_odds(cells, model=readout.OccupancyModel(limit=2))[3] == 2


def test_a_cell_is_solid_while_its_log_odds_are_above_zero_or_if_nothing_was_counted(make_map):
    cells = make_map(np.arange(12).reshape(4, 3), hits=[3, 2, 0, 0], misses=[6, 5, 1, 0])
    assert readout.solid(cells).tolist() == [True, False, False, True]
    assert readout.solid(cells, [1, 0]).tolist() == [False, True]


def test_log_odds_follow_the_rows_asked_for_in_any_order_of_keys(make_map):
    cells = make_map([[5, 0, 0], [-5, 0, 0], [1, 1, 1]], hits=[1, 2, 3])
    assert readout.evidence(cells)[0].tolist() == [1, 2, 3]
    assert readout.evidence(cells, np.array([2, 0]))[0].tolist() == [3, 1]


def test_colour_is_the_weighted_mean(make_map):
    assert readout.color(make_map([[0, 0, 0]], rgb=(255, 128, 0))).tolist() == [[255, 128, 0]]


def test_embedding_is_the_unit_vector_of_the_head(make_map):
    head = np.array([[1, 0], [0, 2], [0, 0]])
    cells = make_map([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0.3, 0.2], [0.5, 0], [0, 0]], head=head)
    z = readout.embedding(cells)
    np.testing.assert_allclose(z, [[0.6, 0.8, 0], [1, 0, 0], [0, 0, 0]], atol=1e-4)
    assert np.array_equal(readout.embedding(cells, slice(1, 3)), z[1:3])
    assert np.array_equal(readout.embedding(cells, np.array([1])), z[1:2])


def test_confidence_is_the_resultant_length(make_map):
    cells = make_map([[0, 0, 0], [1, 0, 0], [2, 0, 0]], [[0.6, 0.8], [0.3, 0.4], [0, 0]])
    np.testing.assert_allclose(readout.confidence(cells), [1, 0.5, 0], atol=1e-4)


def test_an_empty_map_reads_as_nothing(make_map):
    empty = make_map(np.zeros((0, 3)), np.zeros((0, 4)))
    assert readout.mean(empty).shape == (0, 3)
    assert readout.regularise(readout.covariance(empty)).shape == (0, 3, 3)
    assert readout.log_odds(empty).shape == (0,)
    assert readout.embedding(empty).shape == (0, 4)
    assert readout.confidence(empty).shape == (0,)
