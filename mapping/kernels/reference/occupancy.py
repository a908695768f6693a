"""Reference of `mapping.kernels.occupancy`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int64 = npt.NDArray[np.int64]
Float64 = npt.NDArray[np.float64]
Marks = npt.NDArray[np.uint8]

CROSSED = 1
PROTECTED = 2
HIT = 4


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
    """Compute where the ray of each touched cell ends, and how far along it cells count as seen through."""
    cell = _index(keys) - _index(np.int64(origin_key))
    ends[:] = cell + 0.5 + sums[:, 1:4] / (4096.0 * sums[:, :1])
    x, y, z = (ends - origin).T
    length = np.sqrt(x * x + y * y + z * z) * cell_size
    depth = (x * axis[0] + y * axis[1] + z * axis[2]) * cell_size
    sigma = 0.0012 + 0.0019 * (depth - 0.4) * (depth - 0.4)
    reach[:] = -1.0
    far = length > 0
    reach[far] = 1.0 - np.maximum(cell_size, 3.0 * sigma[far]) / length[far]


def protect(
    keys: Int64, box: Int64, ids: npt.NDArray[np.int32], blocks: Int64, marks: Marks, count: int
) -> int:
    """Mark the touched cells as hit, and them and their 26 neighbours as protected."""
    for cell in _index(keys):
        for offset in np.ndindex(3, 3, 3):
            count = _mark(cell + offset - 1, PROTECTED, box, ids, blocks, marks, count)
        count = _mark(cell, HIT, box, ids, blocks, marks, count)
    return count


def cross(
    ends: Float64,
    reach: Float64,
    origin: Float64,
    origin_key: int,
    box: Int64,
    ids: npt.NDArray[np.int32],
    blocks: Int64,
    marks: Marks,
    count: int,
) -> int:
    """Mark the cells that rays leave before their reach as crossed, face by face."""
    camera = _index(np.int64(origin_key))
    for end, fraction in zip(ends, reach, strict=True):
        ray = end - origin
        for axis in range(3):
            if ray[axis] == 0:
                continue
            gap = 1.0 - origin[axis] if ray[axis] > 0 else origin[axis]
            faces = int(np.floor(fraction * abs(ray[axis]) - gap)) + 1
            for face in range(faces):
                t = (face + gap) * (1.0 / abs(ray[axis]))
                cell = camera + np.floor(origin + t * ray).astype(np.int64)
                cell[axis] = camera[axis] + (face if ray[axis] > 0 else -face)
                count = _mark(cell, CROSSED, box, ids, blocks, marks, count)
    return count


def apply_marks(
    marks: Marks, rows: Int64, sign: int, hits: npt.NDArray[np.int32], misses: npt.NDArray[np.int32]
) -> int:
    """Count hits, and misses of crossed cells that are not protected; erase the marks."""
    mark = marks[: len(rows)]
    hits[rows] += np.int32(sign) * ((mark & HIT) > 0)
    misses[rows] += np.int32(sign) * (mark == CROSSED)
    carved = int(np.count_nonzero(mark == CROSSED))
    mark[:] = 0
    return carved


def forget(blocks: Int64, box: Int64, ids: npt.NDArray[np.int32]) -> None:
    """Take the ids of these blocks back."""
    ids[:] = -1


def _index(keys: npt.NDArray[np.int64] | np.int64) -> Int64:
    return np.stack([keys >> 42, (keys >> 21) & 0x1FFFFF, keys & 0x1FFFFF], axis=-1)


def _mark(
    cell: Int64, bit: int, box: Int64, ids: npt.NDArray[np.int32], blocks: Int64, marks: Marks, count: int
) -> int:
    block = cell >> 3
    place = int(np.ravel_multi_index(tuple(block - box[:3]), tuple(box[3:])))
    if ids[place] < 0:
        ids[place] = count
        blocks[count] = block[0] << 36 | block[1] << 18 | block[2]
        count += 1
    x, y, z = cell & 7
    marks[ids[place], x << 6 | y << 3 | z] |= bit
    return count
