"""The settings of a training run: typed, documented, read from one YAML file and `--set a.b=c`.

The resolved configuration lies in the run's folder, in its state and in every student that it keeps.
"""

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
from pydantic import BaseModel, ConfigDict, Field

from dvemap.settings import put_assignments, read_yaml, validate
from dvemap.training_data import DataConfig
from student.data.augment_config import AugmentConfig
from student.networks.config import StudentConfig
from student.training.config import LossConfig, OptimizerConfig, RunConfig, ScheduleConfig
from student.visual_means import ALPHA


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class StartConfig(_Section):
    """What the weights are at first; random where nothing is given."""

    backbone: str | None = Field(
        None, description="the pretrained encoder: a file, or a name of `dvemap weights list`"
    )
    student: Path | None = Field(None, description="checkpoint of a student of the same shape")

    @pydantic.model_validator(mode="after")
    def _check(self) -> "StartConfig":
        if self.backbone is not None and self.student is not None:
            raise ValueError("backbone and student exclude each other; a student has an encoder")
        return self


class TeacherConfig(_Section):
    """Whose embeddings the student learns: files that `dvemap teach` or the NICR tools wrote."""

    estimator: str = Field(
        "alpha_clip__l14-336-grit-20m",
        description="name of the teacher in the names of its folders; `dvemap teach` prints it",
    )
    alpha: float = Field(
        ALPHA, ge=0, description="share of the image's embedding that is taken off each segment's"
    )
    text_encoder: str | None = Field(
        "openclip:ViT-L-14-336/openai",
        description="what embeds words in the same space; kept in the student, so that it can be asked",
    )
    space: str | None = Field(None, description="name of the embedding space; the estimator's if absent")


class ValidationConfig(_Section):
    """How the student is judged while it learns, by images that it does not learn from."""

    data: DataConfig = Field(description="labelled images; of the classes of the first data set")
    size: tuple[int, int] | None = Field(
        None,
        description="height and width that the network sees, here and wherever it is used later, pixels; "
        "those of the crops if absent",
    )
    every: int = Field(1, ge=1, description="epochs from one validation to the next")
    each_after: float = Field(
        1.0, ge=0, le=1, description="share of the run after which every epoch is validated"
    )
    means: bool = Field(True, description="whether visual means of the first data set read labels too")
    probe: int = Field(
        200,
        ge=0,
        description="images of the first data set, evenly spread, that a linear probe is fitted on at each "
        "validation; 0: no probe",
    )
    best: Literal["text", "means", "probe", "loss"] = Field(
        "text", description="what the best student is best at"
    )
    panels: int = Field(4, ge=0, description="images in the picture of each validation")

    @pydantic.model_validator(mode="after")
    def _check(self) -> "ValidationConfig":
        if self.best == "means" and not self.means:
            raise ValueError("best: means needs means: true")
        if self.best == "probe" and not self.probe:
            raise ValueError("best: probe needs a number of images, such as probe: 200")
        return self

    def due(self, epoch: int, epochs: int) -> bool:
        """Say whether an epoch, counted from 1, is validated; the last one is."""
        return epoch % self.every == 0 or epoch > self.each_after * epochs or epoch == epochs


class TrainConfig(_Section):
    """Everything `dvemap train` can be told."""

    data: Annotated[list[DataConfig], Field(min_length=1)] = Field(
        description="the mixture; the depth of all is normalised with the statistics of the first"
    )
    network: StudentConfig = StudentConfig()
    start: StartConfig = StartConfig()
    teacher: TeacherConfig = TeacherConfig()
    augment: AugmentConfig = AugmentConfig()
    validation: ValidationConfig | None = None
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    schedule: ScheduleConfig = ScheduleConfig()
    run: RunConfig = RunConfig()

    @pydantic.model_validator(mode="after")
    def _check(self) -> "TrainConfig":
        cycle = self.schedule.epochs
        if cycle is not None and cycle < self.run.epochs:
            raise ValueError(
                f"schedule.epochs must be at least run.epochs ({self.run.epochs}), got {cycle}: after it "
                "there is no rate"
            )
        return self

    @property
    def space(self) -> str:
        """Name of the embedding space that the student learns."""
        return self.teacher.space or self.teacher.estimator

    def plain(self) -> dict[str, Any]:
        """Return what YAML and JSON can hold."""
        return self.model_dump(mode="json")


def load_training_config(path: Path, assignments: list[str]) -> TrainConfig:
    """Read the configuration of a run.

    Parameters
    ----------
    path : Path
        A YAML file with any part of the settings, at least the data.
    assignments : list of str
        `a.b=c` settings; they win over the file.

    Raises
    ------
    ValueError
        For an unknown name (with the nearest known one) or a value out of its range.
    OSError
        If the file cannot be read.
    """
    tree = read_yaml(path)
    put_assignments(tree, assignments)
    return validate(TrainConfig, tree, str(path))


FREE = frozenset(
    f"run.{name}"
    for name in (
        "cache",
        "workers",
        "device",
        "devices",
        "threads",
        "compile",
        "save_minutes",
        "wandb",
        "accumulate",
    )
)
"""Settings that a resumed run may have otherwise: they decide where and how fast, not what is learned."""


def changed_settings(former: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Say which settings of a run differ from those that it began with, but for free ones.

    Settings that are newer than the run had their defaults.
    """
    with suppress(pydantic.ValidationError):
        former = TrainConfig.model_validate(former).plain()
    before, after = _flat(former), _flat(now)
    return [
        f"{name} was {before.get(name)!r}, is {after.get(name)!r}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name) and name not in FREE
    ]


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict | list) or not tree:
        return {prefix: tree}
    entries = tree.items() if isinstance(tree, dict) else enumerate(tree)
    flat: dict[str, Any] = {}
    for name, value in entries:
        flat |= _flat(value, f"{prefix}.{name}" if prefix else str(name))
    return flat
