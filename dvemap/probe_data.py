"""What a probe learns from, and what it is judged by: data sets with one vocabulary."""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dvemap.teaching import format_of
from dvemap.training_data import NICR, DataConfig, open_source
from dvemap.training_teacher import FileSource
from student.data.errors import DatasetError
from student.data.nicr import NicrSource
from student.data.nicr_layout import LAYOUTS
from student.probing.class_counts import ClassCounts
from student.teacher.run import read_ahead


@dataclass(frozen=True)
class DataOptions:
    """How data sets are read: the options of a command line; see `DataConfig`."""

    format: str | None = None
    split: str | None = None
    classes: int | None = None
    stride: int = 1
    depth: str | None = None


def open_data(paths: Sequence[Path], options: DataOptions, *, held_out: bool = False) -> list[FileSource]:
    """Open data sets whose classes are the same.

    Parameters
    ----------
    paths : sequence of Path
        Labelled sequences, folders of such, or data sets in NICR layout.
    options : DataOptions
        For all of them.
    held_out : bool
        Take the part that is to judge by, where a data set in NICR layout has one and none is named.

    Raises
    ------
    ValueError
        If one cannot be used as described, or its classes are not those of the first.
    OSError
        If one cannot be read.
    """
    sources = [open_one(path, options, held_out=held_out, count=options.classes) for path in paths]
    for path, source in zip(paths, sources, strict=True):
        check_vocabulary(sources[0], source, paths[0], path)
    return sources


def check_vocabulary(first: FileSource, other: FileSource, first_path: Path, path: Path) -> None:
    """Raise DatasetError unless two data sets have the same classes."""
    ours, theirs = first.class_names, other.class_names
    if ours == theirs:
        return
    if len(ours) != len(theirs):
        what = f"has {len(theirs)} classes, {first_path} {len(ours)}"
    else:
        place = next(k for k, (a, b) in enumerate(zip(ours, theirs, strict=True)) if a != b)
        what = f"calls class {place + 1} {theirs[place]!r}, {first_path} {ours[place]!r}"
    raise DatasetError(f"{path}: {what}; a probe needs data of one vocabulary (--classes chooses it)")


@dataclass(frozen=True)
class ProbeClasses:
    """The classes of a probe.

    Attributes
    ----------
    names : tuple of str
        K names, in the order of the probe's rows.
    kept : (K,) int64
        Their positions in the vocabulary, from 0.
    column : (K' + 1,) uint16
        Row + 1 of each class of the vocabulary, 0 for void and for classes without a row.
    absent : tuple of str
        Of the vocabulary's K' names those that no pixel of the data has.
    """

    names: tuple[str, ...]
    kept: npt.NDArray[np.int64]
    column: npt.NDArray[np.uint16]
    absent: tuple[str, ...]


def probe_classes(source: FileSource, counts: ClassCounts) -> ProbeClasses:
    """Choose the classes of a probe: of a fixed list all; of names that scenes bring along, those that occur.

    Raises
    ------
    DatasetError
        If the data show less than two classes.
    """
    seen = counts.pixels > 0
    if seen.sum() < 2:
        shown = ", ".join(name for name, there in zip(source.class_names, seen, strict=True) if there)
        raise DatasetError(
            f"{source.root}: a probe tells classes apart, but the label images show {shown or 'none'} alone"
        )
    own = not isinstance(source, NicrSource) and source.own_names
    kept = np.flatnonzero(seen) if own else np.arange(len(seen))
    column = np.zeros(len(seen) + 1, np.uint16)
    column[kept + 1] = np.arange(1, len(kept) + 1)
    absent = tuple(name for name, there in zip(source.class_names, seen, strict=True) if not there)
    return ProbeClasses(tuple(source.class_names[k] for k in kept), kept, column, absent)


def count_classes(sources: Sequence[FileSource], watch: Callable[[int], None]) -> ClassCounts:
    """Count the pixels of each class in the label images of all samples; `watch` hears how many are done."""
    counts, done = ClassCounts(len(sources[0].class_names)), 0
    for source in sources:
        with closing(read_ahead(source.labels, range(len(source)))) as readings:
            for _, reading in readings:
                counts.add(reading.result())
                done += 1
                watch(done)
    return counts


def open_one(path: Path, options: DataOptions, *, held_out: bool, count: int | None) -> FileSource:
    """Open a data set, read with a number of classes; see `open_data`."""
    format = options.format or format_of(path)
    kinds = [*(NICR + name for name in LAYOUTS), "sequence"]
    if format not in kinds:
        raise DatasetError(f"--format must be one of {', '.join(kinds)}, got {format!r}")
    split = options.split
    if split is None and held_out and format.startswith(NICR):
        split = LAYOUTS[format.removeprefix(NICR)].splits[1]
    entry = {"path": path, "format": format, "split": split, "classes": count}
    return open_source(DataConfig.model_validate({**entry, "stride": options.stride, "depth": options.depth}))
