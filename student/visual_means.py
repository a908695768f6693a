"""Visual means: what the segments of a class look like on average, as a vector that reads embeddings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

ALPHA: Final = 0.65
"""Share of the image's own embedding that is taken off a segment's, as in the targets of the student."""

_ABSENT_IMAGE: Final = 1e-9  # what DVEFormer puts in the place of I for classes without a segment


def visual_mean_weights(
    segments: npt.NDArray[Any], images: npt.NDArray[Any], alpha: float = ALPHA
) -> npt.NDArray[np.float32]:
    """Return w_c = n(S_c - alpha I_c), with n the scaling to length 1.

    Parameters
    ----------
    segments
        S, (K, D): for each class, the sum of the unit embeddings of its segments (or their mean).
    images
        I, (K, D): the sum of the unit embeddings of the images that these segments are in, once a segment.
    alpha
        Share of I that is taken off.

    Returns
    -------
    (K, D) float32, rows of length 1.

    Raises
    ------
    ValueError
        Shapes differ, or a row becomes zero.
    """
    if segments.ndim != 2 or segments.shape != images.shape:
        raise ValueError(
            f"segments and images must be (K, D) of one shape, got {segments.shape} and {images.shape}"
        )
    weight = segments.astype(np.float64) - alpha * images.astype(np.float64)
    length = np.linalg.norm(weight, axis=1, keepdims=True)
    if not (length > 0).all():
        raise ValueError(
            f"class {int(length.argmin())} has no visual mean: S - {alpha} I is zero or not finite"
        )
    unit: npt.NDArray[np.float32] = (weight / length).astype(np.float32)
    return unit


class VisualMeans:
    """Sums over the segments of a training set; two of them add up to that of both sets.

    Parameters
    ----------
    classes
        Number K of classes.
    dimension
        Length D of an embedding.

    Attributes
    ----------
    segments, images : ndarray
        (K, D) float64, the sums S and I of `visual_mean_weights`.
    count : ndarray
        (K,) int64, segments of each class.
    """

    def __init__(self, classes: int, dimension: int) -> None:
        if classes < 1 or dimension < 1:
            raise ValueError(f"classes and dimension must be >= 1, got {classes} and {dimension}")
        self.segments = np.zeros((classes, dimension))
        self.images = np.zeros((classes, dimension))
        self.count = np.zeros(classes, np.int64)

    def add(
        self,
        indices: Iterable[int],
        segments: npt.NDArray[np.floating[Any]],
        image: npt.NDArray[np.floating[Any]],
    ) -> None:
        """Add the segments of one image; large and small ones count alike.

        Parameters
        ----------
        indices
            Class of each of the n segments, from 0.
        segments
            (n, D), not zero; of any length.
        image
            (D,) of any length; all zero of a teacher that sees no context, which has none to subtract.

        Raises
        ------
        ValueError
            Shapes do not fit, a class is out of range, or a vector is zero.
        """
        rows = np.fromiter(indices, np.int64)
        classes, dimension = self.segments.shape
        if segments.shape != (len(rows), dimension) or image.shape != (dimension,):
            raise ValueError(
                f"segments must be ({len(rows)}, {dimension}) and image ({dimension},), "
                f"got {segments.shape} and {image.shape}"
            )
        if len(rows) and not 0 <= rows.min() <= rows.max() < classes:
            raise ValueError(f"classes must be in 0..{classes - 1}, got {rows.min()} to {rows.max()}")
        np.add.at(self.segments, rows, _unit(segments))
        np.add.at(self.images, rows, _unit(image) if image.any() else image)
        np.add.at(self.count, rows, 1)

    def merge(self, other: VisualMeans) -> None:
        """Add the sums of another part of the training set."""
        if other.segments.shape != self.segments.shape:
            raise ValueError(f"sums must be {self.segments.shape}, got {other.segments.shape}")
        self.segments += other.segments
        self.images += other.images
        self.count += other.count

    def weights(self, texts: npt.NDArray[np.float32], alpha: float = ALPHA) -> npt.NDArray[np.float32]:
        """Return the weights (K, D) float32 of all classes; those without a segment take their text's.

        Parameters
        ----------
        texts
            (K, D) float32, unit text embeddings of the classes.
        alpha
            See `visual_mean_weights`.
        """
        absent = (self.count == 0)[:, None]
        segments = np.where(absent, texts, self.segments)
        return visual_mean_weights(segments, np.where(absent, _ABSENT_IMAGE, self.images), alpha)


def _unit(vectors: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.float64]:
    long = vectors.astype(np.float64)
    length = np.linalg.norm(long, axis=-1, keepdims=True)
    if not (length > 0).all():
        raise ValueError("embeddings must be finite and not zero")
    unit: npt.NDArray[np.float64] = long / length
    return unit
