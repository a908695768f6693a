"""What follows every decoder of a student: perhaps a bottleneck, then the head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.config import StudentConfig


def bottleneck(config: StudentConfig) -> nn.Module:
    """Return what leaves fewer channels to the head, so that codes are short; the identity where none is."""
    if config.bottleneck is None:
        return nn.Identity()
    return nn.Conv2d(config.fuse_channels, config.bottleneck, kernel_size=1)


class LearnedUpsampling(nn.Module):
    """Double the resolution: nearest neighbour, then a 3x3 filter for each channel, bilinear at first.

    Parameters
    ----------
    channels
        Of the map.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, kernel_size=3, padding=1, groups=channels)
        # Sixteenths of (1, 2, 1) by itself, written out: arithmetic on `meta` would load the compiler.
        tent = torch.tensor([[0.0625, 0.125, 0.0625], [0.125, 0.25, 0.125], [0.0625, 0.125, 0.0625]])
        with torch.no_grad():
            self.conv.weight.copy_(tent.expand_as(self.conv.weight))
            nn.init.zeros_(self.conv.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, 2 h, 2 w)."""
        doubled: Tensor = self.conv(functional.interpolate(x, scale_factor=2, mode="nearest"))
        return doubled


class EmbeddingHead(nn.Module):
    """Turn features into embeddings.

    Without upsamplings it is a 1x1 convolution, linear per pixel; with them, as published, a 3x3 convolution
    comes first.

    Parameters
    ----------
    features
        Channels of the input, functional.
    embedding_dim
        D.
    upsamplings
        Number of learned x2 upsamplings.
    """

    def __init__(self, features: int, embedding_dim: int, upsamplings: int) -> None:
        super().__init__()
        self.upsamplings = upsamplings
        size = 3 if upsamplings else 1
        self.conv = nn.Conv2d(features, embedding_dim, kernel_size=size, padding=size // 2)
        for step in range(upsamplings):
            self.add_module(f"upsample_{step}", LearnedUpsampling(embedding_dim))

    def forward(self, x: Tensor) -> Tensor:
        """Return raw embeddings, (N, D, h, w) to (N, D, 2^upsamplings h, 2^upsamplings w)."""
        x = self.conv(x)
        for step in range(self.upsamplings):
            x = self.get_submodule(f"upsample_{step}")(x)
        return x
