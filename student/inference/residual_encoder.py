"""The residual encoder for one input size, its batch norms part of the convolutions before them."""

from __future__ import annotations

from typing import cast

from torch import nn

from student.inference.batch_norm import scale_and_bias
from student.inference.constants import convolution, to_rows
from student.inference.images import Images
from student.inference.operations import Convolution, Operations, Value
from student.networks.dveformer import DVEFormer
from student.networks.rgbd_resnet import ResidualBlock, RgbdResNet, Stem


class Halves(nn.Module):
    """The stem: convolutions of colour and of depth, side by side.

    Parameters
    ----------
    stem
        As trained.
    """

    def __init__(self, stem: Stem) -> None:
        super().__init__()
        factor, bias = scale_and_bias(stem.norm)
        channels = stem.rgb.out_channels
        self.rgb = convolution(stem.rgb, factor[:channels], bias[:channels], relu=True)
        self.depth = convolution(stem.depth, factor[channels:], bias[channels:], relu=True)

    def run(self, ops: Operations, rgb: Value, depth: Value) -> Value:
        """Turn (N, 3, H, W) and (N, 1, H, W) into (N, C, H / 2, W / 2)."""
        return ops.concat([ops.convolve(rgb, self.rgb), ops.convolve(depth, self.depth)], axis=1)


class Residual(nn.Module):
    """A residual block.

    Parameters
    ----------
    block
        As trained.
    """

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.first = convolution(block.conv1, *scale_and_bias(block.norm1), relu=True)
        self.second = convolution(block.conv2, *scale_and_bias(block.norm2))
        self.shortcut: Convolution | None = None
        if block.shortcut is not None:
            conv, norm = block.shortcut
            self.shortcut = _pooled(cast(nn.Conv2d, conv), cast(nn.BatchNorm2d, norm), block.stride)

    def run(self, ops: Operations, x: Value) -> Value:
        """Return (N, outputs, h / stride, w / stride)."""
        y = ops.convolve(ops.convolve(x, self.first), self.second)
        return ops.relu(ops.add(y, x if self.shortcut is None else ops.convolve(x, self.shortcut)))


class ResidualEncoder(nn.Module):
    """The four stages.

    Parameters
    ----------
    student
        As trained.
    size
        Height and width of the images.
    mean, std
        Of depth, in metres.
    """

    def __init__(self, student: DVEFormer, size: tuple[int, int], mean: float, std: float) -> None:
        super().__init__()
        backbone = cast(RgbdResNet, student.backbone)
        self.channels = student.config.channels
        self.images = Images(size, mean, std)
        self.stem = Halves(backbone.stem)
        self.stages = nn.ModuleList(
            nn.ModuleList(Residual(cast(ResidualBlock, block)) for block in cast(nn.Sequential, stage))
            for stage in backbone.stages
        )

    def run(self, ops: Operations, rgb: Value, depth: Value) -> list[Value]:
        """Return rows of the stages at strides 4, 8, 16 and 32."""
        x = self.stem.run(ops, *self.images.run(ops, rgb, depth))
        features = []
        for stage, channels in zip(self.stages, self.channels, strict=True):
            for block in cast(nn.ModuleList, stage):
                x = cast(Residual, block).run(ops, x)
            features.append(to_rows(ops, x, channels))
        return features


def _pooled(conv: nn.Conv2d, norm: nn.BatchNorm2d, stride: int) -> Convolution:
    """Return the mean of stride x stride pixels, then a 1x1 convolution: one of as many taps."""
    whole = convolution(conv, *scale_and_bias(norm))
    weight = whole.weight.expand(-1, -1, stride, stride) / stride**2
    return Convolution(weight, whole.bias, stride=stride, padding=0)
