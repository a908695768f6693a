"""The loss: how far each pixel's embedding points away from its target."""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

_SHORTEST: Final = 1e-6  # length below which an embedding has no direction


def cosine_loss(prediction: Tensor, lut: Tensor, index: Tensor) -> tuple[Tensor, Tensor]:
    """Sum 1 - cos(prediction, target) over all pixels that have a target.

    Divided by their number over all that a step sees, it is the loss of DVEFormer. The targets of an image
    are few: each pixel is compared with all of them in one matrix product, and no target is ever copied to
    its pixels, which would take as much memory as the prediction.

    Parameters
    ----------
    prediction
        (N, D, h, w), embeddings of any length, of any floating type.
    lut
        (n, D) float32, unit targets.
    index
        (N, h, w) int32, 0 = no target, i = row i - 1 of `lut`.

    Returns
    -------
    total
        () float32, the sum.
    count
        () int64, the number of pixels with a target.
    """
    table = functional.pad(lut, (0, 0, 1, 0))  # row 0: zeros, whose cosine is 0
    total = prediction.new_zeros((), dtype=torch.float32)
    for embeddings, places in zip(prediction.flatten(2).unbind(), index.flatten(1).unbind(), strict=True):
        pixels = embeddings.float()
        rows, column = torch.unique(places, return_inverse=True)
        products = (table[rows] @ pixels).gather(0, column[None])[0]
        cosines = products / torch.linalg.vector_norm(pixels, dim=0).clamp_min(_SHORTEST)
        total = total + ((places > 0).float() - cosines).sum()
    return total, (index > 0).sum()
