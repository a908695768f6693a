"""Labelling a map: the classifier that a user names, and the files that come out."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.outputs import check_output, check_picture
from dvemap.provenance import up_of
from dvemap.questions import refuse_empty, text_encoder_of
from dvemap.rendering.portraits import Portrait
from mapping import (
    Classifier,
    ClassList,
    Labels,
    VoxelMap,
    atomic_write,
    class_list,
    label_cells,
    label_vertices,
    linear_probe,
    load,
    make_class_list,
    mean,
    prototypes,
    read_header,
    solid_rows,
)
from student import TextEncoder, load_probe, load_visual_means
from student.decoding import prompts
from viewer import read_ply, write_ply

DEFAULT_CLASSES = "scannet-20"
MAX_DISTANCE = 2.0  # cells between a vertex and the mean of the cell that labels it


@dataclass(frozen=True)
class Labelled:
    """What labelling made.

    Attributes
    ----------
    counts : dict
        Cells of each class that occurs.
    files : list of Path
    coverage : float or None
        Share of mesh vertices that got a label.
    """

    counts: dict[str, int]
    files: list[Path]
    coverage: float | None


def classifier_for(
    voxel_map: VoxelMap,
    classes: ClassList | None,
    *,
    probe: Path | None = None,
    means: Path | None = None,
    text_encoder: str | None = None,
) -> tuple[Classifier, ClassList]:
    """Make the classifier of a class list: from its names, a linear probe, or visual means.

    Parameters
    ----------
    voxel_map : VoxelMap
        Whose embeddings will be classified.
    classes : ClassList or None
        Names and ids. Classes that a probe names are found in it by their names. None: the probe's own
        names, numbered from 1, or ScanNet-20 where it brings none.
    probe, means : Path, optional
        At most one of both; text embeddings of the names otherwise.
    text_encoder : str, optional
        Refused unless it is the map's own.

    Returns
    -------
    Classifier
    ClassList

    Raises
    ------
    ValueError
        If the map is empty, both files are given, or the classes are not those of the list.
    """
    refuse_two_files(probe, means)
    refuse_empty(voxel_map)
    return make_classifier(
        lambda: text_encoder_of(voxel_map, text_encoder), classes, probe=probe, means=means
    )


def refuse_two_files(probe: Path | None, means: Path | None) -> None:
    """Raise ValueError if both a probe and visual means are given."""
    if probe is not None and means is not None:
        raise ValueError("--probe and --means exclude each other; give one")


def make_classifier(
    words: Callable[[], TextEncoder],
    classes: ClassList | None,
    *,
    probe: Path | None = None,
    means: Path | None = None,
    prompt: str = "{}",
) -> tuple[Classifier, ClassList]:
    """Make a classifier as `classifier_for` does, of embeddings wherever they are.

    Parameters
    ----------
    words : callable
        Returns the text encoder of the embeddings, or raises; called only where it is needed.
    classes, probe, means
        See `classifier_for`.
    prompt : str
        What the text encoder is asked for the class name that replaces `{}`.

    Returns
    -------
    Classifier
    ClassList
    """
    path = probe or means
    if path is None:
        classes = classes or class_list(DEFAULT_CLASSES)
        vectors = words().encode(prompts(classes.names, prompt))
        return prototypes(vectors, classes.ids), classes
    weights = load_probe(path) if probe is not None else load_visual_means(path)
    if weights.names is not None:
        chosen = _named(path, weights.names, classes)
    else:
        chosen = classes or class_list(DEFAULT_CLASSES)
        if len(weights.weight) != len(chosen):
            raise ValueError(
                f"{path}: has {len(weights.weight)} classes, the list {chosen.name!r} has {len(chosen)}; "
                "name the list it was trained for with --classes"
            )
    return linear_probe(weights.weight, weights.bias, chosen.ids), chosen


def answers_of(probe: Path | None, means: Path | None) -> list[str]:
    """Return the classes that a probe and visual means answer, where their files name them."""
    found = [] if probe is None else [load_probe(probe)]
    found += [] if means is None else [load_visual_means(means)]
    return [name for weights in found for name in weights.names or ()]


def _named(path: Path, names: list[str], classes: ClassList | None) -> ClassList:
    """Return the classes that a file names, in its order, with the ids of a list."""
    if classes is None:
        return make_class_list(path.stem, names)
    unknown = [name for name in names if name not in classes.names]
    if unknown:
        raise ValueError(
            f"{path}: its class {unknown[0]!r} is not in the list {classes.name!r}; "
            "name the list it was trained for with --classes"
        )
    places = [classes.names.index(name) for name in names]
    return make_class_list(classes.name, names, classes.ids[places].tolist(), classes.colors[places])


def label_mesh(voxel_map: VoxelMap, classifier: Classifier, vertices: npt.NDArray[Any]) -> Labels:
    """Label vertices (v, 3) by the cells within two cell sizes of them; 0 where there is none."""
    return label_vertices(voxel_map, classifier, vertices, max_distance=MAX_DISTANCE * voxel_map.cell_size)


def ids_text(labels: Labels) -> bytes:
    """Write labels as benchmarks want them: one id a line."""
    return "".join(f"{label}\n" for label in labels.label.tolist()).encode()


def label_files(
    map_path: Path,
    output: Path,
    *,
    classes: str | None = None,
    probe: Path | None = None,
    means: Path | None = None,
    mesh: Path | None = None,
    txt: Path | None = None,
    picture: Path | None = None,
    text_encoder: str | None = None,
) -> Labelled:
    """Label the cells of a map, and the vertices of a mesh, into files.

    Parameters
    ----------
    map_path : Path
    output : Path
        PLY of the occupied cells in class colours with the property `label`.
    classes : str, optional
        A built-in list or a file; see `classifier_for` for none.
    probe, means, text_encoder
        See `classifier_for`.
    mesh, txt : Path, optional
        A mesh, and where to write one class id a vertex (0 = nothing near).
    picture : Path, optional
        PNG of the labelled map.

    Returns
    -------
    Labelled
    """
    check_output(output)
    check_output(txt)
    check_picture(picture)
    vertices = None if mesh is None else read_ply(mesh).vertices
    voxel_map = load(map_path)
    classifier, names = classifier_for(
        voxel_map,
        None if classes is None else class_list(classes),
        probe=probe,
        means=means,
        text_encoder=text_encoder,
    )
    labels = label_cells(voxel_map, classifier)
    rows = solid_rows(voxel_map)
    shown = labels.label[rows]
    colors = names.colors_of(shown)
    properties: dict[str, npt.NDArray[Any]] = {
        "label": shown.astype(np.uint16),
        "score": labels.score[rows],
        "margin": labels.margin[rows],
    }
    write_ply(output, mean(voxel_map, rows), colors=colors, properties=properties)
    files, coverage = [output], None
    if vertices is not None and txt is not None:
        found = label_mesh(voxel_map, classifier, vertices)
        with atomic_write(txt) as file:
            file.write(ids_text(found))
        files.append(txt)
        coverage = found.coverage
    if picture is not None:
        portrait = Portrait(voxel_map, up_of(read_header(map_path).provenance))
        portrait.write_labels(picture, map_path.stem, labels.label, names)
        files.append(picture)
    ids, counts = np.unique(shown, return_counts=True)
    name_of = dict(zip(names.ids.tolist(), names.names, strict=True))
    return Labelled(
        {name_of.get(int(i), "(no label)"): int(n) for i, n in zip(ids, counts, strict=True)}, files, coverage
    )
