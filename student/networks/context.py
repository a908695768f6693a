"""Global context for the deepest features: the pyramid pooling module of PSPNet (Zhao et al., 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.conv_norm_act import ConvNormAct


class ContextModule(nn.Module):
    """Pool a map to coarse grids, embed them and add them as channels.

    Parameters
    ----------
    channels
        Of the map, before and after.
    pooled_channels
        Of each pooled map.
    bins
        Cells along the side of each pooled map.
    """

    def __init__(self, channels: int, pooled_channels: int, bins: tuple[int, ...]) -> None:
        super().__init__()
        self.features = nn.ModuleList(
            nn.Sequential(nn.AdaptiveAvgPool2d(cells), ConvNormAct(channels, pooled_channels))
            for cells in bins
        )
        self.final_conv = ConvNormAct(channels + len(bins) * pooled_channels, channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return a map of the same shape, (N, C, h, w)."""
        pooled = [
            functional.interpolate(branch(x), size=x.shape[2:], mode="bilinear", align_corners=False)
            for branch in self.features
        ]
        fused: Tensor = self.final_conv(torch.cat([x, *pooled], dim=1))
        return fused
