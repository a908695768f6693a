"""How layers of transformers begin."""

from __future__ import annotations

from torch import nn


def initialise_linear(module: nn.Module) -> None:
    """Draw the weights of a linear layer from a narrow normal distribution, biases 0; leave other modules.

    Parameters
    ----------
    module
        As `torch.nn.Module.apply` gives them.
    """
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
