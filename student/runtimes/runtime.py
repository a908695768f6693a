"""What every runtime of a student does."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt


class Runtime(Protocol):
    """Runs a student on images of one size.

    Attributes
    ----------
    name : str
        What runs it, where and in which precision, as in `"onnx cpu fp32"`; runtimes of different names may
        differ in the last digits.
    size : tuple of int
        Height and width of the images, pixels.
    code_dim : int
        Length C of a code.
    """

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def size(self) -> tuple[int, int]: ...  # noqa: D102

    @property
    def code_dim(self) -> int: ...  # noqa: D102

    def run(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        """Encode a batch.

        Parameters
        ----------
        rgb
            (N, H, W, 3) uint8.
        depth
            (N, H, W) float32, metres, 0 = invalid.

        Returns
        -------
        (N, h, w, C) float16, owned by the caller.

        Raises
        ------
        ValueError
            An image has the wrong shape or type.
        EncoderError
            The library failed.
        """
        ...

    def close(self) -> None:
        """Give the memory back; the runtime cannot run afterwards."""
        ...


def check_batch(
    rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32], size: tuple[int, int]
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    """Check a batch and return it contiguous.

    Raises
    ------
    ValueError
        An image has the wrong shape or type.
    """
    height, width = size
    if rgb.ndim != 4 or rgb.shape[1:] != (height, width, 3) or rgb.dtype != np.uint8 or not len(rgb):
        raise ValueError(f"rgb must be (N, {height}, {width}, 3) uint8, got {rgb.shape} {rgb.dtype}")
    if depth.shape != rgb.shape[:3] or depth.dtype != np.float32:
        raise ValueError(
            f"depth must be ({len(rgb)}, {height}, {width}) float32 metres, got {depth.shape} {depth.dtype}"
        )
    return np.ascontiguousarray(rgb), np.ascontiguousarray(depth)


def first_line(error: Exception) -> str:
    """Return the first line of an error that says something, for a message of one line."""
    return next((line.strip() for line in str(error).splitlines() if line.strip()), repr(error))
