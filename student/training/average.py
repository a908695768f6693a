"""A running average of the weights, which is often a better network than the last one."""

from __future__ import annotations

import copy

import torch

from student.networks.dveformer import DVEFormer


class WeightAverage:
    """An exponential average of a network's weights and running statistics.

    Parameters
    ----------
    network
        Where it begins; is not changed.
    decay
        Share of the average that a step keeps; less in the beginning, (1 + n) / (10 + n) in step n, so that
        the first weights are soon forgotten.

    Attributes
    ----------
    network : DVEFormer
        With the averaged weights, in eval mode.
    """

    def __init__(self, network: DVEFormer, decay: float) -> None:
        self.network, self._decay = copy.deepcopy(network).eval().requires_grad_(False), decay

    @torch.no_grad()
    def update(self, network: DVEFormer, step: int) -> None:
        """Take in the weights after a step, counted from 0."""
        share = 1 - min(self._decay, (1 + step) / (10 + step))
        for mine, new in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(new, share)
            else:
                mine.copy_(new)
