"""A network for a closed set of classes: an encoder of the DFormer family and a decoder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from student.networks.dformer import DFormer
from student.networks.dformer_config import Chance, Count, DFormerConfig, published_dformer
from student.networks.ham import HamDecoder
from student.networks.segformer_decoder import SegFormerDecoder

if TYPE_CHECKING:
    from student.networks.dformerv2 import DFormerV2

DecoderName = Literal["ham", "mlp"]


class SegmentorConfig(BaseModel):
    """The shape of a segmentor; the defaults are those of the published networks for NYUv2."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    network: DFormerConfig = Field(description="the encoder")
    decoder: DecoderName = Field(
        default="ham", description="ham: as published, at stride 8; mlp: that of SegFormer, at stride 4"
    )
    classes: Count = Field(default=40, description="classes, K")
    ham_channels: Count = Field(default=512, description="channels that the ham decoder classifies")
    mlp_channels: Count = Field(default=512, description="channels that the mlp decoder fuses each stage to")
    drop_path: Chance | None = Field(
        default=None,
        description="chance of skipping the encoder's last block in training; none: as the encoder's config",
    )
    dropout: Chance = Field(default=0.1, description="chance of dropping a classified channel in training")


class Segmentor(nn.Module):
    """DFormer or DFormerv2 with its decoder.

    Its state dict has the keys of the published checkpoints.

    Parameters
    ----------
    config
        Of the network.

    Attributes
    ----------
    config : SegmentorConfig
    backbone : DFormer or DFormerV2
    decode_head : HamDecoder or SegFormerDecoder
    """

    def __init__(self, config: SegmentorConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone = build_dformer(config.network, config.drop_path)
        inputs, classes, dropout = config.network.channels, config.classes, config.dropout
        self.decode_head = (
            HamDecoder(inputs, classes, config.ham_channels, dropout)
            if config.decoder == "ham"
            else SegFormerDecoder(inputs, classes, config.mlp_channels, dropout)
        )
        self.decode_head.apply(_initialise)

    def forward(self, rgb: Tensor, depth: Tensor) -> Tensor:
        """Return a logit for each class and pixel.

        Parameters
        ----------
        rgb
            (N, 3, H, W), normalised; height and width are free. Published weights take blue, green, red,
            which (0.485, 0.456, 0.406) and (0.229, 0.224, 0.225) normalise in this order; those of DFormerv2
            for SUN RGB-D take red, green, blue.
        depth
            (N, 1, H, W) or (N, 3, H, W), normalised; the first channel is used.

        Returns
        -------
        (N, K, H, W).

        Raises
        ------
        ValueError
            The images do not fit each other.
        """
        _check(rgb, depth)
        logits = self.decode_head(self.backbone(rgb, depth))
        return functional.interpolate(logits, size=rgb.shape[2:], mode="bilinear", align_corners=False)


def build_dformer(config: DFormerConfig, drop_path: float | None = None) -> DFormer | DFormerV2:
    """Build an encoder with fresh weights: a DFormer, or a DFormerV2 for a config of version 2."""
    if config.version == 1:
        return DFormer(config, drop_path)
    from student.networks.dformerv2 import DFormerV2

    return DFormerV2(config, drop_path)


def build_segmentor(
    network: str | DFormerConfig,
    decoder: DecoderName = "ham",
    classes: int = 40,
    ham_channels: int | None = None,
) -> Segmentor:
    """Build a network with fresh weights.

    Parameters
    ----------
    network
        A config of the encoder, or the name of a published one, such as dformer-small or dformerv2-base.
    decoder, classes
        See `SegmentorConfig`.
    ham_channels
        By default as published for NYUv2.

    Returns
    -------
    Segmentor, in training mode as torch modules are.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    config = published_dformer(network) if isinstance(network, str) else network
    return Segmentor(
        SegmentorConfig(
            network=config,
            decoder=decoder,
            classes=classes,
            ham_channels=config.ham_nyuv2 if ham_channels is None else ham_channels,
        )
    )


def _initialise(module: nn.Module) -> None:
    if isinstance(module, nn.Conv2d):  # He et al., 2015; uniform, as `meta` loads the compiler for normal
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")


def _check(rgb: Tensor, depth: Tensor) -> None:
    if rgb.ndim != 4 or rgb.shape[1] != 3 or 0 in rgb.shape:
        raise ValueError(f"rgb must be (N, 3, H, W), got {tuple(rgb.shape)}")
    sizes = [torch.Size((len(rgb), channels, *rgb.shape[2:])) for channels in (1, 3)]
    if depth.shape not in sizes:
        raise ValueError(
            f"depth must be {tuple(sizes[0])} for rgb {tuple(rgb.shape)}, or the same three times, "
            f"got {tuple(depth.shape)}"
        )
