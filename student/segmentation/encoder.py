"""A segmentation network as an encoder: its posteriors are codes, the names of its classes are the head."""

from __future__ import annotations

import hashlib
import json
import math
from typing import Final

import numpy as np
import numpy.typing as npt

from student.code_scale import FINEST, LARGEST_SUM
from student.encoder import check_frame
from student.errors import EncoderError
from student.preprocessing import Preprocessing
from student.resample import output_positions, sample_grid
from student.segmentation.segmenter import Segmenter
from student.segmentation.source import SegmentorSource
from student.space import EmbeddingSpace
from student.text import TextEncoder

STRIDE: Final = 4
"""Depth pixels a code, as of students: half those of the Ham decoder's grid, so that far cells get codes."""

_LEAST: Final = 1e-3
"""Length of A p below which the names cancel each other and say nothing."""

Float32 = npt.NDArray[np.float32]


class SegmentationEncoder:
    """Puts the posteriors p of K classes onto the depth image, as codes.

    With the unit text embeddings a_k of the classes' names as columns of the head A, a code c = p / |A p| has
    the embedding A c of length 1: the mixture of the names seen, which other words than these find too.
    Between the pixels of the network's grid posteriors are interpolated.

    Parameters
    ----------
    source
        The network.
    text_encoder
        Embeds the names of its classes.
    size
        Height and width to which a frame is resized for the network, multiples of 32; by default it sees each
        frame at the size of its colour image, rounded up.
    device, threads
        See `Segmenter`.

    Attributes
    ----------
    space : EmbeddingSpace
    fingerprint : str
        SHA-256 of everything that the codes depend on besides the images.
    about : str
        Where it comes from and where it runs, for people.

    Raises
    ------
    ValueError
        An option is not possible.
    EncoderError, CheckpointError
        The text encoder cannot be loaded.
    """

    def __init__(
        self,
        source: SegmentorSource,
        text_encoder: TextEncoder,
        *,
        size: tuple[int, int] | None = None,
        device: str | None = None,
        threads: int = 0,
    ) -> None:
        self._resizing = None if size is None else Preprocessing(size)
        self._segmenter = Segmenter(source.network, source.dataset, device=device, threads=threads)
        head = np.ascontiguousarray(text_encoder.encode(source.class_names).T)
        # Lengths of embeddings are those of the square factor R of head = Q R, which is smaller.
        self._factor: Float32 = np.linalg.qr(head)[1]
        self.space = EmbeddingSpace(
            f"{source.name}-{source.sha256[:8]}-posteriors-{text_encoder.id}",
            text_encoder.dimension,
            head,
            text_encoder.id,
            posterior_scale(head),
        )
        parts = {
            "space": self.space.name,
            "text weights": text_encoder.weights,
            "checkpoint": source.sha256,
            "size": size,
            "runtime": f"torch {self._segmenter.device} fp32",
        }
        self.fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
        count = sum(weight.numel() for weight in source.network.parameters())
        self.about = f"{count / 1e6:.1f} M parameters in {source.path}; {parts['runtime']}"

    @property
    def code_dim(self) -> int:
        """Length of a code, K."""
        return self.space.code_dim

    def encode(self, rgb: npt.NDArray[np.uint8], depth: Float32) -> npt.NDArray[np.float16]:
        """Encode one frame, as `student.encoder.Encoder` says.

        Raises
        ------
        ValueError
            An image has the wrong shape or type.
        EncoderError
            The network returned numbers that are not finite.
        """
        check_frame(rgb, depth)
        seen = (rgb, depth) if self._resizing is None else self._resizing.resize(rgb, depth)
        coarse = self._segmenter.coarse(*seen)
        content = seen[0].shape[:2]
        prepared = self._segmenter.rule.size(*content)
        rows, columns = (
            output_positions(length, STRIDE, shown, padded, count, align_corners=False)
            for length, shown, padded, count in zip(
                depth.shape, content, prepared, coarse.shape[:2], strict=True
            )
        )
        posteriors = sample_grid(np.ascontiguousarray(coarse.transpose(2, 0, 1)), rows, columns)
        length = np.linalg.norm(posteriors @ self._factor.T, axis=2, keepdims=True)
        codes: npt.NDArray[np.float16] = (posteriors / length).astype(np.float16)
        if not np.isfinite(codes).all():
            raise EncoderError(
                f"{self.space.name} returned posteriors that are not finite; the weights may be damaged"
            )
        return codes


def posterior_scale(head: Float32) -> float:
    """Return the finest power of two that keeps every possible code within the fixed-point range.

    A number of a code, p_k / |A p|, is greatest where the other classes cancel as much of a_k as they can: it
    is at most 1 / r, r being the least |a_k + sum_j q_j a_j| over the other classes j and all q_j >= 0, a
    problem of non-negative least squares (Lawson and Hanson, 1974).

    Parameters
    ----------
    head
        A, (D, K) float32 of unit columns.

    Returns
    -------
    Steps of 1.0, 65,536 at most.
    """
    from scipy.optimize import nnls

    square = np.linalg.qr(head.astype(np.float64))[1]
    rest = [nnls(-np.delete(square, k, axis=1), square[:, k])[1] for k in range(square.shape[1])]
    return min(FINEST, 2.0 ** math.floor(math.log2(LARGEST_SUM * max(min(rest), _LEAST))))
