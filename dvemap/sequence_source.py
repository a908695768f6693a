"""Sequences as a source of training samples: exported ScanNet scenes, and flats of `dvemap synth`."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mapping import class_list
from sequences import READERS, open_sequence
from sequences import Sequence as FrameSequence
from sequences.labels import read_nyu40_ids
from sequences.options import Options
from student.data.classes import ClassSet, class_set, make_class_set
from student.data.errors import DatasetError
from student.data.sample import Sample
from student.preprocessing import DepthStatistics, depth_statistics

SCANNET_CLASSES = {40: "nyu-40", 20: "scannet-20", 200: "scannet-200"}
"""Numbers of classes that ScanNet's own label ids are mapped to; the first is the usual one."""

DEFAULT_OPTIONS = Options()
_UNKNOWN = np.iinfo(np.uint16).max


class SequenceSource:
    """The labelled frames of one or more sequences. Frames without a usable pose are left out.

    Images are brought onto the pixels of the depth image, as `dvemap fuse` does before a network sees them.

    Parameters
    ----------
    path : Path
        A sequence, or a folder of them.
    split : str, optional
        Only the sequences that `<path>/<split>.txt` names, one a line, or those in `<path>/<split>/`.
    classes : int, optional
        Of ScanNet: 40 (NYU40, also if absent), 20 or 200. Where `label_names.txt` names the labels, their
        number is given by the file, and this may only repeat it.
    stride : int
        Every n-th frame of each sequence.
    depth : str, optional
        Folder of depth images in exported ScanNet layout.

    Attributes
    ----------
    name : str
        Of the folder.
    root : Path
        As given; names of samples are paths from here, whatever the split.
    class_names : tuple of str
    own_names : bool
        Whether the sequences name their labels themselves (`label_names.txt`): such a vocabulary may hold
        many names that no frame shows.
    things : tuple of bool
        All but walls, floors and ceilings; none where a sequence brings no instance images, so that all
        pixels of a class are one segment.

    Raises
    ------
    DatasetError
        If there is no sequence or split, labels have no names, or sequences name them differently.
    SequenceError
        If a sequence cannot be used.
    """

    def __init__(
        self,
        path: Path,
        *,
        split: str | None = None,
        classes: int | None = None,
        stride: int = 1,
        depth: str | None = None,
    ) -> None:
        self.root, self.name = path, path.resolve().name
        folders = find_sequences(path, split, Options(depth_folder=depth or "depth"))
        self._sequences = [
            open_sequence(folder, labels=True, stride=stride, depth_folder=depth or "depth")
            for folder in folders
        ]
        self._prefixes = [
            "" if folder == path else f"{folder.relative_to(path).as_posix()}/" for folder in folders
        ]
        self._frames = [
            (position, int(i))
            for position, sequence in enumerate(self._sequences)
            for i in np.flatnonzero(sequence.usable)
        ]
        if not self._frames:
            raise DatasetError(f"{path}: no frame of its {len(folders)} sequence(s) has a usable pose")
        self._table, known, statistics = _classes_of(path, self._sequences, classes)
        self.depth_statistics: DepthStatistics = depth_statistics(statistics)
        self.class_names = known.names
        self.own_names = not read_nyu40_ids(_folder_of(self._sequences[0]))
        labelled = _has_instances(self._sequences[0])
        self.things = known.things if labelled else (False,) * len(known)

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self._frames)

    def sample_name(self, i: int) -> str:
        """Return "<sequence>/<frame number>", or the number alone where the path is a sequence itself."""
        position, frame = self._frames[i]
        return f"{self._prefixes[position]}{self._sequences[position].source_index(frame)}"

    def sample(self, i: int) -> Sample:
        """Read the i-th frame.

        Raises
        ------
        DatasetError
            If a label has no name.
        FrameError
            If an image cannot be used.
        """
        position, number = self._frames[i]
        sequence = self._sequences[position]
        frame = sequence[number]
        label = frame.label_on_depth()
        semantic = self._classes_in(label, i)
        if frame.instance is not None:
            instance = frame.instance_on_depth()
        elif any(self.things):
            raise DatasetError(
                f"{sequence.path}: brings no instance images, but others in {self.root} do; train on one kind"
            )
        else:
            instance = np.zeros_like(label)
        name = f"{self.name} {self.sample_name(i)}"
        return Sample(name, frame.rgb_on_depth(), frame.depth, semantic, instance)

    def labels(self, i: int) -> npt.NDArray[np.uint16]:
        """Read the label image of the i-th frame alone: class 1 to K, 0 = void, at its own size.

        Raises
        ------
        DatasetError
            If a label has no name, or there is no label image.
        FrameError
            If it cannot be used.
        """
        position, number = self._frames[i]
        label, _ = self._sequences[position].label_ids(number)
        if label is None:
            raise DatasetError(f"{self._sequences[position].describe(number)}: has no label image")
        return self._classes_in(label, i)

    def _classes_in(self, label: npt.NDArray[np.uint16], i: int) -> npt.NDArray[np.uint16]:
        semantic = self._table[label]
        if semantic.max() == _UNKNOWN:
            position, number = self._frames[i]
            raise DatasetError(
                f"{self._sequences[position].describe(number)}: label {label[semantic == _UNKNOWN][0]} has "
                "no name; complete label_names.txt, or the table scannetv2-labels.combined.tsv"
            )
        return semantic


def find_sequences(path: Path, split: str | None, options: Options = DEFAULT_OPTIONS) -> list[Path]:
    """Return the folders of the sequences of a split, or the path itself where it is a sequence.

    Options say which depth they must have, if any.

    Raises
    ------
    DatasetError
        If there is no such split, or no sequence.
    OSError
        If there is nothing at the path.
    """
    path.stat()
    if split is None:
        if _is_sequence(path, options):
            return [path]
        folders = [folder for folder in _folders(path) if _is_sequence(folder, options)]
        if not folders:
            raise DatasetError(
                f"{path}: no labelled sequence here nor one folder below; expected exported ScanNet layout "
                "(color/, depth/, pose/, label-filt/) or what `dvemap synth` writes; of data in NICR layout "
                "say which, as in format: nicr-nyuv2"
            )
        return folders
    listing, base = path / f"{split}.txt", path / split
    if listing.is_file():
        lines = [line.strip() for line in listing.read_text(encoding="utf-8").splitlines()]
        folders = [path / line for line in lines if line]
        missing = next((folder for folder in folders if not folder.exists()), None)
        if missing is not None:
            raise DatasetError(f"{listing}: names {missing.name!r}, but there is no {missing}")
    elif base.is_dir():
        folders = [folder for folder in _folders(base) if _is_sequence(folder, options)]
    else:
        lists, inner = {file.stem for file in path.glob("*.txt")}, {folder.name for folder in _folders(path)}
        known = sorted(lists | inner)
        near = get_close_matches(split, known, n=1, cutoff=0.4)
        hint = f"did you mean {near[0]!r}?" if near else "leave split out to use all sequences"
        raise DatasetError(f"{path}: no split {split!r}: neither {split}.txt nor {split}/ is there; {hint}")
    if not folders:
        raise DatasetError(f"{path}: split {split!r} has no sequence")
    return folders


def _folders(path: Path) -> list[Path]:
    return sorted(inner for inner in path.iterdir() if inner.is_dir()) if path.is_dir() else []


def _is_sequence(path: Path, options: Options) -> bool:
    return any(READERS[name].detect(path, options) for name in ("scannet", "scannet-sens"))


def _has_instances(sequence: FrameSequence) -> bool:
    return sequence.label_ids(0)[1] is not None


def _classes_of(
    path: Path, sequences: Sequence[FrameSequence], count: int | None
) -> tuple[npt.NDArray[np.uint16], ClassSet, str]:
    """Return the class of each label id (65536,) in all sequences, the classes, and whose depth it is."""
    nyu40 = read_nyu40_ids(_folder_of(sequences[0]))
    if nyu40:
        count = count or next(iter(SCANNET_CLASSES))
        return _scannet_table(path, sequences, nyu40, count), class_set(SCANNET_CLASSES[count]), "scannet"
    names = _common_names(sequences)
    if count is not None and count != len(names):
        raise DatasetError(f"{path}: its labels have {len(names)} names, got classes: {count}; leave it out")
    known = make_class_set(tuple(names[label] for label in sorted(names)))
    return _table({label: number for number, label in enumerate(sorted(names), start=1)}), known, "nyuv2"


def _scannet_table(
    path: Path, sequences: Sequence[FrameSequence], nyu40: dict[int, int], count: int
) -> npt.NDArray[np.uint16]:
    if count not in SCANNET_CLASSES:
        raise DatasetError(
            f"{path}: ScanNet can be read with {', '.join(map(str, SCANNET_CLASSES))} classes, got {count}"
        )
    for sequence in sequences[1:]:
        if read_nyu40_ids(_folder_of(sequence)) != nyu40:
            raise DatasetError(
                f"{sequence.path}: has another table of ScanNet's labels than {sequences[0].path}, or none; "
                "put one scannetv2-labels.combined.tsv above all of them"
            )
    class_of = {int(label): number for number, label in enumerate(class_list(f"scannet-{count}").ids, 1)}
    return _table({raw: class_of.get(raw if count == 200 else nyu, 0) for raw, nyu in nyu40.items()})


def _common_names(sequences: Sequence[FrameSequence]) -> dict[int, str]:
    """Return what all sequences together call their labels."""
    names: dict[int, str] = {}
    for sequence in sequences:
        kinds = sequence.label_names
        if not kinds:
            raise DatasetError(
                f"{sequence.path}: nothing names its labels; expected label_names.txt in it, or "
                "scannetv2-labels.combined.tsv there or up to three folders above"
            )
        for label, name in kinds.items():
            if names.setdefault(label, name) != name:
                raise DatasetError(
                    f"{sequence.path}: label {label} is {name!r} here and {names[label]!r} in another "
                    "sequence; train on sequences of one vocabulary"
                )
    return names


def _table(class_of: dict[int, int]) -> npt.NDArray[np.uint16]:
    table = np.full(1 << 16, _UNKNOWN, np.uint16)
    table[list(class_of)] = list(class_of.values())
    table[0] = 0
    return table


def _folder_of(sequence: FrameSequence) -> Path:
    return sequence.path if sequence.path.is_dir() else sequence.path.parent
