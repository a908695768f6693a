"""Predictions for the ScanNet benchmark, 3D semantic labels.

https://kaldir.vc.in.tum.de/scannet_benchmark/documentation: a text file a scene, named like it, a class id a
line in the order of the vertices of `<scene>_vh_clean_2.ply`; the files lie in the root of a zip archive.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from dvemap.exporting.cells import Progress, silent
from dvemap.labelling import classifier_for, ids_text, label_mesh
from mapping import ClassList, VoxelMap, atomic_write, class_list, load
from viewer import read_ply

CLASSES: Final = ("scannet-20", "scannet-200")
TEST_SCENES: Final = 100
_SCENE: Final = re.compile(r"scene\d{4}_\d{2}")
_MESH: Final = "_vh_clean_2.ply"


@dataclass(frozen=True)
class Predicted:
    """What was written.

    Attributes
    ----------
    scenes
        In the order of the maps.
    vertices
        Of all scenes.
    coverage
        Share of them that got a label.
    """

    scenes: list[str]
    vertices: int
    coverage: float


def write_predictions(
    maps: Sequence[Path],
    path: Path,
    *,
    mesh: Path | None = None,
    classes: str | None = None,
    probe: Path | None = None,
    means: Path | None = None,
    text_encoder: str | None = None,
    progress: Progress = silent,
) -> Predicted:
    """Label the vertices of ScanNet meshes by maps of their scenes.

    Parameters
    ----------
    maps : sequence of Path
        Map files, named like their scenes where there are several or a zip is written.
    path : Path
        A `.txt` for one map, or a `.zip` with one for each.
    mesh : Path, optional
        The mesh of a single map; or a folder that holds `<scene>_vh_clean_2.ply`, or such a mesh in a folder
        `<scene>`. By default the folder of the map.
    classes : str, optional
        One of `CLASSES`.
    probe, means, text_encoder
        See `labelling.classifier_for`.
    progress : callable, optional
        Told the scenes that are done, and all.

    Returns
    -------
    Predicted

    Raises
    ------
    ValueError
        If a name is no scene's, a mesh is missing, the classes are not the benchmark's, or a map cannot be
        labelled.
    """
    names = benchmark_classes(classes)
    whole = path.suffix.lower() == ".zip"
    meshes = [find_mesh(one, mesh, named=whole or len(maps) > 1) for one in maps]
    scenes, vertices, labelled = [one.stem for one in maps], 0, 0
    if len(set(scenes)) < len(scenes):
        raise ValueError(f"{path}: each scene counts once, got {_twice(scenes)} more than once")
    if len(maps) > 1 and not whole:
        raise ValueError(f"{path}: several scenes go into one archive; name it .zip")

    def predict(voxel_map: VoxelMap, vertices_of: Path) -> bytes:
        nonlocal vertices, labelled
        classifier, _ = classifier_for(voxel_map, names, probe=probe, means=means, text_encoder=text_encoder)
        found = label_mesh(voxel_map, classifier, read_ply(vertices_of).vertices)
        vertices += len(found.label)
        labelled += int((found.label > 0).sum())
        return ids_text(found)

    with atomic_write(path) as file:
        if whole:
            with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                for done, (scene, one, its_mesh) in enumerate(zip(scenes, maps, meshes, strict=True), 1):
                    archive.writestr(f"{scene}.txt", predict(load(one), its_mesh))
                    progress(done, len(maps))
        else:
            file.write(predict(load(maps[0]), meshes[0]))
            progress(1, 1)
    return Predicted(scenes, vertices, labelled / max(1, vertices))


def benchmark_classes(name: str | None) -> ClassList:
    """Return the classes of the benchmark, ScanNet-20 by default, or of ScanNet-200.

    Raises
    ------
    ValueError
        If it is another list: its ids would count as wrong.
    """
    if name is not None and name.lower() not in CLASSES:
        raise ValueError(f"the benchmark knows the classes {' and '.join(CLASSES)}, got {name!r}")
    return class_list(name or CLASSES[0])


def find_mesh(map_path: Path, mesh: Path | None, *, named: bool) -> Path:
    """Find the mesh whose vertices the benchmark asks for.

    Parameters
    ----------
    map_path : Path
        Of a map that is named like its scene.
    mesh : Path or None
        The mesh, or where meshes lie; by default the folder of the map.
    named : bool
        Whether the map must be named like a scene and the mesh be found by its name.

    Raises
    ------
    ValueError
        If the name is none, or there is no such mesh.
    """
    scene = map_path.stem
    if named and not _SCENE.fullmatch(scene):
        raise ValueError(
            f"{map_path}: in a submission a map must be named like its scene, as scene0707_00.dvm"
        )
    if mesh is not None and not mesh.is_dir():
        if named:
            raise ValueError(f"{mesh}: for a submission --mesh names the folder of the meshes")
        return mesh
    folder = mesh or map_path.parent
    for candidate in (folder / f"{scene}{_MESH}", folder / scene / f"{scene}{_MESH}"):
        if candidate.is_file():
            return candidate
    raise ValueError(
        f"{folder}: no mesh of {scene}; looked for {scene}{_MESH} there and in {scene}/; name it with --mesh"
    )


def _twice(names: Sequence[str]) -> str:
    return next(name for name in names if names.count(name) > 1)
