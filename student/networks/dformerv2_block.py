"""The parts of a block of DFormerv2 (Yin et al., 2025): depthwise filters, attention, feed-forward network.

Features are channels-last, (N, h, w, C).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.depthwise_conv import DepthwiseConv
from student.networks.dformer_config import LAYER_SCALE
from student.networks.geometry_prior import GeometryPrior, StageGeometry
from student.networks.precision import without_autocast
from student.networks.stochastic_depth import StochasticDepth

EPS = 1e-6
"""Of the layer normalisations within blocks."""


class DepthwiseFilter(nn.Module):
    """A `DepthwiseConv` under the key that published weights have for it.

    Parameters
    ----------
    channels, size
        See `DepthwiseConv`.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__()
        self.dwconv = DepthwiseConv(channels, size)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, h, w, C)."""
        return self.dwconv.forward(x)

    def added(self, x: Tensor) -> Tensor:
        """Return x + forward(x), (N, h, w, C)."""
        return self.dwconv.added(x)


class GeometryAttention(nn.Module):
    """Self-attention with rotary positions and the geometry prior.

    Parameters
    ----------
    channels, heads
        C is a multiple of twice the heads.
    """

    def __init__(self, channels: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.q_proj = nn.Linear(channels, channels)
        self.k_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.lepe = DepthwiseFilter(channels, 5)
        self.out_proj = nn.Linear(channels, channels)

    def forward(self, x: Tensor, prior: GeometryPrior, geometry: StageGeometry) -> Tensor:
        """Attend within the map, or along rows and then along columns, (N, h, w, C) to the same shape."""
        weight = torch.cat([self.q_proj.weight, self.k_proj.weight])
        bias = torch.cat([self.q_proj.bias, self.k_proj.bias])
        qk, v = functional.linear(x, weight, bias), self.v_proj(x)
        # The prior reaches tens: half floats would round it by tenths.
        with without_autocast(x):
            attended = self._attend(qk.float(), v.float(), prior, geometry)
        projected: Tensor = self.out_proj(self.lepe(v) + attended)
        return projected

    def _attend(self, qk: Tensor, v: Tensor, prior: GeometryPrior, geometry: StageGeometry) -> Tensor:
        """Attend with queries and keys (N, h, w, 2 C), not rotated yet, to values (N, h, w, C)."""
        count, height, width, channels = v.shape
        pairs = torch.view_as_complex(qk.view(count, height, width, 2 * self.heads, -1, 2))
        rotated = torch.view_as_real(pairs * geometry.rotation).flatten(-2)
        q, k = torch.split(rotated, self.heads, dim=3)
        v = v.view(count, height, width, self.heads, -1)
        if geometry.map is not None:
            q, k, v = (tokens.flatten(1, 2) for tokens in (q, k, v))
            return geometry.map.attend(q, k, v, prior).reshape(count, height, width, channels)
        assert geometry.rows is not None
        assert geometry.columns is not None
        q_row, k_row, v_row = (tokens.flatten(0, 1) for tokens in (q, k, v))
        v = geometry.rows.attend(q_row, k_row, v_row, prior).reshape(v.shape)
        q, k, v = (tokens.transpose(1, 2).flatten(0, 1) for tokens in (q, k, v))
        v = geometry.columns.attend(q, k, v, prior)
        return v.reshape(count, width, height, channels).transpose(1, 2)


class FeedForward(nn.Module):
    """Mix the channels of a token, which also sees its neighbours.

    Parameters
    ----------
    channels
        C.
    ratio
        Hidden channels are this many times C.
    """

    def __init__(self, channels: int, ratio: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(channels, ratio * channels)
        self.fc2 = nn.Linear(ratio * channels, channels)
        self.dwconv = DepthwiseFilter(ratio * channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, h, w, C)."""
        mixed: Tensor = self.fc2(self.dwconv.added(functional.gelu(self.fc1(x))))
        return mixed


class Block(nn.Module):
    """A depthwise filter, attention and a feed-forward network, each added to what came in.

    Parameters
    ----------
    channels, heads
        See `GeometryAttention`.
    ratio
        See `FeedForward`.
    heads_range
        See `GeometryPrior`.
    layer_scale
        Whether attention and feed-forward network have a scale per channel.
    drop_path
        Chance of leaving either out in training.
    """

    gamma_1: nn.Parameter | None
    gamma_2: nn.Parameter | None

    def __init__(
        self,
        channels: int,
        heads: int,
        ratio: int,
        heads_range: float,
        *,
        layer_scale: bool,
        drop_path: float,
    ) -> None:
        super().__init__()
        for scale in ("gamma_1", "gamma_2"):
            small = torch.full((1, 1, 1, channels), LAYER_SCALE)
            self.register_parameter(scale, nn.Parameter(small) if layer_scale else None)
        self.layer_norm1 = nn.LayerNorm(channels, eps=EPS)
        self.layer_norm2 = nn.LayerNorm(channels, eps=EPS)
        self.Attention = GeometryAttention(channels, heads)
        self.drop_path = StochasticDepth(drop_path)
        self.ffn = FeedForward(channels, ratio)
        self.cnn_pos_encode = DepthwiseFilter(channels, 3)
        self.Geo = GeometryPrior(channels // heads, heads, heads_range)

    def forward(self, x: Tensor, geometry: StageGeometry) -> Tensor:
        """Return (N, h, w, C)."""
        x = self.cnn_pos_encode.added(x)
        x = self._add(x, self.Attention(self.layer_norm1(x), self.Geo, geometry), self.gamma_1)
        return self._add(x, self.ffn(self.layer_norm2(x)), self.gamma_2)

    def _add(self, x: Tensor, branch: Tensor, scale: nn.Parameter | None) -> Tensor:
        branch = self.drop_path(branch)
        return x + branch if scale is None else torch.addcmul(x, branch, scale)
