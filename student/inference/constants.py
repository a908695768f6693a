"""Constants of the inference network from trained layers."""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.inference.operations import Convolution, Linear, Operations, Value


def linear(layer: nn.Linear, scale: Tensor | None = None) -> Linear:
    """Return the constants of a linear layer, each output times its scale."""
    if scale is None:
        return Linear(layer.weight.t(), layer.bias)
    factor = scale.detach().flatten().double()
    weight = layer.weight.detach().double() * factor[:, None]
    return Linear(weight.t().float(), (layer.bias.detach().double() * factor).float())


def convolution(
    conv: nn.Conv2d, scale: Tensor | None = None, bias: Tensor | None = None, *, relu: bool = False
) -> Convolution:
    """Return the constants of a convolution, perhaps with the scale and bias of the batch norm after it."""
    weight = conv.weight.detach().double()
    own = torch.zeros(len(weight)) if conv.bias is None else conv.bias.detach()
    total = own.double()
    if scale is not None and bias is not None:
        weight, total = weight * scale[:, None, None, None], total * scale + bias
    return Convolution(
        weight.float(),
        total.float(),
        stride=conv.stride[0],
        padding=cast(int, conv.padding[0]),
        groups=conv.groups,
        relu=relu,
    )


def added_filter(conv: nn.Conv2d) -> Convolution:
    """Return the constants of x + filter(x), for a filter of each channel."""
    made = convolution(conv)
    middle = made.weight.shape[-1] // 2
    made.weight[:, 0, middle, middle] += 1
    return made


def sampling(length: int, count: int) -> Tensor:
    """Return the weights (count, length) of bilinear sampling along an axis, edge to edge."""
    every = functional.interpolate(torch.eye(length)[None], size=count, mode="linear", align_corners=False)
    return every[0].t().contiguous()


class Filter(nn.Module):
    """A filter for each channel of rows.

    Parameters
    ----------
    layer
        Its constants.
    grid
        Height and width of the map.
    """

    def __init__(self, layer: Convolution, grid: tuple[int, int]) -> None:
        super().__init__()
        self.layer, self.grid = layer, grid

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows to rows."""
        channels = len(self.layer.weight)
        return to_rows(ops, ops.convolve(to_planes(ops, x, self.grid, channels), self.layer), channels)


def to_planes(ops: Operations, x: Value, grid: tuple[int, int], channels: int) -> Value:
    """Rows of a map to (N, C, h, w)."""
    return ops.transpose(ops.reshape(x, (-1, *grid, channels)), (0, 3, 1, 2))


def to_rows(ops: Operations, x: Value, channels: int) -> Value:
    """(N, C, h, w) to rows."""
    return ops.reshape(ops.transpose(x, (0, 2, 3, 1)), (-1, channels))
