"""Every compiled kernel does, bit for bit, what its NumPy reference does."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping.kernels import codes, index, moments, occupancy, weights
from mapping.kernels.reference import codes as ref_codes
from mapping.kernels.reference import index as ref_index
from mapping.kernels.reference import moments as ref_moments
from mapping.kernels.reference import occupancy as ref_occupancy
from mapping.kernels.reference import weights as ref_weights
from mapping.keys import pack

few = settings(deadline=None, max_examples=25)
seeds = st.integers(0, 2**32 - 1)
CORNER = int(pack(np.array([-3, 4, 1000])))


def depth_image(rng, height, width):
    """Steps, slopes, holes, NaN: everything the weights look at."""
    v, u = np.mgrid[:height, :width]
    depth = 1 + 0.02 * u + 0.01 * v + np.where(u > width // 2, rng.choice([0, 0.03, 1]), 0)
    depth = depth + rng.normal(0, 0.003, depth.shape)
    depth[rng.random(depth.shape) < 0.15] = rng.choice([0, np.nan, 1e6, 0.01])
    return depth.astype(np.float32)


@few
@given(seeds, st.integers(1, 3), st.booleans())
def test_weights(seed, pad, switched_off):
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 20, 2)
    depth = depth_image(rng, height, width)
    limits = (np.float32(0.1), np.float32(10))
    padded = [np.full((height + 2 * pad, width + 2 * pad), 7, np.float32) for _ in range(2)]
    weights.pad_valid(depth, *limits, pad, padded[0])
    ref_weights.pad_valid(depth, *limits, pad, padded[1])
    np.testing.assert_array_equal(*padded)

    x, y = np.arange(width) - width / 2, np.arange(height) - height / 2
    slope_x = (np.stack([np.full(width, 30.0), x]) / pad).astype(np.float32)
    slope_y = (np.stack([np.full(height, 31.0), y]) / pad).astype(np.float32)
    rays = ((x / 30) ** 2).astype(np.float32), ((y / 31) ** 2).astype(np.float32)
    parts = (np.inf, 1, np.inf) if switched_off else (1.5, 0.1, 0.04)
    first, last = sorted(rng.integers(0, height + 1, 2))
    arguments = (padded[0], pad, slope_x, slope_y, *rays, *map(np.float32, parts), first, last)
    weight = [np.full((height, width), 999, np.uint16) for _ in range(2)]
    assert weights.weigh(*arguments, weight[0]) == ref_weights.weigh(*arguments, weight[1])
    np.testing.assert_array_equal(*weight)


@few
@given(seeds, st.booleans())
def test_moments(seed, colored):
    rng = np.random.default_rng(seed)
    height, width, pad = 12, 16, 2
    padded = np.zeros((height + 2 * pad, width + 2 * pad), np.float32)
    padded[pad:-pad, pad:-pad] = rng.uniform(0.5, 3, (height, width))
    weight = (rng.integers(0, 257, (height, width)) * (rng.random((height, width)) < 0.8)).astype(np.uint16)
    rgb = rng.integers(0, 256, (height, width, 3) if colored else (0, 0, 3), dtype=np.uint8)
    column, line = rng.uniform(-8, 8, (3, width)), rng.uniform(-8, 8, (3, height))
    column.sort(axis=1)
    results = []
    for kernel in (moments, ref_moments):
        slots, keys = np.full(1024, -1, np.int32), np.zeros(512, np.int64)
        sums, cell_of = np.full((512, 16), 5, np.int64), np.full((6, 4), 99, np.int32)
        stopped, count = kernel.accumulate(
            padded, pad, weight, rgb, column, line, np.array([0.25, 0.5, 0.75]), CORNER,
            0, height, slots, keys, sums, 0, cell_of,
        )  # fmt: skip
        assert stopped == height
        other_keys, ids = np.unique(np.append(keys[: count // 2], keys[:1] + 7)), np.empty(99, np.int32)
        both = kernel.absorb(
            slots, keys, sums, count, other_keys, np.full((len(other_keys), 16), 3), ids[: len(other_keys)]
        )
        table = np.zeros((both, 16), np.int64)
        kernel.add_moments(table, np.arange(both)[::-1].copy(), sums[:both], 1, 42)
        kernel.add_moments(table, np.arange(both), sums[:both], -1, 43)
        kernel.clear(slots, keys, both)
        assert (slots == -1).all()
        results.append((count, both, keys[:both], sums[:both, :13], cell_of, ids[: len(other_keys)], table))
    for ours, reference in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, reference)


@few
@given(seeds, st.sampled_from([1.0, 65536.0, 3e7]), st.sampled_from([1, -1]), st.booleans())
def test_codes(seed, scale, sign, with_nan):
    rng = np.random.default_rng(seed)
    pixels, cells, dim = 40, 6, int(rng.integers(1, 70))
    code = rng.normal(0, 1, (pixels, dim)).astype(np.float16)
    if with_nan:
        code[rng.integers(pixels), rng.integers(dim)] = rng.choice([np.nan, np.inf, -np.inf])
    weight = rng.integers(0, 257, pixels).astype(np.uint16)
    cell_of = rng.integers(-1, cells, pixels).astype(np.int32)
    results = []
    for kernel in (codes, ref_codes):
        start, order = np.empty(cells + 1, np.int64), np.full(pixels, -1, np.int32)
        counted = kernel.sort_pixels(cell_of, weight, start, order)
        table, sums = np.full((9, dim), 11, np.int32), np.zeros((9, 16), np.int64)
        rows = np.array([8, 1, 5, 0, 2, 3])
        done = [
            kernel.add_codes(
                code.view(np.uint16), weight, start, order, *part, scale, 71582, sign, rows, table, sums
            )
            for part in ((0, 4), (4, cells))
        ]
        results.append((counted, start, order[: counted[0]], done, table, sums))
    for ours, reference in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, reference)


@few
@given(seeds)
def test_occupancy(seed):
    rng = np.random.default_rng(seed)
    offsets = np.unique(rng.integers(-14, 15, (12, 3)), axis=0)
    keys = pack(offsets + np.array([-3, 4, 1000]))
    sums = np.zeros((len(keys), 16), np.int64)
    sums[:, 0] = rng.integers(1, 1000, len(keys))
    sums[:, 1:4] = sums[:, :1] * rng.integers(-2048, 2048, (len(keys), 3))
    origin = rng.choice([0.0, 0.5, rng.random()], 3)
    axis = np.array([0.6, 0.0, 0.8])
    low = (np.array([-3, 4, 1000]) + 2**20 - 15) >> 3
    box = np.concatenate([low, [5, 5, 5]])
    results = []
    for kernel in (occupancy, ref_occupancy):
        ends, reach = np.empty((len(keys), 3)), np.empty(len(keys))
        kernel.end_points(keys, sums, origin, CORNER, axis, 0.05, ends, reach)
        ids, blocks = np.full(125, -1, np.int32), np.zeros(125, np.int64)
        marks = np.zeros((125, 512), np.uint8)
        count = kernel.protect(keys, box, ids, blocks, marks, 0)
        count = kernel.cross(ends, reach, origin, CORNER, box, ids, blocks, marks, count)
        order = np.argsort(blocks[:count])
        hits, misses = np.zeros((count, 512), np.int32), np.zeros((count, 512), np.int32)
        rows = np.argsort(order)  # so that the tables do not depend on the order of the ids
        carved = kernel.apply_marks(marks, rows, 1, hits, misses)
        kernel.forget(blocks[:count], box, ids)
        assert (ids == -1).all()
        assert not marks.any()
        results.append((ends, reach, blocks[order], carved, hits, misses))
    for ours, reference in zip(*results, strict=True):
        np.testing.assert_array_equal(ours, reference)


@few
@given(st.lists(st.tuples(st.booleans(), st.lists(st.integers(0, 40), max_size=12)), max_size=12))
def test_index_is_a_dict(steps):
    slots, model = np.full((128, 2), -1, np.int64), {}
    tables, counts = [np.zeros(200, np.int64) for _ in range(2)], [0, 0]
    for insert, numbers in steps:
        keys = np.array(numbers, np.int64) * 2**21
        rows = np.empty((2, len(keys)), np.int64)
        kernels = (index, slots), (ref_index, model)
        for side, (kernel, state) in enumerate(kernels):
            if insert:
                counts[side] = kernel.find_or_insert(state, tables[side], counts[side], keys, rows[side])
                continue
            kernel.find(state, keys, rows[side])
            doomed = np.unique(rows[side][rows[side] >= 0])[::-1].copy()
            moves = np.empty_like(doomed)
            counts[side] = kernel.remove_rows(state, tables[side], counts[side], doomed, moves)
        np.testing.assert_array_equal(rows[0], rows[1])
        np.testing.assert_array_equal(tables[0], tables[1])
        assert counts[0] == counts[1] == len(model) == np.count_nonzero(slots[:, 0] >= 0)


def test_rays_agree_with_a_walk_from_cell_to_cell():
    """Listing the faces per axis finds the cells that the classical traversal visits."""
    rng = np.random.default_rng(3)
    for _ in range(50):
        origin, end = rng.random(3), rng.uniform(-30, 30, 3)
        walked, cell = set(), np.zeros(3, int)
        ray = end - origin
        while True:
            border = np.where(ray > 0, cell + 1, cell)
            at = (border - origin) / ray
            if at.min() > 0.9:
                break
            walked.add(tuple(cell))
            cell[at.argmin()] += 1 if ray[at.argmin()] > 0 else -1
        box = np.array([2**17 - 5] * 3 + [10] * 3)
        ids, blocks, marks = (
            np.full(1000, -1, np.int32),
            np.zeros(1000, np.int64),
            np.zeros((1000, 512), np.uint8),
        )
        camera = int(pack(np.zeros(3, int)))
        count = occupancy.cross(end[None], np.array([0.9]), origin, camera, box, ids, blocks, marks, 0)
        block, local = np.nonzero(marks[:count])
        corner = np.stack([blocks[block] >> 36, (blocks[block] >> 18) & 0x3FFFF, blocks[block] & 0x3FFFF])
        cells = corner * 8 + np.stack([local >> 6, (local >> 3) & 7, local & 7]) - 2**20
        assert {tuple(cell) for cell in cells.T} == walked
