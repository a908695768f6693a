"""A map does not depend on order, partition, threads or merge tree, and a frame can be taken back."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mapping.frame_tables
import mapping.fusion
from mapping import VoxelMap, merge
from mapping.kernels.reference import codes, moments, occupancy, weights

K = np.array([[26.0, 0, 16], [0, 26, 12], [0, 0, 1]])
FRAMES = 5
few = settings(deadline=None, max_examples=15)


def frame(number, code_dim=5):
    """A slanted wall with a box in front of it, seen by a camera that moves and turns a little."""
    rng = np.random.default_rng(number)
    u = np.mgrid[:24, :32][1]
    depth = 1.2 + 0.01 * u + rng.normal(0, 0.004, u.shape)
    depth[8:16, 5:14] = 0.8
    depth[rng.random(depth.shape) < 0.1] = 0
    angle = 0.05 * number
    pose = np.eye(4)
    pose[:3, :3] = [[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]]
    pose[:3, 3] = rng.uniform(-0.2, 0.2, 3)
    return {
        "depth": depth.astype(np.float32),
        "intrinsics": K,
        "T_world_camera": pose,
        "rgb": rng.integers(0, 256, (24, 32, 3), dtype=np.uint8),
        "codes": rng.normal(0, 0.4, (12, 16, code_dim)).astype(np.float16),
        "confidence": rng.random((12, 16)).astype(np.float32),
        "timestamp_ns": 1000 * number,
    }


def fuse(numbers, threads=1):
    voxel_map = VoxelMap(0.05, 5, space={"name": "test"})
    for number in numbers:
        voxel_map.integrate(**frame(number), threads=threads)
    return voxel_map


@pytest.fixture(scope="module")
def expected():
    return fuse(range(FRAMES)).digest()


@few
@given(order=st.permutations(range(FRAMES)), threads=st.sampled_from([1, 2, 5]))
def test_any_order_and_any_number_of_threads(expected, order, threads):
    assert fuse(order, threads).digest() == expected


@few
@given(parts=st.lists(st.integers(0, 2), min_size=FRAMES, max_size=FRAMES), shape=st.integers(0, 2))
def test_any_partition_and_merge_tree(expected, parts, shape):
    maps = [fuse([i for i in range(FRAMES) if parts[i] == part]) for part in range(3)]
    trees = [
        lambda a, b, c: merge([a, b, c]),
        lambda a, b, c: merge([merge([c, a]), b]),
        lambda a, b, c: merge([a, merge([b, c])]),
    ]
    merged = trees[shape](*maps)
    assert merged.digest() == expected
    merged.subtract(maps[0])
    assert merged.digest() == merge([maps[2], maps[1]]).digest()


@few
@given(order=st.permutations(range(FRAMES)), extra=st.integers(FRAMES, 50), threads=st.sampled_from([1, 2]))
def test_subtracting_a_frame_takes_it_back(expected, order, extra, threads):
    voxel_map = VoxelMap(0.05, 5, space={"name": "test"})
    for number in order[:3]:
        voxel_map.integrate(**frame(number))
    added = voxel_map.integrate(**frame(extra))
    for number in order[3:]:
        voxel_map.integrate(**frame(number))
    removed = voxel_map.subtract_frame(**frame(extra), threads=threads)
    assert voxel_map.digest() == expected
    assert removed.cells == added.cells
    np.testing.assert_array_equal(voxel_map.rows_of(voxel_map.key), np.arange(len(voxel_map)))


def test_stamps_are_minimum_and_maximum():
    voxel_map = fuse([3, 1, 4])
    assert voxel_map.first_seen.min() == 1000
    assert voxel_map.last_seen.max() == 4000
    assert (voxel_map.first_seen <= voxel_map.last_seen).all()
    before = voxel_map.last_seen.max()
    voxel_map.subtract_frame(**frame(3))
    assert voxel_map.last_seen.max() == before


def test_a_map_fused_by_the_references_is_the_same(expected, monkeypatch):
    def use(module: ModuleType, name: str, reference: ModuleType) -> None:
        monkeypatch.setattr(module, name, reference)

    use(mapping.fusion, "weights", weights)
    use(mapping.fusion, "moments", moments)
    use(mapping.fusion, "code_kernels", codes)
    use(mapping.frame_tables, "moments", moments)
    use(mapping.frame_tables, "occupancy", occupancy)
    assert fuse(range(FRAMES)).digest() == expected


def test_many_cells_in_one_frame_make_the_working_memory_grow():
    rng = np.random.default_rng(0)
    depth = rng.uniform(0.5, 9, (120, 160)).astype(np.float32)
    arguments = {"intrinsics": K * [[5], [5], [1]], "T_world_camera": np.eye(4)}
    settings = mapping.FusionSettings(edge_weight=False, occupancy=False)
    maps = [VoxelMap(0.01, settings=settings) for _ in range(2)]
    report = maps[0].integrate(depth, **arguments)
    maps[1].integrate(depth, **arguments, threads=3)
    assert report.cells > 8192  # more than the first table holds
    assert maps[0].digest() == maps[1].digest()
