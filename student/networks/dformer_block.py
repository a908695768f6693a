"""The parts of a DFormer (Yin et al., 2024): attention between colour and depth, MLP, block.

Features are channels-last, (N, h, w, C) for colour and (N, h, w, E) for depth, E = C / 2. Every operation
follows the published implementation, so that published weights give the published numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.depthwise_conv import DepthwiseConv
from student.networks.dformer_config import LAYER_SCALE
from student.networks.stochastic_depth import StochasticDepth

EPS = 1e-6
"""Of every layer normalisation."""


class Attention(nn.Module):
    """What colour and depth say about a pixel: local and global attention, and a gate by depth.

    Parameters
    ----------
    channels, heads
        C is a multiple of twice the heads.
    window
        Queries along a side of the map, pooled, that attend to all pixels; 0 leaves global attention out.
    last
        Whether no depth is needed afterwards.
    """

    def __init__(self, channels: int, heads: int, window: int, *, last: bool) -> None:
        super().__init__()
        narrow = channels // 2
        joined = 2 * channels if window else channels + narrow
        self.heads, self.window = heads, window
        self.q = nn.Linear(channels, channels)
        self.q_cut = nn.Linear(channels, narrow)
        self.a = nn.Linear(channels, channels)
        self.l = nn.Linear(channels, channels)
        self.conv = DepthwiseConv(channels, 7)
        self.e_conv = DepthwiseConv(narrow, 7)
        self.e_fore = nn.Linear(narrow, narrow)
        self.e_back = nn.Linear(narrow, narrow)
        self.proj = nn.Linear(joined, channels)
        self.proj_e = None if last else nn.Linear(joined, narrow)
        if window:
            self.short_cut_linear = nn.Linear(channels + narrow, narrow)
            self.kv = nn.Linear(channels, channels)
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.norm_e = nn.LayerNorm(narrow, eps=EPS)

    def forward(self, x: Tensor, e: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return what to add to both streams, (N, h, w, C) and (N, h, w, E)."""
        x, e = self.norm(x), self.norm_e(e)
        value = functional.gelu(self.l(x))
        parts = [self.q(x) * self.a(self.conv(value))]
        if self.window:
            parts.append(self._attend(x, e, value))
        parts.append(self.q_cut(x) * self.e_back(self.e_conv(self.e_fore(e))))
        joined = torch.cat(parts, dim=-1)
        return self.proj(joined), None if self.proj_e is None else self.proj_e(joined)

    def _attend(self, x: Tensor, e: Tensor, value: Tensor) -> Tensor:
        """Gather values of all pixels by a coarse grid of queries, and make that smooth, (N, h, w, E)."""
        count, height, width, channels = x.shape
        pooled = torch.cat([self._pool(x), self._pool(e)], dim=-1)
        q = self.short_cut_linear(pooled).view(count, -1, self.heads, channels // 2 // self.heads)
        k, v = self.kv(value).view(count, height * width, 2, self.heads, -1).unbind(2)
        coarse = functional.scaled_dot_product_attention(
            q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)
        )
        coarse = coarse.transpose(1, 2).reshape(count, self.window, self.window, -1).permute(0, 3, 1, 2)
        fine = functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
        return fine.permute(0, 2, 3, 1)

    def _pool(self, x: Tensor) -> Tensor:
        """Average (N, h, w, C) over the cells of the grid, (N, window, window, C)."""
        return functional.adaptive_avg_pool2d(x.permute(0, 3, 1, 2), self.window).permute(0, 2, 3, 1)


class Mlp(nn.Module):
    """Mix the channels of a pixel, which also sees its neighbours.

    Parameters
    ----------
    channels
        C.
    ratio
        Hidden channels are this many times C.
    """

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=EPS)
        self.fc1 = nn.Linear(channels, ratio * channels)
        self.pos = DepthwiseConv(ratio * channels, 3)
        self.fc2 = nn.Linear(ratio * channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, h, w, C)."""
        mixed: Tensor = self.fc2(functional.gelu(self.pos.added(self.fc1(self.norm(x)))))
        return mixed


class Block(nn.Module):
    """Attention, then an MLP for each stream, each scaled by channel and added to what came in.

    Parameters
    ----------
    channels, heads, window, last
        See `Attention`.
    ratio
        See `Mlp`.
    drop_path
        Chance of leaving a branch out in training.
    """

    def __init__(
        self, channels: int, heads: int, window: int, ratio: int, drop_path: float, *, last: bool
    ) -> None:
        super().__init__()
        narrow = channels // 2
        self.layer_scale_1 = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        self.layer_scale_2 = nn.Parameter(torch.full((channels,), LAYER_SCALE))
        if not last:
            self.layer_scale_1_e = nn.Parameter(torch.full((narrow,), LAYER_SCALE))
            self.layer_scale_2_e = nn.Parameter(torch.full((narrow,), LAYER_SCALE))
        self.attn = Attention(channels, heads, window, last=last)
        self.mlp = Mlp(channels, ratio)
        self.mlp_e2 = None if last else Mlp(narrow, ratio)
        self.drop_path = StochasticDepth(drop_path)

    def forward(self, x: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
        """Return both streams in their shapes; the last block leaves depth as it is."""
        to_x, to_e = self.attn(x, e)
        x = torch.addcmul(x, self.drop_path(to_x), self.layer_scale_1)
        x = torch.addcmul(x, self.drop_path(self.mlp(x)), self.layer_scale_2)
        if self.mlp_e2 is not None and to_e is not None:
            e = torch.addcmul(e, self.drop_path(to_e), self.layer_scale_1_e)
            e = torch.addcmul(e, self.drop_path(self.mlp_e2(e)), self.layer_scale_2_e)
        return x, e
