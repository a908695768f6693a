"""The encoder: a Swin Transformer V2 that sees colour and depth."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor, nn

from student.networks.config import StudentConfig
from student.networks.initialisation import initialise_linear
from student.networks.swin import Block, PatchMerging

PATCH = 4
"""Input pixels along the side of a patch."""


class PatchEmbedder(nn.Module):
    """Embed 4x4 patches of colour and of depth, each normalised by itself, side by side.

    Parameters
    ----------
    rgb_channels, depth_channels
        Of the two embeddings.
    """

    def __init__(self, rgb_channels: int, depth_channels: int) -> None:
        super().__init__()
        self.rgb_layers = self._branch(3, rgb_channels)
        self.depth_layers = self._branch(1, depth_channels)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Embed (N, 3, H, W) and (N, 1, H, W) as (N, H / 4, W / 4, C)."""
        return torch.cat([self.rgb_layers(rgb), self.depth_layers(depth)], dim=-1)

    @staticmethod
    def _branch(inputs: int, channels: int) -> nn.Sequential:
        return nn.Sequential(
            nn.Conv2d(inputs, channels, kernel_size=PATCH, stride=PATCH),
            _ChannelsLast(),
            nn.LayerNorm(channels),
        )


class RgbdSwin(nn.Module):
    """Four stages at strides 4, 8, 16 and 32.

    Parameters
    ----------
    config
        Of the network.
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.patch_embedder = PatchEmbedder(config.rgb_channels, config.depth_channels)
        one, two, three, four = (_blocks(config, stage) for stage in range(4))
        to_two, to_three, to_four = (PatchMerging(channels) for channels in config.channels[:3])
        # The published keys count the parts of the whole encoder, hence the numbers.
        self.layer_1 = one
        self.layer_2 = nn.Sequential(OrderedDict([("2", to_two), ("3", two)]))
        self.layer_3 = nn.Sequential(OrderedDict([("4", to_three), ("5", three)]))
        self.layer_4 = nn.Sequential(
            nn.Sequential(OrderedDict([("6", to_four), ("7", four)])), nn.LayerNorm(config.channels[3])
        )
        self.apply(initialise_linear)

    def forward(self, rgb: Tensor, depth: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the features of the four stages, (N, h, w, C) each; the last is normalised."""
        one = self.layer_1(self.patch_embedder(rgb, depth))
        two = self.layer_2(one)
        three = self.layer_3(two)
        return one, two, three, self.layer_4(three)


class _ChannelsLast(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.permute(0, 2, 3, 1)


def _blocks(config: StudentConfig, stage: int) -> nn.Sequential:
    """Return the blocks of a stage; every second one shifts its windows by half."""
    return nn.Sequential(
        *(
            Block(
                config.channels[stage],
                config.heads[stage],
                config.window,
                shift=config.window // 2 if block % 2 else 0,
                drop_path=chance,
            )
            for block, chance in enumerate(config.drop_paths[stage])
        )
    )
