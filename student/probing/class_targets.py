"""Classes in the place of a teacher's targets, so that probes see the images that students see."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from student.data.sample import Sample, Source


@dataclass(frozen=True, slots=True, eq=False)
class ClassTable:
    """What `student.data.batches.Table` says: here an index is a class, and there are no vectors."""

    lut: npt.NDArray[np.float32]
    index: npt.NDArray[np.int32]


class ClassTargets:
    """Gives the classes of a sample's pixels.

    Parameters
    ----------
    column
        (K' + 1,): what class c of a source becomes, 0 = void.
    """

    def __init__(self, column: npt.NDArray[np.uint16]) -> None:
        self._column = column

    def __call__(self, source: Source, i: int, sample: Sample) -> ClassTable:
        """Return the classes (H, W) of a sample."""
        return ClassTable(np.zeros((0, 1), np.float32), self._column[sample.semantic].astype(np.int32))
