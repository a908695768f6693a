"""Frames with label images, wherever they lie: sequences, folders of such, and data sets in NICR layout."""

from pathlib import Path
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from dvemap.probe_data import DataOptions, open_one
from dvemap.sequence_source import find_sequences
from dvemap.teaching import format_of
from dvemap.training_data import NICR
from mapping import ClassList, make_class_list
from mapping.classes import BUILT_IN
from sequences import Frame, open_sequence
from student.data.errors import DatasetError
from student.data.nicr import NicrSource

Ids = npt.NDArray[np.uint16]


class LabelledFrames(Protocol):
    """What an encoder is judged by: a `sequences.Sequence` with labels, or what looks like one."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def format(self) -> str:
        """Of its files."""

    @property
    def label_names(self) -> dict[int, str]:
        """Label id to name, where the source says."""

    def label_ids(self, i: int, /) -> tuple[Ids | None, Ids | None]:
        """Label and instance image of the i-th frame."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Frame: ...


class NicrFrames:
    """The samples of a data set in NICR layout as frames without a pose.

    Parameters
    ----------
    source : NicrSource
    start, stop, stride
        Which of them.

    Attributes
    ----------
    path : Path
    format : str
    classes : ClassList
        All of the data set; ids are those of its label images.
    """

    def __init__(self, source: NicrSource, start: int = 0, stop: int | None = None, stride: int = 1) -> None:
        self._source = source
        self._numbers = range(len(source))[start:stop:stride]
        if not self._numbers:
            raise DatasetError(f"{source.root}: has {len(source)} samples, none is left of {start} to {stop}")
        self.path, self.format = source.root, f"{NICR}{source.name} {source.split}"
        self.classes: ClassList = make_class_list(
            f"{source.name}, {len(source.class_names)} classes", source.class_names
        )

    @property
    def label_names(self) -> dict[int, str]:
        """Names of the ids of its label images."""
        return dict(enumerate(self._source.class_names, start=1))

    def label_ids(self, i: int, /) -> tuple[Ids | None, Ids | None]:
        """Return the label image of the i-th frame."""
        return self._source.labels(self._numbers[i]), None

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._numbers)

    def __getitem__(self, i: int, /) -> Frame:
        """Read the i-th frame."""
        number = self._numbers[i]
        sample, eye = self._source.sample(number), np.eye(3)
        return Frame(sample.rgb, sample.depth, eye, eye, np.eye(4), 0.0, number, sample.semantic)


def open_labelled(
    path: Path,
    *,
    options: DataOptions,
    classes: str | None = None,
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
) -> list[LabelledFrames]:
    """Open what lies at a path: a sequence, all sequences of a folder, or a split in NICR layout.

    Parameters
    ----------
    path : Path
    options : DataOptions
        Format, split and depth; its stride is not used.
    classes : str, optional
        A built-in list: how many classes are read, where a data set in NICR layout comes with several.
    start, stop, stride
        Which frames, of each.

    Raises
    ------
    ValueError
        If it cannot be used.
    OSError
        If it cannot be read.
    """
    path.stat()
    if (options.format or format_of(path)) != "sequence":
        source = open_one(path, options, held_out=True, count=_count_of(path, classes))
        return [NicrFrames(cast(NicrSource, source), start, stop, stride)]
    folders = [path]
    if path.is_dir() and not (path / "color").is_dir():
        try:
            folders = find_sequences(path, options.split)
        except DatasetError:
            if options.split is not None:
                raise
    return [
        open_sequence(
            folder,
            labels=True,
            start=start,
            stop=stop,
            stride=stride,
            depth_folder=options.depth or "depth",
        )
        for folder in folders
    ]


def _count_of(path: Path, classes: str | None) -> int | None:
    if classes is None:
        return None
    if classes not in BUILT_IN:
        raise DatasetError(
            f"{path}: data in NICR layout are judged by their own classes; --classes may choose how many, "
            f"as in scannet-20, got {classes!r}"
        )
    return int(classes.rpartition("-")[2])
