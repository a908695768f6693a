"""Stochastic depth (Huang et al., 2016): networks that train with blocks left out."""

from __future__ import annotations

from torch import Tensor, nn


class StochasticDepth(nn.Module):
    """Drop a residual branch whole, for each image by itself, or scale it so that its mean stays.

    Parameters
    ----------
    chance
        Of dropping it in training, in [0, 1); in evaluation the branch passes as it is.
    """

    def __init__(self, chance: float) -> None:
        super().__init__()
        self.chance = chance

    def forward(self, x: Tensor) -> Tensor:
        """Return the branch (N, ...) in the same shape."""
        if not self.training or self.chance == 0:
            return x
        keep = 1 - self.chance
        return x * (x.new_empty(len(x), *[1] * (x.ndim - 1)).bernoulli_(keep) / keep)
