"""The state of a run on disk, whole or not at all, read without running what it holds."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any, Final

import torch

from student.atomic_file import atomic_file
from student.training.errors import TrainingError

_FORMAT: Final = "dvemap training state 1"


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain values.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    with atomic_file(path) as temporary:
        torch.save({"format": _FORMAT, **state}, temporary)


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote, onto the CPU.

    Raises
    ------
    TrainingError
        It is something else, or damaged.
    OSError
        The file cannot be opened.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, zipfile.BadZipFile, EOFError, ValueError) as error:
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise TrainingError(f"{path} is damaged ({first}); train anew in another folder") from None
    if not isinstance(state, dict) or state.get("format") != _FORMAT:
        raise TrainingError(f"{path}: expected the state of a training run ({_FORMAT}), got something else")
    return state
