"""Rendering: a wall of known place, shape and colour, seen from known places."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mapping import VoxelMap
from mapping.rendering import Camera, Scene, look_at, open_side, principal_colors, render

MakeMap = Callable[..., VoxelMap]
MakeBox = Callable[..., np.ndarray[Any, Any]]

K = np.array([[40.0, 0, 15.5], [0, 40, 11.5], [0, 0, 1]])
SIZE = (24, 32)
AHEAD = look_at([0, 0, 0], [0, 1, 0], [0, 0, 1])  # along y, z up, x right


def spread(count: int, depth: int = 0, thickness: int = 0) -> np.ndarray[Any, Any]:
    """Points of a plane across y, at a place within the cell in 1/4096, that fill the cell evenly."""
    steps = np.linspace(-1800, 1800, 7).astype(int)
    x, z = np.meshgrid(steps, steps)
    y = depth + np.where(np.indices(x.shape).sum(axis=0) % 2 == 0, thickness, -thickness)
    return np.broadcast_to(np.stack([x, y, z], axis=-1).reshape(49, 3), (count, 49, 3))


@pytest.fixture
def wall(make_map: MakeMap, make_box: MakeBox) -> VoxelMap:
    """Return a wall at y = 2 m + 0.01 m; its left half has another code than its right half."""
    cells = make_box((-40, 40, -30), (40, 41, 30))
    codes = np.where(cells[:, :1] < 0, [[1.0, 0.0]], [[0.0, 1.0]])
    return make_map(cells, codes, points=spread(len(cells), depth=-1229), frames=50, rgb=(200, 100, 50))


def test_a_wall_lies_where_it_is(wall: VoxelMap) -> None:
    labels = np.where(wall.s[:, 0] * 0 + (wall.key >> 42) < 1 << 20, 3, 7)
    seen = render(
        wall, K, AHEAD, SIZE, channels=("color", "depth", "normals", "labels", "heat", "confidence", "pca"),
        labels=labels, heat=labels / 10,
    )  # fmt: skip
    np.testing.assert_allclose(seen["depth"], 2.01, atol=1e-3)
    np.testing.assert_allclose(seen["normals"], np.broadcast_to([0, -1, 0], (*SIZE, 3)), atol=0.02)
    assert (np.abs(seen["color"].astype(int) - [200, 100, 50]) <= 1).all()
    assert (seen["labels"][:, :16] == 3).all()
    assert (seen["labels"][:, 16:] == 7).all()
    np.testing.assert_allclose(seen["heat"], seen["labels"] / 10, atol=1e-5)
    np.testing.assert_allclose(seen["confidence"], 1, atol=1e-4)
    assert (seen["pca"][:, 0] != seen["pca"][:, -1]).any()
    assert seen["opacity"].min() > 0.9


def test_the_gaussian_tells_where_in_its_cell_a_surface_lies(wall: VoxelMap) -> None:
    scene = Scene(wall)
    np.testing.assert_allclose(scene.trace(K, AHEAD, SIZE).median_depth(), 2.01, atol=1e-3)
    np.testing.assert_allclose(scene.trace(K, AHEAD, SIZE, shape=False).median_depth(), 2.0, atol=1e-3)


def test_a_grazing_wall_has_no_holes(wall: VoxelMap) -> None:
    T = look_at([-1.8, 1.9, 0.1], [-0.8, 2.01, 0.1], [0, 0, 1])
    seen = Scene(wall).trace(np.array([[200.0, 0, 15.5], [0, 200, 11.5], [0, 0, 1]]), T, SIZE, full=0.05)
    assert (seen.opacity > 0.9).mean() > 0.99


def test_half_a_cell_ends_where_its_points_do(make_map: MakeMap) -> None:
    points = spread(1)[:, :28] + [0, 0, -1]  # the lower rows of points: z up to -600 of +-2048
    half = make_map([[0, 40, 0]], points=points, frames=50)
    T = look_at([0.025, 1.5, 0.025], [0.025, 2.025, 0.025], [0, 0, 1])
    fine = np.array([[800.0, 0, 49.5], [0, 800, 49.5], [0, 0, 1]])
    for gaussian, height in ((True, 0.5), (False, 1.0)):
        lit = Scene(half).trace(fine, T, (100, 100), shape=gaussian).opacity[:, 50] > 0.3
        cell = lit.sum() / (0.05 * 800 / 0.5)
        assert cell == pytest.approx(height, abs=0.2), gaussian


def test_pictures_do_not_depend_on_threads_or_on_what_is_made_ready(wall: VoxelMap) -> None:
    scene = Scene(wall)
    one, three = (scene.trace(K, AHEAD, (64, 100), threads=threads) for threads in (1, 3))
    for name in ("row", "weight", "depth"):
        np.testing.assert_array_equal(getattr(one, name), getattr(three, name))
    again = wall.render(K, AHEAD, SIZE)
    np.testing.assert_array_equal(again["depth"], render(scene, K, AHEAD, SIZE)["depth"])


def test_hidden_and_removed_cells_are_looked_through(make_map: MakeMap, make_box: MakeBox) -> None:
    cells = np.concatenate([make_box((-40, y, -30), (40, y + 1, 30)) for y in (40, 60, 80)])
    misses = np.where(cells[:, 1] == 40, 500, 0)
    three = make_map(cells, points=spread(len(cells)), frames=50, misses=misses)
    depth = Scene(three).trace(K, AHEAD, SIZE).median_depth()
    np.testing.assert_allclose(depth, 3.025, atol=1e-3)  # the nearest wall was seen through: it is gone
    hidden = Scene(three).trace(K, AHEAD, SIZE, hidden=cells[:, 1] == 60).median_depth()
    np.testing.assert_allclose(hidden, 4.025, atol=1e-3)
    only = Scene(three, rows=np.flatnonzero(cells[:, 1] == 80))
    np.testing.assert_allclose(only.trace(K, AHEAD, SIZE).median_depth(), 4.025, atol=1e-3)


def test_strays_far_away_cost_little(make_map: MakeMap) -> None:
    rng = np.random.default_rng(0)
    cells = np.unique(rng.integers(-(2**20), 2**20, (4000, 3)), axis=0)
    scene = Scene(make_map(cells, frames=9))
    assert scene.tree.size_in_bytes < 220 * len(cells)
    target = (cells[0] + 0.5) * 0.05
    T = look_at(target - [3, 0.3, 0.2], target, [0, 0, 1])
    seen = scene.trace(np.diag([500.0, 500, 1]), T, (1, 1))
    assert seen.median_row()[0, 0] == 0


def test_nothing_to_see(make_map: MakeMap) -> None:
    empty = render(make_map(np.zeros((0, 3), int)), K, AHEAD, SIZE, channels=("color", "depth", "normals"))
    assert not empty["opacity"].any()
    assert not empty["color"].any()
    assert not empty["depth"].any()
    assert np.isnan(empty["normals"]).all()


def test_the_open_side_is_where_rays_passed(make_map: MakeMap, make_box: MakeBox) -> None:
    from mapping.occupancy import OccupancyRows

    cells = make_box((-5, 40, -5), (5, 41, 5))
    one = make_map(cells, points=spread(len(cells)))
    keys = np.sort(np.concatenate([one.key, one.key - (2 << 21), one.key - (3 << 21)]))
    hit = np.isin(keys, one.key)
    one._occupancy = OccupancyRows(
        keys, np.where(hit, 9, 0).astype(np.int32), np.where(hit, 0, 9).astype(np.int32)
    )
    side = open_side(Scene(one))
    np.testing.assert_allclose(side, np.broadcast_to([0, -1, 0], side.shape), atol=0.02)


def test_noisy_cells_take_the_normal_of_their_neighbours(make_map: MakeMap, make_box: MakeBox) -> None:
    cells = make_box((-5, 40, -5), (5, 41, 5))
    noisy = Scene(make_map(cells, points=spread(len(cells), thickness=1200)))
    assert not noisy.flat.any()
    assert (np.abs(noisy.normal[:, 1]) > 0.98).all()


def test_principal_colours_tell_embeddings_apart(make_map: MakeMap) -> None:
    head = np.array([[1.0, 0], [0, 1], [0, 0]])
    codes = np.array([[1.0, 0], [2, 0], [0, 1], [0, 0]])
    colors = principal_colors(make_map(np.arange(12).reshape(4, 3), codes, head=head))
    np.testing.assert_array_equal(colors[0], colors[1])  # length does not matter
    assert (colors[0] != colors[2]).any()
    np.testing.assert_array_equal(colors[3], 128)
    with pytest.raises(ValueError, match="holds no embeddings"):
        principal_colors(make_map([[0, 0, 0]]))


def test_cameras() -> None:
    camera = Camera.with_view(look_at([1, 2, 3], [1, 5, 3], [0, 0, 1]), (60, 80), np.pi / 2)
    image, depth = camera.project(np.array([[1.0, 5, 3], [4.0, 5, 3], [1, 5, 2]]))
    np.testing.assert_allclose(image, [[39.5, 29.5], [79.5, 29.5], [39.5, 29.5 + 40 / 3]])
    np.testing.assert_allclose(depth, 3)
    twice = camera.resized(2)
    np.testing.assert_allclose(twice.project(np.array([[1.0, 5, 2]]))[0] + 0.5, 2 * (image[2:] + 0.5))
    assert twice.size == (120, 160)
    straight_down = look_at([0, 0, 2], [0, 0, 0], [0, 0, 1])
    np.testing.assert_allclose(straight_down[:3, :3] @ straight_down[:3, :3].T, np.eye(3), atol=1e-12)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channels": ("colour",)}, "channels must be of color, depth"),
        ({"channels": ("labels",)}, r"channel 'labels' needs labels \(4800,\), one a cell, got none"),
        ({"channels": ("heat",), "heat": np.zeros(3)}, r"got \(3,\)"),
        ({"intrinsics": np.zeros((3, 3))}, "focal lengths > 0 px"),
        ({"T_world_camera": np.diag([1, 1, -1, 1])}, "must be a rigid pose"),
        ({"size": (0, 5)}, "size must be a height and a width > 0 px"),
    ],
)
def test_wrong_arguments(wall: VoxelMap, change: dict[str, Any], message: str) -> None:
    arguments = {"intrinsics": K, "T_world_camera": AHEAD, "size": SIZE} | change
    with pytest.raises(ValueError, match=message):
        render(wall, **arguments)


def test_wrong_cameras() -> None:
    with pytest.raises(ValueError, match="between 0 and 180 degrees, got 180"):
        Camera.with_view(np.eye(4), (2, 2), np.pi)
    with pytest.raises(ValueError, match="another place than its own"):
        look_at([1, 1, 1], [1, 1, 1], [0, 0, 1])
