"""What a user names a segmentation network by: a name of the weights catalogue, or a checkpoint."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from student.checkpoints.dformer_state import has_head, version_of
from student.checkpoints.kind import Kind, state_of
from student.data.classes import class_set
from student.disk_cache import file_sha256
from student.errors import CheckpointError
from student.segmentation.preprocessing import Dataset

if TYPE_CHECKING:
    from student.networks.segmentor import Segmentor

DATASETS: Final[dict[int, Dataset]] = {40: "nyuv2", 37: "sunrgbd"}
"""The data set that a network was trained on, by its number of classes."""

_CLASSES: Final = {"nyuv2": "nyu-40", "sunrgbd": "sunrgbd-37"}

SUFFIXES: Final = (".pth", ".pt", ".tar", ".gz", ".tgz", ".safetensors")


@dataclass(frozen=True, slots=True, eq=False)
class SegmentorSource:
    """A segmentation network and where it comes from.

    Attributes
    ----------
    name : str
        Of its encoder and the data set, such as dformerv2-small-nyuv2.
    network : Segmentor
        In eval mode, float32 on the CPU.
    dataset : str
        That it was trained on.
    path : Path
        Its weights.
    sha256 : str
        Of the file.
    """

    name: str
    network: Segmentor
    dataset: Dataset
    path: Path
    sha256: str

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the K classes, in the order of the network."""
        return class_set(_CLASSES[self.dataset]).names


def load_segmentor_source(source: str | Path) -> SegmentorSource:
    """Load a segmentation network.

    Parameters
    ----------
    source
        A name of the weights catalogue (`dvemap weights list`) such as dformerv2-small, or a file as
        `student.checkpoints.segmentor_file.load_segmentor` takes it. The data set follows from the number of
        classes: 40 for NYUv2, 37 for SUN RGB-D.

    Raises
    ------
    CheckpointError
        It is none of these, its weights are not on this computer, or it knows other classes.
    OSError
        The file cannot be opened.
    """
    from student.checkpoints.segmentor_file import load_segmentor

    path = _find(source)
    network = load_segmentor(path)
    classes = network.config.classes
    if classes not in DATASETS:
        raise CheckpointError(
            f"{path} has {classes} classes, whose names are unknown; expected 40, those of NYUv2, or 37, "
            "those of SUN RGB-D"
        )
    dataset = DATASETS[classes]
    name = f"{network.config.network.name}-{dataset}"
    return SegmentorSource(name, network, dataset, path, file_sha256(path))


def is_segmentor_source(source: str | Path) -> bool:
    """Say whether a name of the weights catalogue or a file is a segmentation network.

    Of a safetensors file only the keys are read, without torch. A file that cannot be read is none.
    """
    from student import weights

    path = Path(source)
    if not path.is_file():
        entry = weights.CATALOGUE.get(str(source))
        return entry is not None and entry.kind is Kind.SEGMENTOR
    keys = _keys(path)
    return version_of(keys) is not None and has_head(keys)


def _keys(path: Path) -> list[str]:
    from safetensors import SafetensorError, safe_open

    from student.checkpoints.file import read_checkpoint_file

    try:
        with safe_open(path, "numpy") as tensors:
            return list(tensors.keys())
    except SafetensorError:  # another kind of file
        pass
    try:
        return list(state_of(read_checkpoint_file(path).content))
    except CheckpointError:
        return []


def _find(source: str | Path) -> Path:
    from student import weights

    path, name = Path(source), str(source)
    if path.is_file():
        return path
    if path.name != name or path.suffix.lower() in SUFFIXES:
        raise CheckpointError(f"{name}: no such file or directory")
    known = [entry.name for entry in weights.CATALOGUE.values() if entry.kind is Kind.SEGMENTOR]
    if name not in known:
        other = weights.CATALOGUE.get(name)
        if other is not None:
            raise CheckpointError(f"{name} is a {other.kind}, no segmentation network")
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"the known ones are {', '.join(known)}"
        raise CheckpointError(f"there is no file or published segmentation network {name!r}; {hint}")
    found = weights.find(name)
    if found is None:
        raise CheckpointError(
            f"the weights of {name} are not in {weights.weights_folder()}; fetch them with: dvemap weights "
            f"pull {name}, or take them from a file with: dvemap weights import FILE"
        )
    return found
