"""DVEFormer: an RGB-D network that gives each pixel a text-aligned embedding."""

from __future__ import annotations

from typing import cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from student.networks.config import StudentConfig, published
from student.networks.context import ContextModule
from student.networks.dformer import DFormer
from student.networks.dformerv2 import DFormerV2
from student.networks.dpt_embedding_decoder import DptEmbeddingDecoder
from student.networks.embedding_head import EmbeddingHead
from student.networks.mlp_decoder import MlpDecoder
from student.networks.rgbd_resnet import RgbdResNet
from student.networks.rgbd_swin import RgbdSwin

DECODER = "dense_visual_embedding_decoder"
MULTIPLE = 32
"""Height and width of the input must be multiples of this."""

Backbone = RgbdSwin | RgbdResNet | DFormer | DFormerV2
EmbeddingDecoder = MlpDecoder | DptEmbeddingDecoder


class DVEFormer(nn.Module):
    """The network of DVEFormer (Fischedick et al., 2025) and smaller ones of its family.

    Its state dict has the keys of the published checkpoints.

    Parameters
    ----------
    config
        Of the network.

    Attributes
    ----------
    config : StudentConfig
    """

    def __init__(self, config: StudentConfig) -> None:
        super().__init__()
        self.config = config
        self.encoder = nn.ModuleDict({"backbone": _backbone(config)})
        self.context_module = ContextModule(config.channels[3], config.context_channels, config.context_bins)
        decoder = MlpDecoder(config) if config.decoder == "mlp" else DptEmbeddingDecoder(config)
        self.decoders = nn.ModuleDict({DECODER: decoder})

    @property
    def backbone(self) -> Backbone:
        """The encoder."""
        return cast(Backbone, self.encoder["backbone"])

    @property
    def decoder(self) -> EmbeddingDecoder:
        """The decoder with its head."""
        return cast(EmbeddingDecoder, self.decoders[DECODER])

    @property
    def head(self) -> EmbeddingHead:
        """What turns features into embeddings."""
        return self.decoder.head

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Return an embedding for each pixel, not normalised.

        Parameters
        ----------
        rgb
            (N, 3, H, W), normalised (`student.preprocessing`); H and W are multiples of 32.
        depth
            (N, 1, H, W), normalised; pixels without depth are 0.

        Returns
        -------
        (N, D, h, w), at the stride of the config.

        Raises
        ------
        ValueError
            The images do not fit each other or the network.
        """
        embedding: Tensor = self.head(self.features(rgb, depth))
        return embedding

    def features(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Return what the head sees, (N, F, H / 4, W / 4), for images as `forward` takes them."""
        features: Tensor = self.decoder.bottleneck(self.fused(rgb, depth))
        return features

    def fused(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Return what the bottleneck makes these features of, each pixel by itself."""
        _check(rgb, depth)
        stages: tuple[Tensor, ...] = self.backbone(rgb, depth)
        if self.config.dformer is not None:
            stages = tuple(stage.permute(0, 2, 3, 1) for stage in stages)
        one, two, three, four = stages
        deepest = self.context_module(four.permute(0, 3, 1, 2))
        return self.decoder.fused(deepest, (three, two, one))

    def head_matrix(self) -> npt.NDArray[np.float32]:
        """Return the head as a matrix of homogeneous features, A = [W b].

        Returns
        -------
        (D, F + 1) float32: the embedding of a pixel with features f is A [f; 1].

        Raises
        ------
        ValueError
            The head looks beyond its own pixel.
        """
        if not self.config.linear_head:
            raise ValueError(
                f"a head with {self.config.upsamplings} learned upsamplings is not linear per pixel; "
                "only networks with none have a head matrix"
            )
        conv = self.head.conv
        with torch.no_grad():
            matrix = torch.cat([conv.weight[:, :, 0, 0], cast(Tensor, conv.bias)[:, None]], dim=1)
        return matrix.float().cpu().numpy()


def _backbone(config: StudentConfig) -> Backbone:
    """Build the encoder, with fresh weights."""
    if config.dformer is not None:
        kind = DFormer if config.dformer.version == 1 else DFormerV2
        return kind(config.dformer, config.drop_path)
    return RgbdSwin(config) if config.encoder == "swin" else RgbdResNet(config)


def build(config: str | StudentConfig) -> DVEFormer:
    """Build a network with fresh weights.

    Parameters
    ----------
    config
        A config, or the name of a published network: dveformer-fullres, dveformer-reducedres.

    Returns
    -------
    DVEFormer, in training mode as torch modules are.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    return DVEFormer(published(config) if isinstance(config, str) else config)


def _check(rgb: Tensor, depth: Tensor) -> None:
    if rgb.ndim != 4 or rgb.shape[1] != 3:
        raise ValueError(f"rgb must be (N, 3, H, W), got {tuple(rgb.shape)}")
    if depth.shape != (len(rgb), 1, *rgb.shape[2:]):
        raise ValueError(
            f"depth must be {(len(rgb), 1, *rgb.shape[2:])} for rgb {tuple(rgb.shape)}, "
            f"got {tuple(depth.shape)}"
        )
    if rgb.shape[2] % MULTIPLE or rgb.shape[3] % MULTIPLE or 0 in rgb.shape:
        raise ValueError(
            f"height and width must be multiples of {MULTIPLE}, got {rgb.shape[2]} x {rgb.shape[3]}; "
            "resize the images"
        )
