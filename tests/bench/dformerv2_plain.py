"""DFormerv2 as its specification says it, block by block: what the shared form is compared with.

Every block resizes depth and computes rotation and distances anew; attention is two products and a softmax.
The weights are those of a `DFormerV2` in evaluation mode.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.dformerv2 import DFormerV2
from student.networks.dformerv2_block import Block


def plain(encoder: DFormerV2, rgb: Tensor, depth: Tensor) -> tuple[Tensor, ...]:
    """Return what `encoder(rgb, depth)` does."""
    x = encoder.patch_embed["proj"](rgb).permute(0, 2, 3, 1)
    maps = []
    for number, stage in enumerate(encoder.layers):
        for block in stage.blocks:
            x = x + filtered(block.cnn_pos_encode.dwconv, x)
            attended = attention(block, block.layer_norm1(x), depth[:, :1], whole=number == 3)
            x = x + (attended if block.gamma_1 is None else block.gamma_1 * attended)
            fed = feed_forward(block, block.layer_norm2(x))
            x = x + (fed if block.gamma_2 is None else block.gamma_2 * fed)
        y = x if number == 0 else encoder.extra_norms[number - 1](x)
        maps.append(y.permute(0, 3, 1, 2))
        if stage.downsample is not None:
            down = stage.downsample
            x = down.norm(down.reduction(x.permute(0, 3, 1, 2))).permute(0, 2, 3, 1)
    return tuple(maps)


def attention(block: Block, x: Tensor, depth: Tensor, *, whole: bool) -> Tensor:
    """Return the attention of a block for (N, h, w, C) and depth (N, 1, H, W)."""
    layers = block.Attention
    count, height, width, channels = x.shape
    heads = layers.heads
    shape = (count, height, width, heads, channels // heads)
    depth = functional.interpolate(depth, size=(height, width), mode="bilinear", align_corners=False)[:, 0]
    sin, cos = rotation(height, width, block.Geo.angle)
    q, k, v = layers.q_proj(x), layers.k_proj(x), layers.v_proj(x)
    lepe = filtered(layers.lepe.dwconv, v)
    k = k * (channels // heads) ** -0.5
    q, k = (rotated(tokens.view(shape), sin, cos) for tokens in (q, k))
    v = v.view(shape)
    w0, w1 = block.Geo.weight
    decay = block.Geo.decay[:, None, None]
    if whole:
        y, x_ = torch.meshgrid(
            torch.arange(height, dtype=x.dtype), torch.arange(width, dtype=x.dtype), indexing="ij"
        )
        y, x_, d = y.flatten(), x_.flatten(), depth.flatten(1)[:, None]
        spatial = (y[:, None] - y).abs() + (x_[:, None] - x_).abs()
        bias = decay * (w0 * spatial + w1 * (d[..., None] - d[..., None, :]).abs())
        q, k, v = (tokens.flatten(1, 2).transpose(1, 2) for tokens in (q, k, v))
        attended = attend(q, k, v, bias).transpose(1, 2)
    else:
        q, k, v = (tokens.transpose(2, 3) for tokens in (q, k, v))
        attended = attend(q, k, v, line_bias(depth, decay, w0, w1))
        q, k, v = (tokens.permute(0, 3, 2, 1, 4) for tokens in (q, k, attended))
        attended = attend(q, k, v, line_bias(depth.transpose(1, 2).contiguous(), decay, w0, w1)).permute(
            0, 3, 1, 2, 4
        )
    projected: Tensor = layers.out_proj(attended.reshape(count, height, width, channels) + lepe)
    return projected


def rotation(height: int, width: int, angle: Tensor) -> tuple[Tensor, Tensor]:
    """Return sine and cosine of a token's phase, (h, w, 1, K) each."""
    phase = torch.arange(height * width, dtype=torch.float32)[:, None] * angle.float()
    shape = (height, width, 1, -1)
    return phase.sin().view(shape).to(angle.dtype), phase.cos().view(shape).to(angle.dtype)


def rotated(x: Tensor, sin: Tensor, cos: Tensor) -> Tensor:
    """Turn the pairs of channels (2k, 2k + 1) of (..., K)."""
    turned = torch.stack([-x[..., 1::2], x[..., ::2]], dim=-1).flatten(-2)
    return x * cos + turned * sin


def line_bias(depth: Tensor, decay: Tensor, w0: Tensor, w1: Tensor) -> Tensor:
    """Return what is added to the logits within lines, (N, lines, heads, t, t) for depth (N, lines, t)."""
    place = torch.arange(depth.shape[-1], dtype=depth.dtype)
    spatial = (place[:, None] - place).abs()
    depth = depth[:, :, None]
    return decay * (w0 * spatial + w1 * (depth[..., None] - depth[..., None, :]).abs())


def attend(q: Tensor, k: Tensor, v: Tensor, bias: Tensor) -> Tensor:
    """Attend among tokens, (..., tokens, channels)."""
    return (q @ k.transpose(-1, -2) + bias).softmax(dim=-1) @ v


def feed_forward(block: Block, x: Tensor) -> Tensor:
    """Return the feed-forward network of a block."""
    hidden = functional.gelu(block.ffn.fc1(x))
    fed: Tensor = block.ffn.fc2(hidden + filtered(block.ffn.dwconv.dwconv, hidden))
    return fed


def filtered(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """Convolve (N, h, w, C)."""
    planes = x.permute(0, 3, 1, 2)
    planes = functional.conv2d(planes, conv.weight, conv.bias, padding=conv.padding, groups=conv.groups)
    return planes.permute(0, 2, 3, 1)
