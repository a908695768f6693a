"""Codes of the network's grid, put onto the depth image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from student.resample import output_positions


def place_codes(codes: npt.NDArray[np.float16], depth_shape: tuple[int, ...]) -> npt.NDArray[np.float16]:
    """Put codes onto a grid that divides the depth image.

    The codes cover the depth image edge to edge, whatever size the network saw. Where their grid divides it
    already (120 x 160 codes of a 480 x 640 or 960 x 1280 image), they stay as they are. Else they are sampled
    bilinearly on the grid whose blocks are as large as a code's share of the image or, where no such blocks
    divide the image, on the next finer one.

    Parameters
    ----------
    codes
        (h', w', C) float16.
    depth_shape
        (h, w) pixels.

    Returns
    -------
    (h", w", C) float16 with h" and w" dividing h and w; `codes` itself where their grid divides the image.

    Raises
    ------
    ValueError
        The codes are no such array, or the depth image is empty.
    """
    if codes.ndim != 3 or codes.dtype != np.float16 or 0 in codes.shape:
        raise ValueError(f"codes must be (h, w, C) float16, got {codes.shape} {codes.dtype}")
    if len(depth_shape) != 2 or min(depth_shape) < 1:
        raise ValueError(f"depth_shape must be (h, w) pixels, got {depth_shape}")
    lengths = zip(depth_shape, codes.shape[:2], strict=True)
    rows, columns = (_interpolation(length, count) for length, count in lengths)
    if rows is None and columns is None:
        return codes
    placed = codes.astype(np.float32)
    if columns is not None:
        placed = columns @ placed
    if rows is not None:
        placed = (rows @ placed.reshape(len(placed), -1)).reshape(len(rows), *placed.shape[1:])
    return placed.astype(np.float16)


def _interpolation(length: int, count: int) -> npt.NDArray[np.float32] | None:
    """Return the weights (codes placed, codes given) of bilinear sampling along an axis, None for one to one.

    A matrix product with mostly zeros is several times faster than indexing, since it reads each code once.
    """
    if length % count == 0:
        return None
    at = output_positions(length, max(1, round(length / count)), count, count, count, align_corners=False)
    weights: npt.NDArray[np.float32] = np.maximum(1 - np.abs(at[:, None] - np.arange(count)), 0).astype(
        np.float32
    )
    return weights
