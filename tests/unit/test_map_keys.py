"""Keys of cells."""

import numpy as np
import pytest

from mapping import keys


def test_pack_and_unpack_are_inverse_up_to_the_corners():
    edge = 2**20
    ijk = np.array([[0, 0, 0], [-edge, -edge, -edge], [edge - 1, edge - 1, edge - 1], [-1, 5, -7]])
    packed = keys.pack(ijk)
    assert packed.dtype == np.int64
    assert (packed >= 0).all()
    np.testing.assert_array_equal(keys.unpack(packed), ijk)


def test_sorting_keys_sorts_cells_by_x_then_y_then_z():
    ijk = np.random.default_rng(0).integers(-9, 9, (200, 3))
    np.testing.assert_array_equal(
        keys.unpack(np.sort(keys.pack(ijk))), np.array(sorted(map(tuple, ijk.tolist())))
    )


def test_neighbour_deltas_reach_the_27_cells():
    around = keys.unpack(keys.pack([[3, -4, 0]]) + keys.NEIGHBOUR_DELTAS) - [3, -4, 0]
    np.testing.assert_array_equal(
        around, [[x, y, z] for x in (-1, 0, 1) for y in (-1, 0, 1) for z in (-1, 0, 1)]
    )


def test_points_and_centers():
    points = np.array([[0.01, -0.01, 0.12]])
    np.testing.assert_array_equal(keys.unpack(keys.keys_of_points(points, 0.05)), [[0, -1, 2]])
    np.testing.assert_allclose(
        keys.centers(keys.keys_of_points(points, 0.05), 0.05), [[0.025, -0.025, 0.125]]
    )


@pytest.mark.parametrize("bad", [[[2**20, 0, 0]], [[0, -(2**20) - 1, 0]], [[0.5, 0, 0]], [[1, 2]], 3])
def test_pack_rejects_what_has_no_key(bad):
    with pytest.raises(ValueError, match=r"ijk|indices"):
        keys.pack(bad)


@pytest.mark.parametrize("bad", [np.nan, np.inf, 1e9])
def test_points_beyond_the_grid_are_an_error(bad):
    with pytest.raises(ValueError, match="finite and within"):
        keys.keys_of_points([[0, bad, 0]], 0.05)
