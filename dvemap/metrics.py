"""Segmentation metrics from a confusion matrix.

The protocol: all classes are candidates; points without ground truth are ignored; no prediction is an error
of the class it should have been; confusion is pooled over scenes by adding matrices; means run over the
classes that have ground truth.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Float64 = npt.NDArray[np.float64]
Int64 = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class SegmentationMetrics:
    """What a confusion matrix says; shares in [0, 1], NaN where there is no ground truth.

    Attributes
    ----------
    miou
        Mean over the classes with ground truth of IoU_c = C_cc / (row_c + column_c - C_cc).
    macc
        Mean over these classes of the recall C_cc / row_c.
    fmiou
        IoU averaged with the frequency of each class in the ground truth.
    accuracy
        Share of labelled points that are right.
    coverage
        Share of labelled points that have a prediction.
    iou, recall
        (K,) float64 by class, NaN for those without ground truth.
    """

    miou: float
    macc: float
    fmiou: float
    accuracy: float
    coverage: float
    iou: Float64
    recall: Float64


def confusion_matrix(truth: npt.ArrayLike, prediction: npt.ArrayLike, ids: npt.ArrayLike) -> Int64:
    """Count which class was taken for which.

    Parameters
    ----------
    truth, prediction
        (...) integers, class ids. Points whose truth is not one of `ids` are ignored.
    ids
        (K,) distinct class ids.

    Returns
    -------
    (K, K + 1) int64: rows are ground truth, columns predictions in the order of `ids`, and last the points
    whose prediction is none of them. Matrices of several scenes may be added.

    Raises
    ------
    ValueError
        If the shapes of truth and prediction differ or the ids are not distinct.
    """
    expected, predicted, classes = np.asarray(truth), np.asarray(prediction), np.asarray(ids)
    if expected.shape != predicted.shape:
        raise ValueError(f"prediction must have the shape of truth {expected.shape}, got {predicted.shape}")
    if classes.ndim != 1 or len(classes) == 0 or len(np.unique(classes)) < len(classes):
        raise ValueError(f"ids must be (K,) distinct integers with K >= 1, got shape {classes.shape}")
    row, column = _position(expected.ravel(), classes), _position(predicted.ravel(), classes)
    count = len(classes)
    judged = row < count
    flat = np.bincount(row[judged] * (count + 1) + column[judged], minlength=count * (count + 1))
    return flat.reshape(count, count + 1).astype(np.int64)


def metrics_of(confusion: npt.ArrayLike) -> SegmentationMetrics:
    """Compute all metrics of a confusion matrix.

    Parameters
    ----------
    confusion
        (K, K + 1) integers, from `confusion_matrix` or a sum of such.

    Raises
    ------
    ValueError
        If the matrix has another shape.
    """
    matrix = np.asarray(confusion, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] != matrix.shape[0] + 1:
        raise ValueError(f"confusion must be (K, K + 1), got {matrix.shape}")
    hit = np.diagonal(matrix)
    support = matrix.sum(axis=1)
    union = support + matrix[:, :-1].sum(axis=0) - hit
    present, total = support > 0, support.sum()
    iou = np.divide(hit, union, out=np.full(len(hit), np.nan), where=present)
    recall = np.divide(hit, support, out=np.full(len(hit), np.nan), where=present)
    if total == 0:
        return SegmentationMetrics(np.nan, np.nan, np.nan, np.nan, np.nan, iou, recall)
    return SegmentationMetrics(
        miou=float(iou[present].mean()),
        macc=float(recall[present].mean()),
        fmiou=float((iou[present] * support[present]).sum() / total),
        accuracy=float(hit.sum() / total),
        coverage=float(1 - matrix[:, -1].sum() / total),
        iou=iou,
        recall=recall,
    )


def pixel_scores(metrics: SegmentationMetrics, confusion: Int64, names: Sequence[str]) -> dict[str, Any]:
    """Return the metrics of pixels as plain values for JSON, with a row a class that has ground truth.

    Parameters
    ----------
    metrics
        Of the confusion.
    confusion
        (K, K + 1), see `confusion_matrix`.
    names
        Of the K classes.
    """
    support = confusion.sum(axis=1)
    return {
        "miou": metrics.miou,
        "macc": metrics.macc,
        "fmiou": metrics.fmiou,
        "accuracy": metrics.accuracy,
        "coverage": metrics.coverage,
        "classes": [
            {
                "name": name,
                "iou": float(metrics.iou[k]),
                "accuracy": float(metrics.recall[k]),
                "pixels": int(support[k]),
            }
            for k, name in enumerate(names)
            if support[k]
        ],
    }


def _position(labels: npt.NDArray[np.integer], classes: npt.NDArray[np.integer]) -> Int64:
    """Position of each label among the classes, K for none of them."""
    order = np.argsort(classes)
    place = order[np.minimum(np.searchsorted(classes, labels, sorter=order), len(classes) - 1)]
    return np.where(classes[place] == labels, place, len(classes)).astype(np.int64)
