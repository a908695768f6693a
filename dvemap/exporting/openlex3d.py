"""The three files that the OpenLex3D benchmark reads of a dense method.

Kassab et al., 2025, https://github.com/openlex3d/openlex3d: `embeddings[index[i]]` is what point i means.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from dvemap.exporting.cells import Progress, shown_rows, silent
from mapping import VoxelMap, atomic_write, color, embedding, mean

FILES: Final = ("embeddings.npy", "index.npy", "point_cloud.pcd")
_CHUNK: Final = 1 << 13


def write_openlex3d(
    voxel_map: VoxelMap, folder: Path, *, surface: bool = False, progress: Progress = silent
) -> tuple[int, int]:
    """Write the occupied cells that have an embedding as a prediction for OpenLex3D.

    `embeddings.npy` (n, D) float32 unit embeddings, `index.npy` (n,) int64 0 ... n - 1, `point_cloud.pcd`
    n points with colours, binary. The folder is complete or not there.

    Parameters
    ----------
    voxel_map : VoxelMap
    folder : Path
        To make; one that holds no other files is replaced.
    surface : bool
        Leave out the skirt of noise around surfaces.
    progress : callable, optional
        Told the cells that are done, and all.

    Returns
    -------
    tuple of int
        Points n and dimension D.

    Raises
    ------
    ValueError
        If the map has no embeddings, no occupied cell, or the folder holds something else.
    """
    if not voxel_map.code_dim:
        raise ValueError(
            "this map holds no embeddings, which are all that OpenLex3D looks at; fuse with --encoder"
        )
    check_folder(folder)
    rows = shown_rows(voxel_map, surface=surface)
    rows = rows[voxel_map.embedding_norm[rows] > 0]
    dimension = voxel_map.code_dim if voxel_map.head is None else len(voxel_map.head)
    with _whole(folder) as partial:
        _write_embeddings(partial / FILES[0], voxel_map, rows, dimension, progress)
        with atomic_write(partial / FILES[1]) as file:
            np.save(file, np.arange(len(rows)), allow_pickle=False)
        write_pcd(partial / FILES[2], mean(voxel_map, rows), color(voxel_map, rows))
    return len(rows), dimension


def check_folder(folder: Path) -> None:
    """Raise ValueError if a folder cannot be made, or holds what is no earlier output."""
    if not folder.parent.is_dir():
        raise ValueError(f"{folder}: there is no folder {folder.parent}; make it first or write elsewhere")
    if folder.exists():
        if not folder.is_dir():
            raise ValueError(f"{folder}: expected a folder to write, got a file; choose another name")
        foreign = sorted({path.name for path in folder.iterdir()} - set(FILES))
        if foreign:
            raise ValueError(f"{folder}: holds {foreign[0]}, which is not ours; choose another folder")


def write_pcd(path: Path, points: npt.NDArray[np.float64], colors: npt.NDArray[np.uint8]) -> None:
    """Write a binary point cloud of the Point Cloud Library, version 0.7.

    Parameters
    ----------
    path : Path
    points : ndarray
        (n, 3) metres; stored as float32.
    colors : ndarray
        (n, 3) uint8 RGB; packed into the bits of a float, 0x00RRGGBB.
    """
    rows = np.empty(len(points), [("xyz", "<f4", 3), ("rgb", "<u4")])
    rows["xyz"] = points
    red, green, blue = colors.astype(np.uint32).T
    rows["rgb"] = (red << 16) | (green << 8) | blue
    header = (
        "# .PCD v0.7 - Point Cloud Data file format\nVERSION 0.7\nFIELDS x y z rgb\nSIZE 4 4 4 4\n"
        f"TYPE F F F F\nCOUNT 1 1 1 1\nWIDTH {len(rows)}\nHEIGHT 1\nVIEWPOINT 0 0 0 1 0 0 0\n"
        f"POINTS {len(rows)}\nDATA binary\n"
    )
    with atomic_write(path) as file:
        file.write(header.encode())
        file.write(rows.view(np.uint8).data)


def _write_embeddings(
    path: Path, voxel_map: VoxelMap, rows: npt.NDArray[np.int64], dimension: int, progress: Progress
) -> None:
    """Write unit embeddings as an npy file, a few thousand cells at a time."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (len(rows), dimension)}
    with atomic_write(path) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for start in range(0, len(rows), _CHUNK):
            part = rows[start : start + _CHUNK]
            file.write(embedding(voxel_map, part).astype("<f4", copy=False).data)
            progress(start + len(part), len(rows))


@contextmanager
def _whole(folder: Path) -> Iterator[Path]:
    """Fill a folder beside and rename it when it is complete."""
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    partial.mkdir()
    try:
        yield partial
        if folder.exists():
            shutil.rmtree(folder)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
