"""From the tokens of a transformer to a map at a stride of its own."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.dpt_config import Readout


class Reassemble(nn.Module):
    """Make a map of tokens (Ranftl et al., 2021): read out, project, resize.

    Parameters
    ----------
    width
        Numbers a token, D.
    channels
        Of the map.
    stage
        0, 1, 2 or 3: the map has 4, 2, 1 or 1/2 pixels a patch along each axis.
    readout
        What becomes of the class token.
    """

    def __init__(self, width: int, channels: int, stage: int, readout: Readout) -> None:
        super().__init__()
        self.mode = readout
        self.readout = nn.Linear(2 * width, width) if readout == "project" else nn.Identity()
        self.project = nn.Conv2d(width, channels, kernel_size=1)
        self.resize = _resizing(channels, stage)

    def forward(self, tokens: Tensor, grid: tuple[int, int]) -> Tensor:
        """Return (N, channels, ...) of tokens (N, 1 + h w, D), class token first, on a grid h x w."""
        patches = self._read(tokens)
        planes = patches.mT.reshape(len(patches), -1, *grid)
        reassembled: Tensor = self.resize(self.project(planes))
        return reassembled

    def _read(self, tokens: Tensor) -> Tensor:
        first, patches = tokens[:, :1], tokens[:, 1:]
        if self.mode == "add":
            return patches + first
        if self.mode == "project":
            beside = torch.cat([patches, first.expand_as(patches)], dim=2)
            return functional.gelu(self.readout(beside))
        return patches


def _resizing(channels: int, stage: int) -> nn.Module:
    if stage < 2:
        factor = 4 >> stage
        return nn.ConvTranspose2d(channels, channels, kernel_size=factor, stride=factor)
    return nn.Identity() if stage == 2 else nn.Conv2d(channels, channels, 3, stride=2, padding=1)
