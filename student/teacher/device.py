"""Where teachers work."""

from __future__ import annotations


def usable_device(device: str | None) -> str:
    """Return a device that tensors can be put on: the one that is asked for; if none is, a GPU or the CPU.

    Raises
    ------
    ValueError
        It cannot be used on this computer.
    """
    import torch

    if device is None:
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device {device!r} cannot be used on this computer ({reason}); take cpu") from None
    return device
