"""What a fused map must satisfy, on scenes small enough to know the answer."""

import numpy as np
import pytest

from mapping import FusionSettings, VoxelMap, ask, merge, solid
from mapping.keys import pack, unpack
from mapping.settings import CODE_LIMIT

PLAIN = FusionSettings(range_weight=False, incidence_weight=False, edge_weight=False)
K = np.array([[40.0, 0, 19.5], [0, 40, 14.5], [0, 0, 1]])


def looking_from(x, y, z):
    pose = np.eye(4)
    pose[:3, 3] = x, y, z
    return pose


def wall(z, height=30, width=40):
    return np.full((height, width), z, np.float32)


def sums(voxel_map):
    order = np.argsort(voxel_map.key)
    return {name: getattr(voxel_map, name)[order].copy() for name in ("weight", "s", "Q", "color", "code")}


def evidence(voxel_map, ijk):
    row = int(voxel_map.occupancy.rows_of(pack(np.array(ijk))))
    return (0, 0) if row < 0 else (int(voxel_map.occupancy.hits[row]), int(voxel_map.occupancy.misses[row]))


def test_sums_match_a_float_computation():
    rng = np.random.default_rng(0)
    depth, pose = rng.uniform(1, 2, (30, 40)).astype(np.float32), looking_from(0.31, -0.2, 0.47)
    rgb = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    room = VoxelMap(0.25, settings=PLAIN)
    report = room.integrate(depth, K, pose, rgb=rgb)
    assert report.pixels == depth.size
    v, u = np.mgrid[:30, :40]
    points = np.stack([(u - K[0, 2]) / 40, (v - K[1, 2]) / 40, np.ones_like(u)], -1) * depth[
        ..., None
    ].astype(float)
    points = (points + pose[:3, 3]).reshape(-1, 3)
    keys = pack(np.floor(points / 0.25).astype(int))
    for row, key in enumerate(room.key):
        inside = points[keys == key]
        assert room.weight[row] == 256 * len(inside)
        np.testing.assert_array_equal(
            room.color[row], 256 * rgb.reshape(-1, 3)[keys == key].astype(int).sum(0)
        )
        q = (inside / 0.25 - unpack(key) - 0.5) * 4096
        np.testing.assert_allclose(room.s[row] / 256, q.sum(0), atol=0.51 * len(inside))
        xx, xy, xz, yy, yz, zz = room.Q[row] / 256
        np.testing.assert_allclose([[xx, xy, xz], [xy, yy, yz], [xz, yz, zz]], q.T @ q, rtol=2e-3, atol=1e6)
    assert room.weight.sum() == 256 * depth.size


def test_moving_the_world_by_whole_cells_changes_only_the_keys():
    rng = np.random.default_rng(1)
    depth = rng.uniform(1, 2, (30, 40)).astype(np.float32)
    codes = rng.normal(size=(15, 20, 3)).astype(np.float16)
    maps = []
    for cells in (0, 1024, -40_000):
        room = VoxelMap(0.0625, 3)
        room.integrate(depth, K, looking_from(0.3125 + 0.0625 * cells, 0.125, -0.25), codes=codes)
        maps.append(room)
    for moved, cells in zip(maps[1:], (1024, -40_000), strict=True):
        for name, expected in sums(maps[0]).items():
            np.testing.assert_array_equal(sums(moved)[name], expected, err_msg=name)
        np.testing.assert_array_equal(np.sort(moved.key), np.sort(maps[0].key + (cells << 42)))
        np.testing.assert_array_equal(moved.occupancy.key, maps[0].occupancy.key + (cells << 42))
        np.testing.assert_array_equal(moved.occupancy.misses, maps[0].occupancy.misses)


@pytest.mark.parametrize("offset", [0.0, 500.0, -20_000.0])
def test_covariances_are_positive_semidefinite_far_from_the_origin(offset):
    room = VoxelMap(0.05)
    u = np.arange(40) * 0.01
    depth = np.tile((1 + u).astype(np.float32), (30, 1))
    room.integrate(depth, K, looking_from(offset, offset, offset))
    w, s, Q = room.weight.astype(float), room.s.astype(float), room.Q.astype(float)
    second = Q[:, [0, 1, 2, 1, 3, 4, 2, 4, 5]].reshape(-1, 3, 3) / w[:, None, None]
    mean = s / w[:, None]
    smallest = np.linalg.eigvalsh(second - mean[:, :, None] * mean[:, None, :])[:, 0]
    assert smallest.min() > -1e-6  # of 4096 steps squared
    assert smallest.max() < 4096 * 4096 / 12


def test_a_ray_through_a_cell_counts_a_miss_and_its_end_is_protected():
    room = VoxelMap(0.1, settings=PLAIN)
    pose = looking_from(0.05, 0.05, 0.05)
    room.integrate(wall(1.0), K, pose)  # the wall is hit at z = 1.05: cell 10
    assert evidence(room, [0, 0, 10]) == (1, 0)
    assert evidence(room, [0, 0, 5]) == (0, 1)  # one miss, though dozens of rays cross it
    assert evidence(room, [0, 0, 0]) == (0, 1)  # the camera's own cell
    assert evidence(room, [0, 0, 9]) == (0, 0)  # neighbour of a hit
    assert evidence(room, [0, 0, 11]) == (0, 0)  # behind it: unknown
    room.integrate(wall(3.0), K, pose)  # the wall is gone
    assert evidence(room, [0, 0, 10]) == (1, 1)
    assert evidence(room, [0, 0, 5]) == (0, 2)
    assert evidence(room, [0, 0, 30]) == (1, 0)


def test_a_moved_box_is_outvoted_and_its_embedding_no_longer_answers():
    room = VoxelMap(0.1, 1, settings=PLAIN)
    pose = looking_from(0.05, 0.05, 0.05)
    with_box = wall(2.0)
    with_box[8:22, 10:30] = 1.0
    codes = np.ones((15, 20, 1), np.float16)
    for _ in range(3):
        room.integrate(with_box, K, pose, codes=codes)
    row = room.rows_of(pack(np.array([[0, 0, 10]])))
    frames = 0
    while solid(room, row)[0]:  # what hits and pictures ask of a cell
        room.integrate(wall(2.0), K, pose, codes=codes)
        frames += 1
    assert frames == 7  # log(1.5) a hit against 0.2 a miss: twice as many as saw the box, and one
    assert evidence(room, [0, 0, 10]) == (3, 7)
    assert evidence(room, [0, 0, 20]) == (7, 0)  # the wall behind the box
    answer = next(ask(room, [1.0], [-1.0], min_cells=1))
    assert answer.hits
    assert row[0] not in np.concatenate([hit.rows for hit in answer.hits])


def test_misses_stop_short_of_the_end_by_the_depth_noise():
    room = VoxelMap(0.02, settings=PLAIN)
    centred = np.array([[40.0, 0, 20], [0, 40, 15], [0, 0, 1]])  # one pixel looks exactly along the axis
    room.integrate(wall(4.0), centred, looking_from(0.01, 0.01, 0.0))
    margin = 3 * (0.0012 + 0.0019 * 3.6**2)
    crossed = unpack(room.occupancy.key[room.occupancy.misses > 0])
    z = crossed[(crossed[:, 0] == 0) & (crossed[:, 1] == 0), 2].max()  # along the viewing axis
    assert 4.0 - margin - 0.02 < (z + 1) * 0.02 <= 4.0 - margin + 1e-6


def test_merging_with_an_empty_map_changes_nothing():
    room = VoxelMap(0.1, 2)
    codes = np.random.default_rng(0).normal(size=(15, 20, 2)).astype(np.float16)
    room.integrate(wall(1.0), K, np.eye(4), codes=codes)
    for maps in ([room, VoxelMap(0.1, 2)], [VoxelMap(0.1, 2), room]):
        assert merge(maps).digest() == room.digest()
    room.subtract(merge([room]))
    assert len(room) == 0
    assert room.digest() == VoxelMap(0.1, 2).digest()


def test_a_map_can_be_merged_with_itself_and_taken_from_itself():
    room = VoxelMap(0.1, 2)
    codes = np.random.default_rng(0).normal(size=(15, 20, 2)).astype(np.float16)
    room.integrate(wall(1.0), K, np.eye(4), codes=codes)
    twice = merge([room, room])
    room.merge(room)
    assert room.digest() == twice.digest()
    room.subtract(room)
    assert room.digest() == VoxelMap(0.1, 2).digest()


def test_a_linear_probe_of_the_map_is_the_mean_of_the_pixels_logits():
    rng = np.random.default_rng(2)
    codes = rng.normal(0, 0.2, (30, 40, 8)).astype(np.float16)
    probe, bias = rng.normal(size=(5, 8)), rng.normal(size=5)
    room = VoxelMap(0.25, 8, settings=PLAIN)
    room.integrate(wall(1.1), K, np.eye(4), codes=codes)
    v, u = np.mgrid[:30, :40]
    points = np.stack([(u - K[0, 2]) / 40, (v - K[1, 2]) / 40, np.ones_like(u)], -1) * 1.1
    keys = pack(np.floor(points / 0.25).astype(int))
    logits = codes.astype(float) @ probe.T + bias
    for row, key in enumerate(room.key):
        code = room.code[row] / room.code_scale / (room.code_weight[row] / 256)
        np.testing.assert_allclose(probe @ code + bias, logits[keys == key].mean(0), atol=1e-4)


def test_a_frame_counts_once_and_its_codes_are_clipped_before_they_overflow():
    room = VoxelMap(0.5, 1, settings=PLAIN)
    codes = np.full((15, 20, 1), -60_000, np.float16)
    for count in (1, 2, 3):
        report = room.integrate(wall(1.25), K, np.eye(4), codes=codes)
        assert report.clipped == report.code_cells > 0
        assert set(room.code.ravel()) == {-CODE_LIMIT * count}
        assert set(room.code_weight) == {256 * count}
    assert 30_000 * CODE_LIMIT < 2**31


def test_a_code_that_is_not_finite_is_left_out_and_counted():
    room = VoxelMap(0.5, 2, settings=PLAIN)
    codes = np.ones((15, 20, 2), np.float16)
    codes[7, 10, 1] = np.nan
    report = room.integrate(wall(1.25), K, np.eye(4), codes=codes)
    assert report.broken == 1
    assert np.count_nonzero(room.code_weight == 0) == 1
    assert set(room.code[room.code_weight > 0].ravel()) == {65536}
    room.subtract_frame(wall(1.25), K, np.eye(4), codes=codes)
    assert len(room) == 0


def test_confidence_weighs_codes_and_zero_means_no_observation():
    room = VoxelMap(0.5, 1, settings=PLAIN)
    codes = np.ones((15, 20, 1), np.float16)
    confidence = np.full((15, 20), 0.5)
    confidence[:, :10] = 0
    report = room.integrate(wall(1.25), K, np.eye(4), codes=codes, confidence=confidence)
    assert report.code_pixels == 150
    seen = room.code_weight > 0
    assert set(room.code_weight[seen]) == {128}
    assert (unpack(room.key[~seen])[:, 0] < 0).all()
