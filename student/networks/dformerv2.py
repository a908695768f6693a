"""DFormerv2 (Yin et al., 2025): an encoder of colour in which depth says which tokens attend to each other.

Features are channels-last, (N, h, w, C). Every operation follows the published implementation, so that
published weights give the published numbers; what the blocks of a stage have in common is computed once.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn
from torch.nn import functional

from student.networks.dformer_config import DFormerConfig
from student.networks.dformerv2_block import Block
from student.networks.geometry_prior import StageGeometry
from student.networks.initialisation import initialise_linear


class Stage(nn.Module):
    """Blocks that share their geometry, and what halves the resolution after them.

    Parameters
    ----------
    config
        Of the encoder.
    stage
        From 0.
    drop_paths
        Chance of leaving out a branch of each block.
    """

    def __init__(self, config: DFormerConfig, stage: int, drop_paths: list[float]) -> None:
        super().__init__()
        self.last = stage == 3
        channels = config.channels[stage]
        self.blocks = nn.ModuleList(
            Block(
                channels,
                config.heads[stage],
                config.mlp_ratios[stage],
                config.heads_ranges[stage],
                layer_scale=config.layer_scale[stage],
                drop_path=chance,
            )
            for chance in drop_paths
        )
        self.downsample = None if self.last else Halving(channels, config.channels[stage + 1])

    def forward(self, x: Tensor, depth: Tensor) -> Tensor:
        """Return (N, h, w, C) for the same and depth (N, 1, H, W) of any resolution."""
        depth = functional.interpolate(depth, size=x.shape[1:3], mode="bilinear", align_corners=False)
        angle = cast(Block, self.blocks[0]).Geo.angle  # all blocks have the same
        geometry = StageGeometry(depth[:, 0], angle, whole=self.last)
        for block in self.blocks:
            x = block(x, geometry)
        return x


class Halving(nn.Module):
    """Halve the resolution.

    Parameters
    ----------
    inputs, outputs
        Channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.reduction = nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, ceil(h / 2), ceil(w / 2), outputs) for (N, h, w, inputs)."""
        halved: Tensor = self.norm(self.reduction(x.permute(0, 3, 1, 2)))
        return halved.permute(0, 2, 3, 1)


class DFormerV2(nn.Module):
    """Four stages at strides 4, 8, 16 and 32.

    Its state dict has the keys of the published encoders. Those have batch norms that share their statistics
    over devices in training (`torch.nn.SyncBatchNorm.convert_sync_batchnorm`).

    Parameters
    ----------
    config
        Of version 2.
    drop_path
        Chance of skipping the last block in training; by default the config's.

    Attributes
    ----------
    config : DFormerConfig

    Raises
    ------
    ValueError
        The config is of version 1.
    """

    def __init__(self, config: DFormerConfig, drop_path: float | None = None) -> None:
        super().__init__()
        if config.version != 2:
            raise ValueError(
                f"DFormerV2 needs a config of version 2, got {config.name} of version {config.version}; "
                "use DFormer"
            )
        self.config = config
        self.patch_embed = nn.ModuleDict({"proj": _stem(config.channels[0])})
        self.layers = nn.ModuleList(
            Stage(config, stage, chances) for stage, chances in enumerate(config.drop_paths(drop_path))
        )
        self.extra_norms = nn.ModuleList(nn.LayerNorm(channels) for channels in config.channels[1:])
        self.apply(initialise_linear)

    def forward(self, rgb: Tensor, depth: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the features of each stage; all but the first are normalised.

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
        depth = depth[:, :1].float()
        stem = self.patch_embed["proj"]
        # Channels-last from here on: in the stem it would be no faster, and less exact.
        x = stem(rgb.contiguous()).permute(0, 2, 3, 1).contiguous()
        maps = []
        for stage in cast("list[Stage]", self.layers):
            x = stage(x, depth)
            maps.append(x)
            if stage.downsample is not None:
                x = stage.downsample(x)
        normalised = [norm(x) for norm, x in zip(self.extra_norms, maps[1:], strict=True)]
        one, two, three, four = (x.permute(0, 3, 1, 2) for x in (maps[0], *normalised))
        return one, two, three, four


def _stem(channels: int) -> nn.Sequential:
    """Return what brings colour to stride 4."""
    half = channels // 2
    widths = ((3, half, 2), (half, half, 1), (half, channels, 2), (channels, channels, 1))
    layers: list[nn.Module] = []
    for inputs, outputs, stride in widths:
        conv = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1)
        layers += [conv, nn.BatchNorm2d(outputs), nn.GELU()]
    return nn.Sequential(*layers[:-1])
