"""Batches for training: the same ones for the same seed and epoch, however many processes make them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler

from student.data.augment import Augmentation
from student.data.decoded import DecodedImages
from student.data.errors import DatasetError
from student.data.mixture import Mixture
from student.data.sample import Sample, Table, Targets
from student.preprocessing import DepthStatistics, normalise


class Draw(NamedTuple):
    """Which sample an item shows, and all that decides how."""

    epoch: int
    position: int
    source: int
    sample: int


class Item(NamedTuple):
    """One image for training.

    Attributes
    ----------
    name : str
    rgb : (3, H, W) float32
        Normalised.
    depth : (1, H, W) float32
        Normalised.
    lut : (n, D) float32
        Targets of its segments.
    target_index : (h, w) int32
        0 = no target, i + 1 = row i of `lut`; (H, W), or less for a network with small output.
    """

    name: str
    rgb: npt.NDArray[np.float32]
    depth: npt.NDArray[np.float32]
    lut: npt.NDArray[np.float32]
    target_index: npt.NDArray[np.int32]


class Batch(NamedTuple):
    """N images for training.

    Attributes
    ----------
    names : list of str
        N names for error messages.
    rgb : (N, 3, H, W) float32
    depth : (N, 1, H, W) float32
    lut : (n, D) float32
        The targets of all images, one after the other.
    target_index : (N, h, w) int32
        0 = no target, i + 1 = row i of `lut`.
    """

    names: list[str]
    rgb: Tensor
    depth: Tensor
    lut: Tensor
    target_index: Tensor


class TrainingSet(Dataset[Item]):
    """Items by their draw; nothing else decides them but the seed of the mixture.

    Parameters
    ----------
    mixture
        Where samples come from.
    augmentation
        What makes views of them.
    targets
        What the network is to learn of them.
    reduction
        Pixels of the image along each axis of a pixel of `target_index`: 4 for a network whose output has a
        quarter of the resolution.
    statistics
        What depth is normalised with; by default the mixture's.
    decoded
        All samples and targets, where they were decoded beforehand.
    """

    def __init__(
        self,
        mixture: Mixture,
        augmentation: Augmentation,
        targets: Targets,
        *,
        reduction: int = 1,
        statistics: DepthStatistics | None = None,
        decoded: DecodedImages | None = None,
    ) -> None:
        self.mixture, self.augmentation, self.targets = mixture, augmentation, targets
        self._decoded = decoded
        self.reduction, self._statistics = reduction, statistics or mixture.depth_statistics

    def __getitem__(self, draw: Draw) -> Item:
        """Read a sample and make the item of a draw."""
        sample, table = self._read(draw)
        if table.index.shape != sample.rgb.shape[:2]:
            raise DatasetError(
                f"{sample.name}: expected targets of the size of its colour image, "
                f"{sample.rgb.shape[0]}x{sample.rgb.shape[1]}, got {table.index.shape}"
            )
        chance = np.random.SeedSequence(self.mixture.seed, spawn_key=(draw.epoch, draw.position))
        view = self.augmentation(sample, np.random.default_rng(chance), table.index)
        rgb, depth = normalise(view.rgb, view.depth, self._statistics)
        index = view.index[:: self.reduction, :: self.reduction]  # nearest: pixel (r i, r j)
        return Item(sample.name, rgb, depth, table.lut, index)

    def _read(self, draw: Draw) -> tuple[Sample, Table]:
        if self._decoded is not None:
            return self._decoded(draw.source, draw.sample)
        source = self.mixture.sources[draw.source]
        sample = source.sample(draw.sample)
        return sample, self.targets(source, draw.sample, sample)


class EpochBatches(Sampler[list[Draw]]):
    """The batches of an epoch of a mixture, whole ones only.

    Parameters
    ----------
    mixture
        What is drawn from.
    size
        Images a batch, over all processes that train together.
    rank, world
        Number of this process, and how many there are. Each gets its share of every batch, so that what a
        batch holds does not depend on them.

    Raises
    ------
    DatasetError
        An epoch has less than a batch, or a batch does not divide among the processes.
    """

    def __init__(self, mixture: Mixture, size: int, *, rank: int = 0, world: int = 1) -> None:
        if not 1 <= size <= len(mixture):
            raise DatasetError(f"batch size must be in 1..{len(mixture)}, the samples an epoch, got {size}")
        if size % world:
            raise DatasetError(f"batch size must be a multiple of the {world} processes, got {size}")
        self._mixture, self._size, self._share = mixture, size, size // world
        self._first = rank * self._share
        self.set_epoch(0)

    def set_epoch(self, epoch: int, start: int = 0) -> None:
        """Choose what the next iteration goes through: an epoch, from its `start`-th batch on."""
        self._epoch, self._start = epoch, start

    def __len__(self) -> int:
        """Batches that the next iteration gives."""
        return max(0, len(self._mixture) // self._size - self._start)

    def __iter__(self) -> Iterator[list[Draw]]:
        """Give this process's share of each batch."""
        epoch, start = self._epoch, self._start
        drawn = self._mixture.epoch(epoch)
        for batch in range(start, len(drawn) // self._size):
            first = batch * self._size + self._first
            yield [Draw(epoch, k, *drawn[k]) for k in range(first, first + self._share)]


def collate(items: list[Item]) -> Batch:
    """Put items into a batch: images one above the other, targets one after the other."""
    lengths = [len(item.lut) for item in items]
    index = np.stack([item.target_index for item in items])
    for image, offset in zip(index, np.cumsum([0, *lengths[:-1]]), strict=True):
        image[image > 0] += offset
    return Batch(
        [item.name for item in items],
        torch.from_numpy(np.stack([item.rgb for item in items])),
        torch.from_numpy(np.stack([item.depth for item in items])),
        torch.from_numpy(np.concatenate([item.lut for item in items])),
        torch.from_numpy(index),
    )


def make_loader(
    items: TrainingSet, batches: EpochBatches, *, workers: int = 0, pin_memory: bool = False
) -> DataLoader[Item]:
    """Return a loader that gives `Batch`es; `batches.set_epoch` before each iteration says which.

    Parameters
    ----------
    items, batches
        What to load, and in which order.
    workers
        Processes that read and augment; 0: the calling one. The batches do not depend on it. With any, OpenCV
        gets one thread in the calling process too: processes that are forked from one with a pool of OpenCV's
        threads wait for these for ever.
    pin_memory
        Whether batches are put where a GPU fetches them faster.
    """
    if workers:
        _use_one_thread()
    return DataLoader(
        items,
        batch_sampler=batches,
        num_workers=workers,
        collate_fn=collate,
        pin_memory=pin_memory,
        persistent_workers=workers > 0,
        worker_init_fn=_use_one_thread,
        generator=torch.Generator(),  # else each iteration would draw from the generator that training uses
    )


def _use_one_thread(_: int = 0) -> None:
    cv2.setNumThreads(1)  # the workers are the parallelism
