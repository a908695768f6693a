"""The residual encoder for one input size, its batch norms part of the convolutions before them."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from student.inference.batch_norm import scale_and_bias
from student.inference.operations import Convolution, Operations, Value
from student.networks.dveformer import DVEFormer
from student.networks.rgbd_resnet import ResidualBlock, RgbdResNet, Stem
from student.preprocessing import RGB_MEAN, RGB_STD


class Halves(nn.Module):
    """The stem: convolutions of colour and of depth, side by side.

    Colour is normalised before, not by the weights: beyond the border there is the mean colour, not black.

    Parameters
    ----------
    stem
        As trained.
    mean, std
        Of depth, in metres.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, stem: Stem, mean: float, std: float) -> None:
        super().__init__()
        self.mean, self.std = mean, std
        rgb_mean, rgb_std = torch.tensor(RGB_MEAN), torch.tensor(RGB_STD)
        self.register_buffer("scale", 1 / (255 * rgb_std))
        self.register_buffer("offset", -rgb_mean / rgb_std)
        factor, bias = scale_and_bias(stem.norm)
        channels = stem.rgb.out_channels
        self.rgb = _convolution(stem.rgb, factor[:channels], bias[:channels])
        self.depth = _convolution(stem.depth, factor[channels:], bias[channels:])

    def run(self, ops: Operations, rgb: Value, depth: Value, size: tuple[int, int]) -> Value:
        """Turn (N, H, W, 3) and (N, H, W) into (N, C, H / 2, W / 2)."""
        colour = ops.add(ops.mul(ops.to_compute(rgb), self.scale), self.offset)
        shape = ops.to_compute(ops.standardise(depth, self.mean, self.std))
        colour = ops.convolve(ops.transpose(colour, (0, 3, 1, 2)), self.rgb)
        return ops.concat([colour, ops.convolve(ops.reshape(shape, (-1, 1, *size)), self.depth)], axis=1)


class Residual(nn.Module):
    """A residual block.

    Parameters
    ----------
    block
        As trained.
    """

    def __init__(self, block: ResidualBlock) -> None:
        super().__init__()
        self.first = _convolution(block.conv1, *scale_and_bias(block.norm1))
        self.second = _convolution(block.conv2, *scale_and_bias(block.norm2), relu=False)
        self.shortcut: Convolution | None = None
        if block.shortcut is not None:
            conv, norm = block.shortcut
            # The mean of stride x stride pixels, then a 1x1 convolution: one convolution of as many taps.
            self.shortcut = _convolution(
                cast(nn.Conv2d, conv),
                *scale_and_bias(cast(nn.BatchNorm2d, norm)),
                relu=False,
                pooled=block.stride,
            )

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
        self.size, self.channels = size, student.config.channels
        self.stem = Halves(backbone.stem, mean, std)
        self.stages = nn.ModuleList(
            nn.ModuleList(Residual(cast(ResidualBlock, block)) for block in cast(nn.Sequential, stage))
            for stage in backbone.stages
        )

    def run(self, ops: Operations, rgb: Value, depth: Value) -> list[Value]:
        """Return rows of the stages at strides 4, 8, 16 and 32."""
        x = self.stem.run(ops, rgb, depth, self.size)
        features = []
        for stage, channels in zip(self.stages, self.channels, strict=True):
            for block in cast(nn.ModuleList, stage):
                x = cast(Residual, block).run(ops, x)
            features.append(ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (-1, channels)))
        return features


def _convolution(
    conv: nn.Conv2d, scale: Tensor, bias: Tensor, *, relu: bool = True, pooled: int = 1
) -> Convolution:
    weight = conv.weight.detach().double() * scale[:, None, None, None]
    if pooled > 1:
        weight = weight.expand(-1, -1, pooled, pooled) / pooled**2
    return Convolution(
        weight.float(),
        bias.float(),
        stride=max(conv.stride[0], pooled),
        padding=int(conv.padding[0]),
        relu=relu,
    )
