"""How many operations a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor, nn


def count_flops(network: nn.Module, *images: Tensor) -> int:
    """Count the operations of a network as it is written, in one pass over images.

    Two for each multiply-add of a convolution or matrix product and nothing else. A runtime that simplifies
    the network does fewer; its rate is quoted against this count all the same.

    Parameters
    ----------
    network
        In eval mode; a student may lie on the device `meta`, which computes nothing.
    images
        What it takes, on its device.

    Returns
    -------
    Operations, as torch's own counter finds them.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(*images)
    operations: int = counter.get_total_flops()
    return operations
