"""A scene as flat arrays, and the rays that are cast into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from embreex.mesh_construction import TriangleMesh
from embreex.rtcore_scene import EmbreeScene

from .builder import Part
from .materials import TEXTURES
from .shapes import Floats

Floats32 = npt.NDArray[np.float32]
Ints32 = npt.NDArray[np.int32]


@dataclass(slots=True)
class Scene:
    """Everything that can be hit by a ray; world axes, z up, metres.

    Parameters
    ----------
    vertices, normals : (V, 3) float32
    faces : (F, 3) int32
    face_part : (F,) int32
        The part that a face belongs to.
    light : (V, 3) float32
        Baked light that falls on a vertex; 1 shows a surface in its own colour.
    part_T : (P, 3, 4) float32
        World to the frame that the part's texture is drawn in.
    part_half : (P, 3) float32
        Half extents in that frame.
    part_texture : (P,) int32
        Values of `TEXTURES`.
    part_rgb, part_rgb2 : (P, 3) float32
        Linear colours.
    part_looks : (P, 5) float32
        Texture period (m), gloss, mirror, glow, and a seed of the texture.
    part_kind, part_instance : (P,) uint16
    part_room : (P,) int32
    lamps : (L, 6) float32
        Position and colour of what makes highlights.
    lamp_room : (L,) int32
    """

    vertices: Floats32
    normals: Floats32
    faces: Ints32
    face_part: Ints32
    light: Floats32
    part_T: Floats32  # noqa: N815
    part_half: Floats32
    part_texture: Ints32
    part_rgb: Floats32
    part_rgb2: Floats32
    part_looks: Floats32
    part_kind: npt.NDArray[np.uint16]
    part_instance: npt.NDArray[np.uint16]
    part_room: Ints32
    lamps: Floats32
    lamp_room: Ints32
    _embree: EmbreeScene = field(init=False, repr=False)
    _geometry: TriangleMesh = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._embree = EmbreeScene()
        self._geometry = TriangleMesh(self._embree, self.vertices, self.faces)
        self._embree.run(np.zeros((1, 3), np.float32), np.ones((1, 3), np.float32))  # builds the tree

    def cast(self, origins: Floats32, directions: Floats32) -> dict[str, Any]:
        """Find the first hits: "tfar", "u", "v" (n,) float32 and "primID" (n,) int32, -1 = none."""
        return dict(self._embree.run(origins, directions, output=1))

    def distances(self, origins: Floats32, directions: Floats32, reach: Floats32) -> Floats32:
        """Distance to the first hit of each ray, at most its `reach`, (n,) float32."""
        return np.asarray(self._embree.run(origins, directions, dists=reach, query="DISTANCE"), np.float32)

    def blocked(self, origins: Floats32, directions: Floats32, distances: Floats32) -> npt.NDArray[np.bool_]:
        """Say which rays hit something before their distance."""
        hits = self._embree.run(origins, directions, dists=distances, query="OCCLUDED")
        return np.asarray(hits) >= 0

    @property
    def vertex_part(self) -> Ints32:
        """The part of each vertex, (V,) int32."""
        part = np.zeros(len(self.vertices), np.int32)
        part[self.faces.ravel()] = np.repeat(self.face_part, 3)
        return part


@dataclass(slots=True)
class SceneAssembly:
    """Gathers parts in world coordinates until `finish` makes the arrays."""

    _rows: list[tuple[Part, Floats, int, int, int, int]] = field(default_factory=list)

    def add(
        self, parts: Sequence[Part], T_world_thing: Floats, kind: int, instance: int, room: int, seed: int
    ) -> None:
        """Add the parts of one thing under a rigid motion (4, 4)."""
        for k, part in enumerate(parts):
            self._rows.append((part, T_world_thing, kind, instance, room, (seed * 31 + k) % 65521))

    def finish(self) -> Scene:
        """Concatenate everything; the light is still zero and there are no lamps."""
        vertices, normals, faces, face_part = [], [], [], []
        offset = 0
        for index, (part, T, *_) in enumerate(self._rows):
            s = part.surface
            vertices.append(s.vertices @ T[:3, :3].T + T[:3, 3])
            normals.append(s.normals @ T[:3, :3].T)
            faces.append(s.faces + offset)
            face_part.append(np.full(len(s.faces), index, np.int32))
            offset += len(s.vertices)
        materials = [part.material for part, *_ in self._rows]
        into = [(part.T_part_thing @ np.linalg.inv(T))[:3] for part, T, *_ in self._rows]
        looks = [
            (m.scale, m.gloss, m.mirror, m.glow, row[5]) for m, row in zip(materials, self._rows, strict=True)
        ]
        points = np.concatenate(vertices).astype(np.float32)
        return Scene(
            vertices=points,
            normals=np.concatenate(normals).astype(np.float32),
            faces=np.concatenate(faces).astype(np.int32),
            face_part=np.concatenate(face_part),
            light=np.zeros_like(points),
            part_T=np.array(into, np.float32),
            part_half=np.array([part.half for part, *_ in self._rows], np.float32),
            part_texture=np.array([TEXTURES[m.texture] for m in materials], np.int32),
            part_rgb=linear(np.array([m.rgb for m in materials])),
            part_rgb2=linear(np.array([m.rgb2 for m in materials])),
            part_looks=np.array(looks, np.float32),
            part_kind=np.array([row[2] for row in self._rows], np.uint16),
            part_instance=np.array([row[3] for row in self._rows], np.uint16),
            part_room=np.array([row[4] for row in self._rows], np.int32),
            lamps=np.zeros((0, 6), np.float32),
            lamp_room=np.zeros(0, np.int32),
        )


def linear(srgb: npt.NDArray[np.float64]) -> Floats32:
    """SRGB in [0, 1] to linear light."""
    s = np.clip(np.asarray(srgb, np.float64), 0, 1)
    return np.asarray(np.where(s <= 0.04045, s / 12.92, ((s + 0.055) / 1.055) ** 2.4), np.float32)
