"""From codes to labels, by the rules of DVEFormer's evaluation.

Each of its three decoders is a linear reading of unit embeddings z: text prompts and visual means are unit
vectors, so that logits are cosines; a linear probe has free weights. With z = A c the weights are projected
once, and codes are read without ever becoming embeddings. Logits are computed on the grid of the codes,
brought to the size of the labels bilinearly, and compared there.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]

PROMPT: Final = "a detailed photo of a {}"
"""What an image-text encoder is asked for a class name; one prompt, no ensemble."""

_CHUNK: Final = 16384  # pixels that become float32 at once


@dataclass(frozen=True, slots=True, eq=False)
class Decoded:
    """The classes of an image.

    Attributes
    ----------
    index : ndarray
        (H, W) uint16, which of the K classes, from 0.
    best : ndarray
        (H, W) float32, its logit.
    """

    index: npt.NDArray[np.uint16]
    best: Float32


def prompts(names: Sequence[str], template: str = PROMPT) -> list[str]:
    """Put class names into a template.

    Raises
    ------
    ValueError
        The template has no place for the name.
    """
    if template.count("{}") != 1:
        raise ValueError(f"a prompt must hold {{}} once, where the class name goes, got {template!r}")
    return [template.replace("{}", name) for name in names]


def logits_of(
    codes: npt.NDArray[np.float16] | Float32,
    weight: Float32,
    bias: Float32 | None = None,
    head: Float32 | None = None,
) -> Float32:
    """Read every pixel with each of K classes.

    Parameters
    ----------
    codes
        (h, w, C) float16 codes of unit embeddings, or those embeddings themselves, float16 or float32.
    weight
        (K, D) float32.
    bias
        (K,) float32.
    head
        A, (D, C) float32; None where codes are embeddings.

    Returns
    -------
    (K, h, w) float32.

    Raises
    ------
    ValueError
        The numbers of a weight, the head and a code do not fit.
    """
    dimension = codes.shape[2] if head is None else head.shape[0]
    if weight.ndim != 2 or weight.shape[1] != dimension:
        raise ValueError(
            f"weight must be (K, {dimension}) for embeddings of {dimension} numbers, got {weight.shape}"
        )
    readers = weight if head is None else weight @ head
    flat = codes.reshape(-1, codes.shape[2])
    logits = np.empty((len(weight), len(flat)), np.float32)
    for start in range(0, len(flat), _CHUNK):
        chunk = slice(start, start + _CHUNK)
        np.matmul(readers, flat[chunk].astype(np.float32, copy=False).T, out=logits[:, chunk])
    if bias is not None:
        logits += bias[:, None]
    return logits.reshape(len(weight), *codes.shape[:2])


def resize_logits(logits: Float32, size: tuple[int, int]) -> Float32:
    """Bring logits (K, h, w) to another size, bilinearly, outer edges on each other (align_corners False)."""
    return np.stack(list(_planes(logits, size)))


def decode(logits: Float32, size: tuple[int, int] | None = None) -> Decoded:
    """Choose the class of every pixel.

    Parameters
    ----------
    logits
        (K, h, w) float32.
    size
        Height and width of the result, to which the logits are resized; their own by default.

    Returns
    -------
    The first of the classes with the greatest logit, everywhere.
    """
    size = size or (logits.shape[1], logits.shape[2])
    index = np.zeros(size, np.uint16)
    best = np.full(size, -np.inf, np.float32)
    for k, plane in enumerate(_planes(logits, size)):
        better = plane > best
        np.copyto(index, np.uint16(k), where=better)
        np.copyto(best, plane, where=better)
    return Decoded(index, best)


def scores_of(logits: Float32, decoded: Decoded) -> Float32:
    """Return the softmax share (H, W) float32 of the chosen classes, without a temperature.

    Of cosines it is nearly flat (about 1 / K) and no usable confidence.
    """
    size = decoded.best.shape[0], decoded.best.shape[1]
    total = np.zeros(size, np.float32)
    for plane in _planes(logits, size):
        total += np.exp(plane - decoded.best)
    return np.reciprocal(total)


def _planes(logits: Float32, size: tuple[int, int]) -> Iterator[Float32]:
    """Give the logits of one class after the other at another size."""
    for plane in logits:
        if plane.shape == size:
            yield plane
        else:
            yield cv2.resize(plane, size[::-1], interpolation=cv2.INTER_LINEAR).astype(np.float32, copy=False)
