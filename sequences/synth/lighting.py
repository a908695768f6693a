"""Light baked once into the vertices: lamps and windows with shadows, and what bounces between walls."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from .scene import Floats32, Scene

AO_REACH = 1.0  # metres within which things darken each other's ambient light
AO_RAYS = 16
LEAST = 0.004  # share of a light's power below which a place counts as dark


@dataclass(frozen=True, slots=True)
class Light:
    """A source of light.

    Parameters
    ----------
    points : (n, 3) float
        Samples of the source, metres.
    direction : (3,) float
        Unit vector of a window's inside; zero for a lamp, which shines everywhere.
    rgb : (3,) float
        Power: falls on a surface at 1 m distance, facing it.
    radius : float
        Metres around each sample in which nothing casts a shadow (the lamp itself).
    room : int
    """

    points: npt.NDArray[np.float64]
    direction: npt.NDArray[np.float64]
    rgb: npt.NDArray[np.float64]
    radius: float
    room: int


def bake(
    scene: Scene,
    lights: Sequence[Light],
    connected: npt.NDArray[np.bool_],
    workers: int = 2,
    draft: bool = False,
    fill: float = 0.0,
) -> None:
    """Fill `scene.light`, `scene.lamps` and `scene.lamp_room`.

    Parameters
    ----------
    scene : Scene
    lights : sequence of Light
    connected : (R, R) bool
        Which rooms see each other's light.
    workers : int
        Threads; the result does not depend on it.
    draft : bool
        A fraction of the rays: half of the samples of each light, and of the directions of the sky.
    fill : float
        Light from everywhere, in units of a white surface under normal room light.
    """
    rays, least = (AO_RAYS // 2, 4 * LEAST) if draft else (AO_RAYS, LEAST)
    sources = [replace(light, points=light.points[:: 3 if draft else 1]) for light in lights]
    part = scene.vertex_part
    room = scene.part_room[part]
    albedo = 0.7 * scene.part_rgb[part] + 0.3 * scene.part_rgb2[part]
    chunks = np.array_split(np.arange(len(scene.vertices)), max(len(scene.vertices) // 20000, 1))

    def work(rows: npt.NDArray[np.int64]) -> tuple[Floats32, Floats32]:
        start = scene.vertices[rows] + 2e-3 * scene.normals[rows]
        direct = _direct(scene, sources, connected, rows, start, room[rows], least)
        return direct, _open_sky(scene, rows, start, rays)

    with ThreadPoolExecutor(workers) as pool:
        done = list(pool.map(work, chunks))
    direct = np.concatenate([d for d, _ in done])
    openness = np.concatenate([o for _, o in done])
    bounced = np.zeros((len(connected), 3), np.float32)
    for r in range(len(connected)):
        inside = room == r
        if inside.any():  # light that the room's surfaces give back, summed over all further bounces
            rho = np.minimum(albedo[inside].mean(0), 0.75)
            bounced[r] = (direct[inside] * albedo[inside]).mean(0) / (1 - rho)
    bounced += 0.35 * (connected.astype(np.float32) @ bounced) / connected.sum(1, keepdims=True)
    bounced += np.float32(fill)
    up = 0.5 + 0.5 * scene.normals[:, 2:3]  # a little more from above gives flat walls and seats some form
    scene.light = (direct + bounced[room] * openness[:, None] * (0.9 + 0.25 * up)).astype(np.float32)
    scene.lamps = np.array([[*light.points.mean(0), *light.rgb] for light in lights], np.float32).reshape(
        -1, 6
    )
    scene.lamp_room = np.array([light.room for light in lights], np.int32)


def _direct(
    scene: Scene,
    lights: Sequence[Light],
    connected: npt.NDArray[np.bool_],
    rows: npt.NDArray[np.int64],
    start: Floats32,
    room: npt.NDArray[np.int32],
    least: float,
) -> Floats32:
    total = np.zeros((len(rows), 3), np.float32)
    normals = scene.normals[rows]
    for light in lights:
        reached = connected[light.room][room]
        for point in light.points:
            ray = point.astype(np.float32) - start
            distance = np.linalg.norm(ray, axis=1)
            ray /= distance[:, None] + 1e-9
            falls = np.einsum("ij,ij->i", ray, normals)
            if light.direction.any():
                falls = falls * np.maximum(-ray @ light.direction.astype(np.float32), 0)
            falls = falls / np.maximum(distance, 0.35) ** 2
            lit = np.flatnonzero(reached & (falls > least))
            if len(lit):
                reach = np.maximum(distance[lit] - light.radius, 1e-3)
                dark = scene.blocked(start[lit], ray[lit], reach)
                lit = lit[~dark]
                total[lit] += falls[lit, None] * (light.rgb / len(light.points)).astype(np.float32)
    return total


def _open_sky(scene: Scene, rows: npt.NDArray[np.int64], start: Floats32, rays: int) -> Floats32:
    """How open a cosine-weighted hemisphere is: mean distance to the first hit, in `AO_REACH` metres.

    All vertices use the same directions, so that flat surfaces get smooth shadows instead of noise.
    """
    k = np.arange(rays) + 0.5
    r, angle = np.sqrt(k / rays), 2.39996 * k  # a sunflower spiral on the disk, lifted to the hemisphere
    x, y, z = r * np.cos(angle), r * np.sin(angle), np.sqrt(1 - r * r)
    n = scene.normals[rows]
    a = np.where(
        np.abs(n[:, 2:3]) < 0.9, np.array([[0, 0, 1]], np.float32), np.array([[1, 0, 0]], np.float32)
    )
    t1 = np.cross(a, n)
    t1 /= np.linalg.norm(t1, axis=1, keepdims=True) + 1e-9
    t2 = np.cross(n, t1)
    total = np.zeros(len(rows), np.float32)
    reach = np.full(len(rows), AO_REACH, np.float32)
    for dx, dy, dz in zip(x, y, z, strict=True):
        ray = np.asarray(dx * t1 + dy * t2 + dz * n, np.float32)
        total += scene.distances(start, ray, reach)
    return total / (rays * AO_REACH)
