"""Reference of `mapping.kernels.codes`."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Int32 = npt.NDArray[np.int32]
Int64 = npt.NDArray[np.int64]


def sort_pixels(
    cell_of: Int32, weight: npt.NDArray[np.uint16], start: Int64, order: Int32
) -> tuple[int, int]:
    """Sort code pixels by cell, row-major within a cell."""
    used = np.flatnonzero((cell_of >= 0) & (weight > 0))
    order[: len(used)] = used[np.argsort(cell_of[used], kind="stable")]
    pixels = np.bincount(cell_of[used], minlength=len(start) - 1)
    start[0] = 0
    start[1:] = np.cumsum(pixels)
    return len(used), int(np.count_nonzero(pixels))


def add_codes(
    codes: npt.NDArray[np.uint16],
    weight: npt.NDArray[np.uint16],
    start: Int64,
    order: Int32,
    first: int,
    last: int,
    scale: float,
    limit: int,
    sign: int,
    rows: Int64,
    table: Int32,
    sums: Int64,
) -> tuple[int, int]:
    """Add the weighted mean code of cells `first` to `last` to their rows."""
    clipped = 0
    broken = 0
    for cell in range(first, last):
        pixels = order[start[cell] : start[cell + 1]]
        if not len(pixels):
            continue
        mean = np.zeros(codes.shape[1], np.float32)
        for pixel in pixels:
            mean = mean + np.float32(weight[pixel]) * codes[pixel].view(np.float16).astype(np.float32)
        total = int(weight[pixels].astype(np.int64).sum())
        once = (2 * total + len(pixels)) // (2 * len(pixels))
        step = mean * np.float32(scale * float(once) / (256.0 * float(total)))
        if not np.isfinite(step).all():
            broken += 1
            continue
        clipped += int(np.count_nonzero(np.abs(step) > np.float32(limit)))
        table[rows[cell]] += sign * np.rint(np.clip(step, -np.float32(limit), np.float32(limit))).astype(
            np.int32
        )
        sums[rows[cell], 13] += sign * once
    return clipped, broken
