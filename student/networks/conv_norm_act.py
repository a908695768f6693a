"""A 1x1 convolution without bias, batch normalisation, ReLU."""

from __future__ import annotations

from torch import Tensor, nn


class ConvNormAct(nn.Module):
    """Mix the channels of each pixel.

    Parameters
    ----------
    inputs, outputs
        Channels.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
        self.norm = nn.BatchNorm2d(outputs)
        self.act = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, h, w)."""
        mixed: Tensor = self.act(self.norm(self.conv(x)))
        return mixed
