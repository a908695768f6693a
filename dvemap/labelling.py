"""Labelling a map: the classifier that a user names, and the files that come out."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.heat import solid_rows, write_map_picture
from dvemap.provenance import up_of
from dvemap.questions import text_encoder_of
from mapping import (
    Classifier,
    ClassList,
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
)
from student import load_probe, load_visual_means
from viewer import read_ply, write_ply

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
    classes: ClassList,
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
    classes : ClassList
        Names and ids; where the probe brings other names, those count.
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
        If both files are given, or the number of classes differs from the list's.
    """
    if probe is not None and means is not None:
        raise ValueError("--probe and --means exclude each other; give one")
    path = probe or means
    if path is None:
        vectors = text_encoder_of(voxel_map, text_encoder).encode(list(classes.names))
        return prototypes(vectors, classes.ids), classes
    weights = load_probe(path) if probe is not None else load_visual_means(path)
    if len(weights.weight) != len(classes):
        if weights.names is None:
            raise ValueError(
                f"{path}: has {len(weights.weight)} classes, the list {classes.name!r} has {len(classes)}; "
                "name the list it was trained for with --classes"
            )
        classes = make_class_list(path.stem, weights.names)
    return linear_probe(weights.weight, weights.bias, classes.ids), classes


def label_files(
    map_path: Path,
    output: Path,
    *,
    classes: str = "scannet-20",
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
    classes : str
        A built-in list or a file.
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
    voxel_map = load(map_path)
    classifier, names = classifier_for(
        voxel_map, class_list(classes), probe=probe, means=means, text_encoder=text_encoder
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
    if mesh is not None and txt is not None:
        vertices = read_ply(mesh).vertices
        found = label_vertices(
            voxel_map, classifier, vertices, max_distance=MAX_DISTANCE * voxel_map.cell_size
        )
        with atomic_write(txt) as file:
            file.write("".join(f"{label}\n" for label in found.label).encode())
        files.append(txt)
        coverage = found.coverage
    if picture is not None:
        write_map_picture(
            picture,
            voxel_map,
            rows,
            colors,
            f"{map_path.stem}: {names.name}",
            up_of(read_header(map_path).provenance),
        )
        files.append(picture)
    ids, counts = np.unique(shown, return_counts=True)
    name_of = dict(zip(names.ids.tolist(), names.names, strict=True))
    return Labelled(
        {name_of.get(int(i), "(no label)"): int(n) for i, n in zip(ids, counts, strict=True)}, files, coverage
    )
