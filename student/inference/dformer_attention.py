"""The global attention of DFormer for one input size.

Pooling to the coarse grid of queries and enlarging what they gathered are products with constant matrices.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.inference.constants import linear, sampling
from student.inference.operations import Linear, Operations, Value
from student.networks.dformer_block import Attention

Grid = tuple[int, int]


class CoarseGrid(nn.Module):
    """To the coarse grid of queries and back; the blocks of a stage share it.

    Parameters
    ----------
    side
        Cells along its side.
    grid
        Height and width of the map.
    """

    pool: Tensor
    enlarge: Tensor

    def __init__(self, side: int, grid: Grid) -> None:
        super().__init__()
        pool = [functional.adaptive_avg_pool1d(torch.eye(length), side).t() for length in grid]
        self.register_buffer("pool", torch.kron(*pool))
        self.register_buffer("enlarge", torch.kron(*(sampling(side, length) for length in grid)))


class GlobalAttention(nn.Module):
    """A coarse grid of queries gathers values of all tokens.

    Parameters
    ----------
    attention
        As trained.
    coarse
        Of the stage.
    """

    def __init__(self, attention: Attention, coarse: CoarseGrid) -> None:
        super().__init__()
        self.coarse, self.heads = coarse, attention.heads
        self.tokens = len(coarse.enlarge)
        channels = attention.kv.in_features
        self.width = channels // 2 // self.heads
        self.pooled = channels + channels // 2
        scale = torch.full((channels // 2,), self.width**-0.5)
        self.query = linear(attention.short_cut_linear, scale)
        half = channels // 2
        weight, bias = attention.kv.weight, attention.kv.bias
        self.key, self.value = (
            Linear(weight[part].t(), bias[part]) for part in (slice(half), slice(half, None))
        )

    def run(self, ops: Operations, x: Value, e: Value, value: Value) -> Value:
        """Rows of both streams, and of the values, to rows."""
        both = ops.reshape(ops.concat([x, e], axis=1), (-1, self.tokens, self.pooled))
        pooled = ops.reshape(ops.matmul(self.coarse.pool, both), (-1, self.pooled))
        cells = len(self.coarse.pool)
        q = self._heads(ops, ops.linear(pooled, self.query), cells, (0, 2, 1, 3))
        k = self._heads(ops, ops.linear(value, self.key), self.tokens, (0, 2, 3, 1))
        v = self._heads(ops, ops.linear(value, self.value), self.tokens, (0, 2, 1, 3))
        coarse = ops.matmul(ops.softmax(ops.matmul(q, k)), v)
        narrow = self.heads * self.width
        coarse = ops.reshape(ops.transpose(coarse, (0, 2, 1, 3)), (-1, cells, narrow))
        return ops.reshape(ops.matmul(self.coarse.enlarge, coarse), (-1, narrow))

    def _heads(self, ops: Operations, x: Value, tokens: int, axes: tuple[int, ...]) -> Value:
        return ops.transpose(ops.reshape(x, (-1, tokens, self.heads, self.width)), axes)
