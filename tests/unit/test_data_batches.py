"""Batches: what they hold, and that only seed, epoch and position decide it."""

from typing import Any

import numpy as np
import pytest
import torch

from student.data.augment import Augmentation
from student.data.augment_config import AugmentConfig, StrongAugmentConfig
from student.data.batches import Batch, EpochBatches, Item, TrainingSet, collate, make_loader
from student.data.errors import DatasetError
from student.data.mixture import Mixture
from student.data.sample import Sample, Source
from student.preprocessing import DepthStatistics, normalise
from student.targets import TargetTable

# Python 3.12 warns of how torch starts workers; `make_loader` sees to it that they do not wait for ever.
pytestmark = pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")

Array = np.ndarray[Any, Any]
H, W, D = 40, 48, 5


class Made:
    """A source of made-up samples; `semantic` halves the image into two segments, and has void rows."""

    class_names, things = ("left", "right"), (False, False)
    depth_statistics = DepthStatistics("made", 2.0, 0.5)

    def __init__(self, name: str, count: int) -> None:
        self.name, self.count = name, count

    def __len__(self) -> int:
        return self.count

    def sample_name(self, i: int) -> str:
        return f"{i:03d}"

    def sample(self, i: int) -> Sample:
        rng = np.random.default_rng(len(self.name) * 100 + i)
        semantic = np.ones((H, W), np.uint16)
        semantic[:, W // 2 :] = 2
        semantic[: H // 4] = 0
        rgb = rng.integers(0, 256, (H, W, 3), dtype=np.uint8)
        depth = rng.uniform(0, 4, (H, W)).astype(np.float32)
        return Sample(f"{self.name} {i:03d}", rgb, depth, semantic, np.zeros_like(semantic))


def targets(source: Source, i: int, sample: Sample) -> TargetTable:
    """Row r of the table of sample i of a source holds (length of its name, i, r, ...)."""
    lut = np.array([[len(source.name), i, row, 0, 1] for row in (1, 2)], np.float32)
    return TargetTable(lut, sample.semantic.astype(np.int32))


def training_set(seed: int = 0, reduction: int = 1, **settings: Any) -> TrainingSet:
    mixture = Mixture([Made("a", 9), Made("bb", 20)], [1.0, 0.5], seed)
    augmentation = Augmentation(AugmentConfig(size=(32, 32), **settings))
    return TrainingSet(mixture, augmentation, targets, reduction=reduction)


def load(items: TrainingSet, workers: int = 0, epoch: int = 0, start: int = 0, size: int = 4) -> list[Batch]:
    batches = EpochBatches(items.mixture, size)
    batches.set_epoch(epoch, start)
    loader: Any = make_loader(items, batches, workers=workers)
    assert len(loader) == 19 // size - start
    return list(loader)


def same(one: Batch, other: Batch) -> bool:
    return one.names == other.names and all(map(torch.equal, one[1:], other[1:]))


def test_a_batch_holds_normalised_images_and_the_targets_of_their_pixels() -> None:
    items = training_set(scale_max=1.0, hue=0, saturation=0, value=0, flip=0.0)
    (batch, *rest) = load(items)
    assert len(rest) == 3  # 19 samples: the last three are left over
    assert (batch.rgb.shape, batch.depth.shape) == ((4, 3, 32, 32), (4, 1, 32, 32))
    assert (batch.lut.shape, batch.target_index.shape) == ((8, D), (4, 32, 32))
    assert (batch.target_index.dtype, batch.lut.dtype) == (torch.int32, torch.float32)
    for k, name in enumerate(batch.names):
        source = next(s for s in items.mixture.sources if s.name == name.split()[0])
        sample = source.sample(int(name.split()[1]))
        index = batch.target_index[k].numpy()
        for row in np.unique(index[index > 0]):
            assert batch.lut[row - 1, :2].tolist() == [len(source.name), int(name.split()[1])]
        rgb, depth = normalise(sample.rgb, sample.depth, DepthStatistics("made", 2.0, 0.5))
        places = [
            (y, x)
            for y in range(H - 32 + 1)
            for x in range(W - 32 + 1)
            if np.array_equal(batch.depth[k, 0].numpy(), depth[0, y : y + 32, x : x + 32])
        ]
        assert len(places) == 1
        y, x = places[0]
        crop = sample.semantic[y : y + 32, x : x + 32]
        assert np.array_equal(np.where(index > 0, batch.lut[:, 2].numpy()[index - 1], 0), crop)
        # Hue, saturation and value of bytes cannot hold all colours: a few levels are lost.
        assert np.abs(batch.rgb[k].numpy() - rgb[:, y : y + 32, x : x + 32]).max() < 0.2


def test_offsets_skip_what_has_no_target_and_images_without_segments() -> None:
    index = np.array([[0, 1], [2, 0]], np.int32)
    images = np.zeros((3, 2, 2), np.float32)
    items = [
        Item("two", images, images[:1], np.ones((2, D), np.float32), index),
        Item("none", images, images[:1], np.ones((0, D), np.float32), np.zeros_like(index)),
        Item("three", images, images[:1], np.full((3, D), 3, np.float32), index + 1),
    ]
    batch = collate(items)
    assert batch.target_index.tolist() == [[[0, 1], [2, 0]], [[0, 0], [0, 0]], [[3, 4], [5, 3]]]
    assert batch.lut[:, 0].tolist() == [1, 1, 3, 3, 3]
    assert index.tolist() == [[0, 1], [2, 0]]  # the items are left as they were


@pytest.mark.parametrize("reduction", [1, 2, 4])
def test_small_outputs_get_the_nearest_targets(reduction: int) -> None:
    (whole, *_), (small, *_) = load(training_set()), load(training_set(reduction=reduction))
    assert torch.equal(whole.rgb, small.rgb)
    assert torch.equal(small.target_index, whole.target_index[:, ::reduction, ::reduction])
    assert small.target_index.shape[1:] == (32 // reduction, 32 // reduction)


def test_the_number_of_workers_changes_nothing() -> None:
    strong = StrongAugmentConfig()
    alone = load(training_set(strong=strong), epoch=3)
    helped = load(training_set(strong=strong), workers=2, epoch=3)
    assert len(alone) == len(helped) == 4
    assert all(map(same, alone, helped))


def test_workers_that_stay_alive_follow_the_epoch() -> None:
    items = training_set()
    batches = EpochBatches(items.mixture, 4)
    loader: Any = make_loader(items, batches, workers=1)
    for epoch in (0, 5):
        batches.set_epoch(epoch)
        assert all(map(same, loader, load(training_set(), epoch=epoch)))


def test_seed_and_epoch_decide_and_a_resumed_epoch_goes_on() -> None:
    first, again = load(training_set(), epoch=2), load(training_set(), epoch=2)
    assert all(map(same, first, again))
    assert not same(first[0], load(training_set(), epoch=3)[0])
    assert not same(first[0], load(training_set(seed=1), epoch=2)[0])
    assert all(map(same, load(training_set(), epoch=2, start=2), first[2:]))


def test_a_sample_looks_different_in_every_epoch() -> None:
    looks = {}
    for epoch in (0, 1):
        for batch in load(training_set(), epoch=epoch, size=1):
            looks.setdefault(batch.names[0], []).append(batch.depth)
    twice = [pair for pair in looks.values() if len(pair) == 2]
    assert len(twice) >= 9
    assert not any(torch.equal(*pair) for pair in twice)


def test_processes_share_each_batch() -> None:
    items = training_set()
    whole = list(EpochBatches(items.mixture, 4))
    halves = [list(EpochBatches(items.mixture, 4, rank=rank, world=2)) for rank in (0, 1)]
    assert [a + b for a, b in zip(*halves, strict=True)] == whole


def test_loading_leaves_the_random_numbers_of_training_alone() -> None:
    before = torch.random.get_rng_state()
    load(training_set(), epoch=1)
    load(training_set(), workers=1, epoch=1)
    assert torch.equal(torch.random.get_rng_state(), before)


@pytest.mark.parametrize(
    ("size", "world", "message"),
    [
        (20, 1, r"batch size must be in 1\.\.19, the samples an epoch, got 20"),
        (0, 1, "got 0"),
        (3, 2, "must be a multiple of the 2 processes, got 3"),
    ],
)
def test_batches_that_cannot_be(size: int, world: int, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        EpochBatches(training_set().mixture, size, world=world)


def test_targets_of_another_size_name_the_sample() -> None:
    items = training_set()
    small = TargetTable(np.ones((1, D), np.float32), np.ones((3, 3), np.int32))
    items.targets = lambda source, i, sample: small
    with pytest.raises(
        DatasetError, match=r"(a|bb) 0\d\d: expected targets of the size .* 40x48, got \(3, 3\)"
    ):
        load(items)
