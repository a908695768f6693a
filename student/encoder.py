"""What every encoder does, and what they share."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

from student.space import EmbeddingSpace


class Encoder(Protocol):
    """Turns a posed frame's images into codes.

    Attributes
    ----------
    space : EmbeddingSpace
    code_dim : int
        Length C of a code.
    fingerprint : str
        SHA-256 of everything that the codes depend on besides the images.
    """

    @property
    def space(self) -> EmbeddingSpace: ...  # noqa: D102

    @property
    def code_dim(self) -> int: ...  # noqa: D102

    @property
    def fingerprint(self) -> str: ...  # noqa: D102

    def encode(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        """Encode one frame.

        Parameters
        ----------
        rgb
            (H, W, 3) uint8. It shows what the depth image shows, edge to edge; its size may differ.
        depth
            (h, w) float32, metres, 0 = invalid.

        Returns
        -------
        (h', w', C) float16, with h' and w' dividing h and w; code (i, j) belongs to the depth pixel in the
        middle of its block, (i * h/h' + (h/h')//2, j * w/w' + (w/w')//2).
        """
        ...


def block_size(length: int, stride: int) -> int:
    """Return the depth pixels a code spans along an axis: the largest divisor of `length` up to `stride`."""
    return next(step for step in range(min(stride, length), 0, -1) if length % step == 0)


def block_middles(length: int, stride: int) -> npt.NDArray[np.int64]:
    """Return the depth pixels that codes belong to along an axis, (length / block,) int64."""
    step = block_size(length, stride)
    return np.arange(step // 2, length, step)


def check_frame(rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> None:
    """Check the images of a frame.

    Raises
    ------
    ValueError
        An image has the wrong shape or type.
    """
    if rgb.ndim != 3 or rgb.shape[2] != 3 or rgb.dtype != np.uint8:
        raise ValueError(f"rgb must be (H, W, 3) uint8, got {rgb.shape} {rgb.dtype}")
    if depth.ndim != 2 or depth.dtype != np.float32:
        raise ValueError(f"depth must be (h, w) float32 metres, got {depth.shape} {depth.dtype}")
