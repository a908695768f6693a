"""The block of a Vision Transformer: attention, then a network for each token, each added to what came in."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class Attention(nn.Module):
    """Attention of each token to all (Vaswani et al., 2017).

    Parameters
    ----------
    width
        Numbers a token, D.
    heads
        That share them.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.proj = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, tokens, D)."""
        query, key, value = self.qkv(x).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = functional.scaled_dot_product_attention(query, key, value)
        mixed: Tensor = self.proj(attended.transpose(1, 2).flatten(2))
        return mixed


class Mlp(nn.Module):
    """Two layers for each token, four times as wide between.

    Parameters
    ----------
    width
        Numbers a token, D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, 4 * width)
        self.fc2 = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, tokens, D)."""
        seen: Tensor = self.fc2(functional.gelu(self.fc1(x)))
        return seen


class SwiGlu(nn.Module):
    """Two layers with a gate (Shazeer, 2020), as wide that they cost what `Mlp` costs.

    Parameters
    ----------
    width
        Numbers a token, D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        hidden = (4 * width * 2 // 3 + 7) // 8 * 8
        self.w12 = nn.Linear(width, 2 * hidden)
        self.w3 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, tokens, D)."""
        gate, value = self.w12(x).chunk(2, dim=2)
        seen: Tensor = self.w3(functional.silu(gate) * value)
        return seen


class LayerScale(nn.Module):
    """A learned factor for each number of a token (Touvron et al., 2021).

    Parameters
    ----------
    width
        Numbers a token, D.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, tokens, D)."""
        return x * self.gamma


class Block(nn.Module):
    """A block of a Vision Transformer (Dosovitskiy et al., 2021), normalised before each part.

    Parameters
    ----------
    width
        Numbers a token, D.
    heads
        Of its attention.
    eps
        Of its layer norms.
    layer_scale
        Whether each part is scaled by learned factors.
    swiglu
        Whether its network has a gate.
    """

    def __init__(self, width: int, heads: int, *, eps: float, layer_scale: bool, swiglu: bool) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=eps)
        self.attn = Attention(width, heads)
        self.ls1 = LayerScale(width) if layer_scale else nn.Identity()
        self.norm2 = nn.LayerNorm(width, eps=eps)
        self.mlp = SwiGlu(width) if swiglu else Mlp(width)
        self.ls2 = LayerScale(width) if layer_scale else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, tokens, D)."""
        x = x + self.ls1(self.attn(self.norm1(x)))
        x = x + self.ls2(self.mlp(self.norm2(x)))
        return x
