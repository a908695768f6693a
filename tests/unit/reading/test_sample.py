import math

import numpy as np
import pytest

from mapping.sample import sample

FLAT = np.array([[-1500, -1500, 0], [1500, -1500, 0], [-1500, 1500, 0], [1500, 1500, 0]])
UPRIGHT = FLAT[:, [2, 0, 1]]


def test_the_surface_through_a_point_wins_over_the_cell_that_holds_it(make_map):
    top = FLAT + np.array([0, 0, 2000])  # a horizontal plane 1 mm below the border to the upper cell
    cells = make_map([[0, 0, 0], [0, 0, 1]], points=[top, UPRIGHT], cell_size=0.1)
    across_the_border, on_the_upright = [0.09, 0.05, 0.101], [0.051, 0.05, 0.16]
    assert sample(cells, [across_the_border, on_the_upright]).row.tolist() == [0, 1]


def test_the_score_is_occupancy_times_density(make_map):
    cells = make_map([[0, 0, 0]], points=[FLAT], hits=[2], misses=[1], cell_size=0.1)
    found = sample(cells, [[0.05, 0.05, 0.05]], spacing=0.01)
    variance = np.array([(0.1 * 1500 / 4096) ** 2] * 2 + [1e-3 * (0.1 * 1500 / 4096) ** 2]) + 1e-4
    odds = 2 * math.log(1.5) - 0.2
    expected = math.log(1 / (1 + math.exp(-odds))) - 0.5 * np.log(2 * np.pi * variance).sum()
    assert found.log_score[0] == pytest.approx(expected, rel=1e-9)


def test_free_space_evidence_turns_the_choice(make_map):
    where = [[0.05, 0.05, 0.1]]  # half way between two equal planes
    for misses, best in (([0, 50], 0), ([50, 0], 1)):
        cells = make_map([[0, 0, 0], [0, 0, 1]], points=[FLAT, FLAT], misses=misses, cell_size=0.1)
        assert sample(cells, where).row.tolist() == [best]


def test_nothing_near_is_minus_one(make_map):
    cells = make_map([[0, 0, 0]], points=[FLAT], cell_size=0.1)
    found = sample(cells, [[0.25, 0.05, 0.05], [0.15, 0.05, 0.05]], top=2)
    assert found.rows.tolist() == [[-1, -1], [0, -1]]
    assert found.weights.tolist() == [[0, 0], [1, 0]]
    assert found.log_score[0] == -math.inf


def test_a_map_can_be_asked_itself(make_map):
    cells = make_map([[0, 0, 0], [1, 0, 0]], points=[FLAT, FLAT], cell_size=0.1)
    points = [[0.09, 0.05, 0.05], [0.11, 0.05, 0.05]]
    assert cells.sample(points).row.tolist() == [0, 1]
    assert cells.sample(points, 0.03).row.tolist() == [-1, -1]


def test_max_distance_and_candidates_leave_cells_out(make_map):
    cells = make_map([[0, 0, 0], [1, 0, 0]], points=[FLAT, FLAT], cell_size=0.1)
    point = [[0.09, 0.05, 0.05]]
    assert sample(cells, point).row[0] == 0
    assert sample(cells, point, 0.03).row[0] == -1
    assert sample(cells, point, candidates=np.array([False, True])).row[0] == 1
    assert sample(cells, point, candidates=np.array([False, False])).row[0] == -1


def test_weights_of_the_best_rows_add_up_to_one(make_map, make_box):
    cells = make_map(make_box((0, 0, 0), (3, 3, 1)), points=np.tile(FLAT, (9, 1, 1)), cell_size=0.1)
    found = sample(cells, [[0.11, 0.12, 0.05]], top=4)
    assert found.weights.sum() == pytest.approx(1)
    assert np.all(np.diff(found.weights[0]) <= 0)
    assert len(set(found.rows[0].tolist())) == 4


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        ([1, 2, 3], {}, r"points must be \(p, 3\)"),
        ([[0, 0, math.nan]], {}, "finite"),
        ([[0, 0, 0]], {"top": 28}, "top must be 1 to 27"),
        ([[0, 0, 0]], {"max_distance": 0}, "max_distance must be > 0 m"),
        ([[0, 0, 0]], {"spacing": -1}, "spacing must be >= 0 m"),
    ],
)
def test_wrong_arguments_are_named(make_map, points, options, message):
    with pytest.raises(ValueError, match=message):
        sample(make_map([[0, 0, 0]]), points, **options)


def test_an_empty_map_and_no_points(make_map):
    assert sample(make_map(np.zeros((0, 3))), [[0, 0, 0]]).row.tolist() == [-1]
    assert sample(make_map([[0, 0, 0]]), np.zeros((0, 3))).rows.shape == (0, 1)
