"""The decoder of SegFormer (Xie et al., 2021) as DFormer has it: `linear_fuse` keeps its bias.

The student's `MlpDecoder` is of the same kind, but brings the stages together in another way.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.ham import BATCH_NORM_EPS

EMBEDDING_CHANNELS: Final = 512
"""Channels of each stage before they are fused, and after."""


class StageEmbedding(nn.Module):
    """Embed the features of one stage, pixel by pixel.

    Parameters
    ----------
    inputs, outputs
        Channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.proj = nn.Linear(inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, h, w)."""
        embedded: Tensor = self.proj(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return embedded


class SegFormerDecoder(nn.Module):
    """Classify the pixels at stride 4, from the features of all four stages.

    Parameters
    ----------
    inputs
        Channels of the four stages of the encoder.
    classes
        K.
    channels
        Of each stage before they are fused, and after.
    dropout
        Chance of dropping a fused channel in training.
    """

    def __init__(
        self, inputs: tuple[int, int, int, int], classes: int, channels: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        one, two, three, four = inputs
        self.linear_c4 = StageEmbedding(four, channels)
        self.linear_c3 = StageEmbedding(three, channels)
        self.linear_c2 = StageEmbedding(two, channels)
        self.linear_c1 = StageEmbedding(one, channels)
        self.linear_fuse = nn.Sequential(
            nn.Conv2d(4 * channels, channels, kernel_size=1),
            nn.BatchNorm2d(channels, eps=BATCH_NORM_EPS),
            nn.ReLU(),
        )
        self.dropout = nn.Dropout2d(dropout)
        self.linear_pred = nn.Conv2d(channels, classes, kernel_size=1)

    def forward(self, maps: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        """Return logits (N, K, H / 4, W / 4) from the maps of the four stages."""
        one, two, three, four = maps
        coarse = (
            functional.interpolate(x, size=one.shape[2:], mode="bilinear", align_corners=False)
            for x in (self.linear_c4(four), self.linear_c3(three), self.linear_c2(two))
        )
        fused = self.linear_fuse(torch.cat([*coarse, self.linear_c1(one)], dim=1))
        logits: Tensor = self.linear_pred(self.dropout(fused))
        return logits
