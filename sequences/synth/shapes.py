"""Primitive surfaces, tessellated to edges of about 5 cm, with the normals that shading needs.

Every function returns a `Surface` in metres, z up. Vertices are shared where the surface is smooth and
doubled where it has an edge, so that light baked into vertices never bleeds around a corner.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

STEP = 0.045  # metres between neighbouring vertices of a flat surface
_step = ContextVar("step", default=STEP)

Floats = npt.NDArray[np.float64]
Point = Sequence[float] | npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Surface:
    """Triangles with one normal a vertex.

    Parameters
    ----------
    vertices, normals : (n, 3) float64
        Metres; unit length.
    faces : (m, 3) int64
        Counter-clockwise seen from outside.
    """

    vertices: Floats
    normals: Floats
    faces: npt.NDArray[np.int64]

    def moved(self, T: Floats) -> Surface:
        """Apply a (4, 4) rigid motion."""
        return Surface(self.vertices @ T[:3, :3].T + T[:3, 3], self.normals @ T[:3, :3].T, self.faces)


@contextmanager
def steps(length: float) -> Iterator[None]:
    """Tessellate to edges of about `length` metres instead of `STEP` while this context is open."""
    token = _step.set(length)
    try:
        yield
    finally:
        _step.reset(token)


def join(surfaces: Sequence[Surface]) -> Surface:
    """Concatenate surfaces, sharing nothing."""
    offsets = np.cumsum([0] + [len(s.vertices) for s in surfaces[:-1]])
    return Surface(
        np.concatenate([s.vertices for s in surfaces]),
        np.concatenate([s.normals for s in surfaces]),
        np.concatenate([s.faces + o for s, o in zip(surfaces, offsets, strict=True)]),
    )


@lru_cache(maxsize=256)
def _grid_faces(rows: int, columns: int) -> npt.NDArray[np.int64]:
    """Two triangles for each quad of a rows x columns grid of vertices in row-major order; shared."""
    a = (np.arange(rows - 1)[:, None] * columns + np.arange(columns - 1)[None]).ravel()
    quads = np.stack([a, a + 1, a + columns + 1, a + columns], 1)
    return np.concatenate([quads[:, [0, 1, 2]], quads[:, [0, 2, 3]]])


def rectangle(origin: Point, u: Point, v: Point) -> Surface:
    """Rectangle origin + a u + b v with 0 <= a, b <= 1; its normal is u x v."""
    step = _step.get()
    o, du, dv = np.asarray(origin, float), np.asarray(u, float), np.asarray(v, float)
    nu = max(int(np.ceil(np.linalg.norm(du) / step - 1e-6)), 1) + 1
    nv = max(int(np.ceil(np.linalg.norm(dv) / step - 1e-6)), 1) + 1
    a, b = np.meshgrid(np.linspace(0, 1, nu), np.linspace(0, 1, nv))
    vertices = o + a.reshape(-1, 1) * du + b.reshape(-1, 1) * dv
    normal = np.cross(du, dv)
    normals = np.broadcast_to(normal / np.linalg.norm(normal), vertices.shape)
    return Surface(vertices, normals.copy(), _grid_faces(nv, nu))


# For each side of a box: the fixed axis, its sign, and the two axes that span it with an outward normal.
_SIDES = ((0, 1, 1, 2), (0, -1, 2, 1), (1, 1, 2, 0), (1, -1, 0, 2), (2, 1, 0, 1), (2, -1, 1, 0))


def box(size: Point) -> Surface:
    """Box of edge lengths `size`, centred on the origin."""
    half = np.asarray(size, float) / 2
    sides = []
    for axis, sign, i, j in _SIDES:
        u, v, origin = np.zeros(3), np.zeros(3), -half.copy()
        u[i], v[j] = 2 * half[i], 2 * half[j]
        origin[axis] = sign * half[axis]
        sides.append(rectangle(origin, u, v))
    return join(sides)


def rounded_box(size: Point, radius: float) -> Surface:
    """Box whose edges and corners are rounded with `radius` (clipped to half the shortest edge)."""
    half = np.asarray(size, float) / 2
    r = min(radius, 0.999 * float(half.min()))
    inner = half - r
    bend = np.tan(np.linspace(0, np.pi / 4, 3 if r < 0.05 else 4))  # of one rounded edge, up to the diagonal
    axes = []
    for h in inner:
        flat = np.linspace(-h, h, max(int(np.ceil(2 * h / _step.get())), 1) + 1)
        axes.append(np.concatenate([-h - r * bend[:0:-1], flat, h + r * bend[1:]]))
    sides = []
    for axis, sign, i, j in _SIDES:
        a, b = np.meshgrid(axes[i], axes[j])
        p = np.empty((a.size, 3))
        p[:, i], p[:, j], p[:, axis] = a.ravel(), b.ravel(), sign * half[axis]
        core = np.clip(p, -inner, inner)
        n = p - core
        n /= np.linalg.norm(n, axis=1, keepdims=True)
        sides.append(Surface(core + r * n, n, _grid_faces(*a.shape)))
    return join(sides)


def cushion(size: Point) -> Surface:
    """Pillow: a rounded box that is thick in the middle and thin at its four corners (thickness along z)."""
    half = np.asarray(size, float) / 2
    base = rounded_box(size, 0.9 * half[2])
    v = base.vertices.copy()
    a, b = np.abs(v[:, 0] / half[0]), np.abs(v[:, 1] / half[1])
    v[:, 2] *= 0.25 + 0.75 * np.sqrt(np.clip((1 - a**4) * (1 - b**4), 0, 1))
    return Surface(v, smooth_normals(v, base.faces), base.faces)


def smooth_normals(vertices: Floats, faces: npt.NDArray[np.int64]) -> Floats:
    """Area-weighted vertex normals; vertices at the same place share theirs."""
    _, group = np.unique(np.round(vertices * 1e5).astype(np.int64), axis=0, return_inverse=True)
    group = group.reshape(-1)
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normal = np.cross(b - a, c - a)
    total = np.zeros((group.max() + 1, 3))
    for k in range(3):
        np.add.at(total, group[faces[:, k]], normal)
    total /= np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)
    return total[group]


def lathe(profile: Sequence[Point], segments: int | None = None, crease: float = 38.0) -> Surface:
    """Surface of revolution about z.

    Parameters
    ----------
    profile : sequence of (radius, z)
        From bottom to top for an outward surface; radius 0 closes an end.
    segments : int, optional
        Around the axis; by default chosen for edges of `STEP`.
    crease : float
        Degrees; corners of the profile sharper than this keep an edge.
    """
    p = np.asarray(profile, float)
    if segments is None:
        segments = int(np.clip(np.ceil(2 * np.pi * p[:, 0].max() / _step.get()), 16, 64))
    direction = np.diff(p, axis=0)
    direction /= np.maximum(np.linalg.norm(direction, axis=1, keepdims=True), 1e-12)
    bands: list[tuple[Floats, Floats]] = []
    cos_crease = np.cos(np.radians(crease))
    for k in range(len(p) - 1):
        here = direction[k]
        ends = []
        for other in (k - 1, k + 1):
            smooth = 0 <= other < len(direction) and float(direction[other] @ here) > cos_crease
            ends.append(here + direction[other] if smooth else here)
        n = max(int(np.ceil(np.linalg.norm(p[k + 1] - p[k]) / _step.get())), 1)
        t = np.linspace(0, 1, n + 1)[:, None]
        tangent = (1 - t) * ends[0] / np.linalg.norm(ends[0]) + t * ends[1] / np.linalg.norm(ends[1])
        bands.append(((1 - t) * p[k] + t * p[k + 1], tangent))
    angle = np.linspace(0, 2 * np.pi, segments + 1)
    cos, sin = np.cos(angle), np.sin(angle)
    pieces = []
    for points, tangent in bands:
        ring = np.stack(np.broadcast_arrays(points[:, :1] * cos, points[:, :1] * sin, points[:, 1:]), -1)
        radial, up = tangent[:, 1:], -tangent[:, :1]
        normal = np.stack(np.broadcast_arrays(radial * cos, radial * sin, up), -1)
        normal = normal / np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
        faces = _grid_faces(len(points), segments + 1)
        corner = ring.reshape(-1, 3)[faces]
        area = np.linalg.norm(np.cross(corner[:, 1] - corner[:, 0], corner[:, 2] - corner[:, 0]), axis=1)
        pieces.append(Surface(ring.reshape(-1, 3), normal.reshape(-1, 3), faces[area > 1e-10]))
    return join(pieces)


def cylinder(radius: float, height: float, top_radius: float | None = None) -> Surface:
    """Closed cylinder or cone frustum along z, standing on z = 0."""
    r1 = radius if top_radius is None else top_radius
    return lathe([(0, 0), (radius, 0), (r1, height), (0, height)])


def capsule(radius: float, height: float) -> Surface:
    """Cylinder with half-sphere ends along z, from z = 0 to z = height (at least twice the radius)."""
    arc = np.linspace(0, np.pi / 2, 5)
    low = [(radius * np.sin(a), radius - radius * np.cos(a)) for a in arc]
    return lathe(low + [(x, height - z) for x, z in reversed(low)])


def ellipsoid(radii: Point) -> Surface:
    """Ellipsoid about the origin with half axes `radii`."""
    r = np.asarray(radii, float)
    n = int(np.clip(np.ceil(np.pi * r.max() / _step.get()), 9, 28))
    arc = np.linspace(0, np.pi, n + 1)
    ball = lathe([(np.sin(a), -np.cos(a)) for a in arc], segments=int(np.clip(1.7 * n, 16, 48)), crease=80)
    normals = ball.normals / r
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    return Surface(ball.vertices * r, normals, ball.faces)


def tube(points: Sequence[Point], radius: float, closed: bool = False) -> Surface:
    """Round tube along a polyline, open at its ends."""
    p = np.asarray(points, float)
    if closed:
        p = np.concatenate([p, p[:1]])
    dense = [p[:1]]
    for a, b in pairwise(p):  # long straight pieces need vertices of their own
        n = max(int(np.ceil(np.linalg.norm(b - a) / (1.4 * _step.get()))), 1)
        dense.append(np.linspace(a, b, n + 1)[1:])
    p = np.concatenate(dense)
    tangent = np.gradient(p, axis=0)
    if closed:
        tangent[0] = tangent[-1] = p[1] - p[-2]
    tangent /= np.maximum(np.linalg.norm(tangent, axis=1, keepdims=True), 1e-12)
    side = np.cross(tangent[0], [0.0, 0, 1] if abs(tangent[0, 2]) < 0.9 else [1.0, 0, 0])
    angle = np.linspace(0, 2 * np.pi, 9 if radius < 0.03 else 13)
    rings, normals = [], []
    for point, t in zip(p, tangent, strict=True):
        side = side - t * (side @ t)  # parallel transport keeps the rings from twisting
        side /= np.linalg.norm(side)
        n = np.cos(angle)[:, None] * side + np.sin(angle)[:, None] * np.cross(t, side)
        rings.append(point + radius * n)
        normals.append(n)
    return Surface(np.concatenate(rings), np.concatenate(normals), _grid_faces(len(p), len(angle)))


def prism(outline: Sequence[Point], height: float) -> Surface:
    """Extrude a counter-clockwise outline (x, y), star-shaped about its mean, from z = 0 to `height`."""
    p = np.asarray(outline, float)
    n = len(p)
    centre = p.mean(0)
    flat = np.concatenate([p, centre[None]])
    fan = np.stack([np.arange(n), (np.arange(n) + 1) % n, np.full(n, n)], 1)
    pieces = []
    for z, up in ((height, 1.0), (0.0, -1.0)):
        v, f = refine(np.column_stack([flat, np.full(n + 1, z)]), fan if up > 0 else fan[:, ::-1])
        pieces.append(Surface(v, np.tile([0.0, 0.0, up], (len(v), 1)), f))
    for a, b in zip(p, np.roll(p, -1, 0), strict=True):
        if np.linalg.norm(b - a) > 1e-9:
            pieces.append(rectangle([*a, 0], [*(b - a), 0], [0, 0, height]))
    return join(pieces)


def refine(
    vertices: Floats, faces: npt.NDArray[np.int64], edge: float | None = None
) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Halve the longest edge of every triangle until none is longer than `edge` metres, 1.2 steps if None."""
    edge = 1.2 * _step.get() if edge is None else edge
    v, f = np.asarray(vertices, float), np.asarray(faces, np.int64)
    while True:
        length = np.stack([np.linalg.norm(v[f[:, k]] - v[f[:, (k + 1) % 3]], axis=1) for k in range(3)], 1)
        longest = length.argmax(1)
        split = np.flatnonzero(length.max(1) > edge)
        if not len(split):
            return v, f
        k = longest[split]
        a, b, c = f[split, k], f[split, (k + 1) % 3], f[split, (k + 2) % 3]
        pairs, index = np.unique(np.sort(np.stack([a, b], 1), axis=1), axis=0, return_inverse=True)
        middle = len(v) + index.reshape(-1)
        v = np.concatenate([v, v[pairs].mean(1)])
        keep = np.delete(f, split, axis=0)
        f = np.concatenate([keep, np.stack([a, middle, c], 1), np.stack([middle, b, c], 1)])
