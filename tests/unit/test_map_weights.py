"""Pixel weights mean what the settings say."""

import numpy as np
import pytest

from mapping import FusionSettings, VoxelMap

K = np.array([[100.0, 0, 20], [0, 100, 15], [0, 0, 1]])
OFF = {"range_weight": False, "incidence_weight": False, "edge_weight": False}


def total(depth, **switches):
    room = VoxelMap(0.05, settings=FusionSettings(**{**OFF, **switches}))
    report = room.integrate(depth.astype(np.float32), K, np.eye(4))
    return int(room.weight.sum()), report.pixels


def test_without_weights_every_valid_pixel_counts_one():
    depth = np.full((30, 40), 2.0)
    depth[0, :3] = [0, np.nan, 50]
    assert total(depth) == (256 * 1197, 1197)


def test_range_weight_falls_with_the_square():
    assert total(np.full((30, 40), 1.0), range_weight=True)[0] == 256 * 1200
    assert total(np.full((30, 40), 3.0), range_weight=True)[0] == 64 * 1200


@pytest.mark.parametrize("degrees", [0, 30, 60, 75])
def test_incidence_weight_is_the_cosine(degrees):
    slope = np.tan(np.radians(degrees))
    tangent = (np.arange(40) - 20) / 100
    depth = np.tile(2 / (1 - slope * tangent), (30, 1))  # the plane z = 2 + slope x
    weight, pixels = total(depth, incidence_weight=True)
    normal = np.array([-slope, 0, 1]) / np.hypot(slope, 1)
    v, u = np.mgrid[:30, :40]
    ray = np.stack([(u - 20) / 100, (v - 15) / 100, np.ones_like(u)], -1)
    cosine = (ray @ normal) / np.linalg.norm(ray, axis=-1)
    assert weight / 256 / pixels == pytest.approx(cosine.mean(), abs=0.02)


def test_edge_weight_drops_both_sides_of_a_jump():
    depth = np.full((30, 40), 2.0)
    depth[:, 20:] = 3.0
    weight, pixels = total(depth, edge_weight=True)
    assert (weight, pixels) == (256 * 30 * 38, 30 * 38)


def test_a_flying_pixel_weighs_nothing():
    depth = np.full((30, 40), 2.0)
    depth[10, 10] = 2.4
    room = VoxelMap(0.05, settings=FusionSettings())
    room.integrate(depth.astype(np.float32), K, np.eye(4))
    assert (room.occupancy.hits > 0).sum() == len(room)
    assert set((room.key & 0x1FFFFF) - 2**20) == {40}  # the wall's layer of cells, none at 2.4 m


@pytest.mark.parametrize(
    "bad",
    [
        {"depth_min": -1},
        {"depth_min": 5, "depth_max": 4},
        {"depth_max": np.inf},
        {"range_full": 0},
        {"incidence_floor": 1.5},
        {"edge_jump": 0},
    ],
)
def test_settings_that_mean_nothing_are_refused(bad):
    with pytest.raises(ValueError, match="must be"):
        FusionSettings(**bad)
