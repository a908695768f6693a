"""What a network of the DVEFormer family is made of."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from student.networks.dformer_config import DFORMERS, Chance, Count, DFormerConfig
from student.networks.drop_path import rising_chances
from student.networks.names import look_up

Encoder = Literal[
    "swin",
    "residual",
    "dformer-tiny",
    "dformer-small",
    "dformer-base",
    "dformer-large",
    "dformerv2-small",
    "dformerv2-base",
    "dformerv2-large",
]


class StudentConfig(BaseModel):
    """The shape of a DVEFormer; the defaults are those of the published reduced-resolution network.

    The encoder is a Swin Transformer V2 that embeds 4x4 patches of colour and depth apart and concatenates
    them, a residual network that begins likewise, or a DFormer; a pyramid pooling module gives it global
    context; a decoder brings its four stages to stride 4; the head gives each pixel its embedding.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    encoder: Encoder = Field(
        default="swin",
        description="swin: window attention, as published; residual: 3x3 convolutions, which learn from "
        "scratch and run well without a GPU (head_channels and window are not used); dformer-*, dformerv2-*: "
        "as published, which depth steers (nothing up to window is used)",
    )
    decoder: Literal["mlp", "dpt"] = Field(
        default="mlp",
        description="mlp: as published, like SegFormer's; dpt: convolutions fuse the stages one by one "
        "(main_channels and skip_channels are not used)",
    )
    rgb_channels: Count = Field(default=96, description="channels that embed a patch of colour")
    depth_channels: Count = Field(default=32, description="channels that embed a patch of depth")
    depths: tuple[Count, Count, Count, Count] = Field(
        default=(2, 2, 6, 2), description="blocks in each stage of the encoder"
    )
    head_channels: Count = Field(default=32, description="channels of an attention head")
    window: Annotated[int, Field(ge=2)] = Field(default=8, description="tokens along the side of a window")
    context_bins: tuple[Count, ...] = Field(
        default=(1, 5), description="cells along the side of each pooled map of the context module"
    )
    context_channels: Count = Field(default=512, description="channels of each pooled map")
    main_channels: Count = Field(default=256, description="channels of the deepest stage in the decoder")
    skip_channels: tuple[Count, Count, Count] = Field(
        default=(128, 64, 64), description="channels of the stages at strides 16, 8 and 4 in the decoder"
    )
    fuse_channels: Count = Field(default=512, description="channels after the stages are fused")
    bottleneck: Count | None = Field(
        default=None,
        description="channels that a 1x1 convolution leaves before the head, so that codes have one more; "
        "none: the head sees the fused channels",
    )
    embedding_dim: Count = Field(default=768, description="numbers of an embedding, D")
    upsamplings: Annotated[int, Field(ge=0, le=2)] = Field(
        default=0, description="learned x2 upsamplings after the head; 0 makes the head linear per pixel"
    )
    drop_path: Chance = Field(
        default=0.2, description="chance of skipping the last block in training, rising linearly from 0"
    )
    dropout: Chance = Field(default=0.1, description="chance of dropping a fused channel in training")

    @pydantic.model_validator(mode="after")
    def _check(self) -> StudentConfig:
        if self.encoder == "swin" and self.width % self.head_channels:
            raise ValueError(
                f"rgb_channels + depth_channels must be a multiple of head_channels ({self.head_channels}), "
                f"got {self.rgb_channels} + {self.depth_channels} = {self.width}"
            )
        return self

    @property
    def dformer(self) -> DFormerConfig | None:
        """Shape of the encoder where it is a DFormer."""
        return DFORMERS.get(self.encoder)

    @property
    def width(self) -> int:
        """Channels of the first stage."""
        return self.rgb_channels + self.depth_channels

    @property
    def channels(self) -> tuple[int, int, int, int]:
        """Channels of the four stages, at strides 4, 8, 16 and 32."""
        if self.dformer is not None:
            return self.dformer.channels
        return (self.width, 2 * self.width, 4 * self.width, 8 * self.width)

    @property
    def heads(self) -> tuple[int, int, int, int]:
        """Attention heads in a block of each stage."""
        one, two, three, four = (channels // self.head_channels for channels in self.channels)
        return (one, two, three, four)

    @property
    def drop_paths(self) -> list[list[float]]:
        """Chance of skipping each block of the encoder in training, by stage."""
        return rising_chances(self.drop_path, self.depths)

    @property
    def stride(self) -> int:
        """Input pixels an embedding, along an axis."""
        return 4 >> self.upsamplings

    @property
    def linear_head(self) -> bool:
        """Whether an embedding is a linear function of the features of its own pixel."""
        return self.upsamplings == 0

    @property
    def feature_channels(self) -> int:
        """Channels that the head sees."""
        return self.bottleneck or self.fuse_channels


Variant = Literal["dveformer-fullres", "dveformer-reducedres"]

CONFIGS: Final[dict[str, StudentConfig]] = {
    "dveformer-fullres": StudentConfig(upsamplings=2),
    "dveformer-reducedres": StudentConfig(),
}
"""The published networks."""


def published(name: str) -> StudentConfig:
    """Return the config of a published network.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    return look_up("student", name, CONFIGS)
