"""A map that went through the disk is the map that went in, also as a part of a sum."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mapping import VoxelMap, merge
from mapping.storage import load, save

SPACE = {"name": "toy", "dimension": 4, "text_encoder": None}
HEAD = np.arange(12, dtype=np.float32).reshape(4, 3)


def make_map(seed: int, frames: int) -> VoxelMap:
    rng = np.random.default_rng(seed)
    room = VoxelMap(0.1, 3, space=SPACE, head=HEAD)
    K = np.array([[8.0, 0, 4], [0, 8, 3], [0, 0, 1]])
    for frame in range(frames):
        pose = np.eye(4)
        pose[:3, 3] = rng.uniform(-1, 1, 3)
        room.integrate(
            rng.uniform(0.5, 3, (6, 8)).astype(np.float32),
            K,
            pose,
            rgb=rng.integers(0, 256, (6, 8, 3), dtype=np.uint8),
            codes=rng.normal(scale=0.3, size=(3, 4, 3)).astype(np.float16),
            timestamp_ns=frame,
        )
    return room


@pytest.mark.parametrize("reopen", [1, 2])
@settings(max_examples=15, deadline=None)
@given(
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    frames=st.tuples(st.integers(0, 3), st.integers(0, 3)),
)
def test_merge_of_saved_maps_is_the_merge_in_memory(
    reopen: int, seeds: tuple[int, int], frames: tuple[int, int]
) -> None:
    parts = [make_map(seed, count) for seed, count in zip(seeds, frames, strict=True)]
    whole = merge(parts)
    with tempfile.TemporaryDirectory() as folder:
        for number, part in enumerate(parts[:reopen]):
            path = Path(folder) / f"{number}.dvm"
            save(part, path)
            parts[number] = load(path, verify=True)
            assert parts[number].digest() == part.digest()
        assert merge(parts).digest() == whole.digest()
        # Changing a loaded map copies it first: the file stays.
        parts[0].merge(parts[1])
        assert parts[0].digest() == whole.digest()
        assert load(Path(folder) / "0.dvm", verify=True).digest() == make_map(seeds[0], frames[0]).digest()
