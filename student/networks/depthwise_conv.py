"""A filter for each channel of features whose channels come last."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.precision import is_autocast


class DepthwiseConv(nn.Conv2d):
    """A filter for each channel of (N, h, w, C), which keeps the shape.

    Parameters
    ----------
    channels
        C.
    size
        Pixels along the side of a filter, odd.
    """

    def __init__(self, channels: int, size: int) -> None:
        super().__init__(channels, channels, size, padding=size // 2, groups=channels)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, h, w, C)."""
        return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)

    def added(self, x: Tensor) -> Tensor:
        """Return x + forward(x), in float32 by filters that hold the addition."""
        if x.dtype != torch.float32 or is_autocast(x):
            return x + self.forward(x)  # half floats would round the sum of 1 and a weight
        weight = self.weight + self._identity()
        planes = x.permute(0, 3, 1, 2)
        filtered = functional.conv2d(planes, weight, self.bias, padding=self.padding, groups=self.groups)
        return filtered.permute(0, 2, 3, 1)

    def _identity(self) -> Tensor:
        """Return the filter that changes nothing, (size, size)."""
        size = self.kernel_size[0]
        identity = self.weight.new_zeros(size, size)
        identity[size // 2, size // 2] = 1
        return identity
