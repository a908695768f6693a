"""The settings of a linear probe: typed, documented, read from options and `--set a.b=c`."""

import json
from typing import Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from dvemap.config import EncoderConfig
from dvemap.settings import put_assignments, put_value, validate
from student.data.augment_config import AugmentConfig
from student.errors import CheckpointError
from student.probing.closed_fit import RIDGE
from student.trained_student import TrainedStudent
from student.training.config import OptimizerConfig, ScheduleConfig


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class ProbeRunConfig(_Section):
    """How long, and with which care."""

    epochs: int = Field(50, ge=1, description="passes through the images")
    batch: int = Field(4, ge=2, description="images a step")
    seed: int = Field(0, ge=0, description="of draws and augmentation")
    workers: int = Field(0, ge=0, description="processes that read images; 0: this one")
    precision: Literal["fp32", "bf16-mixed"] = Field(
        "fp32", description="of the frozen network; published is bf16-mixed"
    )
    save_minutes: float = Field(10.0, gt=0, description="time between saved states")


class FastConfig(_Section):
    """The fit over codes that are read once."""

    pixels: int = Field(100_000, ge=1, description="pixels that are drawn of all images together")
    ridge: float = Field(RIDGE, ge=0, description="weight of |W|^2 / 2 beside the mean loss")
    iterations: int = Field(100, ge=1, description="of L-BFGS, at most")


class ProbeConfig(_Section):
    """Everything `dvemap probe` can be told."""

    encoder: EncoderConfig
    augment: AugmentConfig = AugmentConfig()
    optimizer: OptimizerConfig = OptimizerConfig(lr=1e-2)
    schedule: ScheduleConfig = ScheduleConfig()
    run: ProbeRunConfig = ProbeRunConfig()
    fast: FastConfig = FastConfig()


def load_probe_config(
    trained: TrainedStudent | None, overrides: dict[str, Any], assignments: list[str]
) -> ProbeConfig:
    """Build the settings of a probe.

    Images are augmented as they were when the student was trained, where its file says so; else as published,
    with crops of the size that it sees.

    Parameters
    ----------
    trained : TrainedStudent or None
        None where the encoder is no checkpoint.
    overrides : dict
        Dotted name to value; `None` values are left out.
    assignments : list of str
        `a.b=c` settings; they win.

    Raises
    ------
    ValueError
        For an unknown name or a value out of its range.
    """
    tree: dict[str, Any] = {"encoder": {"finest": True}, "optimizer": {"lr": 1e-2}}
    if trained is not None:
        tree["augment"] = _augmentation(trained)
    for name, value in overrides.items():
        if value is not None:
            put_value(tree, name, value)
    put_assignments(tree, assignments)
    return validate(ProbeConfig, tree, "the command line")


def _augmentation(trained: TrainedStudent) -> dict[str, Any]:
    """Return the augmentation that a student was trained with."""
    training = notes_of_training(trained)
    if "augment" not in training:
        return {"size": list(trained.options().size)}
    try:
        return AugmentConfig.model_validate(training["augment"]).model_dump(mode="json")
    except pydantic.ValidationError as error:
        raise CheckpointError(
            f"{trained.path}: its augmentation is unknown to this version: {error}"
        ) from None


def notes_of_training(trained: TrainedStudent) -> dict[str, Any]:
    """Return the settings that a student was trained with by `dvemap train`, nothing of other ones."""
    try:
        settings = json.loads(trained.notes.get("training", "{}"))
    except ValueError:
        settings = None
    if not isinstance(settings, dict):
        raise CheckpointError(f"{trained.path}: its note training is no JSON object; the file was changed")
    return settings
