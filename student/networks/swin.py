"""The parts of a Swin Transformer V2 (Liu et al., 2022): window attention, block, patch merging.

Features are channels-last, (N, h, w, C). Every operation follows the published implementation, so that
published weights give the published numbers; `student.inference` has the fast form.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.stochastic_depth import StochasticDepth

MASKED = -100.0
"""Added to the logit of two tokens that the cyclic shift brought together."""

MAX_LOGIT_SCALE = math.log(100.0)


class WindowAttention(nn.Module):
    """Scaled cosine attention within (shifted) windows, with a continuous relative position bias.

    Parameters
    ----------
    channels, heads
        `channels` is a multiple of `heads`.
    window
        Tokens along the side of a window.
    shift
        Tokens by which the windows are shifted; an axis that has one window alone is never shifted.
    """

    relative_coords_table: Tensor
    relative_position_index: Tensor

    def __init__(self, channels: int, heads: int, window: int, shift: int) -> None:
        super().__init__()
        self.heads, self.window, self.shift = heads, window, shift
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        self.logit_scale = nn.Parameter(torch.full((heads, 1, 1), math.log(10.0)))
        self.cpb_mlp = nn.Sequential(nn.Linear(2, 512), nn.ReLU(), nn.Linear(512, heads, bias=False))
        with torch.device("cpu"):  # arithmetic on `meta` would load the compiler, for seconds
            table, index = _relative_coordinates(window), _relative_index(window)
        self.register_buffer("relative_coords_table", table.to(self.logit_scale.device))
        self.register_buffer("relative_position_index", index.to(self.logit_scale.device))

    def forward(self, x: Tensor) -> Tensor:
        """Attend within windows, (N, h, w, C) to the same shape."""
        height, width = x.shape[1:3]
        right, bottom = -width % self.window, -height % self.window
        # Zero tokens fill the last windows. They are not masked: their keys are zero, not their values.
        x = functional.pad(x, (0, 0, 0, right, 0, bottom))
        shift = self.shifts(height + bottom, width + right)
        if any(shift):
            x = torch.roll(x, (-shift[0], -shift[1]), dims=(1, 2))
        windows = _partition(x, self.window)
        mask = shift_mask(x.shape[1], x.shape[2], self.window, shift).to(x) if any(shift) else None
        x = _join(self._attend(windows, mask), x.shape, self.window)
        if any(shift):
            x = torch.roll(x, shift, dims=(1, 2))
        return x[:, :height, :width].contiguous()

    def shifts(self, height: int, width: int) -> tuple[int, int]:
        """Return the cyclic shift of a padded map along y and x."""
        return (self.shift if height > self.window else 0, self.shift if width > self.window else 0)

    def qkv_bias(self) -> Tensor:
        """Return the bias of `qkv` as it is used: keys have none, whatever the weights hold."""
        keep = torch.ones(3, 1, dtype=self.qkv.bias.dtype, device=self.qkv.bias.device)
        keep[1] = 0
        return (self.qkv.bias.view(3, -1) * keep).flatten()

    def position_bias(self) -> Tensor:
        """Return what the offset of two tokens adds to their logit, (heads, window^2, window^2)."""
        table = self.cpb_mlp(self.relative_coords_table).view(-1, self.heads)
        tokens = self.window**2
        bias = table[self.relative_position_index].view(tokens, tokens, self.heads)
        return 16 * torch.sigmoid(bias.permute(2, 0, 1))

    def scale(self) -> Tensor:
        """Return what the cosines are multiplied by, (heads, 1, 1)."""
        return self.logit_scale.clamp(max=MAX_LOGIT_SCALE).exp()

    def _attend(self, windows: Tensor, mask: Tensor | None) -> Tensor:
        """Attend among the tokens of each window, (N * windows, tokens, C)."""
        count, tokens, channels = windows.shape
        qkv = functional.linear(windows, self.qkv.weight, self.qkv_bias())
        q, k, v = qkv.view(count, tokens, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        logits = functional.normalize(q, dim=-1) @ functional.normalize(k, dim=-1).transpose(-2, -1)
        logits = logits * self.scale() + self.position_bias()
        if mask is not None:
            logits = logits.view(-1, len(mask), self.heads, tokens, tokens) + mask[:, None]
            logits = logits.view(count, self.heads, tokens, tokens)
        attended = logits.softmax(dim=-1) @ v
        projected: Tensor = self.proj(attended.transpose(1, 2).reshape(count, tokens, channels))
        return projected


class Block(nn.Module):
    """Attention and a two-layer perceptron, each normalised and then added to its input.

    Parameters
    ----------
    channels, heads, window, shift
        See `WindowAttention`.
    drop_path
        Chance of leaving a branch out in training, for each image by itself.
    """

    def __init__(self, channels: int, heads: int, window: int, shift: int, drop_path: float) -> None:
        super().__init__()
        self.drop_path = StochasticDepth(drop_path)
        self.norm1 = nn.LayerNorm(channels)
        self.attn = WindowAttention(channels, heads, window, shift)
        self.norm2 = nn.LayerNorm(channels)
        # The gaps in the keys are the published network's dropouts of chance 0.
        self.mlp = nn.Sequential(
            nn.Linear(channels, 4 * channels), nn.GELU(), nn.Identity(), nn.Linear(4 * channels, channels)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Return features of the same shape, (N, h, w, C)."""
        x = x + self.drop_path(self.norm1(self.attn(x)))
        mixed: Tensor = x + self.drop_path(self.norm2(self.mlp(x)))
        return mixed


class PatchMerging(nn.Module):
    """Halve the resolution and double the channels.

    Parameters
    ----------
    channels
        C of the input; the output has 2 C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.reduction = nn.Linear(4 * channels, 2 * channels, bias=False)
        self.norm = nn.LayerNorm(2 * channels)

    def forward(self, x: Tensor) -> Tensor:
        """Merge 2x2 tokens, (N, h, w, C) to (N, ceil(h / 2), ceil(w / 2), 2 C)."""
        x = functional.pad(x, (0, 0, 0, x.shape[2] % 2, 0, x.shape[1] % 2))
        corners = [x[:, 0::2, 0::2], x[:, 1::2, 0::2], x[:, 0::2, 1::2], x[:, 1::2, 1::2]]
        merged: Tensor = self.norm(self.reduction(torch.cat(corners, dim=-1)))
        return merged


def shift_mask(height: int, width: int, window: int, shift: tuple[int, int]) -> Tensor:
    """Return what keeps tokens apart that only the cyclic shift made neighbours.

    Parameters
    ----------
    height, width
        Of the padded map, multiples of `window`.
    window
        Tokens along the side of a window.
    shift
        The cyclic shift along y and x.

    Returns
    -------
    (windows, window^2, window^2) float32, 0 or `MASKED`.
    """
    regions = [_regions(length, window, by) for length, by in zip((height, width), shift, strict=True)]
    region = (3 * regions[0][:, None] + regions[1])[None, :, :, None]
    of_token = _partition(region, window)[..., 0]
    return torch.where(of_token[:, None] == of_token[:, :, None], 0.0, MASKED)


def _regions(length: int, window: int, shift: int) -> Tensor:
    """Number the stretches of a shifted axis that were together before the shift."""
    place = torch.arange(length)
    if shift == 0:
        return torch.zeros_like(place)
    return (place >= length - window).long() + (place >= length - shift).long()


def _partition(x: Tensor, window: int) -> Tensor:
    """Cut (N, h, w, C) into (N * windows, window^2, C), both row by row."""
    count, height, width, channels = x.shape
    x = x.view(count, height // window, window, width // window, window, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(-1, window * window, channels)


def _join(windows: Tensor, shape: torch.Size, window: int) -> Tensor:
    """Undo `_partition`."""
    count, height, width, channels = shape
    x = windows.view(count, height // window, width // window, window, window, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(shape)


def _relative_coordinates(window: int) -> Tensor:
    """Return log-spaced offsets (dy, dx) between tokens, (1, 2 window - 1, 2 window - 1, 2)."""
    offset = torch.arange(1 - window, window, dtype=torch.float32)
    far = 8 * offset / (window - 1)
    spaced = far.sign() * torch.log2(far.abs() + 1) / 3
    return torch.stack(torch.meshgrid(spaced, spaced, indexing="ij"), dim=-1)[None]


def _relative_index(window: int) -> Tensor:
    """Return the entry of the offset table for each query and key, (window^4,) int64."""
    y, x = torch.meshgrid(torch.arange(window), torch.arange(window), indexing="ij")
    y, x = y.flatten(), x.flatten()
    dy = y[:, None] - y + window - 1
    dx = x[:, None] - x + window - 1
    return (dy * (2 * window - 1) + dx).flatten()
