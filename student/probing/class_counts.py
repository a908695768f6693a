"""How often classes are seen, and how much a pixel of each weighs for it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class ClassCounts:
    """Counts pixels of classes, image by image.

    Parameters
    ----------
    classes
        Number K of classes.

    Attributes
    ----------
    pixels : ndarray
        (K,) int64, pixels of each class.
    area : ndarray
        (K,) int64, pixels of the images that the class is in, with or without a class.
    """

    def __init__(self, classes: int) -> None:
        self.pixels = np.zeros(classes, np.int64)
        self.area = np.zeros(classes, np.int64)

    def add(self, labels: npt.NDArray[np.uint16]) -> None:
        """Count an image.

        Parameters
        ----------
        labels
            (H, W), class 1 to K, 0 = void.
        """
        seen = np.bincount(labels.ravel(), minlength=len(self.pixels) + 1)[1:]
        self.pixels += seen
        self.area += (seen > 0) * labels.size

    def weights(self) -> npt.NDArray[np.float32]:
        """Return the median-frequency weights (K,); see `median_frequency`."""
        return median_frequency(self.pixels, self.area)


def median_frequency(pixels: npt.NDArray[np.int64], area: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return w_c = median(f) / f_c with f_c = pixels_c / area_c (Eigen and Fergus, 2015).

    Parameters
    ----------
    pixels
        (K,), of each class.
    area
        (K,), of the images that it is in.

    Returns
    -------
    (K,) float32; 0 for classes without a pixel, which the median leaves out.
    """
    seen = pixels > 0
    weights = np.zeros(len(pixels), np.float32)
    if seen.any():
        frequency = pixels[seen] / area[seen]
        weights[seen] = np.median(frequency) / frequency
    return weights
