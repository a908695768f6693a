"""The benchmark runs and its figures hang together (their size is not a matter for unit tests)."""

import numpy as np
import pytest

from dvemap.bench import map_bench
from dvemap.bench.map_frames import random_codes, synthetic_frames


@pytest.fixture
def short_triad(monkeypatch):
    monkeypatch.setattr(map_bench, "_TRIAD_ELEMENTS", 100_000)


@pytest.mark.usefixtures("short_triad")
def test_figures_of_a_tiny_run():
    frames = synthetic_frames(2, height=48, width=64)
    figures = map_bench.bench_map(
        frames, code_dim=8, code_shape=(12, 16), small=100, large=300, rounds=1, torch_baseline=False
    )
    parts = figures["moments_ms"] + figures["codes_ms"] + figures["occupancy_ms"]
    assert parts > 0
    assert figures["triad_gbs"] > 0
    assert figures["codes_ratio"] == pytest.approx(figures["codes_ms"] / figures["codes_floor_ms"])
    assert figures["growth_ratio"] == pytest.approx(figures["update_large_ms"] / figures["update_ms"])
    assert figures["pixels"] > 2000


def test_the_torch_baseline_sums_what_the_map_sums():
    frames = synthetic_frames(1, height=48, width=64)
    object.__setattr__(frames, "codes", random_codes(1, 12, 16, 4))
    baseline = map_bench.TorchBaseline(frames, 0.1, capacity=2000)
    baseline.add(0)
    valid = frames.depths[0, 2::4, 2::4] > 0.1
    total = frames.codes[0][valid].astype(np.float32).sum(axis=0)
    np.testing.assert_allclose(baseline.sums.sum(axis=0), total, atol=1e-3)
    assert baseline.counts.sum() == np.count_nonzero(valid)


def test_grow_adds_far_cells_up_to_the_number():
    room = map_bench.VoxelMap(0.05, 4)
    map_bench.grow(room, 25_000)
    assert len(room) == 25_000
    assert (room.code == 1).all()
