"""From the features of a pixel to its code."""

from __future__ import annotations

from itertools import pairwise
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from student.inference.operations import Convolution, Linear, Operations, Value
from student.networks.embedding_head import EmbeddingHead, LearnedUpsampling

BLOCKS = 4
"""Column blocks of the triangular factor; zeros below the diagonal blocks are never multiplied."""


class HomogeneousCodes(nn.Module):
    """Codes c = [f; 1] / |A [f; 1]| of a head A that never runs.

    With A = Q R and Q orthonormal, |A x| = |R x|. R is upper triangular, so that a block of its rows sees the
    features from its first one on, and little more than half of the products remain.

    Parameters
    ----------
    head
        A, (D, F + 1).
    size
        Height and width of the map of codes.
    """

    def __init__(self, head: Tensor, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size
        features = head.shape[1] - 1
        factor = torch.linalg.qr(head.double(), mode="r").R
        self.constant = float((factor[features:, features] ** 2).sum())
        edges = np.linspace(0, features, min(BLOCKS, features) + 1).astype(int).tolist()
        self.starts = [start for start in edges[:-1] if start < len(factor)]
        self.blocks = nn.ModuleList(
            Linear(factor[start:stop, start:features].t().float(), factor[start:stop, features].float())
            for start, stop in pairwise(edges)
            if start < len(factor)
        )

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows of features to (N, h, w, F + 1) half floats."""
        features = cast(Linear, self.blocks[0]).weight.shape[0]
        parts = [
            ops.linear(ops.columns(x, start, features) if start else x, cast(Linear, block))
            for start, block in zip(self.starts, self.blocks, strict=True)
        ]
        scale = ops.inverse_length(parts, self.constant)
        codes = ops.concat([ops.to_half(ops.mul(ops.to_float(x), scale)), ops.to_half(scale)], axis=1)
        return ops.reshape(codes, (-1, *self.size, features + 1))


class EmbeddingCodes(nn.Module):
    """Codes that are unit embeddings, from a head that looks at its neighbours.

    Parameters
    ----------
    head
        As trained.
    size
        Height and width of the map of features.
    coarse
        Emit at the resolution of the features the embeddings of the pixels just beyond the middle of each
        (pixel 2 of the 4 that a feature covers, or 1 of 2, on both axes); else every embedding.
    """

    def __init__(self, head: EmbeddingHead, size: tuple[int, int], *, coarse: bool) -> None:
        super().__init__()
        self.factor = 1 if coarse else 2**head.upsamplings
        self.features, self.channels = head.conv.in_channels, head.conv.out_channels
        self.size = size
        self.first = Convolution(head.conv.weight, cast(Tensor, head.conv.bias))
        steps = [
            cast(LearnedUpsampling, head.get_submodule(f"upsample_{step}"))
            for step in range(head.upsamplings)
        ]
        filters = [(step.conv.weight.detach(), cast(Tensor, step.conv.bias).detach()) for step in steps]
        filters = [collapsed(filters)] if coarse else filters
        self.filters = nn.ModuleList(
            Convolution(weight, bias, groups=self.channels) for weight, bias in filters
        )

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows of features to (N, h, w, D) half floats."""
        x = ops.transpose(ops.reshape(x, (-1, *self.size, self.features)), (0, 3, 1, 2))
        x = ops.convolve(x, self.first)
        for step in self.filters:
            if self.factor > 1:
                x = ops.repeat(x, 2)
            x = ops.convolve(x, cast(Convolution, step))
        x = ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (-1, self.channels))
        codes = ops.to_half(ops.mul(ops.to_float(x), ops.inverse_length([x], 0.0)))
        return ops.reshape(codes, (-1, self.size[0] * self.factor, self.size[1] * self.factor, self.channels))


def collapsed(filters: list[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """Return the one filter that gives a pixel per feature what a chain of learned upsamplings gives it.

    Output 2p of an upsampling sees the input pixels (p - 1, p, p), output 2p + 1 sees (p, p, p + 1). Output
    4i + 2 of two upsamplings thus sees the outputs 2i, 2i + 1, 2i + 1 of the first, which are never beyond
    the border, so that only the features have a border of zeros.

    Parameters
    ----------
    filters
        Weight (D, 1, 3, 3) and bias (D,) of one or two upsamplings, in order.

    Returns
    -------
    Weight (D, 1, 3, 3) and bias (D,).
    """
    # sees[p, o, t]: tap t of output 2i + p sees the feature i + o - 1.
    sees = torch.zeros(2, 3, 3, dtype=torch.float64)
    sees[0, 0, 0] = sees[0, 1, 1] = sees[0, 1, 2] = 1
    sees[1, 1, 0] = sees[1, 1, 1] = sees[1, 2, 2] = 1
    (weight, bias), *later = [(weight[:, 0].double(), bias.double()) for weight, bias in filters]
    # at[d, p, q]: what output (2i + p, 2j + q) of the first upsampling counts for in the pixel wanted.
    at = torch.zeros(len(bias), 2, 2, dtype=torch.float64)
    at[:, 1, 1] = 1
    for second, second_bias in later:
        taps = torch.tensor([[1, 0, 0], [0, 1, 1]], dtype=torch.float64)
        at = torch.einsum("dyx,py,qx->dpq", second, taps, taps)
        bias = second_bias + bias * at.sum(dim=(1, 2))
    one = torch.einsum("dpq,pyt,qxs,dts->dyx", at, sees, sees, weight)
    return one[:, None].float(), bias.float()
