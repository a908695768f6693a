"""The geometry prior of DFormerv2 (Yin et al., 2025): how far apart two tokens are, in the map and in depth.

Distances and rotations are those of a stage, so its blocks share them; of its own a block has the two numbers
that weigh the distances.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

CACHED = 1 << 21
"""Logits that a processor attends with at a time."""


class GeometryPrior(nn.Module):
    """How a block turns distances into attention.

    Parameters
    ----------
    channels
        Of an attention head, even.
    heads
        Attention heads, n.
    heads_range
        Powers of two that the decay spans over the heads, r.

    Attributes
    ----------
    weight : (2, 1, 1, 1) float32, learned weights of the distances in the map and in depth
    angle : (channels,) float32, radians by which each channel turns from a token to the next
    decay : (heads,) float32, log(1 - 2^(-2 - r j / n)) of head j: logit that a unit of distance adds
    """

    angle: Tensor
    decay: Tensor

    def __init__(self, channels: int, heads: int, heads_range: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2, 1, 1, 1))
        with torch.device("cpu"):  # arithmetic on `meta` would load the compiler, for seconds
            angle = 1 / 10000 ** torch.linspace(0, 1, channels // 2)
            decay = torch.log(1 - 2 ** (-2 - heads_range * torch.arange(heads) / heads))
        self.register_buffer("angle", angle.repeat_interleave(2).to(self.weight.device))
        self.register_buffer("decay", decay.to(self.weight.device))


class Distances:
    """Distances between the tokens of each line, of a batch of lines that attend within themselves.

    Parameters
    ----------
    grid
        (tokens, tokens) float32, distances in the map, the same in each line.
    depth
        (lines, tokens) float32, depth of each token.
    """

    def __init__(self, grid: Tensor, depth: Tensor) -> None:
        depth = depth.contiguous()  # or attention would copy what is made of it, in every block
        self._grid = grid
        self._depth = (depth[:, :, None] - depth[:, None, :]).abs_()

    def attend(self, q: Tensor, k: Tensor, v: Tensor, prior: GeometryPrior) -> Tensor:
        """Attend within lines: softmax(q k^T / sqrt(channels) + decay (w_0 grid + w_1 depth)) v in each head.

        Parameters
        ----------
        q, k, v
            (lines, tokens, heads, channels) float32.
        prior
            Of the block.

        Returns
        -------
        The shape of v.
        """
        q, k, v = (tokens.transpose(1, 2) for tokens in (q, k, v))
        step = len(q)
        if q.device.type == "cpu":  # what is added to the logits stays in the cache
            step = max(1, CACHED // (q.shape[1] * self._grid.numel()))
        parts = []
        for start in range(0, len(q), step):
            lines = slice(start, start + step)
            attended = functional.scaled_dot_product_attention(
                q[lines], k[lines], v[lines], attn_mask=self._bias(lines, prior)
            )
            parts.append(attended.transpose(1, 2))
        return torch.cat(parts)

    def _bias(self, lines: slice, prior: GeometryPrior) -> Tensor:
        """Return what a block adds to the logits of some lines, (lines, heads, tokens, tokens)."""
        in_grid, in_depth = prior.weight.view(2, 1, 1).unbind()
        distance = torch.addcmul(in_grid * self._grid, self._depth[lines], in_depth)
        return distance[:, None] * prior.decay[:, None, None]


class StageGeometry:
    """What the blocks of a stage share.

    Parameters
    ----------
    depth
        (N, h, w) float32, the depth images at the resolution of the stage.
    angle
        (K,), see `GeometryPrior`.
    whole
        Whether tokens attend to the whole map; otherwise they attend along their row, then their column.

    Attributes
    ----------
    rotation : (h, w, 1, K / 2) complex64, rotary embedding (Su et al., 2021) of a token's index in the map
    map : Distances within each map, or None
    rows, columns : Distances within each row and each column of all maps, or None
    """

    def __init__(self, depth: Tensor, angle: Tensor, *, whole: bool) -> None:
        height, width = depth.shape[1:]
        y, x = (torch.arange(length, device=depth.device, dtype=torch.float32) for length in (height, width))
        # A float32 product, as published weights saw it: phases of thousands of radians are sensitive.
        phase = torch.arange(height * width, device=depth.device)[:, None] * angle[::2]
        self.rotation = torch.complex(phase.cos(), phase.sin()).view(height, width, 1, -1)
        dy, dx = ((place[:, None] - place).abs() for place in (y, x))
        self.map = self.rows = self.columns = None
        if whole:
            grid = (dy[:, None, :, None] + dx[None, :, None, :]).view(height * width, -1)
            self.map = Distances(grid, depth.flatten(1))
        else:
            self.rows = Distances(dx, depth.flatten(0, 1))
            self.columns = Distances(dy, depth.transpose(1, 2).flatten(0, 1))
