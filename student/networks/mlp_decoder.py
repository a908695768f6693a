"""The decoder: each stage of the encoder embedded, brought to stride 4, fused; then the head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.config import StudentConfig
from student.networks.conv_norm_act import ConvNormAct


class Branch(nn.Module):
    """Embed the features of one stage and bring them to stride 4.

    Parameters
    ----------
    inputs, outputs
        Channels.
    factor
        By which the resolution grows.
    """

    def __init__(self, inputs: int, outputs: int, factor: int) -> None:
        super().__init__()
        self.embedding = nn.ModuleDict({"conv": nn.Conv2d(inputs, outputs, kernel_size=1)})
        self.factor = factor

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, factor h, factor w)."""
        x = self.embedding["conv"](x)
        if self.factor == 1:
            return x
        return functional.interpolate(x, scale_factor=self.factor, mode="bilinear", align_corners=False)


class SkipNorm(nn.Module):
    """Normalise the features that skip the deeper stages, (N, h, w, C) to (N, C, h, w).

    Parameters
    ----------
    channels
        C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.ln = nn.LayerNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, h, w)."""
        normalised: Tensor = self.ln(x).permute(0, 3, 1, 2)
        return normalised


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


class MlpDecoder(nn.Module):
    """The MLP decoder of SegFormer (Xie et al., 2021), with a 1x1 convolution for each stage.

    Parameters
    ----------
    config
        Of the network.
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        one, two, three, four = config.channels
        skips = list(zip((three, two, one), config.skip_channels, (4, 2, 1), strict=True))
        self.main_branch = Branch(four, config.main_channels, 8)
        self.skip_fusions = nn.ModuleList(SkipNorm(inputs) for inputs, _, _ in skips)
        self.skip_branches = nn.ModuleList(Branch(*skip) for skip in skips)
        self.fuse = ConvNormAct(config.main_channels + sum(config.skip_channels), config.fuse_channels)
        self.dropout = nn.Dropout2d(config.dropout)
        self.bottleneck = (
            nn.Identity()
            if config.bottleneck is None
            else nn.Conv2d(config.fuse_channels, config.bottleneck, kernel_size=1)
        )
        self._task_head = EmbeddingHead(config.feature_channels, config.embedding_dim, config.upsamplings)

    def fused(self, deepest: Tensor, skips: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Return what the bottleneck sees, or the head where there is none.

        Parameters
        ----------
        deepest
            (N, C, h, w) at stride 32.
        skips
            Features at strides 16, 8 and 4, channels last.

        Returns
        -------
        (N, F, 8 h, 8 w).
        """
        stages = [self.main_branch(deepest)]
        for skip, norm, branch in zip(skips, self.skip_fusions, self.skip_branches, strict=True):
            stages.append(branch(norm(skip)))
        fused: Tensor = self.dropout(self.fuse(torch.cat(stages, dim=1)))
        return fused

    @property
    def head(self) -> EmbeddingHead:
        """The head."""
        return self._task_head
