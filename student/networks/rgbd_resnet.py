"""The encoder of small students: residual convolutions (He et al., 2016) that see colour and depth.

It stands where `RgbdSwin` stands. Convolutions learn from few images, which attention does not, and
processors without an accelerator run them near their peak.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.config import StudentConfig
from student.networks.stochastic_depth import StochasticDepth


class Stem(nn.Module):
    """Halve the resolution of colour and of depth, each by itself, side by side.

    Parameters
    ----------
    rgb_channels, depth_channels
        Of the two halves of the output.
    """

    def __init__(self, rgb_channels: int, depth_channels: int) -> None:
        super().__init__()
        self.rgb = nn.Conv2d(3, rgb_channels, kernel_size=3, stride=2, padding=1, bias=False)
        self.depth = nn.Conv2d(1, depth_channels, kernel_size=3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(rgb_channels + depth_channels)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Embed (N, 3, H, W) and (N, 1, H, W) as (N, C, H / 2, W / 2)."""
        return functional.relu(self.norm(torch.cat([self.rgb(rgb), self.depth(depth)], dim=1)))


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, added to what came in; the first may halve the resolution.

    Parameters
    ----------
    inputs, outputs
        Channels.
    stride
        1 or 2.
    drop_path
        Chance of leaving the convolutions out in training, for each image by itself.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, drop_path: float) -> None:
        super().__init__()
        self.stride = stride
        self.conv1 = nn.Conv2d(inputs, outputs, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, kernel_size=3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Sequential(nn.Conv2d(inputs, outputs, kernel_size=1, bias=False), nn.BatchNorm2d(outputs))
            if stride > 1 or inputs != outputs
            else None
        )
        self.drop_path = StochasticDepth(drop_path)
        nn.init.zeros_(self.norm2.weight)  # begins as what came in (Goyal et al., 2017)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, h / stride, w / stride)."""
        y = self.norm2(self.conv2(functional.relu(self.norm1(self.conv1(x)))))
        y = self.drop_path(y)
        if self.shortcut is not None:  # all pixels are seen (He et al., 2019, ResNet-D)
            x = self.shortcut(functional.avg_pool2d(x, self.stride) if self.stride > 1 else x)
        return functional.relu(x + y)


class RgbdResNet(nn.Module):
    """Four stages at strides 4, 8, 16 and 32.

    Parameters
    ----------
    config
        Of the network.
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.stem = Stem(config.rgb_channels, config.depth_channels)
        inputs = config.width
        self.stages = nn.ModuleList()
        for channels, chances in zip(config.channels, config.drop_paths, strict=True):
            self.stages.append(
                nn.Sequential(
                    *(
                        ResidualBlock(channels if block else inputs, channels, 1 if block else 2, chance)
                        for block, chance in enumerate(chances)
                    )
                )
            )
            inputs = channels
        self.to(memory_format=torch.channels_last)

    def forward(self, rgb: Tensor, depth: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the features of the four stages, (N, h, w, C) each."""
        rgb = rgb.contiguous(memory_format=torch.channels_last)
        x = self.stem(rgb, depth)
        one, two, three, four = (x := stage(x) for stage in self.stages)
        return (
            one.permute(0, 2, 3, 1),
            two.permute(0, 2, 3, 1),
            three.permute(0, 2, 3, 1),
            four.permute(0, 2, 3, 1),
        )
