"""Rays through the grid: which cells a frame hits, and which it sees through.

Everything here belongs to one frame. Marks live in blocks of 8 x 8 x 8 cells, found through a dense box of
block ids around the camera and all touched cells; the map's counts are touched only by `apply_marks`.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from numba import njit

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]

CROSSED = 1
PROTECTED = 2
HIT = 4


@njit(cache=True, nogil=True, error_model="numpy")
def end_points(
    keys: Int64,
    sums: Int64,
    origin: Float64,
    origin_key: int,
    axis: Float64,
    cell_size: float,
    ends: Float64,
    reach: Float64,
) -> None:
    """Compute where the ray of each touched cell ends, and how far along it cells count as seen through.

    Parameters
    ----------
    keys, sums
        (n,), (n, 16) the cells of the frame.
    origin, origin_key
        The camera's place in its cell, and that cell's key.
    axis
        (3,) float64, viewing direction of the camera, world axes.
    cell_size
        Metres.
    ends
        (n, 3) receives the mean point of each cell, in cells relative to the corner of the camera's cell.
    reach
        (n,) receives the fraction of the ray that ends max(h, 3 sigma_z) before that point, where
        sigma_z = 1.2 mm + 1.9 mm (z - 0.4)^2 is the noise of a structured-light camera (Nguyen 2012).
    """
    ox, oy, oz = origin_key >> 42, (origin_key >> 21) & 0x1FFFFF, origin_key & 0x1FFFFF
    for i in range(keys.shape[0]):
        scale = 4096.0 * np.float64(sums[i, 0])
        x = np.float64((keys[i] >> 42) - ox) + 0.5 + np.float64(sums[i, 1]) / scale
        y = np.float64(((keys[i] >> 21) & 0x1FFFFF) - oy) + 0.5 + np.float64(sums[i, 2]) / scale
        z = np.float64((keys[i] & 0x1FFFFF) - oz) + 0.5 + np.float64(sums[i, 3]) / scale
        ends[i, 0], ends[i, 1], ends[i, 2] = x, y, z
        x, y, z = x - origin[0], y - origin[1], z - origin[2]
        length = np.sqrt(x * x + y * y + z * z) * cell_size
        depth = (x * axis[0] + y * axis[1] + z * axis[2]) * cell_size
        sigma = 0.0012 + 0.0019 * (depth - 0.4) * (depth - 0.4)
        reach[i] = 1.0 - max(cell_size, 3.0 * sigma) / length if length > 0.0 else -1.0


@njit(cache=True, nogil=True, error_model="numpy")
def _new_block(place: int, box: Int64, ids: npt.NDArray[np.int32], blocks: Int64, count: int) -> int:
    """Give the block at `place` in the box the next id; returns the blocks in use."""
    x, y, z = place // (box[4] * box[5]), place // box[5] % box[4], place % box[5]
    ids[place] = count
    blocks[count] = ((x + box[0]) << 36) | ((y + box[1]) << 18) | (z + box[2])
    return count + 1


@njit(cache=True, nogil=True, error_model="numpy")
def protect(
    keys: Int64,
    box: Int64,
    ids: npt.NDArray[np.int32],
    blocks: Int64,
    marks: npt.NDArray[np.uint8],
    count: int,
) -> int:
    """Mark the touched cells as hit, and them and their 26 neighbours as protected.

    Parameters
    ----------
    keys
        (n,) cells of the frame.
    box
        (6,) lowest block of the frame along each axis, and how many there are: room for the camera, all
        touched cells and their neighbours.
    ids
        (box,) int32 id of each block of the box, -1 for those without a mark yet; z fastest.
    blocks, marks
        By id: (box,) int64 block keys, and (box, 512) uint8 marks, zero so far.
    count
        Ids in use before.

    Returns
    -------
    Ids in use after.
    """
    for i in range(keys.shape[0]):
        x = (keys[i] >> 42) - (box[0] << 3)
        y = ((keys[i] >> 21) & 0x1FFFFF) - (box[1] << 3)
        z = (keys[i] & 0x1FFFFF) - (box[2] << 3)
        for nx in range(x - 1, x + 2):
            for ny in range(y - 1, y + 2):
                line = ((nx >> 3) * box[4] + (ny >> 3)) * box[5]
                local = (nx & 7) << 6 | (ny & 7) << 3
                for nz in range(z - 1, z + 2):
                    place = line + (nz >> 3)
                    if ids[place] < 0:
                        count = _new_block(place, box, ids, blocks, count)
                    marks[ids[place], local | (nz & 7)] |= PROTECTED
        place = ((x >> 3) * box[4] + (y >> 3)) * box[5] + (z >> 3)
        marks[ids[place], (x & 7) << 6 | (y & 7) << 3 | (z & 7)] |= HIT
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def cross(
    ends: Float64,
    reach: Float64,
    origin: Float64,
    origin_key: int,
    box: Int64,
    ids: npt.NDArray[np.int32],
    blocks: Int64,
    marks: npt.NDArray[np.uint8],
    count: int,
) -> int:
    """Mark the cells that rays leave before their reach as crossed.

    A ray leaves each cell through one face. So instead of walking from cell to cell, where each step waits
    for a comparison (Amanatides and Woo 1987), the faces across each axis are listed by themselves: face i
    is met at the ray fraction (i + way to the first face) / |direction|, and the other two axes tell
    which cell ends there. No step depends on the one before.

    Parameters
    ----------
    ends, reach, origin, origin_key
        As in `end_points`.
    box, ids, blocks, marks, count
        As in `protect`.

    Returns
    -------
    Ids in use after.
    """
    corner = np.empty(3, np.int64)
    for axis in range(3):
        corner[axis] = ((origin_key >> (42 - 21 * axis)) & 0x1FFFFF) - (box[axis] << 3)
    stride = np.array([box[4] * box[5], box[5], 1])
    for i in range(ends.shape[0]):
        for a in range(3):  # faces across axis a; b and c are the other two
            b, c = (a + 1) % 3, (a + 2) % 3
            along = ends[i, a] - origin[a]
            if along == 0.0:
                continue
            step = 1 if along > 0.0 else -1
            gap = 1.0 - origin[a] if along > 0.0 else origin[a]
            per_cell = 1.0 / abs(along)
            faces = np.int64(np.floor(reach[i] * abs(along) - gap)) + 1
            from_b, ray_b, corner_b = origin[b], ends[i, b] - origin[b], corner[b]
            from_c, ray_c, corner_c = origin[c], ends[i, c] - origin[c], corner[c]
            p = corner[a]
            for face in range(faces):
                t = (np.float64(face) + gap) * per_cell
                q = corner_b + np.int64(np.floor(from_b + t * ray_b))
                r = corner_c + np.int64(np.floor(from_c + t * ray_c))
                place = (p >> 3) * stride[a] + (q >> 3) * stride[b] + (r >> 3) * stride[c]
                if ids[place] < 0:
                    count = _new_block(place, box, ids, blocks, count)
                local = (p & 7) << (6 - 3 * a) | (q & 7) << (6 - 3 * b) | (r & 7) << (6 - 3 * c)
                marks[ids[place], local] |= CROSSED
                p += step
    return count


@njit(cache=True, nogil=True, error_model="numpy")
def apply_marks(
    marks: npt.NDArray[np.uint8],
    rows: Int64,
    sign: int,
    hits: npt.NDArray[np.int32],
    misses: npt.NDArray[np.int32],
) -> int:
    """Count hits, and misses of crossed cells that are not protected; erase the marks.

    Parameters
    ----------
    marks
        (n, 512) of the frame's blocks.
    rows
        (n,) row of each block in the map.
    sign
        1 adds, -1 takes away.
    hits, misses
        (capacity, 512) int32 of the map.

    Returns
    -------
    The number of misses.
    """
    carved = np.int64(0)
    for i in range(rows.shape[0]):
        mark, hit, miss = marks[i], hits[rows[i]], misses[rows[i]]
        for k in range(512):
            free = np.int32(mark[k] == CROSSED)
            carved += np.int64(free)
            hit[k] += np.int32(sign) * np.int32(mark[k] >> 2)
            miss[k] += np.int32(sign) * free
            mark[k] = 0
    return int(carved)


@njit(cache=True, nogil=True, error_model="numpy")
def forget(blocks: Int64, box: Int64, ids: npt.NDArray[np.int32]) -> None:
    """Take the ids of these blocks back."""
    for i in range(blocks.shape[0]):
        x = (blocks[i] >> 36) - box[0]
        y = ((blocks[i] >> 18) & 0x3FFFF) - box[1]
        z = (blocks[i] & 0x3FFFF) - box[2]
        ids[(x * box[4] + y) * box[5] + z] = -1
