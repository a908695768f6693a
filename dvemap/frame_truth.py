"""Label images as positions in a class list: which ids they hold, and what these mean."""

import numpy as np
import numpy.typing as npt

from dvemap.evaluation import classes_like
from dvemap.labelling import DEFAULT_CLASSES
from mapping import ClassList, class_list, make_class_list
from sequences import Frame, FrameError, Sequence
from sequences.labels import read_nyu40_ids

NYU40_LISTS = ("scannet-20", "scannet-40", "nyuv2-40", "sunrgbd-37")
"""Built-in class lists whose ids are those of NYU40; ScanNet's label images hold ids of its own table."""

VOID = np.iinfo(np.uint16).max
"""Position of a pixel whose label is no class."""


class Truth:
    """The label images of a sequence, as positions in a class list.

    Parameters
    ----------
    sequence : Sequence
        Opened with `labels=True`.
    wanted : str, optional
        A built-in list or a file. By default ScanNet-20, or where `label_names.txt` names the ids, those of
        its names that occur in the label images.

    Attributes
    ----------
    sequence : Sequence
    classes : ClassList

    Raises
    ------
    ValueError
        If ids mean another thing in the label images than in the class list, or none of them is named.
    """

    def __init__(self, sequence: Sequence, wanted: str | None) -> None:
        self.sequence = sequence
        scene = sequence.path if sequence.path.is_dir() else sequence.path.parent
        nyu40 = read_nyu40_ids(scene)
        kinds = sequence.label_names
        if wanted is None and kinds and not nyu40:
            present = [label for label in _ids_in(sequence) if label in kinds]
            if not present:
                raise ValueError(f"{sequence.path}: none of its label images holds an id of label_names.txt")
            self.classes = make_class_list("kinds in the frames", [kinds[k] for k in present], present)
        else:
            self.classes = class_list(wanted or DEFAULT_CLASSES)
            if not nyu40:
                classes_like(self.classes, kinds, sequence.path)
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


def positions(classes: ClassList) -> npt.NDArray[np.uint16]:
    """Return the position in a class list of each possible label id, (65536,) uint16, VOID for none."""
    if classes.ids.max() > VOID:
        raise ValueError(
            f"class list {classes.name!r}: label images hold ids up to {VOID}, got {classes.ids.max()}"
        )
    table = np.full(1 << 16, VOID, np.uint16)
    table[classes.ids] = np.arange(len(classes))
    return table


def _ids_in(sequence: Sequence) -> list[int]:
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
