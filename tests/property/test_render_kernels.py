"""The renderer's compiled kernels against their NumPy references."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.kernels import render, render_light
from mapping.kernels.reference import render as ref
from mapping.kernels.reference import render_light as ref_light
from mapping.keys import pack
from mapping.rendering.camera import look_at
from mapping.rendering.tree import CellTree

few = settings(deadline=None, max_examples=15)
seeds = st.integers(0, 2**32 - 1)
CORNER = np.array([60, -5, 130])  # the cells lie across the borders of blocks and bricks


def random_map(rng, count, spread):
    """A tree of distinct cells, their Gaussians in its order, and rows in no order."""
    index = np.unique(CORNER + rng.integers(-spread, spread + 1, (count, 3)), axis=0)
    keys = pack(index)
    tree = CellTree.of(keys, rng.permutation(len(keys)))
    root = rng.normal(0, 3, (len(keys), 3, 3)) + 4 * np.eye(3)
    precision = root @ root.transpose(0, 2, 1)
    opacity = rng.choice([0.0, 0.3, 0.7, 1.0], (len(keys), 1))
    parts = (rng.random((len(keys), 3)), precision[:, *np.triu_indices(3)], opacity)
    return tree, np.concatenate(parts, axis=1).astype(np.float32), index


@few
@given(seeds, st.sampled_from([0.0, 0.2, 1.0]), st.sampled_from([2, 9, 40]), st.sampled_from([2, 6]))
def test_rays_meet_the_cells_that_lie_on_them(seed, full, spread, most):
    rng = np.random.default_rng(seed)
    tree, gaussians, _ = random_map(rng, 150, spread)
    target = CORNER + rng.normal(0, spread / 2, 3)
    eye = target + rng.normal(0, 1.5 * spread, 3)
    T = look_at(eye, target, rng.normal(size=3))
    origin, axes = eye + (1 << 20), np.ascontiguousarray(T[:3, :3] / rng.choice([0.05, 1.0]))
    rays = rng.uniform(-0.7, 0.7, (2, 96))
    results = []
    for kernel in (render, ref):
        shape = (96, most)
        hits = np.full(shape, 9, np.int32), np.full(shape, 9, np.float32), np.full(shape, 9, np.float32)
        for part in ((0, 30), (30, 96)):
            kernel.trace(
                origin, axes, *rays, tree.box, 0.05, 1e4, tree.block_key, tree.block_mask,
                tree.block_first, tree.brick_mask, tree.brick_first, gaussians, tree.rows, full, 0.25,
                *hits, *part,
            )  # fmt: skip
        results.append(hits)
    (row, weight, depth), (expected_row, expected_weight, expected_depth) = results
    np.testing.assert_array_equal(row, expected_row)
    np.testing.assert_allclose(weight, expected_weight, atol=1e-5)
    np.testing.assert_allclose(depth, expected_depth, rtol=1e-5, atol=1e-5)


@few
@given(seeds)
def test_what_is_read_from_hits(seed):
    rng = np.random.default_rng(seed)
    count = rng.integers(0, 5, 40)
    row = np.where(np.arange(4) < count[:, None], rng.integers(0, 9, (40, 4)), -1).astype(np.int32)
    weight = np.where(row >= 0, rng.choice([0.125, 0.25, 0.5], row.shape), 0).astype(np.float32)
    values, labels = rng.random((9, 3)).astype(np.float32), rng.integers(0, 4, 9)
    planes = rng.normal(size=(9, 4)).astype(np.float32)
    results = []
    for kernel in (render, ref):
        mixed, label, middle = np.empty((40, 3), np.float32), np.empty(40, np.int64), np.empty(40, np.int32)
        kernel.blend(row, weight, values, mixed)
        kernel.vote(row, weight, labels, label)
        kernel.median(row, weight, middle)
        facing = np.empty((40, 3), np.float32)
        kernel.blend_facing(row, weight, planes, np.array([0.3, -2, 1]), facing)
        results.append((mixed, label, middle, facing))
    ours, reference = results
    np.testing.assert_allclose(ours[0], reference[0], rtol=1e-5)
    np.testing.assert_array_equal(ours[1], reference[1])
    np.testing.assert_array_equal(ours[2], reference[2])
    np.testing.assert_allclose(ours[3], reference[3], atol=1e-5)


@few
@given(seeds)
def test_light(seed):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(3, 20, 2)
    column, line = np.linspace(-0.5, 0.5, width), np.linspace(-0.4, 0.4, height)
    depth = (1.5 + 0.3 * column + rng.choice([0, 0, 1], (height, width))).astype(np.float32)
    depth[rng.random(depth.shape) < 0.1] = 0
    normal = np.array([0.2, 0.1, -1]) + 0.1 * rng.normal(size=(height, width, 3))
    normal = (normal / np.linalg.norm(normal, axis=2, keepdims=True)).astype(np.float32)
    values = rng.random((height, width, 2)).astype(np.float32)
    ways = rng.uniform(-1, 1, (6, 2))
    results = []
    for kernel in (render_light, ref_light):
        soft, dim = np.empty_like(values), np.empty_like(depth)
        for part in ((0, 2), (2, height)):
            kernel.soften(values, depth, normal, column, line, 4.1, 0.1, 2, soft, *part)
            kernel.occlusion(depth, normal, column, line, 17.3, 0.35, ways, dim, *part)
        results.append((soft, dim))
    for ours, reference in zip(*results, strict=True):
        np.testing.assert_allclose(ours, reference, atol=1e-5)


@few
@given(seeds, st.sampled_from([3, 30, 500]))
def test_the_tree_holds_every_cell_once(seed, spread):
    rng = np.random.default_rng(seed)
    index = np.unique(CORNER + rng.integers(-spread, spread, (60, 3)), axis=0)
    chosen = np.flatnonzero(rng.random(len(index)) < 0.7)
    tree = CellTree.of(pack(index), chosen)
    cells = ref._cells(tree.block_key, tree.block_mask, tree.block_first, tree.brick_mask, tree.brick_first)
    np.testing.assert_array_equal(cells - (1 << 20), index[tree.rows])
    assert sorted(tree.rows) == chosen.tolist()
