"""How training images are varied: chances and ranges."""

from __future__ import annotations

from typing import Annotated

import pydantic
from pydantic import BaseModel, ConfigDict, Field

Chance = Annotated[float, Field(ge=0, le=1)]
Side = Annotated[int, Field(ge=32, multiple_of=32)]


class StrongAugmentConfig(BaseModel):
    """What spoils clean synthetic images so that a network trained on them stands real cameras.

    Each effect has the chance with which an image gets it; how strong it is then is drawn up to a limit.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    color: Chance = Field(
        default=0.8, description="chance of other brightness, contrast, gamma, white balance, saturation"
    )
    color_strength: float = Field(
        default=0.4, ge=0, lt=1, description="largest relative change of each of these"
    )
    blur: Chance = Field(default=0.3, description="chance of blur, of focus or of motion")
    blur_radius: float = Field(
        default=2.5, gt=0, description="largest standard deviation (or half length of the motion), pixels"
    )
    noise: Chance = Field(default=0.4, description="chance of noise of the colour sensor")
    noise_level: float = Field(default=12.0, ge=0, description="largest standard deviation, levels of 255")
    jpeg: Chance = Field(default=0.3, description="chance of JPEG artefacts")
    jpeg_quality: int = Field(default=30, ge=1, le=95, description="lowest quality; the highest is 95")
    depth_noise: Chance = Field(default=0.5, description="chance of noise that grows with distance")
    depth_noise_level: float = Field(default=2.0, ge=0, description="largest multiple of a Kinect's noise")
    depth_steps: Chance = Field(default=0.5, description="chance of depth rounded to steps of disparity")
    depth_step_size: float = Field(default=3.0, ge=1, description="largest multiple of a Kinect's step")
    depth_scale: Chance = Field(default=0.3, description="chance of depth scaled as a whole")
    depth_scale_error: float = Field(default=0.03, ge=0, lt=1, description="largest relative error of scale")
    depth_holes: Chance = Field(
        default=0.6, description="chance of missing depth: in blots, and along the edges of things"
    )
    depth_hole_share: float = Field(
        default=0.25, ge=0, le=1, description="largest share of the image that blots cover"
    )
    erasing: Chance = Field(default=0.3, description="chance of rectangles without colour, depth or both")
    erased_boxes: int = Field(default=4, ge=1, description="most rectangles")
    drop_color: Chance = Field(default=0.05, description="chance of no colour at all: mean grey")
    drop_depth: Chance = Field(default=0.1, description="chance of no depth at all, but then colour")

    @pydantic.model_validator(mode="after")
    def _check(self) -> StrongAugmentConfig:
        if self.drop_color + self.drop_depth > 1:
            raise ValueError(
                f"drop_color + drop_depth must be <= 1, got {self.drop_color} + {self.drop_depth}"
            )
        return self


class AugmentConfig(BaseModel):
    """Augmentation of the training images; the defaults are DVEFormer's."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    size: tuple[Side, Side] = Field(
        default=(480, 640), description="height and width of the crop, pixels, multiples of 32"
    )
    scale_min: float = Field(default=1.0, gt=0, description="least factor that images are enlarged by")
    scale_max: float = Field(default=1.4, gt=0, description="largest factor; depth keeps its values")
    hue: int = Field(default=10, ge=0, le=90, description="shift of hue, -n to n - 1, steps of 2 degrees")
    saturation: int = Field(default=20, ge=0, le=255, description="shift of saturation, -n to n - 1")
    value: int = Field(default=50, ge=0, le=255, description="shift of value, -n to n - 1, of 255")
    flip: Chance = Field(default=0.5, description="chance of being mirrored left to right")
    strong: StrongAugmentConfig | None = Field(
        default=None, description="further effects for synthetic data; none if absent"
    )

    @pydantic.model_validator(mode="after")
    def _check(self) -> AugmentConfig:
        if self.scale_min > self.scale_max:
            raise ValueError(f"scale_min must be <= scale_max, got {self.scale_min} and {self.scale_max}")
        return self
