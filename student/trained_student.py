"""A checkpoint that a user named, read at most once."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from student.checkpoints.file import read_notes
from student.checkpoints.training_input import TrainingInput, training_input
from student.disk_cache import file_sha256
from student.export_options import ExportOptions

if TYPE_CHECKING:
    from student.checkpoints import Checkpoint


class TrainedStudent:
    """The file of a student; its weights are read when they are first asked for, its notes without them.

    Parameters
    ----------
    path
        A checkpoint.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @cached_property
    def checkpoint(self) -> Checkpoint:
        """What the file holds, checked; raises CheckpointError or OSError."""
        from student.checkpoints import read_checkpoint

        return read_checkpoint(self.path)

    @cached_property
    def sha256(self) -> str:
        """Of the file."""
        return file_sha256(self.path)

    @cached_property
    def notes(self) -> dict[str, str]:
        """What the file says of itself; nothing where it is none of our own training."""
        return read_notes(self.path)

    @cached_property
    def input(self) -> TrainingInput:
        """What it saw while it was trained; raises CheckpointError where the notes are damaged."""
        return training_input(self.notes, str(self.path))

    def options(self, **wishes: Any) -> ExportOptions:
        """Return how to run it: as wished, else as it was trained, else as published students are.

        Parameters
        ----------
        **wishes
            Fields of `ExportOptions`; None is no wish.

        Raises
        ------
        ValueError
            A wish is not possible.
        CheckpointError
            The notes are damaged.
        """
        given = {name: value for name, value in wishes.items() if value is not None}
        for name in ("size", "statistics"):
            noted = None if name in given else getattr(self.input, name)
            if noted is not None:
                given[name] = noted
        return ExportOptions(**given)
