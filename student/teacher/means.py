"""Class visual means from teachers' files."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np

from student.targets import segment_class
from student.teacher.auxiliary import AuxiliaryFolder
from student.visual_means import VisualMeans


def visual_means_of(
    folder: AuxiliaryFolder,
    names: Iterable[str],
    classes: int,
    progress: Callable[[int], None] | None = None,
) -> VisualMeans:
    """Sum the embeddings of all segments of a training split, and of the images that they are in.

    Parameters
    ----------
    folder
        The teacher's files of the split.
    names
        Samples to sum over; the order changes nothing but the last bits.
    classes
        Number K of classes.
    progress
        Told how many samples are done.

    Raises
    ------
    TeacherError
        A file is missing or damaged.
    ValueError
        There is no sample, embeddings differ in dimension, or a segment is of a class beyond K.
    """
    means: VisualMeans | None = None
    for done, name in enumerate(names, start=1):
        read = folder.read(name)
        if means is None:
            means = VisualMeans(classes, len(read.image))
        if read.segments:
            rows = [segment_class(segment) - 1 for segment in read.segments]
            means.add(rows, np.stack(list(read.segments.values())), read.image)
        if progress is not None:
            progress(done)
    if means is None:
        raise ValueError("visual means need at least one sample")
    return means
