"""Codes of some pixels of many images, the rare classes as well as the common ones."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from student.probing.class_counts import ClassCounts


class CodeSamples:
    """Draws pixels of images; each stands for those that were not drawn.

    Of every image as many pixels of each of its classes are drawn, so that a lamp is heard beside a wall. A
    pixel's weight is the number of pixels of its class and image that it stands for: sums over the drawn
    pixels estimate those over all, without bias.

    Parameters
    ----------
    classes
        Number K of classes.
    images
        How many there will be.
    pixels
        To draw of all of them together, about.
    seed
        Of the draws.

    Attributes
    ----------
    counts : ClassCounts
        Of all pixels of the label images.
    """

    def __init__(self, classes: int, images: int, pixels: int, seed: int = 0) -> None:
        self.counts = ClassCounts(classes)
        self._quota = max(1, pixels // max(images, 1))
        self._seed = seed
        self._parts: list[tuple[npt.NDArray[np.float16], npt.NDArray[np.int64], npt.NDArray[np.float32]]] = []

    def __len__(self) -> int:
        """Return the number of pixels that were drawn."""
        return sum(len(labels) for _, labels, _ in self._parts)

    def add(self, number: int, codes: npt.NDArray[np.float16], labels: npt.NDArray[np.uint16]) -> None:
        """Draw pixels of an image.

        Parameters
        ----------
        number
            Of the image: decides the draw, whatever came before.
        codes
            (h, w, C), of the middles of blocks of pixels.
        labels
            (H, W), class 1 to K, 0 = void, edge to edge with the codes.
        """
        self.counts.add(labels)
        rows, columns = (_middles(n, m) for n, m in zip(labels.shape, codes.shape[:2], strict=True))
        small = labels[np.ix_(rows, columns)].ravel()
        present = np.unique(small[small > 0])
        if not len(present):
            return
        draw = np.random.default_rng((self._seed, number))
        each = max(1, self._quota // len(present))
        chosen, weights = [], []
        for label in present:
            pixels = np.flatnonzero(small == label)
            taken = draw.choice(pixels, min(each, len(pixels)), replace=False)
            chosen.append(taken)
            weights.append(np.full(len(taken), len(pixels) / len(taken), np.float32))
        places = np.concatenate(chosen)
        flat = codes.reshape(-1, codes.shape[2])
        self._parts.append((flat[places], small[places].astype(np.int64) - 1, np.concatenate(weights)))

    def merge(self, other: CodeSamples) -> None:
        """Add what was drawn of other images."""
        self._parts += other._parts
        self.counts.pixels += other.counts.pixels
        self.counts.area += other.counts.area

    def arrays(self) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return codes (N, C), classes (N,) from 0, and how many pixels each stands for (N,).

        Raises
        ------
        ValueError
            Nothing was drawn.
        """
        if not self._parts:
            raise ValueError("a probe needs labelled pixels, the images have none")
        codes, labels, weights = zip(*self._parts, strict=True)
        return np.concatenate(codes), np.concatenate(labels), np.concatenate(weights)


def _middles(length: int, codes: int) -> npt.NDArray[np.int64]:
    """Return the pixels, of `length`, in the middle of the blocks that codes belong to."""
    return ((2 * np.arange(codes) + 1) * length) // (2 * codes)
