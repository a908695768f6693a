"""Compiled patterns: the colour of a hit point before any light falls on it.

Everything that a kernel calls lives in its file, because numba's cache does not notice edits elsewhere.
Patterns are drawn in the frame of the part that was hit, on the plane of its two axes most parallel to the
surface; each fades to its mean where a pixel covers more than about one period.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np

from .materials import TEXTURES

_WOOD, _PLANKS, _TILES, _CARPET, _STRIPES, _DOTS, _LEATHER = (
    TEXTURES[name] for name in ("wood", "planks", "tiles", "carpet", "stripes", "dots", "leather")
)
_WEAVE, _MARBLE, _BOOKS, _PAINTING, _SCREEN, _LEAVES, _BRICKS = (
    TEXTURES[name] for name in ("weave", "marble", "books", "painting", "screen", "leaves", "bricks")
)
_CHECKS, _CLOCK, _KEYS, _GRILLE, _BORDER, _SKY, _DIRT = (
    TEXTURES[name] for name in ("checks", "clock", "keys", "grille", "border", "sky", "dirt")
)
_FLAMES, _WATER, _PHOTO, _CLOUDS, _SPECKLES, _STREAKS, _PLAID = (
    TEXTURES[name] for name in ("flames", "water", "photo", "clouds", "speckles", "streaks", "plaid")
)
_HERRINGBONE, _ZIGZAG, _PRINTS, _FLOWERS, _POSTER, _STREET = (
    TEXTURES[name] for name in ("herringbone", "zigzag", "prints", "flowers", "poster", "street")
)

jit = numba.njit(cache=True, nogil=True, error_model="numpy")


@jit
def hash01(x: int, y: int, seed: int) -> Any:
    """Hash two integers and a seed to a number in [0, 1)."""
    h = (
        np.uint32(x) * np.uint32(374761393)
        + np.uint32(y) * np.uint32(668265263)
        + np.uint32(seed) * np.uint32(974634777)
    )
    h = (h ^ (h >> np.uint32(13))) * np.uint32(1274126177)
    h = (h ^ (h >> np.uint32(16))) * np.uint32(2246822519)
    h = h ^ (h >> np.uint32(15))
    return np.float32(h & np.uint32(0xFFFFFF)) / np.float32(16777216.0)


@jit
def noise(x: float, y: float, seed: int) -> Any:
    """Value noise of unit period in [0, 1]."""
    ix, iy = int(np.floor(x)), int(np.floor(y))
    fx, fy = x - ix, y - iy
    fx, fy = fx * fx * (3 - 2 * fx), fy * fy * (3 - 2 * fy)
    low = hash01(ix, iy, seed) * (1 - fx) + hash01(ix + 1, iy, seed) * fx
    high = hash01(ix, iy + 1, seed) * (1 - fx) + hash01(ix + 1, iy + 1, seed) * fx
    return low * (1 - fy) + high * fy


@jit
def fade(value: float, mean: float, width: float) -> Any:
    """Blend a pattern into its mean as the pixel grows to `width` periods."""
    return mean + (value - mean) / (1.0 + (1.6 * width) ** 4)


@jit
def line(f: float, thickness: float, width: float) -> float:
    """Share of a pixel of `width` periods that a line of `thickness` periods at every whole number covers."""
    d = min(f, 1.0 - f)
    return min(max((0.5 * thickness - d) / max(width, 1e-4) + 0.5, 0.0), 1.0) * min(
        1.0, thickness / max(width, 1e-4)
    )


@jit
def hue(h: float, s: float, v: float) -> tuple[float, float, float]:
    """Linear colour of a hue in [0, 1), a saturation and a value."""
    r = min(max(abs(((h + 1.0) % 1.0) * 6.0 - 3.0) - 1.0, 0.0), 1.0)
    g = min(max(2.0 - abs(((h + 1.0) % 1.0) * 6.0 - 2.0), 0.0), 1.0)
    b = min(max(2.0 - abs(((h + 1.0) % 1.0) * 6.0 - 4.0), 0.0), 1.0)
    return v * (1 - s + s * r), v * (1 - s + s * g), v * (1 - s + s * b)


@jit
def printed(texture: int, x: float, y: float, w: float, seed: int) -> Any:
    """Share of the second colour of patterns that only varied scenes have, at (x, y) periods."""
    if texture == _CLOUDS:  # five octaves of noise
        total, weight = 0.0, 0.5
        for k in range(5):
            total += weight * fade(noise(x * 2**k, y * 2**k, seed + k), 0.5, w * 2**k)
            weight *= 0.55
        return min(max(1.6 * total - 0.35, 0.0), 1.0)
    if texture == _SPECKLES:
        near = noise(9 * x, 9 * y, seed) * 0.6 + 0.4 * noise(23 * x, 23 * y, seed + 1)
        return fade(1.0 if near > 0.62 else 0.0, 0.25, 12 * w)
    if texture == _STREAKS:
        return fade(noise(40 * x, 0.6 * y, seed) * 0.6 + 0.4 * noise(110 * x, 1.5 * y, seed + 1), 0.5, 40 * w)
    if texture == _PLAID:
        a, b = x - np.floor(x), y - np.floor(y)
        wide = 0.25 + 0.3 * hash01(seed, 1, 3)
        m = (0.4 if a < wide else 0.0) + (0.4 if b < wide else 0.0)
        m += (0.3 if abs(a - 0.75) < 0.04 else 0.0) + (0.3 if abs(b - 0.75) < 0.04 else 0.0)
        return fade(min(m, 1.0), 0.4, 2 * w)
    if texture == _HERRINGBONE:
        column = int(np.floor(x))
        a = x - column
        z = y * 2.0 + (a if column % 2 == 0 else 1.0 - a)
        row = int(np.floor(z))
        gap = max(line(z - row, 0.08, 2 * w), line(a, 0.04, w))
        return (1 - gap) * fade(0.55 * hash01(column, row, seed), 0.28, w) + gap
    if texture == _ZIGZAG:
        a = x - np.floor(x)
        z = y + 0.5 * abs(a - 0.5)
        return fade(1.0 if z - np.floor(z) < 0.5 else 0.0, 0.5, 2 * w)
    if texture == _PRINTS:  # discs, rings, squares and bars of many sizes
        column, row = int(np.floor(x)), int(np.floor(y))
        a = x - column - 0.3 - 0.4 * hash01(column, row, seed + 1)
        b = y - row - 0.3 - 0.4 * hash01(column, row, seed + 2)
        size, shape = 0.12 + 0.2 * hash01(column, row, seed + 3), int(4 * hash01(column, row, seed + 4))
        r = np.sqrt(a * a + b * b)
        inside = r < size
        if shape == 1:
            inside = 0.55 * size < r < size
        elif shape == 2:
            inside = max(abs(a), abs(b)) < 0.8 * size
        elif shape == 3:
            inside = abs(a + b) < 0.3 * size and abs(a - b) < 1.6 * size
        return fade((0.5 + 0.5 * hash01(column, row, seed + 5)) if inside else 0.0, 0.2, 2 * w)
    if texture == _FLOWERS:
        column, row = int(np.floor(x)), int(np.floor(y))
        a = x - column - 0.35 - 0.3 * hash01(column, row, seed + 1)
        b = y - row - 0.35 - 0.3 * hash01(column, row, seed + 2)
        r = np.sqrt(a * a + b * b)
        turn = np.arctan2(b, a) + 6.3 * hash01(column, row, seed + 3)
        petal = 0.2 * (0.65 + 0.35 * np.cos((4 + int(3 * hash01(seed, 2, 9))) * turn))
        return fade(1.0 if 0.06 < r < petal else (0.4 if r <= 0.06 else 0.0), 0.15, 2 * w)
    return 0.0


@jit
def pattern(texture: int, a: float, b: float, ha: float, hb: float, scale: float, w: float, seed: int) -> Any:
    """Share of the second colour at (a, b) metres on a part of half extents ha, hb; w = pixel / scale."""
    x, y = a / scale, b / scale
    if texture == _WOOD:
        if ha > hb:  # the grain runs along the longer side
            x, y = y, x
        wave = noise(x * 0.9, y * 0.12, seed) * 3.0
        ring = 0.5 + 0.5 * np.sin(6.2832 * (x * 1.6 + wave))
        return fade(0.55 * ring + 0.45 * noise(x * 14, y * 0.8, seed + 1), 0.5, 2 * w)
    if texture == _PLANKS:
        row = int(np.floor(x))
        shift = y / 7.0 + hash01(row, 3, seed)
        plank = int(np.floor(shift))
        tone = hash01(row, plank, seed)
        fx, fy = x - row, shift - plank
        gap = max(line(fx, 0.035, w), line(fy, 0.005, w / 7.0))
        grain = noise(x * 7, y * 0.5 + 31 * tone, seed + plank)
        return (1 - gap) * fade(0.6 * tone + 0.35 * grain, 0.45, 0.7 * w) + 1.5 * gap
    if texture == _TILES:
        fx, fy = x - np.floor(x), y - np.floor(y)
        gap = max(line(fx, 0.035, w), line(fy, 0.035, w))
        return gap + (1 - gap) * 0.12 * hash01(int(np.floor(x)), int(np.floor(y)), seed)
    if texture == _CARPET:
        return fade(noise(x, y, seed), 0.5, w) * 0.7 + 0.3 * noise(0.06 * x, 0.06 * y, seed + 5)
    if texture == _STRIPES:
        return fade(1.0 if (x - np.floor(x)) < 0.5 else 0.0, 0.5, w)
    if texture == _DOTS:
        row = np.floor(y)
        fx, fy = x + 0.5 * (int(row) % 2), y - row - 0.5
        fx = fx - np.floor(fx) - 0.5
        return fade(1.0 if fx * fx + fy * fy < 0.06 else 0.0, 0.19, w)
    if texture == _LEATHER:
        return fade(noise(x * 3, y * 3, seed), 0.5, 3 * w) * 0.6 + 0.4 * noise(0.2 * x, 0.2 * y, seed + 7)
    if texture == _WEAVE:
        t = 0.5 + 0.25 * np.sin(60 * x) + 0.25 * np.sin(60 * y)
        return fade(t, 0.5, 9 * w) * 0.6 + 0.4 * noise(2.2 * x, 2.2 * y, seed)
    if texture == _MARBLE:
        n = (
            noise(2 * x, 2 * y, seed)
            + 0.5 * noise(5 * x, 5 * y, seed + 1)
            + 0.25 * noise(11 * x, 11 * y, seed + 2)
        )
        vein = abs(np.sin(3.1416 * (x + y + 2.2 * n)))
        return fade(max(0.0, 1.0 - 2.6 * vein) + 0.25 * n, 0.3, w)
    if texture == _LEAVES:
        return noise(2 * x, 2 * y, seed) * 0.7 + 0.3 * abs(np.sin(9 * x))
    if texture == _BRICKS:
        row = int(np.floor(y * 3.0))
        fx, fy = x + 0.5 * (row % 2), y * 3.0 - row
        column = int(np.floor(fx))
        gap = max(line(fx - column, 0.05, w), line(fy, 0.14, 3 * w))
        return gap + (1 - gap) * 0.18 * hash01(row, column, seed)
    if texture == _CHECKS:
        cx, cy = int(np.floor(x * 2)) & 1, int(np.floor(y * 2)) & 1
        return fade(float(cx ^ cy), 0.5, 1.5 * w)
    if texture == _KEYS:
        fx, fy = x - np.floor(x), y - np.floor(y)
        return max(line(fx, 0.2, w), line(fy, 0.2, w))
    if texture == _GRILLE:
        fx, fy = x - np.floor(x) - 0.5, y - np.floor(y) - 0.5
        return fade(1.0 if fx * fx + fy * fy < 0.09 else 0.0, 0.28, w)
    if texture == _BORDER:  # a rug: a frame, and diamonds inside it
        edge = min(ha - abs(a), hb - abs(b))
        if edge < 0.05:
            return 1.0
        if 0.09 < edge < 0.13:
            return 0.8
        if edge < 0.13:
            return 0.0
        d = abs(x - np.floor(x) - 0.5) + abs(y - np.floor(y) - 0.5)
        return fade(0.75 if 0.25 < d < 0.36 or d < 0.1 else 0.15 * noise(6 * x, 6 * y, seed), 0.25, w)
    if texture == _DIRT:
        return noise(x, y, seed)
    return printed(texture, x, y, w, seed)


@jit
def picture_of(texture: int, s: float, t: float, seed: int) -> tuple[float, float, float]:
    """Colour at (s, t) in [0, 1]^2, t upwards, of a pattern with colours of its own."""
    base = hash01(seed, 1, 17)
    if texture == _PAINTING:  # soft blobs, a horizon, a sun
        n = noise(3 * s + 9 * base, 3 * t, seed) + 0.5 * noise(9 * s, 9 * t, seed + 1)
        if hash01(seed, 2, 5) < 0.5:  # abstract: fields of few colours
            k = int(4 * n)
            return hue(base + 0.23 * k, 0.55, 0.18 + 0.5 * hash01(k, 4, seed))
        if (s - 0.3 - 0.4 * base) ** 2 + (t - 0.72) ** 2 < 0.008:
            return 0.85, 0.55, 0.12
        hill = 0.30 + 0.16 * np.sin(5 * s + 6 * base) + 0.06 * np.sin(13 * s)
        if t < hill:
            return hue(0.04 + 0.30 * hash01(seed, 7, 1), 0.65, 0.10 + 0.28 * (t / hill) * n)
        return hue(0.5 + 0.6 * hash01(seed, 8, 1), 0.2 + 0.4 * t, 0.40 + 0.2 * n)
    if texture == _POSTER:  # shapes, bands or a gradient in colours of its own
        style = int(4 * hash01(seed, 3, 7))
        red, green, blue = hue(base + 0.12 * t * style, 0.15 + 0.6 * hash01(seed, 4, 1), 0.25 + 0.5 * t)
        if style == 0:
            n = noise(2.5 * s + 7 * base, 2.5 * t, seed)
            return hue(
                base + 0.5 * n, 0.2 + 0.7 * hash01(seed, 5, 1), 0.1 + 0.8 * noise(3 * s, 3 * t, seed + 1)
            )
        for k in range(7):
            a, b = s - hash01(k, 0, seed), t - hash01(k, 1, seed)
            size = 0.06 + 0.24 * hash01(k, 2, seed)
            inside = a * a + b * b < size * size if style == 1 else max(abs(a), 0.6 * abs(b)) < size
            if style == 3:
                inside = abs(a * np.cos(6.3 * size) + b * np.sin(6.3 * size)) < 0.25 * size
            if inside:
                red, green, blue = hue(hash01(k, 3, seed), 0.9 * hash01(k, 4, seed), 0.9 * hash01(k, 5, seed))
        return red, green, blue
    if texture == _STREET:  # fronts of houses with windows below a pale sky
        column = int(np.floor(6 * s + 9 * base))
        if t > 0.35 + 0.5 * hash01(column, 0, seed):
            return 0.62 + 0.2 * t, 0.70 + 0.15 * t, 0.80 + 0.1 * t
        a, b = (6 * s + 9 * base - column) * 3, t * 14
        if 0.25 < a - np.floor(a) < 0.75 and 0.3 < b - np.floor(b) < 0.8:
            lit = hash01(int(np.floor(a)) + 7 * column, int(np.floor(b)), seed) > 0.8
            return (0.9, 0.75, 0.35) if lit else (0.10, 0.13, 0.17)
        return hue(0.02 + 0.1 * hash01(column, 1, seed), 0.35, 0.2 + 0.4 * hash01(column, 2, seed))
    if texture in (_PHOTO, _SKY):  # sky over green
        n = noise(4 * s + 20 * base, 6 * t, seed) + 0.5 * noise(9 * s, 14 * t, seed + 1)
        ground = 0.32 + 0.05 * np.sin(7 * s + 9 * base) + 0.05 * noise(9 * s, 0.0, seed)
        if t < ground:
            tint = 0.27 if texture == _SKY else hash01(seed, 9, 2)
            return hue(tint + 0.05 * n, 0.6, 0.16 + 0.2 * n * t / ground)
        cloud = min(max(1.6 * n - 1.0, 0.0), 1.0)
        return 0.32 + 0.5 * cloud, 0.52 + 0.33 * cloud, 0.85
    if texture == _SCREEN:  # a window with lines of text
        if t > 0.92:
            return 0.10, 0.16, 0.32
        if s < 0.22:
            return 0.13, 0.15, 0.20
        row = int(np.floor(t * 18))
        length = 0.28 + 0.6 * hash01(row, 0, seed)
        inside = 0.3 < t * 18 - row < 0.75 and 0.26 < s < length
        if inside and hash01(int(s * 40), row, seed) > 0.15:
            return hue(hash01(row, 1, seed), 0.5, 0.5)
        return 0.75, 0.77, 0.80
    if texture == _CLOCK:
        x, y = s - 0.5, t - 0.5
        r = np.sqrt(x * x + y * y)
        turn = np.arctan2(y, x) / 6.2832 * 12.0
        near = abs(turn - np.round(turn))
        if 0.38 < r < 0.46 and near < 0.10:
            return 0.03, 0.03, 0.03
        return 0.82, 0.80, 0.74
    if texture == _FLAMES:
        heat = min(max(1.15 - t + 0.3 * (noise(5 * s, 4 * t, seed) - 0.5), 0.0), 1.0)
        return 1.0, 0.16 + 0.45 * heat, 0.03 + 0.12 * heat * heat
    return 0.5, 0.5, 0.5


@jit
def spine(a: float, b: float, hb: float, scale: float, w: float, seed: int) -> tuple[float, float, float]:
    """Colour of a row of books at `a` metres along it and `b` metres up."""
    x = a / scale
    k = int(np.floor(x + 0.35 * np.sin(2.1 * x)))  # books of unequal thickness
    f = x + 0.35 * np.sin(2.1 * x) - k
    h, v = hash01(k, 0, seed), 0.06 + 0.40 * hash01(k, 1, seed)
    s = 0.25 + 0.6 * hash01(k, 2, seed)
    if w < 0.6:
        if f < 0.07:
            return 0.02, 0.02, 0.02
        if 0.25 < f < 0.8 and abs(b - (hash01(k, 3, seed) - 0.5) * hb) < 0.22 * hb:
            return hue(h + 0.1, 0.15, min(v + 0.45, 0.9))
    return hue(h, s, v)


@jit
def paint_hits(
    origins: Any,
    directions: Any,
    t: Any,
    part: Any,
    normal: Any,
    part_T: Any,
    part_half: Any,
    part_texture: Any,
    part_rgb: Any,
    part_rgb2: Any,
    part_looks: Any,
    pixel: float,
    out: Any,
) -> None:
    """Find the colour of every ray's hit.

    Parameters
    ----------
    origins, directions : (n, 3) float32
        World; directions of unit length.
    t : (n,) float32
        Distance of the hits.
    part : (n,) int32
        Parts that were hit, -1 for none.
    normal : (n, 3) float64
        Unit normals that face the ray.
    part_*
        Arrays of a `Scene`; see there.
    pixel : float
        Angle of one pixel, radians.
    out : (n, 3) float64
        Written: linear colour of the surface, 0 where nothing was hit.
    """
    for i in range(len(part)):
        p = part[i]
        if p < 0:
            out[i, 0] = out[i, 1] = out[i, 2] = 0.0
            continue
        nx, ny, nz = normal[i, 0], normal[i, 1], normal[i, 2]
        dx, dy, dz = directions[i, 0], directions[i, 1], directions[i, 2]
        cosine = nx * dx + ny * dy + nz * dz
        x, y, z = origins[i, 0] + t[i] * dx, origins[i, 1] + t[i] * dy, origins[i, 2] + t[i] * dz
        T = part_T[p]
        px = T[0, 0] * x + T[0, 1] * y + T[0, 2] * z + T[0, 3]
        py = T[1, 0] * x + T[1, 1] * y + T[1, 2] * z + T[1, 3]
        pz = T[2, 0] * x + T[2, 1] * y + T[2, 2] * z + T[2, 3]
        ax = abs(T[0, 0] * nx + T[0, 1] * ny + T[0, 2] * nz)
        ay = abs(T[1, 0] * nx + T[1, 1] * ny + T[1, 2] * nz)
        az = abs(T[2, 0] * nx + T[2, 1] * ny + T[2, 2] * nz)
        hx, hy, hz = part_half[p, 0], part_half[p, 1], part_half[p, 2]
        if az >= ax and az >= ay:
            a, b, ha, hb = px, py, hx, hy
        elif ay >= ax:
            a, b, ha, hb = px, pz, hx, hz
        else:
            a, b, ha, hb = py, pz, hy, hz
        scale = part_looks[p, 0]
        seed = int(part_looks[p, 4])
        texture = part_texture[p]
        width = t[i] * pixel / max(-cosine, 0.15)
        if texture == _BOOKS:
            r, g, bl = spine(a, b, hb, scale, width / scale, seed)
        elif texture in (_PAINTING, _PHOTO, _SKY, _SCREEN, _CLOCK, _FLAMES, _POSTER, _STREET):
            r, g, bl = picture_of(texture, 0.5 + 0.5 * a / ha, 0.5 + 0.5 * b / hb, seed)
        elif texture == _WATER:
            m = noise(2 * a / scale, 5 * b / scale, seed) * 0.5
            m = 1.0 if (texture == _WATER and pz < -0.8 * hz and az < 0.5) else m * 0.4
            r = part_rgb[p, 0] * (1 - m) + part_rgb2[p, 0] * m
            g = part_rgb[p, 1] * (1 - m) + part_rgb2[p, 1] * m
            bl = part_rgb[p, 2] * (1 - m) + part_rgb2[p, 2] * m
        else:
            m = 0.0
            if texture != 0:
                m = pattern(texture, a + 10.0, b + 10.0, ha, hb, scale, width / scale, seed)
                if texture == _BORDER:
                    m = pattern(texture, a, b, ha, hb, scale, width / scale, seed)
            r = max(part_rgb[p, 0] * (1 - m) + part_rgb2[p, 0] * m, 0.002)
            g = max(part_rgb[p, 1] * (1 - m) + part_rgb2[p, 1] * m, 0.002)
            bl = max(part_rgb[p, 2] * (1 - m) + part_rgb2[p, 2] * m, 0.002)
        out[i, 0], out[i, 1], out[i, 2] = r, g, bl
