"""The hybrid Vision Transformer: three stages of a residual network embed the patches.

Its convolutions have standardised weights and pad as TensorFlow does, so that an output pixel lies where the
weights, which come from there, expect it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.vit import Vit, VitConfig

HYBRID_CHANNELS = (256, 512, 1024)
"""Of the three stages, at strides 4, 8 and 16."""

_DEPTHS = (3, 4, 9)
_GROUPS = 32
_EPS = 1e-5


def pad_same(x: Tensor, size: int, stride: int, value: float = 0.0) -> Tensor:
    """Pad (N, C, h, w) for ceil(h / stride) x ceil(w / stride) outputs; an odd pixel goes below and right."""
    pads: list[int] = []
    for length in (x.shape[3], x.shape[2]):
        total = max((-(-length // stride) - 1) * stride + size - length, 0)
        pads += [total // 2, total - total // 2]
    return functional.pad(x, pads, value=value)


class StandardConv(nn.Conv2d):
    """A convolution whose filters are standardised: (w - mean) / (std + 1e-5) (Qiao et al., 2019).

    Parameters
    ----------
    inputs, outputs
        Channels.
    size
        Pixels along the side of a filter.
    stride
        Of the outputs.
    """

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1) -> None:
        super().__init__(inputs, outputs, size, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, ceil(h / stride), ceil(w / stride))."""
        std, mean = torch.std_mean(self.weight, dim=(1, 2, 3), correction=0, keepdim=True)
        padded = pad_same(x, self.kernel_size[0], self.stride[0])
        # The epsilon beside the deviation, not the variance: the released weights were trained so.
        return functional.conv2d(padded, (self.weight - mean) / (std + _EPS), stride=self.stride)


class ConvNorm(nn.Module):
    """A standardised convolution and group normalisation, of a stem or a shortcut.

    Parameters
    ----------
    inputs, outputs, size, stride
        See `StandardConv`.
    """

    def __init__(self, inputs: int, outputs: int, size: int, stride: int) -> None:
        super().__init__()
        self.conv = StandardConv(inputs, outputs, size, stride)
        self.norm = nn.GroupNorm(_GROUPS, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, ceil(h / stride), ceil(w / stride))."""
        normalised: Tensor = self.norm(self.conv(x))
        return normalised


class Bottleneck(nn.Module):
    """Three convolutions through a quarter of the channels, added to what came in (He et al., 2016).

    Parameters
    ----------
    inputs, outputs
        Channels.
    stride
        1 or 2.
    shortcut
        Whether what came in passes a convolution.
    """

    def __init__(self, inputs: int, outputs: int, stride: int, *, shortcut: bool) -> None:
        super().__init__()
        hidden = outputs // 4
        self.downsample = ConvNorm(inputs, outputs, 1, stride) if shortcut else nn.Identity()
        self.conv1 = StandardConv(inputs, hidden, 1)
        self.norm1 = nn.GroupNorm(_GROUPS, hidden)
        self.conv2 = StandardConv(hidden, hidden, 3, stride)
        self.norm2 = nn.GroupNorm(_GROUPS, hidden)
        self.conv3 = StandardConv(hidden, outputs, 1)
        self.norm3 = nn.GroupNorm(_GROUPS, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, ceil(h / stride), ceil(w / stride))."""
        y = functional.relu(self.norm1(self.conv1(x)))
        y = functional.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return functional.relu(y + self.downsample(x))


class Stage(nn.Module):
    """Bottlenecks, the first of which changes channels and perhaps resolution.

    Parameters
    ----------
    inputs, outputs
        Channels.
    depth
        Bottlenecks.
    stride
        Of the first.
    """

    def __init__(self, inputs: int, outputs: int, depth: int, stride: int) -> None:
        super().__init__()
        first = Bottleneck(inputs, outputs, stride, shortcut=True)
        rest = (Bottleneck(outputs, outputs, 1, shortcut=False) for _ in range(depth - 1))
        self.blocks = nn.Sequential(first, *rest)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, ceil(h / stride), ceil(w / stride))."""
        staged: Tensor = self.blocks(x)
        return staged


class HybridBackbone(nn.Module):
    """Stem and three stages of the residual network."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = ConvNorm(3, 64, 7, 2)
        inputs = (64, *HYBRID_CHANNELS)
        self.stages = nn.ModuleList(
            Stage(inputs[stage], inputs[stage + 1], depth, 2 if stage else 1)
            for stage, depth in enumerate(_DEPTHS)
        )

    def forward(self, rgb: Tensor) -> Iterator[Tensor]:
        """Yield the maps of the stages, at strides 4, 8 and 16, of (N, 3, H, W)."""
        x = functional.relu(self.stem(rgb))
        x = functional.max_pool2d(pad_same(x, 3, 2, value=-torch.inf), 3, stride=2)
        for stage in self.stages:
            x = stage(x)
            yield x


class HybridEmbedding(nn.Module):
    """The residual network, and what makes tokens of its last map.

    Parameters
    ----------
    width
        Numbers a token, D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.backbone = HybridBackbone()
        self.proj = nn.Conv2d(HYBRID_CHANNELS[-1], width, kernel_size=1)


class VitHybrid(Vit):
    """R50 + ViT-B/16; its first two taps are maps of the residual network.

    Parameters
    ----------
    config
        Of the transformer: patches of 16 pixels.
    """

    def __init__(self, config: VitConfig) -> None:
        if config.patch != 2 ** (len(HYBRID_CHANNELS) + 1):
            raise ValueError(f"patches of a hybrid have 16 pixels along a side, got {config.patch}")
        super().__init__(config, HybridEmbedding(config.width))

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Return what each tap gives.

        Parameters
        ----------
        rgb
            (N, 3, H, W), multiples of the patch.

        Returns
        -------
        (N, 256, H / 4, W / 4) and (N, 512, H / 8, W / 8), then (N, 1 + h w, D) for each tapped block.
        """
        embedding = cast(HybridEmbedding, self.patch_embed)
        one, two, three = embedding.backbone(rgb)
        return (one, two, *self.encode(self.tokens(embedding.proj(three))))
