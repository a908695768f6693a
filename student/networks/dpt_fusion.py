"""Fusion of maps as in RefineNet (Lin et al., 2017), with one kind of residual unit."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ResidualUnit(nn.Module):
    """Two 3x3 convolutions, each after a ReLU, added to what came in.

    Parameters
    ----------
    features
        Channels.
    batch_norm
        Whether each convolution is followed by batch normalisation.
    bias
        Whether each convolution has a bias.
    """

    def __init__(self, features: int, *, batch_norm: bool, bias: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(features, features, kernel_size=3, padding=1, bias=bias)
        self.norm1 = nn.BatchNorm2d(features) if batch_norm else nn.Identity()
        self.conv2 = nn.Conv2d(features, features, kernel_size=3, padding=1, bias=bias)
        self.norm2 = nn.BatchNorm2d(features) if batch_norm else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, features, h, w)."""
        y: Tensor = self.norm1(self.conv1(functional.relu(x)))
        y = self.norm2(self.conv2(functional.relu(y)))
        return x + y


class FusionBlock(nn.Module):
    """Add a map to what the deeper ones gave, and refine it.

    Parameters
    ----------
    features
        Channels.
    skip
        Whether there are deeper maps.
    batch_norm, bias
        See `ResidualUnit`.
    """

    def __init__(self, features: int, *, skip: bool, batch_norm: bool, bias: bool) -> None:
        super().__init__()
        # Of the deepest block official files hold the first unit, which nothing passes.
        self.unit1 = ResidualUnit(features, batch_norm=batch_norm, bias=bias) if skip else None
        self.unit2 = ResidualUnit(features, batch_norm=batch_norm, bias=bias)
        self.project = nn.Conv2d(features, features, kernel_size=1)

    def forward(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        """Return (N, features, h, w), at the size of x.

        Parameters
        ----------
        x
            (N, features, h, w): what the deeper maps gave; the map itself where there are none.
        skip
            (N, features, h', w'), the map.
        """
        if self.unit1 is not None and skip is not None:
            if skip.shape != x.shape:
                skip = functional.interpolate(skip, x.shape[2:], mode="bilinear")
            x = x + self.unit1(skip)
        # Officially the map is enlarged before this projection. Each enlarged pixel is a mean of pixels, so
        # the two may change places, and a quarter of the work is left.
        projected: Tensor = self.project(self.unit2(x))
        return projected
