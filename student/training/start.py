"""The network that training begins with."""

from __future__ import annotations

from pathlib import Path

import torch

from student.checkpoints import read_checkpoint
from student.checkpoints.backbone import load_backbone
from student.networks.config import StudentConfig
from student.networks.dveformer import DVEFormer, build
from student.training.errors import TrainingError
from student.weights import CATALOGUE, find


def first_network(
    config: StudentConfig, seed: int, *, backbone: str | None = None, student: Path | None = None
) -> DVEFormer:
    """Build a network in training mode; the same seed gives the same weights.

    Parameters
    ----------
    config
        Of the network.
    seed
        Of the weights that are not loaded.
    backbone
        A pretrained encoder to start from: a file, or a name of the weights catalogue.
    student
        A checkpoint to start from.

    Raises
    ------
    TrainingError
        The named weights are not in the cache, or the checkpoint is of another shape.
    CheckpointError
        A file holds something else.
    OSError
        A file cannot be opened.
    """
    torch.manual_seed(seed)
    network = build(config)
    if backbone is not None:
        load_backbone(network, _file_of(backbone))
    if student is not None:
        checkpoint = read_checkpoint(student)
        free = {"drop_path", "dropout"}
        if checkpoint.config.model_dump(exclude=free) != config.model_dump(exclude=free):
            raise TrainingError(
                f"start.student: {student} is of another shape; network: must be "
                f"{checkpoint.config.model_dump(exclude_defaults=True)}"
            )
        network.load_state_dict(checkpoint.state)
    return network


def _file_of(backbone: str) -> Path:
    if backbone not in CATALOGUE or Path(backbone).exists():
        return Path(backbone)
    found = find(backbone)
    if found is None:
        raise TrainingError(
            f"start.backbone: {backbone} is not in the cache; fetch it with: dvemap weights pull {backbone}, "
            "or take it from a file with: dvemap weights import FILE"
        )
    return found
