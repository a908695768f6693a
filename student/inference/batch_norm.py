"""Batch normalisation of a trained network as what it is then: a factor and an offset for each channel."""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn


def scale_and_bias(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Return what a batch norm multiplies each channel by, and then adds, (channels,) float64 each."""
    scale = norm.weight.detach().double() / (cast(Tensor, norm.running_var).double() + norm.eps).sqrt()
    return scale, norm.bias.detach().double() - cast(Tensor, norm.running_mean).double() * scale
