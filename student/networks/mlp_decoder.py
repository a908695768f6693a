"""The decoder of published students: each stage embedded, brought to stride 4, fused; then the head."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.config import StudentConfig
from student.networks.conv_norm_act import ConvNormAct
from student.networks.embedding_head import EmbeddingHead, bottleneck


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
        self.bottleneck = bottleneck(config)
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
