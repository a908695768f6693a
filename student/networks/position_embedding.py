"""Position embeddings of a Vision Transformer, brought to the grid of an image.

They are learned on one grid; each family of networks resizes them by a rule of its own, and its weights give
its numbers under that rule alone.
"""

from __future__ import annotations

import math
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

PositionRule = Literal["bilinear", "bicubic", "offset", "antialias"]
"""bilinear: DPT; bicubic: mmsegmentation, Hugging Face; offset: Depth Anything; antialias: timm."""

_OFFSET = 0.1


def resize_position_embedding(embedding: Tensor, grid: tuple[int, int], rule: PositionRule) -> Tensor:
    """Resize a position embedding; that of the class token, the first, stays.

    Parameters
    ----------
    embedding
        (1, 1 + side^2, D), of a square grid.
    grid
        Patches along height and width of an image, h and w.
    rule
        Bilinear, bicubic, bicubic after an antialiasing filter, or bicubic with an offset: DINOv2 divides
        h + 0.1, not h, by the side, and samples at that scale.

    Returns
    -------
    (1, 1 + h w, D); the embedding itself where the grid is its own.

    Raises
    ------
    ValueError
        The embedding has no square grid.
    """
    side = math.isqrt(embedding.shape[1] - 1)
    if side * side + 1 != embedding.shape[1]:
        raise ValueError(
            f"a position embedding must be (1, 1 + side^2, D) of a square grid, got {tuple(embedding.shape)}"
        )
    if grid == (side, side):
        return embedding
    planes = embedding[:, 1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)
    if rule == "offset":
        scale = [(patches + _OFFSET) / side for patches in grid]
        resized = functional.interpolate(planes, scale_factor=scale, mode="bicubic")
    elif rule == "bilinear":
        resized = functional.interpolate(planes, grid, mode="bilinear")
    else:
        resized = functional.interpolate(planes, grid, mode="bicubic", antialias=rule == "antialias")
    return torch.cat([embedding[:, :1], resized.flatten(2).mT], dim=1)
