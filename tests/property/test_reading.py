"""The kernels that read a map against their twins, against brute force, and far from the origin."""

import numpy as np
import pytest
import scipy.ndimage
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping import readout
from mapping.fields import Fields
from mapping.hits import neighbour_table
from mapping.kernels import components, reference, sample, scores
from mapping.kernels.reference import components as reference_components
from mapping.kernels.reference import sample as reference_sample
from mapping.kernels.reference import scores as reference_scores
from mapping.keys import NEIGHBOUR_DELTAS, pack
from mapping.occupancy import OccupancyRows
from mapping.query import scores as map_scores
from mapping.sample import gaussians
from mapping.sample import sample as sample_map
from mapping.voxel_map import VoxelMap

SEEDS = st.integers(0, 2**32 - 1)
PLAIN = settings(deadline=None, max_examples=30)


def random_map(rng, cells=80, side=7, code_dim=6, offset=0, compact=None) -> VoxelMap:
    """A map of random cells in a small cube, each with a flat patch of points and a random code."""
    ijk = np.stack(np.unravel_index(rng.choice(side**3, cells, replace=False), (side,) * 3), axis=-1) + offset
    normal = rng.standard_normal((cells, 3, 3))
    q = rng.integers(-1500, 1500, (cells, 20, 3)) * (1, 1, 0)
    q = np.clip(np.rint(np.einsum("nij,nkj->nki", np.linalg.qr(normal)[0], q)), -2048, 2047).astype(np.int64)
    w = rng.integers(1, 257, (cells, 20))
    moments = np.einsum("nk,nki,nkj->nij", w, q, q)
    codes = {None: np.int32, "fp16": np.float16, "int8": np.int8}[compact]
    fields = Fields(
        key=pack(ijk),
        weight=w.sum(axis=1),
        s=np.einsum("nk,nki->ni", w, q),
        Q=moments[:, *np.triu_indices(3)],
        color=np.zeros((cells, 3), np.int64),
        code=rng.integers(-127, 128, (cells, code_dim)).astype(codes),
        code_weight=np.full(cells, 256),
        first_seen=np.zeros(cells, np.int64),
        last_seen=np.zeros(cells, np.int64),
    )
    hits, misses = rng.integers(0, 9, (2, cells)).astype(np.int32)
    return VoxelMap.from_fields(
        cell_size=0.05,
        code_dim=code_dim,
        code_scale=65536.0,
        space={},
        head=rng.standard_normal((9, code_dim)).astype(np.float32),
        fields=fields,
        occupancy=OccupancyRows(np.sort(fields.key), hits, misses),
        compact=compact,
        code_row_scale=None if compact is None else rng.uniform(0.5, 2, cells).astype(np.float32),
    )


@PLAIN
@given(SEEDS, st.sampled_from([np.int32, np.int8, np.float16]), st.integers(0, 33), st.integers(1, 3))
def test_score_kernel_equals_its_twin(seed, dtype, rows, blocks):
    rng = np.random.default_rng(seed)
    code = rng.integers(-120, 120, (rows, 37)).astype(dtype)
    code = code.view(np.uint16) if dtype == np.float16 else code
    query = rng.standard_normal((blocks * scores.QUERY_BLOCK, 37)).astype(np.float32)
    scale = rng.uniform(0, 1, rows).astype(np.float32)
    start = rows // 3
    got, expected = (np.full((len(query), rows), np.nan, np.float32) for _ in range(2))
    scores.scores(code, query, scale, got, start, rows)
    reference_scores.scores(code, query, scale, expected, start, rows)
    assert np.isnan(got[:, :start]).all()
    np.testing.assert_allclose(got, expected, rtol=1e-5, atol=120 * 37 * 4 * 1e-6)


@PLAIN
@given(SEEDS, st.sampled_from([None, "fp16", "int8"]))
def test_scores_of_a_map_equal_brute_force_on_its_embeddings(seed, compact):
    rng = np.random.default_rng(seed)
    some = random_map(rng, compact=compact)
    queries = rng.standard_normal((3, 9))
    expected = (queries / np.linalg.norm(queries, axis=1, keepdims=True)) @ readout.embedding(some).T
    np.testing.assert_allclose(map_scores(some, queries), expected, atol=2e-5)


@PLAIN
@given(SEEDS)
def test_read_kernel_sums_words(seed):
    words = np.random.default_rng(seed).integers(-(2**62), 2**62, 100)
    assert scores.read(words, 3, 90) == reference_scores.read(words, 3, 90)


@PLAIN
@given(SEEDS, st.integers(1, 27), st.sampled_from([np.inf, 0.002]))
def test_sample_kernel_equals_its_twin_bit_for_bit(seed, top, max_squared):
    rng = np.random.default_rng(seed)
    points, mean = rng.uniform(0, 0.1, (40, 3)), rng.uniform(0, 0.1, (12, 3))
    precision, peak = rng.standard_normal((12, 6)), rng.standard_normal(12)
    group = rng.integers(0, 5, 40)
    near = np.stack([np.resize(rng.permutation(12), 27) for _ in range(5)])
    near[:, 12:] = -1
    near = rng.permuted(near, axis=1)
    answers = []
    for kernel in (sample, reference_sample):
        best, score = np.empty((40, top), np.int64), np.empty((40, top))
        kernel.best_cells(points, group, near, mean, precision, peak, max_squared, best, score)
        answers.append((best, score))
    assert np.array_equal(answers[0][0], answers[1][0])
    assert np.array_equal(answers[0][1], answers[1][1])


@PLAIN
@given(SEEDS)
def test_sample_equals_brute_force_over_all_cells(seed):
    rng = np.random.default_rng(seed)
    some = random_map(rng)
    points = rng.uniform(-0.05, 0.4, (30, 3))
    mean, precision, peak = gaussians(some, np.arange(len(some)), 0.005)
    x = points[:, None] - mean
    B = precision[:, [[0, 1, 2], [1, 3, 4], [2, 4, 5]]]
    score = peak - 0.5 * np.einsum("pni,nij,pnj->pn", x, B, x)
    apart = np.abs(np.floor(points / 0.05)[:, None] - np.floor(readout.mean(some) / 0.05)).max(axis=-1)
    score[apart > 1] = -np.inf
    found = sample_map(some, points)
    some_near = score.max(axis=1) > -np.inf
    assert np.array_equal(found.row, np.where(some_near, score.argmax(axis=1), -1))
    np.testing.assert_allclose(found.log_score[some_near], score.max(axis=1)[some_near], rtol=1e-6, atol=1e-6)


@PLAIN
@given(SEEDS)
def test_covariances_500_m_away_are_those_at_the_origin_and_definite(seed):
    near, far = (random_map(np.random.default_rng(seed), offset=offset) for offset in (0, 10_000))
    sigma = readout.covariance(far)
    assert np.array_equal(sigma, readout.covariance(near))
    assert np.linalg.eigvalsh(sigma).min() > -1e-16
    np.linalg.cholesky(readout.regularise(sigma))
    np.testing.assert_allclose(readout.mean(far) - 500, readout.mean(near), atol=1e-10)


def cells_of(mask, rng):
    """A map whose cells are the true entries of a dense grid, in random order, and those cells."""
    ijk = rng.permutation(np.argwhere(mask))
    empty = np.zeros(0, np.int32)
    n = len(ijk)
    zeros = {
        name: np.zeros((n, *shape), np.int64) for name, shape in (("s", (3,)), ("Q", (6,)), ("color", (3,)))
    }
    rest = {name: np.zeros(n, np.int64) for name in ("weight", "code_weight", "first_seen", "last_seen")}
    fields = Fields(key=pack(ijk), code=np.zeros((n, 0), np.int32), **zeros, **rest)
    occupancy = OccupancyRows(empty.astype(np.int64), empty, empty)
    some = VoxelMap.from_fields(
        cell_size=0.05, code_dim=0, code_scale=1.0, space=None, head=None, fields=fields, occupancy=occupancy
    )
    return some, ijk


@PLAIN
@given(SEEDS, st.floats(0.02, 0.3))
def test_cells_alike_grow_into_the_connected_components_of_scipy(seed, density):
    rng = np.random.default_rng(seed)
    mask = rng.random((9, 8, 7)) < density
    some, ijk = cells_of(mask, rng)
    table, value = neighbour_table(some, np.arange(len(some))), np.ones(len(some), np.float32)
    label = np.full(len(some), -1, np.int32)
    components.grow(table, value, np.arange(len(some)), 0.5, 0.5, 1, label)
    dense, count = scipy.ndimage.label(mask, structure=np.ones((3, 3, 3)))
    pairs = set(zip(label.tolist(), dense[tuple(ijk.T)].tolist(), strict=True))
    assert len(pairs) == count == len(set(label.tolist()))


@PLAIN
@given(
    SEEDS,
    st.floats(0.05, 0.5),
    st.sampled_from([-0.5, 0.2]),
    st.sampled_from([0.0, 0.6, 1.0]),
    st.integers(1, 6),
)
def test_growing_and_smoothing_equal_their_twins(seed, density, gate, keep, min_cells):
    rng = np.random.default_rng(seed)
    some, _ = cells_of(rng.random((7, 6, 5)) < density, rng)
    table = neighbour_table(some, np.arange(len(some)))
    twin, order = np.empty_like(table), np.argsort(some.key)
    reference_components.neighbours(some.key[order], order, NEIGHBOUR_DELTAS[NEIGHBOUR_DELTAS != 0], twin)
    assert np.array_equal(table, twin)
    value = (rng.integers(-5, 10, len(some)) / 10).astype(np.float32)  # many equal ones
    order = np.argsort(-value, kind="stable")[: np.count_nonzero(value >= gate)]
    answers = []
    for kernel in (components, reference_components):
        label, smooth = np.full(len(some), -1, np.int32), np.empty(len(some), np.float32)
        kernel.smooth(table, value, smooth)
        count = kernel.grow(table, value, order, gate, keep, min_cells, label)
        answers.append((label, smooth, count))
    for got, expected in zip(*answers, strict=True):
        assert np.array_equal(got, expected)


def test_neighbours_are_found_among_the_given_rows_only():
    some, ijk = cells_of(np.ones((3, 3, 3), bool), np.random.default_rng(0))
    middle = int(np.flatnonzero((ijk == 1).all(axis=1))[0])
    assert sorted(neighbour_table(some, np.arange(27))[middle].tolist()) == sorted(set(range(27)) - {middle})
    assert (neighbour_table(some, np.array([middle])) == -1).all()
    assert len(NEIGHBOUR_DELTAS) == 27


@pytest.mark.parametrize("name", ["scores", "sample", "components"])
def test_every_kernel_has_a_twin_of_the_same_name(name):
    kernels = {"scores": scores, "sample": sample, "components": components}[name]
    twins = getattr(reference, name)
    public = {key for key, value in vars(kernels).items() if hasattr(value, "py_func") and key[0] != "_"}
    assert public
    assert all(callable(getattr(twins, key)) for key in public)
