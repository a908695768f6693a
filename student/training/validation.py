"""How well a student does on images that it does not learn from.

The protocol is DVEFormer's: images are resized to the network's input without regard for their aspect;
logits, not labels, are brought to the size of the label image; pixels without a class do not count; the
network computes in fp32.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from student.data.augment import nearest_pixels
from student.data.sample import Sample, Source, Targets
from student.networks.dveformer import DVEFormer
from student.preprocessing import DepthStatistics, Preprocessing, normalise
from student.teacher.run import read_ahead
from student.training.loss import cosine_loss

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Readers = Mapping[str, npt.NDArray[np.float32]]
"""Weights (K, D) that read classes off unit embeddings, by the name of the decoder."""


@dataclass(frozen=True)
class Judged:
    """What a validation counted.

    Attributes
    ----------
    confusions : dict of str to ndarray
        (K, K) int64 of each decoder; rows are truth.
    loss : float or None
        Mean over all valid pixels; None where the teacher did not see the images.
    """

    confusions: dict[str, npt.NDArray[np.int64]]
    loss: float | None


@dataclass(frozen=True, eq=False)
class Glimpse:
    """What a network makes of one image; arrays for a picture, at most one embedding each 4 pixels.

    Attributes
    ----------
    name : str
    rgb : (H, W, 3) uint8
        As the network sees it.
    depth : (H, W) float32
        Metres, 0 = invalid.
    prediction : (h, w, D) float16
        Unit embeddings.
    target : (h, w, D) float16 or None
        Zeros where there is none.
    truth : (h', w') uint16
        Class, 0 = void.
    labels : dict of str to (h', w') uint16
        Class by each decoder.
    """

    name: str
    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    prediction: npt.NDArray[np.float16]
    target: npt.NDArray[np.float16] | None
    truth: npt.NDArray[np.uint16]
    labels: dict[str, npt.NDArray[np.uint16]]


class Validator:
    """Judges networks on a source; its processes share the images.

    Parameters
    ----------
    fabric
        Launched.
    source
        Labelled images.
    size
        Height and width that the network sees.
    statistics
        Of the depth that it is trained on.
    targets
        What the teacher says of the images; None where it did not see them.
    """

    def __init__(
        self,
        fabric: Fabric,
        source: Source,
        size: tuple[int, int],
        statistics: DepthStatistics,
        targets: Targets | None,
    ) -> None:
        self._fabric, self._source, self._targets = fabric, source, targets
        self._preprocessing, self._statistics = Preprocessing(size), statistics

    @torch.no_grad()
    def judge(self, network: DVEFormer, readers: Readers) -> Judged:
        """Compare the labels of each decoder with the label images, over all processes."""
        fabric, classes = self._fabric, len(self._source.class_names)
        weights = {name: torch.from_numpy(rows).to(fabric.device) for name, rows in readers.items()}
        counts = {
            name: torch.zeros(classes * classes, dtype=torch.int64, device=fabric.device) for name in readers
        }
        loss = torch.zeros(2, dtype=torch.float32 if fabric.device.type == "mps" else torch.float64)
        loss = loss.to(fabric.device)
        training = network.training
        network.eval()
        mine = range(fabric.global_rank, len(self._source), fabric.world_size)
        for i, sample in self._samples(mine):
            embedding, _, _ = self.embed(network, sample)
            truth = torch.from_numpy(sample.semantic.astype(np.int64)).to(fabric.device)
            known = truth > 0
            for name, rows in weights.items():
                guess = _labels(embedding, rows, (truth.shape[0], truth.shape[1]))
                cells = (truth[known] - 1) * classes + guess[known]
                counts[name] += torch.bincount(cells, minlength=classes * classes)
            if self._targets is not None:
                lut, index = self._target(i, sample, embedding.shape[2:])
                total, count = cosine_loss(embedding, lut, index)
                loss += torch.stack([total, count.float()]).to(loss.dtype)
        network.train(training)
        confusions = {
            name: cast(Tensor, fabric.all_reduce(count, reduce_op="sum")).view(classes, classes).cpu().numpy()
            for name, count in counts.items()
        }
        total, count = cast(Tensor, fabric.all_reduce(loss, reduce_op="sum")).tolist()
        return Judged(confusions, total / count if count else None)

    @torch.no_grad()
    def look(self, network: DVEFormer, i: int, readers: Readers) -> Glimpse:
        """Return what a network makes of an image; no other process takes part."""
        sample = self._source.sample(i)
        training = network.training
        embedding, rgb, depth = self.embed(network.eval(), sample)
        network.train(training)
        size = (sample.semantic.shape[0], sample.semantic.shape[1])
        labels = {}
        for name, rows in readers.items():
            guess = _labels(embedding, torch.from_numpy(rows).to(self._fabric.device), size)
            labels[name] = (guess + 1).cpu().numpy().astype(np.uint16)
        step = max(1, 4 * embedding.shape[2] // rgb.shape[0])
        target = None
        if self._targets is not None:
            lut, index = self._target(i, sample, embedding.shape[2:])
            target = _pixels(functional.pad(lut, (0, 0, 1, 0))[index[0, ::step, ::step].long()])
        prediction = _pixels(embedding[0, :, ::step, ::step].permute(1, 2, 0))
        return Glimpse(sample.name, rgb, depth, prediction, target, sample.semantic, labels)

    def _samples(self, numbers: range) -> Iterator[tuple[int, Sample]]:
        with closing(read_ahead(self._source.sample, numbers)) as readings:
            for i, reading in readings:
                yield i, reading.result()

    def embed(
        self, network: DVEFormer, sample: Sample
    ) -> tuple[Tensor, npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
        """Return unit embeddings (1, D, h, w) of a sample, and the images that the network saw."""
        rgb, depth = self._preprocessing.resize(sample.rgb, sample.depth)
        images = (torch.from_numpy(image)[None] for image in normalise(rgb, depth, self._statistics))
        embedding = network(*(image.to(self._fabric.device) for image in images))
        return functional.normalize(embedding, dim=1), rgb, depth

    def _target(self, i: int, sample: Sample, size: Any) -> tuple[Tensor, Tensor]:
        """Return the targets of an image, and which of them each pixel of the network's output has."""
        table = cast(Targets, self._targets)(self._source, i, sample)
        height, width = cast(tuple[int, int], self._preprocessing.size)
        rows = nearest_pixels(table.index.shape[0], height)[:: height // size[0]]
        columns = nearest_pixels(table.index.shape[1], width)[:: width // size[1]]
        index = torch.from_numpy(table.index[np.ix_(rows, columns)])[None]
        return torch.from_numpy(table.lut).to(self._fabric.device), index.to(self._fabric.device)


def _labels(embedding: Tensor, rows: Tensor, size: tuple[int, int]) -> Tensor:
    """Return the class (H, W), from 0, of each pixel of an image."""
    logits = torch.einsum("kd,ndhw->nkhw", rows, embedding)
    fine = functional.interpolate(logits, size, mode="bilinear", align_corners=False)
    return fine[0].argmax(dim=0)


def _pixels(embeddings: Tensor) -> npt.NDArray[np.float16]:
    half: npt.NDArray[np.float16] = embeddings.half().cpu().numpy()
    return half
