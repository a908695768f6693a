"""The data that a student is trained on: a list of data sets in YAML, and the mixture that it describes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from dvemap.sequence_source import SequenceSource
from student.data.mixture import Mixture
from student.data.nicr import NicrSource

NICR = "nicr-"


class DataConfig(BaseModel):
    """One data set of the mixture, a line of YAML such as this one.

    - {path: data/scannet, format: nicr-scannet, split: train, classes: 40, stride: 50, fraction: 0.25}
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    path: Path = Field(description="folder of the data set")
    format: Literal[
        "nicr-nyuv2", "nicr-sunrgbd", "nicr-scannet", "nicr-hypersim", "nicr-ade20k", "sequence"
    ] = Field(
        "sequence",
        description="nicr-...: as prepared by the NICR packages; sequence: labelled sequences, of exported "
        "ScanNet or `dvemap synth`, one or a folder of them",
    )
    split: str | None = Field(
        None,
        description="part of it: a split of a nicr-... data set (train, or train_panoptic_2017 of ade20k, if "
        "absent); of sequences, <split>.txt with their names or the folder <split> (all if absent)",
    )
    classes: int | None = Field(
        None,
        ge=1,
        description="number of classes of its labels, where there are several; the usual if absent",
    )
    fraction: float = Field(1.0, gt=0, le=1, description="share of its samples that each epoch draws anew")
    stride: int = Field(1, ge=1, description="only every n-th sample, of a sequence every n-th frame")
    depth: str | None = Field(
        None,
        description="nicr-...: raw, refined or the name of a depth estimator (raw if absent; of ade20k "
        "depthanything_v2__indoor_large); sequence: folder of depth images",
    )


def open_source(config: DataConfig) -> NicrSource | SequenceSource:
    """Open a data set of the mixture.

    Raises
    ------
    DatasetError, SequenceError
        If it cannot be used as described.
    OSError
        If it cannot be read.
    """
    if config.format == "sequence":
        return SequenceSource(
            config.path,
            split=config.split,
            classes=config.classes,
            stride=config.stride,
            depth=config.depth,
        )
    return NicrSource(
        config.path,
        config.format.removeprefix(NICR),
        config.split,
        classes=config.classes,
        stride=config.stride,
        depth=config.depth,
    )


def build_mixture(data: Sequence[DataConfig], seed: int) -> Mixture:
    """Open the data sets of a mixture; depth statistics are those of the first.

    Parameters
    ----------
    data : sequence of DataConfig
        At least one.
    seed : int
        >= 0, of the draws of each epoch.

    Raises
    ------
    DatasetError, SequenceError
        If a data set cannot be used as described.
    OSError
        If one cannot be read.
    """
    return Mixture([open_source(entry) for entry in data], [entry.fraction for entry in data], seed)
