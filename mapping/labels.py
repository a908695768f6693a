"""Labels: the class of every cell, and of every vertex of a mesh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mapping.keys import keys_of_points
from mapping.query import inverse_norms, project
from mapping.sample import sample

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

Float32 = npt.NDArray[np.float32]
Int64 = npt.NDArray[np.int64]

_CELL_CHUNK: Final = 8192
_VERTEX_CHUNK: Final = 16384


@dataclass(frozen=True, slots=True)
class Classifier:
    """A linear reading of unit embeddings z: scores = weight z + bias.

    Text prompts, linear probes and visual means are all of this form, so labels come from the fused codes
    directly, at n x C x K operations.

    Attributes
    ----------
    weight
        (K, D) float32.
    bias
        (K,) float32.
    ids
        (K,) int64 label of each class, > 0.
    """

    weight: Float32
    bias: Float32
    ids: Int64


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels of n cells or vertices.

    Attributes
    ----------
    label
        (n,) int64 class ids, 0 where there is nothing to go by.
    score
        (n,) float32 score of that class; 0 where there is no label.
    margin
        (n,) float32 its lead over the second best class.
    """

    label: Int64
    score: Float32
    margin: Float32

    @property
    def coverage(self) -> float:
        """Share that has a label, in [0, 1]; 0 of nothing."""
        return float(np.count_nonzero(self.label) / max(1, len(self.label)))


def linear_probe(
    weight: npt.ArrayLike, bias: npt.ArrayLike | None = None, ids: npt.ArrayLike | None = None
) -> Classifier:
    """Make a classifier from the weights of a linear probe on unit embeddings.

    Parameters
    ----------
    weight
        (K, D) float; trailing axes of length 1, as of a 1 x 1 convolution, are dropped.
    bias
        (K,) float, none by default.
    ids
        (K,) label ids; 1 to K by default.

    Raises
    ------
    ValueError
        If the shapes do not fit together, a number is not finite or an id is not > 0.
    """
    matrix = np.asarray(weight, dtype=np.float32)
    if matrix.ndim == 4 and matrix.shape[2:] == (1, 1):
        matrix = matrix[:, :, 0, 0]
    if matrix.ndim != 2 or len(matrix) == 0:
        raise ValueError(f"weight must be (K, D) with K >= 1, got {matrix.shape}")
    count = len(matrix)
    offset = np.zeros(count, np.float32) if bias is None else np.asarray(bias, dtype=np.float32)
    labels = np.arange(1, count + 1) if ids is None else np.asarray(ids, dtype=np.int64)
    for name, array in (("bias", offset), ("ids", labels)):
        if array.shape != (count,):
            raise ValueError(f"{name} must be ({count},) for {count} classes, got {array.shape}")
    if not (np.isfinite(matrix).all() and np.isfinite(offset).all()):
        raise ValueError("weight and bias must be finite, got NaN or infinity")
    if labels.min() < 1:
        raise ValueError(f"ids must be > 0 (0 means unlabelled), got {labels.min()}")
    return Classifier(matrix, offset, labels.astype(np.int64))


def prototypes(vectors: npt.ArrayLike, ids: npt.ArrayLike | None = None) -> Classifier:
    """Make a classifier that takes the class whose vector has the largest cosine.

    Parameters
    ----------
    vectors
        (K, D) float, text embeddings of the class names or visual means; scaled to length 1 here.
    ids
        (K,) label ids; 1 to K by default.

    Raises
    ------
    ValueError
        As in `linear_probe`, and if a vector is zero.
    """
    matrix = np.asarray(vectors, dtype=np.float32)
    norm = np.linalg.norm(matrix, axis=-1, keepdims=True)
    if not (norm > 0).all():
        raise ValueError(f"vectors must not be zero, got class {int(norm.ravel().argmin()) + 1} of norm 0")
    return linear_probe(matrix / norm, None, ids)


def label_cells(voxel_map: VoxelMap, classifier: Classifier) -> Labels:
    """Label every cell that has an embedding.

    Parameters
    ----------
    voxel_map
        A map with embeddings; compact maps too.
    classifier
        What reads them.

    Returns
    -------
    One label a row of the map.

    Raises
    ------
    ValueError
        If the map has no embeddings or the classifier is for another dimension.
    """
    reader = _Reader(voxel_map, classifier)
    count = len(voxel_map)
    parts = [
        _decide(reader.logits(slice(start, start + _CELL_CHUNK)), classifier)
        for start in range(0, count, _CELL_CHUNK)
    ]
    labels = _join(parts)
    return _without(labels, ~reader.readable)


def label_vertices(
    voxel_map: VoxelMap,
    classifier: Classifier,
    vertices: npt.ArrayLike,
    *,
    max_distance: float | None = None,
    mix: int = 4,
    spacing: float | None = None,
) -> Labels:
    """Label points, such as the vertices of a mesh, by the cells that explain them.

    A vertex takes the class with the best score averaged over its most likely cells (see `mapping.sample`).

    Parameters
    ----------
    voxel_map
        A map with embeddings; compact maps too.
    classifier
        What reads them.
    vertices
        (v, 3) float, metres, world axes.
    max_distance
        Metres between a vertex and the mean of its cell; None: only the 27 cells around it limit it.
    mix
        Cells to average, weighted by their likelihood; 1 takes the label of the best cell.
    spacing
        Standard deviation of the vertices, metres; see `sample`.

    Returns
    -------
    One label a vertex; 0 where no cell with an embedding is near.

    Raises
    ------
    ValueError
        As in `label_cells` and `sample`.
    """
    reader = _Reader(voxel_map, classifier)
    points = np.asarray(vertices, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 3:
        raise ValueError(f"vertices must be (v, 3), got {points.shape}")
    order = np.argsort(keys_of_points(points, voxel_map.cell_size), kind="stable")  # each cell is read once
    parts, missing = [], []
    for start in range(0, len(points), _VERTEX_CHUNK):
        near = sample(
            voxel_map,
            points[order[start : start + _VERTEX_CHUNK]],
            max_distance,
            spacing=spacing,
            top=mix,
            candidates=reader.readable,
        )
        rows, where = np.unique(near.rows, return_inverse=True)
        logits = np.zeros((len(rows), len(classifier.ids)), np.float32)
        logits[rows >= 0] = reader.logits(rows[rows >= 0])
        where, weights = where.reshape(near.rows.shape), near.weights.astype(np.float32)
        mixed = np.zeros((len(where), logits.shape[1]), np.float32)
        for place in range(mix):
            mixed += logits[where[:, place]] * weights[:, place, None]
        parts.append(_decide(mixed, classifier))
        missing.append(near.row < 0)
    if not parts:
        return _join(parts)
    ordered = _without(_join(parts), np.concatenate(missing))
    back = np.empty_like(order)
    back[order] = np.arange(len(order))
    return Labels(ordered.label[back], ordered.score[back], ordered.margin[back])


class _Reader:
    """Class scores of rows: the classifier, taken to the space of codes once."""

    def __init__(self, voxel_map: VoxelMap, classifier: Classifier):
        if voxel_map.code_dim == 0:
            raise ValueError(
                "the map holds no embeddings (it was fused without an encoder): nothing to label"
            )
        dimension = voxel_map.code_dim if voxel_map.head is None else voxel_map.head.shape[0]
        if classifier.weight.shape[1] != dimension:
            raise ValueError(
                f"the classifier must be for embeddings of {dimension} numbers like those of the map, "
                f"got {classifier.weight.shape[1]}"
            )
        self._map = voxel_map
        self._weight = np.ascontiguousarray(project(voxel_map, classifier.weight.astype(np.float64)).T)
        self._bias = classifier.bias
        self._scale = inverse_norms(voxel_map)
        self.readable = self._scale > 0

    def logits(self, rows: slice | Int64) -> Float32:
        """(r, K) float32 class scores of rows."""
        codes = np.asarray(self._map.code[rows]).astype(np.float32)
        logits: Float32 = codes @ self._weight
        logits *= self._scale[rows, None]
        logits += self._bias
        return logits


def _decide(scores: Float32, classifier: Classifier) -> Labels:
    """Take the best class of each row of (r, K) scores; the first of equals."""
    best = scores.argmax(axis=1)
    score = np.take_along_axis(scores, best[:, None], axis=1)[:, 0]
    if scores.shape[1] == 1:
        return Labels(classifier.ids[best], score, np.zeros_like(score))
    second = np.partition(scores, -2, axis=1)[:, -2]
    return Labels(classifier.ids[best], score, score - second)


def _join(parts: list[Labels]) -> Labels:
    if not parts:
        return Labels(np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.float32))
    return Labels(
        np.concatenate([part.label for part in parts]),
        np.concatenate([part.score for part in parts]),
        np.concatenate([part.margin for part in parts]),
    )


def _without(labels: Labels, missing: npt.NDArray[np.bool_]) -> Labels:
    """Clear the labels of some."""
    labels.label[missing] = 0
    labels.score[missing] = 0
    labels.margin[missing] = 0
    return labels
