"""What training reads: labelled RGB-D images, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from student.preprocessing import DepthStatistics


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One labelled RGB-D image. All three images of the colour camera have one size; depth has its own.

    Parameters
    ----------
    name
        What error messages call it: its data set and sample name.
    rgb
        (H, W, 3) uint8.
    depth
        (h, w) float32 metres, 0 = invalid; shows what the colour image shows, edge to edge.
    semantic
        (H, W) uint16, class 1 to K, 0 = void.
    instance
        (H, W) uint16, 0 = none.
    """

    name: str
    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    semantic: npt.NDArray[np.uint16]
    instance: npt.NDArray[np.uint16]


class Source(Protocol):
    """Samples of one data set and split, in a fixed order. What it reads is read when it is asked for.

    Attributes
    ----------
    name : str
        Of the data set.
    class_names : tuple of str
        K names; class c has `class_names[c - 1]`.
    things : tuple of bool
        K flags: whether class c is countable. A pixel of a thing without instance has no segment.
    depth_statistics : DepthStatistics
        Of its depth.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def class_names(self) -> tuple[str, ...]: ...  # noqa: D102

    @property
    def things(self) -> tuple[bool, ...]: ...  # noqa: D102

    @property
    def depth_statistics(self) -> DepthStatistics: ...  # noqa: D102

    def __len__(self) -> int: ...

    def sample(self, i: int) -> Sample:
        """Read the i-th sample; raises DatasetError (or OSError) where its files cannot be used."""
        ...

    def sample_name(self, i: int) -> str:
        """Return the path of the i-th sample without extension, relative to each folder of its files."""
        ...


class Table(Protocol):
    """Targets of an image: what `student.targets.TargetTable` is.

    Attributes
    ----------
    lut : numpy.ndarray
        (n, D) float32, a target a segment.
    index : numpy.ndarray
        (H, W) int32, 0 = no target, i + 1 = row i of `lut`.
    """

    @property
    def lut(self) -> npt.NDArray[np.float32]: ...  # noqa: D102

    @property
    def index(self) -> npt.NDArray[np.int32]: ...  # noqa: D102


class Targets(Protocol):
    """Gives the targets of a sample as it is stored, before anything is scaled or cropped."""

    def __call__(self, source: Source, i: int, sample: Sample) -> Table:
        """Return the targets of the i-th sample of a source."""
        ...
