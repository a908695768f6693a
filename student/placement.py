"""Codes of the network's grid, put onto the depth image."""

from __future__ import annotations

from typing import Any

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
    if rows is not None:
        placed = (rows @ placed.reshape(len(placed), -1)).reshape(-1, *placed.shape[1:])
    if columns is not None:
        return np.stack([(columns @ line).astype(np.float16) for line in placed])
    return placed.astype(np.float16)


def _interpolation(length: int, count: int) -> Any:
    """Return the weights of bilinear sampling along an axis, (placed, given) codes, or None for one to one.

    A sparse matrix: its product reads the codes of two lines and writes one, without copies of them.
    """
    if length % count == 0:
        return None
    from scipy.sparse import csr_array

    at = output_positions(length, max(1, round(length / count)), count, count, count, align_corners=False)
    return csr_array(np.maximum(1 - np.abs(at[:, None] - np.arange(count)), 0).astype(np.float32))
