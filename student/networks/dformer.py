"""DFormer (Yin et al., 2024): an encoder with a stream for colour and a narrower one for depth."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from student.networks.dformer_block import Block
from student.networks.dformer_config import DFormerConfig
from student.networks.initialisation import initialise_linear


class Stage(nn.ModuleList):
    """Blocks one after another."""

    def forward(self, x: Tensor, e: Tensor) -> tuple[Tensor, Tensor]:
        """Return both streams in their shapes."""
        for block in self:
            x, e = block(x, e)
        return x, e


class DFormer(nn.Module):
    """Four stages at strides 4, 8, 16 and 32.

    Its state dict has the keys of the published encoders.

    Parameters
    ----------
    config
        Of version 1.
    drop_path
        Chance of skipping the last block in training; by default the config's.

    Attributes
    ----------
    config : DFormerConfig

    Raises
    ------
    ValueError
        The config is of version 2.
    """

    def __init__(self, config: DFormerConfig, drop_path: float | None = None) -> None:
        super().__init__()
        if config.version != 1:
            raise ValueError(
                f"DFormer needs a config of version 1, got {config.name} of version {config.version}; "
                "use DFormerV2"
            )
        self.config = config
        channels = config.channels
        self.downsample_layers = _downsamplings(3, (channels[0] // 2, *channels))
        self.downsample_layers_e = _downsamplings(1, (channels[0] // 4, *(wide // 2 for wide in channels)))
        self.stages = nn.ModuleList(
            Stage(
                Block(
                    channels[stage],
                    config.heads[stage],
                    config.windows[stage],
                    config.mlp_ratios[stage],
                    chance,
                    last=stage == 3 and block == config.depths[3] - 1,
                )
                for block, chance in enumerate(chances)
            )
            for stage, chances in enumerate(config.drop_paths(drop_path))
        )
        self.apply(initialise_linear)

    def forward(self, rgb: Tensor, depth: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the colour stream after each stage.

        Parameters
        ----------
        rgb
            (N, 3, H, W), normalised.
        depth
            (N, 1, H, W) or (N, 3, H, W), normalised; the first channel is used.

        Returns
        -------
        Four maps (N, C, h, w), h = ceil(H / stride), channels-last in memory.
        """
        x, e = (image.contiguous(memory_format=torch.channels_last) for image in (rgb, depth[:, :1]))
        maps = []
        for down, down_e, stage in zip(
            self.downsample_layers, self.downsample_layers_e, self.stages, strict=True
        ):
            x, e = stage(down(x).permute(0, 2, 3, 1), down_e(e).permute(0, 2, 3, 1))
            x, e = x.permute(0, 3, 1, 2), e.permute(0, 3, 1, 2)
            maps.append(x)
        one, two, three, four = maps
        return one, two, three, four


def _downsamplings(inputs: int, widths: tuple[int, ...]) -> nn.ModuleList:
    """Return what brings one stream to each stage: a stem of two convolutions, then one at a time."""
    half, first, *_ = widths
    stem = nn.Sequential(
        _halving(inputs, half), nn.BatchNorm2d(half), nn.GELU(), _halving(half, first), nn.BatchNorm2d(first)
    )
    between = (
        nn.Sequential(nn.BatchNorm2d(before), _halving(before, after))
        for before, after in itertools.pairwise(widths[1:])
    )
    return nn.ModuleList([stem, *between])


def _halving(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1)
