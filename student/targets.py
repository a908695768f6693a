"""What a student learns to give each pixel: the teacher's view of its segment, less that of the whole image.

The segments are those of DVEFormer: semantic and instance labels are merged to panoptic ids, and all pixels
of a segment share one target. Ids follow from the order of the instances, so that they are found again only
from the label images that the teacher saw, before any of them is resized or cropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from student.visual_means import ALPHA

CLASS_STEP: Final = 1 << 16
"""A panoptic id is class * 65536 + k."""


@dataclass(frozen=True, slots=True, eq=False)
class TargetTable:
    """Targets of an image, each stored once.

    Attributes
    ----------
    lut : ndarray
        (n, D) float32, unit targets of the segments in stored order.
    index : ndarray
        (H, W) int32, 0 = no target, i = row i - 1 of `lut`.
    """

    lut: npt.NDArray[np.float32]
    index: npt.NDArray[np.int32]


def panoptic_segments(
    semantic: npt.NDArray[np.unsignedinteger[Any]],
    instance: npt.NDArray[np.unsignedinteger[Any]],
    things: Sequence[bool],
) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Merge semantic and instance labels to segments.

    Every pair of an instance and a class that meet in a pixel is a segment, numbered per class from 1 by
    ascending instance: an instance that spans two classes is split, and stuff with an instance counts too.
    The rest of each stuff class is one segment with number 0. The rest of things has none.

    Parameters
    ----------
    semantic
        (H, W), class 1 to K, 0 = void.
    instance
        (H, W), 0 = none.
    things
        K flags, whether class c is countable at c - 1.

    Returns
    -------
    ids
        (H, W) int64, class * 65536 + number, 0 = no segment.
    segments
        The ids that occur, ascending, as teachers store them.

    Raises
    ------
    ValueError
        Sizes differ, or a class is out of range.
    """
    if semantic.shape != instance.shape or semantic.ndim != 2:
        raise ValueError(
            f"semantic and instance must be (H, W) of one size, got {semantic.shape} and {instance.shape}"
        )
    if semantic.size and (highest := int(semantic.max())) > len(things):
        raise ValueError(f"semantic has class {highest}, but there are {len(things)} classes")
    labels = len(things) + 1
    pixels = instance.astype(np.int32) * labels + semantic  # pairs, ordered by instance, then by class
    ids = np.zeros((int(instance.max(initial=0)) + 1) * labels, np.int64)
    meet = np.zeros(len(ids), bool)
    meet[pixels] = True
    numbers: Counter[int] = Counter()
    for pair in np.flatnonzero(meet).tolist():
        number, label = divmod(pair, labels)
        if label == 0 or (number == 0 and things[label - 1]):
            continue
        if number:
            numbers[label] += 1
        ids[pair] = label * CLASS_STEP + (numbers[label] if number else 0)
    return ids[pixels], sorted(set(ids.tolist()) - {0})


def segment_class(segment: int) -> int:
    """Return the class, from 1, of a panoptic id."""
    return segment // CLASS_STEP


def build_targets(
    ids: npt.NDArray[np.int64],
    embeddings: Mapping[int, npt.NDArray[np.floating[Any]]],
    image_embedding: npt.NDArray[np.floating[Any]],
    alpha: float = ALPHA,
) -> TargetTable:
    """Make the targets d = n(n(s) - alpha n(g)) of the segments s in an image g; n scales to length 1.

    Parameters
    ----------
    ids
        (H, W), panoptic ids, 0 = no segment.
    embeddings
        (D,) of each segment, of any length but 0; may hold more segments than `ids`, as after a crop.
    image_embedding
        (D,) of the whole image; zeros where the teacher sees no context, as one of captions.
    alpha
        Share of the image's embedding that is taken off.

    Raises
    ------
    ValueError
        A segment has no embedding, or none of a direction; or dimensions differ.
    """
    if image_embedding.ndim != 1:
        raise ValueError(f"image_embedding must be (D,), got {image_embedding.shape}")
    segments = np.fromiter(embeddings, np.int64, len(embeddings))
    vectors = np.zeros((len(segments), len(image_embedding)))
    for row, (segment, vector) in enumerate(embeddings.items()):
        if vector.shape != image_embedding.shape:
            raise ValueError(
                f"segment {segment}: embedding must be {image_embedding.shape}, got {vector.shape}"
            )
        vectors[row] = vector
    targets = _unit(_unit(vectors) - alpha * _unit(image_embedding.astype(np.float64)))
    lengths = np.linalg.norm(targets, axis=1)
    if not (lengths > 0.5).all():  # zeros stay zeros, NaN compares false
        lost = segments[~(lengths > 0.5)][0]
        raise ValueError(f"segment {lost}: its embedding is zero, not finite or that of the image itself")
    return TargetTable(targets.astype(np.float32), _rows_of(ids, segments))


def _rows_of(ids: npt.NDArray[np.int64], segments: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    """Return which row of a table, from 1, each pixel's segment has."""
    known = np.concatenate([[0], segments])
    order = np.argsort(known)
    place = np.searchsorted(known, ids, sorter=order).clip(max=len(known) - 1)
    rows: npt.NDArray[np.int32] = order.astype(np.int32)[place]
    strange = known[rows] != ids
    if strange.any():
        lost = int(ids[strange][0])
        raise ValueError(
            f"segment {lost} (class {segment_class(lost)}) has no embedding; the teacher saw other label "
            "images, let it teach these again"
        )
    return rows


def _unit(vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Scale to length 1, but leave zeros as they are."""
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    unit: npt.NDArray[np.float64] = vectors / np.where(length > 0, length, 1)
    return unit
