"""Alpha-CLIP: CLIP that is also told, by a fourth channel, which part of the image to look at.

The towers are open_clip's. What Alpha-CLIP adds is one convolution of the alpha channel, whose patch
embedding is summed to that of the colours. The two are kept apart, so that an image of which many segments
are asked is cut into patches once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import open_clip
import torch
from torch import Tensor, nn

HEAD_WIDTH: Final = 64
"""Channels of an attention head, in both towers of every size."""


@dataclass(frozen=True, slots=True)
class AlphaClipShape:
    """The numbers that an Alpha-CLIP is built from: of the image tower, then of the text tower."""

    side: int
    patch: int
    width: int
    layers: int
    dimension: int
    text_width: int
    text_layers: int
    context: int
    vocabulary: int


class AlphaClip(nn.Module):
    """Image and text tower.

    Parameters
    ----------
    shape
        Its sizes; the weights are left unset where they are not loaded afterwards.
    """

    def __init__(self, shape: AlphaClipShape) -> None:
        super().__init__()
        self.shape = shape
        self.clip = open_clip.CLIP(
            shape.dimension,
            open_clip.CLIPVisionCfg(
                layers=shape.layers,
                width=shape.width,
                head_width=HEAD_WIDTH,
                patch_size=shape.patch,
                image_size=shape.side,
            ),
            open_clip.CLIPTextCfg(
                context_length=shape.context,
                vocab_size=shape.vocabulary,
                width=shape.text_width,
                heads=shape.text_width // HEAD_WIDTH,
                layers=shape.text_layers,
            ),
            quick_gelu=True,
        )
        self.rgb_patches = self.clip.visual.conv1
        self.clip.visual.conv1 = nn.Identity()  # the tower is given the sum of both patch embeddings
        self.alpha_patches = nn.Conv2d(1, shape.width, shape.patch, stride=shape.patch, bias=False)

    @classmethod
    def with_weights(cls, shape: AlphaClipShape, state: Mapping[str, Tensor]) -> AlphaClip:
        """Build it around weights, which it takes over without a copy.

        Parameters
        ----------
        shape
            Its sizes.
        state
            Under the keys of `official_keys`, complete and of the right shapes.
        """
        with torch.device("meta"):
            network = cls(shape)
        ours = {key: state[official] for key, official in network.official_keys().items()}
        network.load_state_dict(ours, strict=True, assign=True)
        context = shape.context
        network.clip.attn_mask = torch.full((context, context), -torch.inf).triu_(1)  # no part of a state
        return network.eval().requires_grad_(False)

    def official_keys(self) -> dict[str, str]:
        """Map each key of this module to open_clip's, or to Alpha-CLIP's for what it adds."""
        moved = {
            "rgb_patches.weight": "visual.conv1.weight",
            "alpha_patches.weight": "visual.conv1_alpha.weight",
        }
        return {key: moved.get(key, key.removeprefix("clip.")) for key in self.state_dict()}

    def forward(self, rgb_patches: Tensor, alpha: Tensor) -> Tensor:
        """Embed what alphas show of images.

        Parameters
        ----------
        rgb_patches
            (1, W, h, w) or (n, W, h, w), `rgb_patches` of the images: one for all alphas or one each.
        alpha
            (n, 1, side, side).

        Returns
        -------
        (n, D), of any length.
        """
        embedded: Tensor = self.clip.visual(rgb_patches + self.alpha_patches(alpha))
        return embedded

    def embed_texts(self, tokens: Tensor) -> Tensor:
        """Embed texts (n, context), as `open_clip.tokenize` cuts them; (n, D), of any length."""
        embedded: Tensor = self.clip.encode_text(tokens)
        return embedded


def empty_state(shape: AlphaClipShape) -> dict[str, Any]:
    """Return the shapes of all weights under their official keys, as tensors without memory."""
    with torch.device("meta"):
        network = AlphaClip(shape)
    state = network.state_dict()
    return {official: state[key] for key, official in network.official_keys().items()}
