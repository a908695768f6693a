"""Where the curves and pictures of a run go: TensorBoard, and Weights & Biases where it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from student.training.errors import TrainingError


class Log:
    """Writes curves and pictures.

    Parameters
    ----------
    folder
        Of the run; TensorBoard's files go to `tensorboard/` in it.
    first
        Step that the run goes on from; what an interrupted run wrote of later ones is hidden.
    project
        Of Weights & Biases, if any.
    config
        What is noted there of the run.

    Raises
    ------
    TrainingError
        A package is not installed.
    """

    def __init__(self, folder: Path, first: int, project: str | None, config: Mapping[str, Any]) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError:
            raise TrainingError(
                "training needs tensorboard; install it with: pip install 'dvemap[train]'"
            ) from None
        self._board = SummaryWriter(folder / "tensorboard", purge_step=first)
        self._wandb = None if project is None else _start_wandb(project, folder, config)

    def write(self, values: Mapping[str, float], step: int) -> None:
        """Add a point to each curve."""
        for name, value in values.items():
            self._board.add_scalar(name, value, step)
        if self._wandb is not None:
            self._wandb.log(dict(values), step=step)

    def show(self, name: str, picture: npt.NDArray[np.uint8], step: int) -> None:
        """Add a picture (H, W, 3)."""
        self._board.add_image(name, picture, step, dataformats="HWC")
        if self._wandb is not None:
            self._wandb.log({name: self._wandb.Image(picture)}, step=step)

    def close(self) -> None:
        """Write what is left."""
        self._board.close()
        if self._wandb is not None:
            self._wandb.finish()


def _start_wandb(project: str, folder: Path, config: Mapping[str, Any]) -> Any:
    try:
        wandb = import_module("wandb")
    except ImportError:
        raise TrainingError(
            "run.wandb: the package is not installed; install it with: pip install wandb, or leave it out"
        ) from None
    wandb.init(project=project, name=folder.name, dir=folder, config=dict(config), resume="allow")
    return wandb
