"""What must stay in float32 where a network else computes in half floats."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor


def is_autocast(x: Tensor) -> bool:
    """Say whether operations on the device of a tensor convert to half floats by themselves."""
    return x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)  # `meta` knows no autocast


def without_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which operations on the device of a tensor keep the type that they are given."""
    return torch.autocast(x.device.type, enabled=False) if is_autocast(x) else nullcontext()
