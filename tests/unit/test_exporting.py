"""Parts of the exports on maps made for them: axes, floor plans of tilted maps, normals, Open3D clouds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

import mapping
from dvemap.exporting.cells import gaussians, shown_rows
from dvemap.exporting.ellipsoids import sphere
from dvemap.exporting.floor_plan import write_floor_plan
from dvemap.exporting.level import level_axes
from mapping.keys import centers
from viewer import to_open3d

SEEN = 12  # frames


def map_of(room: Any, turn: np.ndarray) -> mapping.VoxelMap:
    """Fuse the room in a world that is turned by a rotation."""
    voxel_map = mapping.VoxelMap(cell_size=0.1)
    move = np.eye(4)
    move[:3, :3] = turn
    for depth, rgb, pose in zip(room.depth, room.rgb, room.poses, strict=True):
        voxel_map.integrate(depth.astype(np.float32), room.K, move @ pose, rgb=rgb)
    return voxel_map


@pytest.fixture(scope="module")
def level(layouts: SimpleNamespace) -> mapping.VoxelMap:
    return map_of(layouts.make_room(SEEN), np.eye(3))


def test_a_sphere_is_round_and_closed() -> None:
    for detail in range(3):
        points, triangles = sphere(detail)
        assert len(points) == 2 + 4 * 4**detail
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 1, atol=1e-6)
        a, b, c = points[triangles].transpose(1, 0, 2)
        assert (np.einsum("nk,nk->n", np.cross(b - a, c - a), a + b + c) > 0).all()
        edges = {(i, j) for t in triangles.tolist() for i, j in zip(t, t[1:] + t[:1], strict=True)}
        assert edges == {(j, i) for i, j in edges}
        assert len(edges) == 3 * len(triangles)


def test_axes_of_gaussians_are_rotations_and_normals_face_the_room(level: mapping.VoxelMap) -> None:
    rows = shown_rows(level)
    cells = gaussians(level, rows)
    np.testing.assert_allclose(np.linalg.det(cells.axes.astype(float)), 1, atol=1e-5)
    turned = Rotation.from_quat(np.roll(cells.quaternion, -1, axis=1)).as_matrix()
    np.testing.assert_allclose(turned, cells.axes, atol=1e-5)
    np.testing.assert_allclose(cells.normal, mapping.normals(level, rows), atol=1e-5)
    floor = (np.abs(cells.mean[:, 2]) < 0.04) & (np.abs(cells.normal[:, 2]) > 0.9)
    assert floor.sum() > 100
    assert (cells.normal[floor, 2] > 0).mean() > 0.97


@pytest.mark.parametrize(
    ("turn", "tilted"),
    [
        (Rotation.from_euler("x", 90, degrees=True), False),  # y is up
        (Rotation.from_euler("y", 90, degrees=True), False),  # x is up
        (Rotation.from_euler("x", -90, degrees=True), False),  # y is down, as in a camera
        (Rotation.from_euler("xz", [30, 20], degrees=True), True),
    ],
)
def test_a_floor_plan_does_not_depend_on_the_axes_of_the_world(
    layouts: SimpleNamespace, level: mapping.VoxelMap, tmp_path: Path, turn: Rotation, tilted: bool
) -> None:
    upright = write_floor_plan(level, tmp_path / "a.yaml", up=np.array([0.1, 0.1, 1]))
    np.testing.assert_array_equal(upright.axes, np.eye(3))
    up = turn.as_matrix()[:, 2]
    turned = map_of(layouts.make_room(SEEN), turn.as_matrix())
    axes = level_axes(turned, shown_rows(turned), up + 0.1)
    np.testing.assert_allclose(axes @ axes.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(axes) == pytest.approx(1)
    assert axes[2] @ up > np.cos(np.deg2rad(3))
    assert np.isin(axes, (-1, 0, 1)).all() == (not tilted)
    plan = write_floor_plan(turned, tmp_path / "b.yaml", up=up + 0.1)
    assert plan.occupied == pytest.approx(upright.occupied, rel=0.3 if tilted else 0.05)
    assert plan.free == pytest.approx(upright.free, rel=0.2 if tilted else 0.05)
    assert plan.floor == pytest.approx(0, abs=0.15 if tilted else 0.02)


def test_open3d_gets_points_colours_normals_and_covariances(level: mapping.VoxelMap) -> None:
    cloud = to_open3d(level)
    rows = shown_rows(level)
    np.testing.assert_array_equal(np.asarray(cloud.points), mapping.mean(level, rows))
    np.testing.assert_array_equal(np.asarray(cloud.covariances), mapping.covariance(level, rows))
    np.testing.assert_allclose(np.asarray(cloud.colors) * 255, mapping.color(level, rows))
    plane, inliers = cloud.segment_plane(0.03, 3, 200)
    assert abs(plane[2]) > 0.98 or np.abs(plane[:2]).max() > 0.98  # the floor or a wall
    assert len(inliers) > 100
    assert to_open3d(mapping.VoxelMap()).is_empty()


def test_what_is_at_a_point(level: mapping.VoxelMap, layouts: SimpleNamespace) -> None:
    eye = layouts.make_room(SEEN).poses[0][:3, 3]
    wall = centers(level.key[shown_rows(level)[:50]], level.cell_size)
    assert (mapping.state_at(level, eye + np.array([[0.3, 0.3, 0], [0.5, 0.6, -0.1]])) == -1).all()
    assert (mapping.state_at(level, wall) == 1).all()
    assert mapping.state_at(level, np.full((2, 2, 3), 90.0)).tolist() == [[0, 0], [0, 0]]
