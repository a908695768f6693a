"""Where a pixel of one image lies in another, and bilinear sampling there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from student.encoder import block_middles


def output_positions(
    length: int, stride: int, content: int, padded: int, output: int, align_corners: bool
) -> npt.NDArray[np.float64]:
    """Positions of codes in a network's output, along one axis.

    Pixel i covers [i, i + 1), so its middle is i + 0.5. The depth image is `content` input pixels long after
    resizing; the network sees `padded` of them and returns `output`.

    Parameters
    ----------
    length
        Depth pixels.
    stride
        Depth pixels a code, at most.
    content
        Input pixels that show the image; the rest of a letterbox follows them.
    padded
        Input pixels.
    output
        Output pixels.
    align_corners
        Whether the first and last pixels of input and output share their middles (else their outer edges).

    Returns
    -------
    (codes,) float64 indices of output pixels (0 is the middle of the first), within [0, output - 1].
    """
    seen = (block_middles(length, stride) + 0.5) * content / length
    if align_corners:
        index = (seen - 0.5) * (output - 1) / max(padded - 1, 1)
    else:
        index = seen * output / padded - 0.5
    return np.clip(index, 0, output - 1)


def sample_grid(
    channels: npt.NDArray[np.float32], rows: npt.NDArray[np.float64], columns: npt.NDArray[np.float64]
) -> npt.NDArray[np.float32]:
    """Sample an image bilinearly on a grid.

    Parameters
    ----------
    channels
        (K, H, W) float32.
    rows, columns
        (h,) and (w,) indices within the image.

    Returns
    -------
    (h, w, K) float32.
    """
    lines = _lerp(np.ascontiguousarray(channels.transpose(1, 2, 0)), rows)
    return _lerp(lines.transpose(1, 0, 2), columns).transpose(1, 0, 2)


def _lerp(image: npt.NDArray[np.float32], at: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Interpolate along the first axis."""
    low = np.minimum(at.astype(np.int64), max(len(image) - 2, 0))
    high = np.minimum(low + 1, len(image) - 1)
    weight = (at - low).astype(np.float32)[:, None, None]
    between: npt.NDArray[np.float32] = image[low] * (1 - weight) + image[high] * weight
    return between
