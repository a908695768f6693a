"""Decoded images: what is read back is what was decoded, and an interrupted call leaves nothing."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from student.data.augment import Augmentation
from student.data.augment_config import AugmentConfig
from student.data.batches import Draw, TrainingSet
from student.data.decoded import DecodedImages, decode
from student.data.mixture import Mixture
from student.data.sample import Sample, Source
from student.preprocessing import DepthStatistics
from student.targets import TargetTable


class Made:
    """Samples of many sizes; the depth of every second one is in whole millimetres."""

    class_names, things = ("a", "b", "c"), (False,) * 3
    depth_statistics = DepthStatistics("made", 2.0, 0.5)

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count, self.reads = name, count, 0

    def __len__(self) -> int:
        return self.count

    def sample_name(self, i: int) -> str:
        return f"{i:03d}"

    def sample(self, i: int) -> Sample:
        self.reads += 1
        rng = np.random.default_rng(i)
        height, width = 33 + i, 40 + i
        rgb = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        depth = rng.uniform(0, 4, (height // 2, width // 2)).astype(np.float32)
        if i % 2:
            depth = np.rint(depth * 1000).astype(np.uint16) / np.float32(1000)
        semantic = rng.integers(0, 4, (height, width)).astype(np.uint16)
        return Sample(f"{self.name} {i:03d}", rgb, depth, semantic, np.zeros_like(semantic))


def targets(source: Source, i: int, sample: Sample) -> TargetTable:
    """All images share vectors; the first has none at all."""
    lut = np.eye(5, dtype=np.float32)[[0, 2, (i + len(source.name)) % 5]]
    if i == 0:
        return TargetTable(lut[:0], np.zeros(sample.semantic.shape, np.int32))
    return TargetTable(lut, sample.semantic.astype(np.int32))


def make(folder: Path, sources: list[Made], identity: Any = 1) -> DecodedImages:
    return decode(folder, sources, targets, {"made": identity}, lambda done, total: None)


def test_items_are_the_same_to_the_bit(tmp_path: Path) -> None:
    sources = [Made("one", 4), Made("three", 3)]
    mixture = Mixture(sources, [1.0, 1.0], seed=0)
    augmentation = Augmentation(AugmentConfig(size=(32, 32), scale_max=1.4))
    plain = TrainingSet(mixture, augmentation, targets)
    cached = TrainingSet(mixture, augmentation, targets, decoded=make(tmp_path, sources))
    for source, i in [(0, 0), (0, 1), (0, 2), (0, 3), (1, 0), (1, 1), (1, 2)]:
        one, other = (items[Draw(2, i, source, i)] for items in (plain, cached))
        assert one.name == other.name
        for a, b in zip(one[1:], other[1:], strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_images_are_decoded_once_for_each_identity(tmp_path: Path) -> None:
    source = Made("one", 3)
    for reads, identity in [(3, 1), (3, 1), (6, 2), (6, 1)]:
        make(tmp_path, [source], identity)
        assert source.reads == reads
    assert sum(path.is_dir() for path in tmp_path.iterdir()) == 2


def test_an_interrupted_call_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        decode(tmp_path, [Made("one", 3)], targets, {}, stop)
    assert not any(path.is_dir() for path in tmp_path.iterdir())


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    source = Made("one", 2)
    make(tmp_path, [source])
    (ready,) = (path for path in tmp_path.iterdir() if path.is_dir())
    ready.rename(tmp_path / f".{ready.name}.partial")
    images = make(tmp_path, [source])
    np.testing.assert_array_equal(images(0, 1)[0].rgb, source.sample(1).rgb)
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == [ready.name]


def test_processes_that_are_started_anew_map_the_file_themselves(tmp_path: Path) -> None:
    source = Made("one", 3)
    images = make(tmp_path, [source])
    content = pickle.dumps(images)
    assert len(content) < 3000
    np.testing.assert_array_equal(pickle.loads(content)(0, 2)[0].rgb, source.sample(2).rgb)
