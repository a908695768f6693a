"""A trained student for one input size, from images to codes."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from student.inference.code_heads import EmbeddingCodes, HomogeneousCodes
from student.inference.decoder import Decoder
from student.inference.dformer_encoder import DFormerEncoder
from student.inference.dformerv2_encoder import DFormerV2Encoder
from student.inference.dpt_decoder import DptDecoder
from student.inference.operations import Operations, TorchOperations, Value
from student.inference.residual_encoder import ResidualEncoder
from student.inference.swin_encoder import SwinEncoder
from student.networks.config import StudentConfig
from student.networks.dveformer import MULTIPLE, DVEFormer

FEATURE_STRIDE = 4

Encoder = SwinEncoder | ResidualEncoder | DFormerEncoder | DFormerV2Encoder


class Statistics(Protocol):
    """Mean and standard deviation of depth, in metres (`student.preprocessing.DepthStatistics`)."""

    @property
    def mean(self) -> float:
        """Metres."""

    @property
    def std(self) -> float:
        """Metres."""


class CodesNetwork(nn.Module):
    """The inference form of a DVEFormer: the same function, up to rounding, from less arithmetic.

    It takes images as they are and returns codes. Constants are buffers, so that `to(device)`, `half()` and
    `state_dict()` work as usual; in half floats, norms, softmaxes and lengths are still computed in float32.

    Parameters
    ----------
    student
        As trained; it is not changed.
    size
        Height and width of the images, multiples of 32.
    statistics
        Of depth.
    stride
        Pixels a code along each axis: 4, or what the student emits at.

    Attributes
    ----------
    size : tuple of int
    stride : int
    code_dim : int
        C.
    head : ndarray or None
        A, (D, C) float32, with embedding = A @ code; None: codes are unit embeddings.

    Raises
    ------
    ValueError
        Size or stride are not possible.
    """

    def __init__(
        self,
        student: DVEFormer,
        size: tuple[int, int],
        statistics: Statistics,
        stride: int = FEATURE_STRIDE,
    ) -> None:
        super().__init__()
        config = student.config
        if size[0] % MULTIPLE or size[1] % MULTIPLE or min(size) < MULTIPLE:
            raise ValueError(f"size must be multiples of {MULTIPLE} pixels, got {size[0]} x {size[1]}")
        if stride not in (FEATURE_STRIDE, config.stride):
            raise ValueError(
                f"stride must be {FEATURE_STRIDE} or the student's {config.stride}, got {stride}"
            )
        self.size, self.stride = size, stride
        grid = (size[0] // FEATURE_STRIDE, size[1] // FEATURE_STRIDE)
        with torch.no_grad():
            self.encoder = _encoder(config)(student, size, statistics.mean, statistics.std)
            self.decoder = (Decoder if config.decoder == "mlp" else DptDecoder)(student, size)
            self.head: npt.NDArray[np.float32] | None = None
            self.codes: HomogeneousCodes | EmbeddingCodes
            if config.linear_head:
                self.head = student.head_matrix()
                self.codes = HomogeneousCodes(torch.from_numpy(self.head), grid)
            else:
                coarse = stride != config.stride
                self.codes = EmbeddingCodes(student.head, grid, coarse=coarse)
        self.code_dim: int = config.embedding_dim if self.head is None else self.head.shape[1]

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Encode images.

        Parameters
        ----------
        rgb
            (N, H, W, 3) uint8.
        depth
            (N, H, W) float32 metres; 0 where there is none.

        Returns
        -------
        (N, h, w, C) float16.
        """
        codes: Tensor = self.run(TorchOperations(self.decoder.context.enlarge.dtype), rgb, depth)
        return codes

    def run(self, ops: Operations, rgb: Value, depth: Value) -> Value:
        """Encode images by the given operations."""
        return self.codes.run(ops, self.decoder.run(ops, self.encoder.run(ops, rgb, depth)))


def _encoder(config: StudentConfig) -> type[Encoder]:
    """Return the inference form of an encoder."""
    if config.dformer is not None:
        return DFormerEncoder if config.dformer.version == 1 else DFormerV2Encoder
    return SwinEncoder if config.encoder == "swin" else ResidualEncoder
