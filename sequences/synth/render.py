"""One picture of a scene: colour, exact depth, kinds and instances."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

from .film import develop, to_world
from .patterns import paint_hits
from .scene import Floats32, Scene
from .shading import shade_hits, strike
from .variation import Film

OFFSETS: Final = ((-0.31, -0.12), (0.12, -0.31), (0.31, 0.16))  # pixels, of further rays through one


@dataclass(frozen=True, slots=True)
class Camera:
    """A pinhole camera.

    Parameters
    ----------
    width, height : int
        Pixels.
    focal : float
        Pixels, the same for x and y.
    """

    width: int
    height: int
    focal: float

    @property
    def K(self) -> npt.NDArray[np.float64]:
        """Intrinsics (3, 3); the centre of the top left pixel is (0, 0)."""
        cx, cy = (self.width - 1) / 2, (self.height - 1) / 2
        return np.array([[self.focal, 0, cx], [0, self.focal, cy], [0, 0, 1.0]])

    def rays(self, u: npt.ArrayLike, v: npt.ArrayLike) -> Floats32:
        """Unit directions (n, 3) in the camera's axes through pixel coordinates u, v."""
        x = (np.asarray(u, np.float32) - (self.width - 1) / 2) / self.focal
        y = (np.asarray(v, np.float32) - (self.height - 1) / 2) / self.focal
        inverse = 1 / np.sqrt(x * x + y * y + 1)
        return np.stack([x * inverse, y * inverse, inverse], -1).astype(np.float32)

    def pixels(self) -> tuple[Floats32, Floats32]:
        """Coordinates u, v of all pixels, row by row."""
        v, u = np.mgrid[: self.height, : self.width].astype(np.float32)
        return u.ravel(), v.ravel()


@lru_cache(maxsize=8)
def _all_rays(camera: Camera) -> Floats32:
    """Directions of all pixels in the camera's axes; shared, not to be changed."""
    return camera.rays(*camera.pixels())


@dataclass(frozen=True, slots=True)
class Picture:
    """What a camera sees.

    Parameters
    ----------
    rgb : (h, w, 3) uint8
    depth : (h, w) float32
        Planar depth in metres without noise, 0 = nothing hit.
    cosine : (h, w) float32
        Of the angle between the ray and the surface's normal.
    kind, instance : (h, w) uint16
    part : (h, w) int64
        Of the scene; 0 where nothing was hit.
    """

    rgb: npt.NDArray[np.uint8]
    depth: Floats32
    cosine: Floats32
    kind: npt.NDArray[np.uint16]
    instance: npt.NDArray[np.uint16]
    part: npt.NDArray[np.int64]


def look(
    scene: Scene, camera: Camera, T_world_camera: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.uint16], Floats32]:
    """Instances (h, w) uint16 and planar depth (h, w) float32 alone: a quick look, to check a path with."""
    inside = _all_rays(camera)
    hits = scene.cast(*_world_rays(inside, T_world_camera))
    prim = hits["primID"]
    instance = np.where(prim >= 0, scene.part_instance[scene.face_part[prim]], 0).astype(np.uint16)
    z = np.where(prim >= 0, hits["tfar"] * inside[:, 2], 0).astype(np.float32)
    shape = (camera.height, camera.width)
    return instance.reshape(shape), z.reshape(shape)


def render(
    scene: Scene,
    camera: Camera,
    T_world_camera: npt.NDArray[np.float64],
    rng: np.random.Generator,
    film: Film | None = None,
    samples: int = 4,
) -> Picture:
    """Render one frame.

    Parameters
    ----------
    scene : Scene
        With baked light.
    camera : Camera
    T_world_camera : (4, 4) float64
        OpenCV axes.
    rng : numpy.random.Generator
        Of the sensor noise.
    film : Film, optional
        How light becomes a picture; the usual film by default.
    samples : int
        Rays, 1 to 4, through a pixel that shows an edge.
    """
    film = film or Film()
    inside = _all_rays(camera)
    origins, directions = _world_rays(inside, T_world_camera)
    color, hits = _trace(scene, origins, directions, camera)
    h, w = camera.height, camera.width
    prim = hits["primID"]
    part = np.where(prim >= 0, scene.face_part[prim], 0)
    z = np.where(prim >= 0, hits["tfar"] * inside[:, 2], 0).astype(np.float32)
    instance = np.where(prim >= 0, scene.part_instance[part], 0).astype(np.uint16).reshape(h, w)
    kind = np.where(prim >= 0, scene.part_kind[part], 0).astype(np.uint16).reshape(h, w)
    cosine = np.abs(np.einsum("ij,ij->i", directions, hits["normal"])).astype(np.float32).reshape(h, w)

    # More samples where neighbouring pixels show different parts or bent surfaces, one elsewhere.
    rough = _edges(part.reshape(h, w), hits["normal"].reshape(h, w, 3))
    rows = np.flatnonzero(rough.ravel())
    if len(rows):
        total = color[rows]
        v, u = np.divmod(rows, w)
        for du, dv in OFFSETS[: samples - 1]:
            more = _world_rays(camera.rays(u + du, v + dv), T_world_camera)
            total = total + _trace(scene, *more, camera)[0]
        color[rows] = total / samples

    luminance = float(np.median(color @ np.array([0.2126, 0.7152, 0.0722], np.float32)))
    gain = film.exposure * (0.30 / max(luminance, 0.03)) ** 0.65  # a camera adapts, though not completely
    if film.balance != (1.0, 1.0, 1.0):
        color *= np.array(film.balance, np.float32)
    rgb = np.empty((h * w, 3), np.uint8)
    develop(color, gain, rng.standard_normal((h * w, 3), dtype=np.float32), rgb)
    if film.gamma != 1:
        rgb = np.round(255 * (np.arange(256) / 255) ** film.gamma).astype(np.uint8)[rgb]
    return Picture(rgb.reshape(h, w, 3), z.reshape(h, w), cosine, kind, instance, part.reshape(h, w))


def _world_rays(inside: Floats32, T_world_camera: npt.NDArray[np.float64]) -> tuple[Floats32, Floats32]:
    """Origins and directions (n, 3) in the world of rays given in the camera's axes."""
    origins, directions = np.empty_like(inside), np.empty_like(inside)
    to_world(inside, T_world_camera, origins, directions)
    return origins, directions


def _trace(
    scene: Scene, origins: Floats32, directions: Floats32, camera: Camera, mirrors: int = 1
) -> tuple[Floats32, dict[str, npt.NDArray[np.float32]]]:
    """Linear colours (n, 3) and the hits, with "normal" (n, 3) added."""
    hits = scene.cast(origins, directions)
    n = len(directions)
    part, facing, albedo = np.empty(n, np.int32), np.empty((n, 3)), np.empty((n, 3))
    color, bounce = np.empty((n, 3), np.float32), np.empty(n, np.float32)
    prim, u, v, far = hits["primID"], hits["u"], hits["v"], hits["tfar"]
    strike(directions, prim, u, v, scene.faces, scene.face_part, scene.normals, part, facing)
    paint_hits(
        origins,
        directions,
        far,
        part,
        facing,
        scene.part_T,
        scene.part_half,
        scene.part_texture,
        scene.part_rgb,
        scene.part_rgb2,
        scene.part_looks,
        1 / camera.focal,
        albedo,
    )
    shade_hits(
        origins,
        directions,
        far,
        prim,
        u,
        v,
        facing,
        albedo,
        scene.faces,
        scene.face_part,
        scene.light,
        scene.part_looks,
        scene.part_room,
        scene.lamps,
        scene.lamp_room,
        color,
        bounce,
    )
    normal = facing.astype(np.float32)
    if mirrors:
        rows = np.flatnonzero(bounce > 0.03)
        if len(rows):
            d, m = directions[rows], normal[rows]
            away = d - 2 * np.einsum("ij,ij->i", d, m)[:, None] * m
            start = origins[rows] + hits["tfar"][rows, None] * d + 2e-3 * m
            seen, _ = _trace(
                scene, np.ascontiguousarray(start), np.ascontiguousarray(away), camera, mirrors - 1
            )
            share = bounce[rows, None]
            color[rows] = (1 - share) * color[rows] + share * np.minimum(seen, 2.0)
    hits["normal"] = normal
    return color, hits


def _edges(part: npt.NDArray[np.int64], normal: Floats32) -> npt.NDArray[np.bool_]:
    """Pixels beside a neighbour that differs in part or bends by more than some 20 degrees."""
    edge = np.zeros(part.shape, bool)
    for axis in (0, 1):
        a = (slice(None, -1), slice(None)) if axis == 0 else (slice(None), slice(None, -1))
        b = (slice(1, None), slice(None)) if axis == 0 else (slice(None), slice(1, None))
        differs = (part[a] != part[b]) | (np.einsum("...i,...i", normal[a], normal[b]) < 0.94)
        edge[a] |= differs
        edge[b] |= differs
    return edge
