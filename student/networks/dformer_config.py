"""What an encoder of the DFormer family is made of, and the seven published ones."""

from __future__ import annotations

from typing import Annotated, Final, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from student.networks.drop_path import rising_chances
from student.networks.names import look_up

Count = Annotated[int, Field(ge=1)]
Chance = Annotated[float, Field(ge=0, lt=1)]

LAYER_SCALE: Final = 1e-6
"""What the layer scales are before training."""


class DFormerConfig(BaseModel):
    """The shape of a DFormer (Yin et al., 2024) or a DFormerv2 (Yin et al., 2025); tuples go by stage."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="what messages call it")
    version: Literal[1, 2] = Field(description="1: depth has a stream of its own; 2: depth guides attention")
    channels: tuple[Count, Count, Count, Count] = Field(description="channels at strides 4, 8, 16 and 32")
    depths: tuple[Count, Count, Count, Count] = Field(description="blocks")
    heads: tuple[Count, Count, Count, Count] = Field(description="attention heads of a block")
    mlp_ratios: tuple[Count, Count, Count, Count] = Field(
        description="hidden channels of an MLP, in channels"
    )
    layer_scale: tuple[bool, bool, bool, bool] = Field(
        default=(True, True, True, True),
        description="whether a branch has a scale per channel in version 2; in version 1 all have",
    )
    windows: tuple[int, int, int, int] = Field(
        default=(0, 7, 7, 7),
        description="pooled queries along a side of the map in version 1; 0: local attention alone",
    )
    heads_ranges: tuple[float, float, float, float] = Field(
        default=(4, 4, 6, 6), description="powers of two that the decay spans over the heads in version 2"
    )
    drop_path_nyuv2: Chance = Field(default=0.1, description="chance of skipping the last block in training")
    drop_path_sunrgbd: Chance = Field(default=0.1, description="the same for training on SUN RGB-D")
    ham_nyuv2: Count = Field(default=512, description="channels that the Ham decoder classifies")
    ham_sunrgbd: Count = Field(default=512, description="the same for SUN RGB-D")

    @pydantic.model_validator(mode="after")
    def _check(self) -> DFormerConfig:
        for channels, heads in zip(self.channels, self.heads, strict=True):
            if channels % (2 * heads):
                raise ValueError(f"channels must be multiples of twice the heads, got {channels} and {heads}")
        if self.channels[0] % 4:
            raise ValueError(f"the first channels must be a multiple of 4, got {self.channels[0]}")
        return self

    @property
    def drop_path(self) -> float:
        """Chance of skipping the last block in training, as on NYUv2."""
        return self.drop_path_nyuv2

    def drop_paths(self, last: float | None = None) -> list[list[float]]:
        """Return the chance of skipping each block in training, by stage.

        Parameters
        ----------
        last
            Chance of the last block, to which they rise linearly from 0; by default `drop_path`.
        """
        return rising_chances(self.drop_path if last is None else last, self.depths)


_LATE: Final = (False, False, True, True)
_HEADS: Final = (1, 2, 4, 8)
_RATIOS: Final = (8, 8, 4, 4)
_RATIOS_V2: Final = (4, 4, 3, 3)

DFORMERS: Final[dict[str, DFormerConfig]] = {
    config.name: config
    for config in (
        DFormerConfig(
            name="dformer-tiny",
            version=1,
            channels=(32, 64, 128, 256),
            depths=(3, 3, 5, 2),
            heads=_HEADS,
            mlp_ratios=_RATIOS,
        ),
        DFormerConfig(
            name="dformer-small",
            version=1,
            channels=(64, 128, 256, 512),
            depths=(2, 2, 4, 2),
            heads=_HEADS,
            mlp_ratios=_RATIOS,
        ),
        DFormerConfig(
            name="dformer-base",
            version=1,
            channels=(64, 128, 256, 512),
            depths=(3, 3, 12, 2),
            heads=_HEADS,
            mlp_ratios=_RATIOS,
        ),
        DFormerConfig(
            name="dformer-large",
            version=1,
            channels=(96, 192, 288, 576),
            depths=(3, 3, 12, 2),
            heads=_HEADS,
            mlp_ratios=_RATIOS,
            drop_path_nyuv2=0.15,
            drop_path_sunrgbd=0.2,
        ),
        DFormerConfig(
            name="dformerv2-small",
            version=2,
            channels=(64, 128, 256, 512),
            depths=(3, 4, 18, 4),
            heads=(4, 4, 8, 16),
            mlp_ratios=_RATIOS_V2,
            layer_scale=(False, False, False, False),
            heads_ranges=(4, 4, 6, 6),
            drop_path_nyuv2=0.25,
            ham_sunrgbd=1024,
        ),
        DFormerConfig(
            name="dformerv2-base",
            version=2,
            channels=(80, 160, 320, 512),
            depths=(4, 8, 25, 8),
            heads=(5, 5, 10, 16),
            mlp_ratios=_RATIOS_V2,
            layer_scale=_LATE,
            heads_ranges=(5, 5, 6, 6),
            drop_path_nyuv2=0.2,
            ham_sunrgbd=1024,
        ),
        DFormerConfig(
            name="dformerv2-large",
            version=2,
            channels=(112, 224, 448, 640),
            depths=(4, 8, 25, 8),
            heads=(7, 7, 14, 20),
            mlp_ratios=_RATIOS_V2,
            layer_scale=_LATE,
            heads_ranges=(6, 6, 6, 6),
            drop_path_nyuv2=0.3,
            drop_path_sunrgbd=0.27,
            ham_nyuv2=1024,
            ham_sunrgbd=1024,
        ),
    )
}
"""The published encoders."""


def published_dformer(name: str) -> DFormerConfig:
    """Return the config of a published encoder.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    return look_up("DFormer", name, DFORMERS)
