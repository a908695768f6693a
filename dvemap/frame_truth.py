"""Label images as positions in a class list: which ids they hold, and what these mean."""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from dvemap.evaluation import classes_like, list_kinds
from dvemap.labelled_frames import LabelledFrames, NicrFrames
from dvemap.labelling import DEFAULT_CLASSES
from mapping import ClassList, class_list
from sequences import Frame, FrameError
from sequences.labels import read_nyu40_ids

NYU40_LISTS = ("scannet-20", "scannet-40", "nyuv2-40", "sunrgbd-37")
"""Built-in class lists whose ids are those of NYU40; ScanNet's label images hold ids of its own table."""

VOID = np.iinfo(np.uint16).max
"""Position of a pixel whose label is no class."""


def choose_classes(
    sequences: Sequence[LabelledFrames], wanted: str | None, named: Collection[str] = ()
) -> ClassList:
    """Choose the classes that some sequences are judged by.

    Parameters
    ----------
    sequences : sequence of Sequence
        One or more, opened with `labels=True`.
    wanted : str, optional
        A built-in list or a file. By default ScanNet-20; where `label_names.txt` names the ids, those of its
        names that occur in the label images of any of the sequences; of NICR layouts all of their own.
    named : collection of str
        Names that are candidates too, where `label_names.txt` decides: those that a probe answers.

    Raises
    ------
    ValueError
        If no id is named, sequences name one id in two ways, or a name that is to be a candidate is none of
        theirs.
    """
    fixed = [sequence.classes for sequence in sequences if isinstance(sequence, NicrFrames)]
    if fixed:
        if len(fixed) < len(sequences) or any(other.names != fixed[0].names for other in fixed):
            raise ValueError(
                "the data sets have label images of different classes; judge one after the other"
            )
        return fixed[0]
    own = [sequence for sequence in sequences if sequence.label_names and not _nyu40_of(sequence)]
    if wanted is not None or not own:
        return class_list(wanted or DEFAULT_CLASSES)
    if len(own) < len(sequences):
        raise ValueError("the sequences have label images of different classes; name one list with --classes")
    kinds: dict[int, str] = {}
    present: set[int] = set()
    for sequence in own:
        for label, name in sequence.label_names.items():
            if kinds.setdefault(label, name) != name:
                raise ValueError(
                    f"{sequence.path}: label {label} is {name!r} here and {kinds[label]!r} in another "
                    "sequence; judge sequences of one vocabulary"
                )
        present.update(label for label in _ids_in(sequence) if label in sequence.label_names)
    if not present:
        raise ValueError(f"{own[0].path}: none of its label images holds an id of label_names.txt")
    return list_kinds("kinds in the frames", kinds, present, named, own[0].path)


class Truth:
    """The label images of a sequence, as positions in a class list.

    Parameters
    ----------
    sequence : Sequence
        Opened with `labels=True`.
    wanted : ClassList or str, optional
        A list, or what `choose_classes` makes one of.

    Attributes
    ----------
    sequence : Sequence
    classes : ClassList

    Raises
    ------
    ValueError
        If ids mean another thing in the label images than in the class list, or none of them is named.
    """

    def __init__(self, sequence: LabelledFrames, wanted: ClassList | str | None) -> None:
        chosen = wanted if isinstance(wanted, ClassList) else choose_classes([sequence], wanted)
        self.sequence, self.classes = sequence, chosen
        nyu40, kinds = _nyu40_of(sequence), sequence.label_names
        if not nyu40:
            classes_like(chosen, kinds, sequence.path)
        self._position = positions(self.classes)
        self._raw_beyond: int | None = None  # label ids above this one cannot be of the class list
        if self.classes.name in NYU40_LISTS:
            if nyu40:
                raw = np.array([k for k, n in nyu40.items() if n > 0 and k <= VOID], np.int64)
                table = np.full_like(self._position, VOID)
                table[raw] = self._position[[nyu40[k] for k in raw.tolist()]]
                self._position = table
            elif not kinds:
                self._raw_beyond = 40

    def of(self, frame: Frame) -> npt.NDArray[np.uint16]:
        """Return the position (H, W) uint16 of the true class, at the size of the label image; or VOID.

        Raises
        ------
        ValueError
            If the frame has no label image, or one of ids that the class list cannot have.
        """
        label = frame.label
        if label is None:
            raise ValueError(f"{self.sequence.path}: frame {frame.index} carries no label image")
        if self._raw_beyond is not None and label.max() > self._raw_beyond:
            raise ValueError(
                f"{self.sequence.path}: frame {frame.index} has label {label.max()}, but "
                f"{self.classes.name!r} has NYU40 ids, up to 40; for ScanNet's raw ids put "
                "scannetv2-labels.combined.tsv into the scene or a folder above it"
            )
        return self._position[label]


def _nyu40_of(sequence: LabelledFrames) -> dict[int, int]:
    """Return the NYU40 id of each of ScanNet's label ids, nothing where the sequence has other ones."""
    if isinstance(sequence, NicrFrames):
        return {}
    return read_nyu40_ids(sequence.path if sequence.path.is_dir() else sequence.path.parent)


def positions(classes: ClassList) -> npt.NDArray[np.uint16]:
    """Return the position in a class list of each possible label id, (65536,) uint16, VOID for none."""
    if classes.ids.max() > VOID:
        raise ValueError(
            f"class list {classes.name!r}: label images hold ids up to {VOID}, got {classes.ids.max()}"
        )
    table = np.full(1 << 16, VOID, np.uint16)
    table[classes.ids] = np.arange(len(classes))
    return table


def _ids_in(sequence: LabelledFrames) -> list[int]:
    """Return the ids that occur in the label images of a sequence, in order."""
    seen = np.zeros(1 << 16, bool)
    for i in range(len(sequence)):
        try:
            label, _ = sequence.label_ids(i)
        except FrameError:
            continue  # reported when the frame is read
        if label is not None:
            seen[np.unique(label)] = True
    return [int(k) for k in np.flatnonzero(seen)]
