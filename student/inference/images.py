"""The images of a frame as an encoder of convolutions takes them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from student.inference.operations import Operations, Value
from student.preprocessing import RGB_MEAN, RGB_STD


class Images(nn.Module):
    """Normalise colour and depth.

    Colour is normalised here, not by the weights that follow: beyond the border there is the mean colour, not
    black.

    Parameters
    ----------
    size
        Height and width.
    mean, std
        Of depth, in metres.
    """

    scale: Tensor
    offset: Tensor

    def __init__(self, size: tuple[int, int], mean: float, std: float) -> None:
        super().__init__()
        self.size, self.mean, self.std = size, mean, std
        rgb_mean, rgb_std = torch.tensor(RGB_MEAN), torch.tensor(RGB_STD)
        self.register_buffer("scale", 1 / (255 * rgb_std))
        self.register_buffer("offset", -rgb_mean / rgb_std)

    def run(self, ops: Operations, rgb: Value, depth: Value) -> tuple[Value, Value]:
        """Turn (N, H, W, 3) and (N, H, W) into (N, 3, H, W) and (N, 1, H, W)."""
        colour = ops.add(ops.mul(ops.to_compute(rgb), self.scale), self.offset)
        shape = ops.to_compute(ops.standardise(depth, self.mean, self.std))
        return ops.transpose(colour, (0, 3, 1, 2)), ops.reshape(shape, (-1, 1, *self.size))
