"""Vision Transformers that give the tokens of chosen blocks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from student.networks.position_embedding import PositionRule, resize_position_embedding
from student.networks.vit_block import Block


@dataclass(frozen=True, slots=True, kw_only=True)
class VitConfig:
    """The shape of a Vision Transformer; the defaults are those of ViT-B/16 as DPT has it.

    Attributes
    ----------
    width : int
        Numbers a token, D.
    depth : int
        Blocks.
    heads : int
        Attention heads in a block.
    patch : int
        Pixels along the side of a patch.
    grid : int
        Patches along the side of the images that the position embedding was learned on.
    taps : tuple of int
        Blocks whose tokens are given, counted from 0.
    tap_norm : bool
        Whether they pass the norm that follows the last block.
    position : PositionRule
        How the position embedding is resized.
    norm_eps : float
        Epsilon of the layer norms.
    patch_bias : bool
        Whether the embedding of patches has a bias.
    layer_scale, swiglu : bool
        See `Block`.
    hybrid : bool
        Whether patches are embedded by a residual network (`VitHybrid`).
    """

    width: int = 768
    depth: int = 12
    heads: int = 12
    patch: int = 16
    grid: int = 24
    taps: tuple[int, ...] = (2, 5, 8, 11)
    tap_norm: bool = False
    position: PositionRule = "bilinear"
    norm_eps: float = 1e-6
    patch_bias: bool = True
    layer_scale: bool = False
    swiglu: bool = False
    hybrid: bool = False

    def __post_init__(self) -> None:
        """Reject heads that do not divide the width, and taps that are no blocks."""
        if self.width % self.heads:
            raise ValueError(f"width must be a multiple of heads ({self.heads}), got {self.width}")
        if any(not 0 <= tap < self.depth for tap in self.taps) or list(self.taps) != sorted(set(self.taps)):
            raise ValueError(f"taps must be ascending numbers of {self.depth} blocks, got {self.taps}")


class PatchEmbedding(nn.Module):
    """Embed each patch of an image.

    Parameters
    ----------
    config
        Of the transformer.
    """

    def __init__(self, config: VitConfig) -> None:
        super().__init__()
        self.proj = nn.Conv2d(3, config.width, config.patch, stride=config.patch, bias=config.patch_bias)

    def forward(self, rgb: Tensor) -> Tensor:
        """Embed (N, 3, H, W) as (N, D, H / patch, W / patch)."""
        embedded: Tensor = self.proj(rgb)
        return embedded


class Vit(nn.Module):
    """A Vision Transformer (Dosovitskiy et al., 2021); its state dict has timm's keys.

    Parameters
    ----------
    config
        Of the transformer.
    patch_embed
        What embeds patches; a `PatchEmbedding` if absent.

    Attributes
    ----------
    config : VitConfig
    """

    def __init__(self, config: VitConfig, patch_embed: nn.Module | None = None) -> None:
        super().__init__()
        self.config = config
        self.cls_token = nn.Parameter(torch.empty(1, 1, config.width))
        self.pos_embed = nn.Parameter(torch.empty(1, 1 + config.grid**2, config.width))
        self.patch_embed = PatchEmbedding(config) if patch_embed is None else patch_embed
        self.blocks = nn.ModuleList(
            Block(
                config.width,
                config.heads,
                eps=config.norm_eps,
                layer_scale=config.layer_scale,
                swiglu=config.swiglu,
            )
            for _ in range(config.depth)
        )
        self.norm = nn.LayerNorm(config.width, eps=config.norm_eps) if config.tap_norm else nn.Identity()
        for token in (self.cls_token, self.pos_embed):
            nn.init.uniform_(token, -0.02, 0.02)  # normal_ would load the compiler on `meta`

    def forward(self, rgb: Tensor) -> tuple[Tensor, ...]:
        """Return what each tap gives.

        Parameters
        ----------
        rgb
            (N, 3, H, W), multiples of the patch.

        Returns
        -------
        (N, 1 + h w, D) each: the class token, then the patches row by row.
        """
        return self.encode(self.tokens(self.patch_embed(rgb)))

    def tokens(self, patches: Tensor) -> Tensor:
        """Return what the first block sees, (N, 1 + h w, D), of embedded patches (N, D, h, w)."""
        height, width = patches.shape[2:]
        positions = resize_position_embedding(self.pos_embed, (height, width), self.config.position)
        first = self.cls_token.expand(len(patches), -1, -1)
        return torch.cat([first, patches.flatten(2).mT], dim=1) + positions

    def encode(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return what each tap gives of the tokens that the first block sees."""
        tapped = []
        for number, block in enumerate(self.blocks[: self.config.taps[-1] + 1]):
            x = block(x)
            if number in self.config.taps:
                tapped.append(self.norm(x))
        return tuple(tapped)
