"""A linear probe against label images that it did not learn from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.encoders import Network
from dvemap.metrics import SegmentationMetrics, metrics_of, pixel_scores
from dvemap.probing import Probed, samples_of
from dvemap.training_teacher import FileSource
from student.decoding import decode, logits_of


@dataclass(frozen=True, eq=False)
class ProbeScore:
    """A probe on images that it did not learn from.

    Attributes
    ----------
    metrics : SegmentationMetrics
    names : tuple of str
        K' classes of the data.
    confusion : (K', K' + 1) int64
        Rows truth; no prediction is ever missing.
    unknown : tuple of str
        Classes in the images that the probe has none for, each of whose pixels counts as wrong.
    """

    metrics: SegmentationMetrics
    names: tuple[str, ...]
    confusion: npt.NDArray[np.int64]
    unknown: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            **pixel_scores(self.metrics, self.confusion, self.names),
            "unknown": list(self.unknown),
        }


def judge_probe(
    probed: Probed, frames: Network, sources: Sequence[FileSource], watch: Callable[[int], None]
) -> ProbeScore:
    """Compare a probe with label images, by the protocol of `dvemap eval frames`.

    Raises
    ------
    ValueError
        If no pixel is labelled, or an image cannot be used.
    """
    names = sources[0].class_names
    width = len(names)
    confusion = np.zeros(width * (width + 1), np.int64)
    for number, sample in enumerate(samples_of(sources)):
        codes = frames.encoder.encode(sample.rgb, sample.depth)
        logits = logits_of(codes, probed.weight, None, frames.space.head)
        size = (sample.semantic.shape[0], sample.semantic.shape[1])
        predicted = probed.classes.kept[decode(logits, size).index]
        known = sample.semantic > 0
        cells = (sample.semantic[known].astype(np.int64) - 1) * (width + 1) + predicted[known]
        confusion += np.bincount(cells, minlength=len(confusion))
        watch(number + 1)
    square = confusion.reshape(width, width + 1)
    if not square.any():
        raise ValueError(f"{sources[0].root}: no pixel of its label images has a class")
    shown = np.flatnonzero(square.any(axis=1))
    unknown = tuple(names[k] for k in shown if k not in probed.classes.kept)
    return ProbeScore(metrics_of(square), names, square, unknown)
