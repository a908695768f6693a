"""Compiled shading: what baked light, highlights and mirrors make of the colour of a hit point.

Everything that a kernel calls lives in its file, because numba's cache does not notice edits elsewhere.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

jit = numba.njit(cache=True, nogil=True, error_model="numpy")


@jit
def strike(
    directions: Any,
    prim: Any,
    u: Any,
    v: Any,
    faces: Any,
    face_part: Any,
    normals: Any,
    part: Any,
    normal: Any,
) -> None:
    """Find the part and the normal of every ray's hit.

    Parameters
    ----------
    directions : (n, 3) float32
        World, of unit length.
    prim : (n,) int32
        Faces that were hit, -1 for none.
    u, v : (n,) float32
        Barycentric coordinates of the hits.
    faces, face_part, normals
        Arrays of a `Scene`; see there.
    part : (n,) int32
        Written: the part that was hit, -1 for none.
    normal : (n, 3) float64
        Written: unit normals that face the ray, 0 for none.
    """
    for i in range(len(prim)):
        f = prim[i]
        if f < 0:
            part[i] = -1
            normal[i, 0] = normal[i, 1] = normal[i, 2] = 0.0
            continue
        part[i] = face_part[f]
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        w1, w2 = u[i], v[i]
        w0 = 1 - w1 - w2
        nx = w0 * normals[i0, 0] + w1 * normals[i1, 0] + w2 * normals[i2, 0]
        ny = w0 * normals[i0, 1] + w1 * normals[i1, 1] + w2 * normals[i2, 1]
        nz = w0 * normals[i0, 2] + w1 * normals[i1, 2] + w2 * normals[i2, 2]
        length = np.sqrt(nx * nx + ny * ny + nz * nz) + 1e-12
        nx, ny, nz = nx / length, ny / length, nz / length
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        cosine = nx * dx + ny * dy + nz * dz
        if cosine > 0:
            nx, ny, nz, cosine = -nx, -ny, -nz, -cosine
        normal[i, 0], normal[i, 1], normal[i, 2] = nx, ny, nz


@jit
def shade_hits(
    origins: Any,
    directions: Any,
    t: Any,
    prim: Any,
    u: Any,
    v: Any,
    normal: Any,
    color: Any,
    faces: Any,
    face_part: Any,
    light: Any,
    part_looks: Any,
    part_room: Any,
    lamps: Any,
    lamp_room: Any,
    out: Any,
    bounce: Any,
) -> None:
    """Shade every ray's hit.

    Parameters
    ----------
    origins, directions : (n, 3) float32
        World; directions of unit length.
    t, u, v : (n,) float32
        Distance and barycentric coordinates of the hits.
    prim : (n,) int32
        Faces that were hit, -1 for none.
    normal, color : (n, 3) float64
        From `strike` and `paint_hits`.
    faces, face_part, light, part_*, lamps, lamp_room
        Arrays of a `Scene`; see there.
    out : (n, 3) float32
        Written: linear colour.
    bounce : (n,) float32
        Written: share of the colour that comes from the mirror direction.
    """
    for i in range(len(prim)):
        f = prim[i]
        bounce[i] = 0.0
        if f < 0:
            for c in range(3):
                out[i, c] = 0.0
            continue
        p = face_part[f]
        i0, i1, i2 = faces[f, 0], faces[f, 1], faces[f, 2]
        w1, w2 = u[i], v[i]
        w0 = 1 - w1 - w2
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        cosine = nx * dx + ny * dy + nz * dz
        x, y, z = origins[i, 0] + t[i] * dx, origins[i, 1] + t[i] * dy, origins[i, 2] + t[i] * dz
        gloss, mirror, glow = part_looks[p, 1], part_looks[p, 2], part_looks[p, 3]
        r, g, bl = color[i, 0], color[i, 1], color[i, 2]
        lr = w0 * light[i0, 0] + w1 * light[i1, 0] + w2 * light[i2, 0] + glow
        lg = w0 * light[i0, 1] + w1 * light[i1, 1] + w2 * light[i2, 1] + glow
        lb = w0 * light[i0, 2] + w1 * light[i1, 2] + w2 * light[i2, 2] + glow
        out[i, 0], out[i, 1], out[i, 2] = r * lr, g * lg, bl * lb
        if gloss > 0:
            sharp = 20.0 + 120.0 * gloss
            for k in range(len(lamps)):
                if lamp_room[k] != part_room[p]:
                    continue
                lx, ly, lz = lamps[k, 0] - x, lamps[k, 1] - y, lamps[k, 2] - z
                d = np.sqrt(lx * lx + ly * ly + lz * lz) + 1e-6
                vx, vy, vz = lx / d - dx, ly / d - dy, lz / d - dz
                s = (nx * vx + ny * vy + nz * vz) / (np.sqrt(vx * vx + vy * vy + vz * vz) + 1e-6)
                if s > 0.8:
                    strength = 0.5 * gloss * s**sharp / (0.4 + 0.3 * d * d)
                    for c in range(3):
                        out[i, c] += strength * lamps[k, 3 + c]
        if mirror > 0:
            bounce[i] = mirror + (1 - mirror) * 0.5 * (1 + cosine) ** 5  # Schlick's Fresnel term, halved
