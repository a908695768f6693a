"""What a teacher is, whatever it looks at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from student.data.sample import Sample


@dataclass(frozen=True, slots=True, eq=False)
class SegmentEmbeddings:
    """What a teacher says of one image.

    Attributes
    ----------
    image : ndarray
        (D,) float32, of the whole image, of any length; zeros from a teacher that sees no context.
    segments : dict of int to ndarray
        (D,) float32 of each segment, of any length, by panoptic id.
    """

    image: npt.NDArray[np.float32]
    segments: dict[int, npt.NDArray[np.float32]]


class Teacher(Protocol):
    """Embeds the segments of images, and texts, in one space.

    Attributes
    ----------
    estimator : str
        Name of its files' folders.
    identity : mapping of str to str
        All that its embeddings depend on: hashes of weights and of what it was told.
    """

    @property
    def estimator(self) -> str: ...  # noqa: D102

    @property
    def identity(self) -> Mapping[str, str]: ...  # noqa: D102

    def embed(
        self, name: str, sample: Sample, ids: npt.NDArray[np.int64], segments: Sequence[int]
    ) -> SegmentEmbeddings:
        """Embed an image and its segments; `name` is what its source calls it, `ids` their panoptic ids."""
        ...

    def embed_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts: (n, D) float32, of any length."""
        ...
