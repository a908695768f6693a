"""A map against the ground truth of its scene: the labels of the vertices of a mesh.

The protocol: every vertex with a true label counts, one that no cell explains is wrong; all class names
are candidates; means are over the classes that occur in the ground truth.
"""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.labelling import DEFAULT_CLASSES, MAX_DISTANCE, answers_of, classifier_for
from dvemap.metrics import SegmentationMetrics, confusion_matrix, metrics_of
from mapping import ClassList, VoxelMap, class_list, label_vertices, make_class_list
from sequences.labels import read_label_names
from viewer import read_ply

MESHES = ("mesh.labels.ply", "*_vh_clean_2.labels.ply")


@dataclass(frozen=True)
class ClassScore:
    """One class of the ground truth: shares in [0, 1], vertices counted."""

    name: str
    iou: float
    accuracy: float
    vertices: int


@dataclass(frozen=True)
class MapScore:
    """How well a map's labels fit the ground truth.

    Attributes
    ----------
    metrics : SegmentationMetrics
    confusion : (K, K + 1) int64
        Rows truth, columns prediction, the last one for no prediction.
    classes : ClassList
    mesh : Path
    """

    metrics: SegmentationMetrics
    confusion: npt.NDArray[np.int64]
    classes: ClassList
    mesh: Path

    @property
    def miou(self) -> float:
        """Mean intersection over union."""
        return self.metrics.miou

    @property
    def macc(self) -> float:
        """Mean recall."""
        return self.metrics.macc

    @property
    def fmiou(self) -> float:
        """Frequency-weighted mean intersection over union."""
        return self.metrics.fmiou

    @property
    def coverage(self) -> float:
        """Share of the labelled vertices that got a prediction."""
        return self.metrics.coverage

    def per_class(self) -> list[ClassScore]:
        """Return the classes that occur in the ground truth."""
        support = self.confusion.sum(axis=1)
        return [
            ClassScore(name, float(self.metrics.iou[k]), float(self.metrics.recall[k]), int(support[k]))
            for k, name in enumerate(self.classes.names)
            if support[k]
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "miou": self.miou,
            "macc": self.macc,
            "fmiou": self.fmiou,
            "accuracy": self.metrics.accuracy,
            "coverage": self.coverage,
            "classes": [vars(row) for row in self.per_class()],
            "confusion": {"ids": self.classes.ids.tolist(), "matrix": self.confusion.tolist()},
        }


def evaluate_map(
    voxel_map: VoxelMap,
    scene: str | Path,
    *,
    classes: str | None = None,
    probe: Path | None = None,
    means: Path | None = None,
    max_distance: float | None = None,
    text_encoder: str | None = None,
) -> MapScore:
    """Label the vertices of a scene's ground-truth mesh and compare.

    Parameters
    ----------
    voxel_map : VoxelMap
    scene : path
        A mesh with the vertex property `label`, or a sequence beside whose files one lies
        (`mesh.labels.ply` of a synthetic flat, `*_vh_clean_2.labels.ply` of ScanNet).
    classes : str, optional
        A built-in list or a file; by default all kinds in a synthetic mesh, ScanNet-20 otherwise.
    probe, means, text_encoder
        See `classifier_for`.
    max_distance : float, optional
        Farthest a vertex may lie from the mean of its cell, metres; two cells by default.

    Returns
    -------
    MapScore

    Raises
    ------
    ValueError
        If there is no ground truth, or it holds none of the classes.
    """
    path = find_mesh(Path(scene))
    mesh = read_ply(path)
    if "label" not in mesh.properties:
        raise ValueError(
            f"{path}: expected a vertex property 'label', got {sorted(mesh.properties) or 'none'}; "
            "give the mesh with labels (ScanNet: *_vh_clean_2.labels.ply)"
        )
    truth = mesh.properties["label"].astype(np.int64)
    names = _classes_of(path, truth, classes, answers_of(probe, means))
    if not np.isin(truth, names.ids).any():
        raise ValueError(
            f"{path}: none of its labels is a class of {names.name!r}; name the right list with --classes"
        )
    classifier, _ = classifier_for(voxel_map, names, probe=probe, means=means, text_encoder=text_encoder)
    reach = MAX_DISTANCE * voxel_map.cell_size if max_distance is None else max_distance
    predicted = label_vertices(voxel_map, classifier, mesh.vertices, max_distance=reach)
    confusion = confusion_matrix(truth, predicted.label, names.ids)
    return MapScore(metrics_of(confusion), confusion, names, path)


def find_mesh(scene: Path) -> Path:
    """Return the labelled mesh of a scene: the path itself if it is a PLY, else the one beside its files.

    Raises
    ------
    ValueError
        If there is none, or several of which none bears the name of the scene.
    OSError
        If there is nothing at the path.
    """
    scene.stat()
    if scene.suffix == ".ply":
        return scene
    folder = scene if scene.is_dir() else scene.parent
    found = [path for pattern in MESHES for path in sorted(folder.glob(pattern))]
    if not found:  # images in a folder of the scene, such as frames/
        found = sorted(folder.parent.glob(f"{folder.parent.name}{MESHES[1]}"))
    found = [path for path in found if path.name.startswith(scene.stem)] or found
    if not found:
        raise ValueError(
            f"{scene}: no ground-truth mesh; looked for {' and '.join(MESHES)} in {folder}; name it instead"
        )
    if len(found) > 1:
        raise ValueError(f"{scene}: several ground-truth meshes in {folder}; name one of them instead")
    return found[0]


def _classes_of(
    mesh: Path, truth: npt.NDArray[np.int64], wanted: str | None, answers: Collection[str]
) -> ClassList:
    """Return the classes to tell apart: those wanted, all kinds in a synthetic mesh, or ScanNet-20."""
    if mesh.name != MESHES[0]:
        return class_list(wanted or DEFAULT_CLASSES)
    kinds = read_label_names(mesh.parent)
    if wanted is not None:
        return classes_like(class_list(wanted), kinds, mesh)
    present = [int(label) for label in np.unique(truth) if label in kinds]
    if not present:
        raise ValueError(f"{mesh}: expected its label_names.txt beside it; give the classes with --classes")
    return list_kinds("kinds in the scene", kinds, present, answers, mesh)


def list_kinds(
    name: str, kinds: dict[int, str], present: Collection[int], answers: Collection[str], source: Path
) -> ClassList:
    """Return the kinds that occur, and those that a probe answers: all decoders choose among both.

    Parameters
    ----------
    name : str
        Of the list.
    kinds : dict of int to str
        What the source calls its labels.
    present : collection of int
        Labels that occur.
    answers : collection of str
        Kinds that a probe answers.
    source : Path
        What messages call the source.

    Raises
    ------
    ValueError
        If the probe answers what is no kind of the source.
    """
    label_of = {kind: label for label, kind in kinds.items()}
    unknown = [kind for kind in answers if kind not in label_of]
    if unknown:
        raise ValueError(
            f"{source}: label_names.txt has no {unknown[0]!r}, which the probe answers; name the list that "
            "it was trained for with --classes"
        )
    beside = {label_of[kind] for kind in answers} - set(present)
    ids = sorted({*present, *beside})
    return make_class_list(f"{name} and of the probe" if beside else name, [kinds[k] for k in ids], ids)


def classes_like(classes: ClassList, kinds: dict[int, str], source: Path) -> ClassList:
    """Return a class list whose ids mean what they do in a source, whose label ids have the names `kinds`.

    Raises
    ------
    ValueError
        If an id has another name there.
    """
    for label, name in zip(classes.ids.tolist(), classes.names, strict=True):
        if kinds.get(label, name) != name:
            raise ValueError(
                f"{source}: label {label} is {kinds[label]!r}, but {name!r} in {classes.name!r}; leave "
                "--classes out, or give a file of 'id<TAB>name' with the ids of label_names.txt"
            )
    return classes
