"""How a student is trained: optimiser, schedule, and the run. The defaults are DVEFormer's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

REFERENCE_BATCH = 8
"""Images in the batch that a learning rate is given for."""

Share = Annotated[float, Field(ge=0, lt=1)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OptimizerConfig(_Section):
    """AdamW."""

    lr: float = Field(
        default=5e-5, gt=0, description="peak learning rate for a batch of 8; a run takes lr * batch / 8"
    )
    weight_decay: float = Field(default=1e-4, ge=0, description="of AdamW")
    decay_norms: bool = Field(
        default=True, description="whether biases, norms and scales decay too, as published"
    )
    betas: tuple[Share, Share] = Field(
        default=(0.9, 0.999), description="of AdamW; the schedule replaces the first if it has a momentum"
    )
    clip: float | None = Field(
        default=None, gt=0, description="largest norm of the gradient, longer ones are scaled; none: no limit"
    )


class ScheduleConfig(_Section):
    """One cycle of the learning rate (Smith and Topin, 2018): up, then down, along cosines."""

    per: Literal["epoch", "step"] = Field(
        default="epoch", description="when the rate changes; published is once an epoch"
    )
    rise: float = Field(default=0.1, ge=0, lt=1, description="share of the run in which the rate rises")
    div: float = Field(default=25.0, ge=1, description="the first rate is the peak divided by this")
    final_div: float = Field(
        default=1e4, ge=1, description="the last rate is the first divided by this once more"
    )
    momentum: tuple[Share, Share] | None = Field(
        default=(0.85, 0.95),
        description="AdamW's first beta at the peak and at both ends; none: that of the optimizer",
    )
    epochs: int | None = Field(
        default=None,
        ge=1,
        description="length of the cycle; a run that ends before leaves the rest of it to one that starts "
        "from its student; the run's epochs if absent",
    )
    warmup_steps: int = Field(
        default=0, ge=0, description="steps in which the rate moreover rises from 0, linearly"
    )


class LossConfig(_Section):
    """What a step makes smaller; the defaults are DVEFormer's: the cosine, over all pixels."""

    cosine: float = Field(default=1.0, ge=0, description="weight of 1 - cos(embedding, target)")
    contrast: float = Field(
        default=0.0,
        ge=0,
        description="weight of telling a pixel's target from the other targets of the batch; needs pixels",
    )
    temperature: float = Field(
        default=0.07, gt=0, description="of the contrast: cosines are divided by it before the softmax"
    )
    pixels: int | None = Field(
        default=None, ge=1, description="of the output that are drawn from each image; none: all of them"
    )
    balance: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="how drawing evens out segments: 0 each pixel alike, 1 each segment alike; needs pixels",
    )

    @pydantic.model_validator(mode="after")
    def _check(self) -> LossConfig:
        if self.pixels is None and (self.contrast or self.balance or self.cosine != 1):
            raise ValueError("over all pixels the loss is the cosine alone; set pixels to draw some")
        if not self.cosine and not self.contrast:
            raise ValueError("cosine and contrast are both 0: there is nothing to learn")
        return self


class RunConfig(_Section):
    """How long, on what, and with which care."""

    epochs: int = Field(default=250, ge=1, description="passes through the mixture")
    batch: int = Field(default=4, ge=1, description="images a step of the optimiser, over all processes")
    accumulate: int = Field(
        default=1, ge=1, description="parts that a process computes its share of a batch in, to save memory"
    )
    seed: int = Field(default=0, ge=0, description="of weights, draws and augmentation")
    cache: Path | None = Field(
        default=None,
        description="folder that keeps images and targets as they are when decoded, some 7 bytes a pixel, so "
        "that each is decoded only once; none: anew in every epoch",
    )
    workers: int = Field(default=8, ge=0, description="processes that read images, for each that trains")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(default="auto", description="what computes")
    devices: int = Field(
        default=1, ge=1, description="devices of this machine, a process each; torchrun decides it itself"
    )
    precision: Literal["fp32", "bf16-mixed"] = Field(
        default="fp32", description="of the network in training; loss and weights stay fp32"
    )
    sync_batchnorm: bool = Field(
        default=False, description="batch statistics over all processes, not over the share of each"
    )
    compile: bool = Field(default=False, description="compile the network with torch.compile")
    threads: int = Field(default=0, ge=0, description="threads of torch on the CPU; 0: its own choice")
    ema: Share = Field(
        default=0.0,
        description="decay a step of a running average of the weights, which is what is judged and kept; 0: "
        "none",
    )
    save_minutes: float = Field(default=10.0, gt=0, description="time between saved states within an epoch")
    wandb: str | None = Field(default=None, description="project of Weights & Biases to log to as well")

    @pydantic.model_validator(mode="after")
    def _check(self) -> RunConfig:
        if self.batch % self.accumulate:
            raise ValueError(
                f"batch must be a multiple of accumulate, got {self.batch} and {self.accumulate}"
            )
        return self
