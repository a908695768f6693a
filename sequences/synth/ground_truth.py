"""The ground-truth mesh: those vertices that some frame shows, with label and instance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from .render import Camera, Picture
from .scene import Scene

NEAREST = 0.4
FARTHEST = 4.5  # metres: what is only seen from further away is not asked for
TOLERANCE = 0.02  # metres between a vertex and the surface that its pixel shows
LEAST_COSINE = 0.15

_VERTEX_FIELDS = [
    *(("x", "<f4"), ("y", "<f4"), ("z", "<f4")),
    *(("red", "|u1"), ("green", "|u1"), ("blue", "|u1")),
    *(("label", "<u2"), ("instance", "<u2")),
]
_VERTEX = np.dtype(_VERTEX_FIELDS)
_FACE = np.dtype([("n", "u1"), ("v", "<i4", 3)])
_TYPES = {"f4": "float", "u1": "uchar", "u2": "ushort"}


class SeenVertices:
    """Collects which vertices of a scene the frames show; `add` may run in several threads.

    Parameters
    ----------
    scene : Scene
    """

    def __init__(self, scene: Scene) -> None:
        part = scene.vertex_part
        self._scene = scene
        self._kind = scene.part_kind[part]
        self._instance = scene.part_instance[part]
        self.seen = np.zeros(len(scene.vertices), np.uint8)

    def add(self, picture: Picture, camera: Camera, T_world_camera: npt.NDArray[np.float64]) -> None:
        """Add what one frame shows: only ever sets flags, so the order of frames does not matter."""
        T = np.linalg.inv(T_world_camera).astype(np.float32)
        eye = T_world_camera[:3, 3].astype(np.float32)
        k = camera.K.astype(np.float32)
        mark_seen(
            self._scene.vertices,
            self._scene.normals,
            self._kind,
            self._instance,
            T,
            eye,
            k[0, 0],
            k[0, 2],
            k[1, 2],
            picture.depth,
            picture.kind,
            picture.instance,
            self.seen,
        )

    def write(self, path: Path) -> int:
        """Write the mesh of seen vertices as binary PLY; return their number."""
        scene, keep = self._scene, self.seen > 0
        number = np.cumsum(keep) - 1
        faces = scene.faces[keep[scene.faces].all(1)]
        part = scene.vertex_part[keep]
        color = np.clip(
            (0.7 * scene.part_rgb[part] + 0.3 * scene.part_rgb2[part]) * np.clip(scene.light[keep], 0.2, 1.3),
            0,
            1,
        )
        rows = np.zeros(int(keep.sum()), _VERTEX)
        for axis, name in enumerate("xyz"):
            rows[name] = scene.vertices[keep, axis]
        for channel, name in enumerate(("red", "green", "blue")):
            rows[name] = np.round(255 * color[:, channel] ** (1 / 2.2))
        rows["label"], rows["instance"] = self._kind[keep], self._instance[keep]
        triangles = np.zeros(len(faces), _FACE)
        triangles["n"], triangles["v"] = 3, number[faces]
        properties = "".join(f"property {_TYPES[t[1:]]} {name}\n" for name, t in _VERTEX_FIELDS)
        header = (
            "ply\nformat binary_little_endian 1.0\ncomment dvemap synth: label = kind id\n"
            f"element vertex {len(rows)}\n{properties}element face {len(faces)}\n"
            "property list uchar int vertex_indices\nend_header\n"
        )
        with path.open("wb") as file:
            file.write(header.encode("ascii"))
            file.write(rows.tobytes())
            file.write(triangles.tobytes())
        return len(rows)


@numba.njit(cache=True, nogil=True)
def mark_seen(
    vertices: Any,
    normals: Any,
    kind: Any,
    instance: Any,
    T_camera_world: Any,
    eye: Any,
    f: float,
    cx: float,
    cy: float,
    depth: Any,
    kinds: Any,
    instances: Any,
    seen: Any,
) -> None:
    """Set `seen` (V,) of vertices that face the camera and whose pixel shows their thing at their depth."""
    T = T_camera_world
    h, w = depth.shape
    for i in range(len(vertices)):
        if seen[i]:
            continue
        x, y, z = vertices[i, 0], vertices[i, 1], vertices[i, 2]
        zc = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
        if zc < NEAREST or zc > FARTHEST:
            continue
        dx, dy, dz = eye[0] - x, eye[1] - y, eye[2] - z
        facing = dx * normals[i, 0] + dy * normals[i, 1] + dz * normals[i, 2]
        if facing < LEAST_COSINE * np.sqrt(dx * dx + dy * dy + dz * dz):
            continue
        u = int(np.floor((T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]) / zc * f + cx + 0.5))
        v = int(np.floor((T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]) / zc * f + cy + 0.5))
        if u < 1 or v < 1 or u >= w - 1 or v >= h - 1:
            continue
        if kinds[v, u] == kind[i] and instances[v, u] == instance[i] and abs(depth[v, u] - zc) < TOLERANCE:
            seen[i] = 1
