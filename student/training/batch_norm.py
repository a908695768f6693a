"""Batch normalisation over all processes that train together, on any device.

torch's own SyncBatchNorm computes on GPUs alone.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, distributed, nn


class SharedBatchNorm(nn.BatchNorm2d):
    """BatchNorm2d whose batch is that of all processes; its state dict is the same."""

    def forward(self, input: Tensor) -> Tensor:
        """Return the normalised map, (N, C, h, w)."""
        if not self.training or not distributed.is_initialized():
            return super().forward(input)
        x = input.float()
        count = x.numel() // x.shape[1]
        sums = _sum_over_processes(torch.cat([x.sum(dim=(0, 2, 3)), x.new_full((1,), count)]))
        total, mean = sums[-1], (sums[:-1] / sums[-1])[:, None, None]
        variance = _sum_over_processes((x - mean).square().sum(dim=(0, 2, 3))) / total
        self._follow(mean.detach().flatten(), (variance * total / (total - 1).clamp_min(1)).detach())
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normalised = (x - mean) * scale[:, None, None] + self.bias[:, None, None]
        return normalised.to(input.dtype)

    @torch.no_grad()
    def _follow(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics towards those of a batch."""
        momentum = cast(float, self.momentum)
        cast(Tensor, self.running_mean).lerp_(mean, momentum)
        cast(Tensor, self.running_var).lerp_(variance, momentum)
        cast(Tensor, self.num_batches_tracked).add_(1)


def share_batch_norm(network: nn.Module) -> None:
    """Make the batch normalisations of a network those over all processes, in place."""
    for module in list(network.modules()):
        for name, child in module.named_children():
            if type(child) is nn.BatchNorm2d:
                shared = SharedBatchNorm(child.num_features, child.eps, child.momentum)
                shared.load_state_dict(child.state_dict())
                setattr(module, name, shared)


class _SumOverProcesses(torch.autograd.Function):
    """Each process's loss depends on the sum, so the gradients of all of them reach each summand."""

    @staticmethod
    def forward(context: Any, summand: Tensor) -> Tensor:
        total = summand.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous().clone()
        distributed.all_reduce(total)
        return total


def _sum_over_processes(summand: Tensor) -> Tensor:
    return cast(Tensor, _SumOverProcesses.apply(summand))
