"""glTF 2.0 binary files, for browsers, game engines and Blender.

https://registry.khronos.org/glTF/specs/2.0/glTF-2.0.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dvemap import __version__
from dvemap.exporting.cells import SIGMAS, Progress, shown_rows, silent
from dvemap.exporting.ellipsoids import Mesh, ellipsoids_of
from dvemap.exporting.level import level_axes
from mapping import VoxelMap, atomic_write

_TYPES: Final = {"<f4": 5126, "<u2": 5123, "<u4": 5125}  # componentType
_VERTICES, _INDICES = 34962, 34963  # target of a buffer view
_MOST_BYTES: Final = 2**32 - 1


def write_glb(
    voxel_map: VoxelMap,
    path: Path,
    *,
    up: npt.NDArray[np.float64] | None = None,
    sigmas: float = SIGMAS,
    surface: bool = False,
    progress: Progress = silent,
) -> Mesh:
    """Write the occupied cells of a map as ellipsoids in a binary glTF file.

    Vertices keep their world coordinates; the node that holds them turns up to +y, as glTF wants it. Colours
    are linear, as glTF wants them too.

    Parameters
    ----------
    voxel_map : VoxelMap
    path : Path
    up : ndarray, optional
        (3,) roughly the direction against gravity; guessed if None.
    sigmas : float
        Radius of an ellipsoid, in standard deviations.
    surface : bool
        Leave out the skirt of noise around surfaces.
    progress : callable, optional
        Told the cells that are done, and all.

    Returns
    -------
    Mesh
        What was written.

    Raises
    ------
    ValueError
        If `sigmas` is not > 0, the map has no occupied cell, or the mesh is too large for the format.
    """
    mesh = ellipsoids_of(voxel_map, sigmas=sigmas, surface=surface, progress=progress)
    axes = level_axes(voxel_map, shown_rows(voxel_map, surface=surface), up)
    buffers = [
        _Buffer(mesh.vertices.astype("<f4", copy=False), "VEC3", _VERTICES, bounds=True),
        _Buffer(mesh.normals.astype("<f4", copy=False), "VEC3", _VERTICES),
        _Buffer(_linear(mesh.colors), "VEC4", _VERTICES, normalized=True),
        _Buffer(mesh.faces.reshape(-1).astype("<u4", copy=False), "SCALAR", _INDICES),
    ]
    _write(path, _scene(axes, path.stem), buffers)
    return mesh


def _linear(colors: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
    """Undo the sRGB curve: (v, 4) uint16 RGBA, 65535 being 1."""
    share = np.arange(256) / 255
    curve = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    table = np.rint(curve * 65535).astype("<u2")
    linear = np.full((len(colors), 4), 65535, "<u2")
    linear[:, :3] = table[colors]
    return linear


def _scene(axes: npt.NDArray[np.float64], name: str) -> dict[str, Any]:
    right, back, up = axes
    turn = np.eye(4)
    turn[:3, :3] = np.stack([right, up, -back])  # world to x right, y up, z toward the viewer
    attributes = {"POSITION": 0, "NORMAL": 1, "COLOR_0": 2}
    return {
        "asset": {"version": "2.0", "generator": f"dvemap {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": name, "mesh": 0, "matrix": turn.T.ravel().tolist()}],  # column by column
        "meshes": [{"name": name, "primitives": [{"attributes": attributes, "indices": 3, "material": 0}]}],
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
    }


class _Buffer:
    """An array and what glTF says of it."""

    def __init__(
        self,
        array: npt.NDArray[Any],
        kind: str,
        target: int,
        *,
        bounds: bool = False,
        normalized: bool = False,
    ) -> None:
        self.array = np.ascontiguousarray(array)  # all are multiples of 4 bytes, as alignment wants it
        self.target = target
        self.accessor: dict[str, Any] = {
            "componentType": _TYPES[self.array.dtype.str],
            "count": len(array),
            "type": kind,
        }
        if normalized:
            self.accessor["normalized"] = True
        if bounds:
            self.accessor |= {"min": array.min(axis=0).tolist(), "max": array.max(axis=0).tolist()}


def _write(path: Path, scene: dict[str, Any], buffers: list[_Buffer]) -> None:
    offsets = np.cumsum([0, *(buffer.array.nbytes for buffer in buffers)]).tolist()
    views = [
        {"buffer": 0, "byteOffset": offset, "byteLength": buffer.array.nbytes, "target": buffer.target}
        for offset, buffer in zip(offsets, buffers, strict=False)
    ]
    accessors = [{"bufferView": k, **buffer.accessor} for k, buffer in enumerate(buffers)]
    whole = {**scene, "buffers": [{"byteLength": offsets[-1]}], "bufferViews": views, "accessors": accessors}
    text = json.dumps(whole, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 4)
    total = 12 + 8 + len(text) + 8 + offsets[-1]
    if total > _MOST_BYTES:
        raise ValueError(
            f"{path}: a glb file holds at most 4 GiB, this map needs {total / 2**30:.1f} GiB; "
            "use --surface, or export --to mesh"
        )
    with atomic_write(path) as file:
        file.write(b"glTF" + np.array([2, total], "<u4").tobytes())
        file.write(np.array([len(text)], "<u4").tobytes() + b"JSON" + text)
        file.write(np.array([offsets[-1]], "<u4").tobytes() + b"BIN\0")
        for buffer in buffers:
            file.write(buffer.array.view(np.uint8).data)
