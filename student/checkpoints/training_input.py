"""What a student saw while it was trained, as its file says: it sees best what it is shown the same way."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from student.errors import CheckpointError
from student.preprocessing import DepthStatistics, Preprocessing

SIZE: Final = "size"
DEPTH_STATISTICS: Final = "depth_statistics"
_FIX: Final = "the file was changed after training; take it anew from its run"


@dataclass(frozen=True, slots=True)
class TrainingInput:
    """Input of a student while it was trained; None for what its file does not say.

    Attributes
    ----------
    size : tuple of int or None
        Height and width, pixels.
    statistics : DepthStatistics or None
        What depth was normalised with.
    """

    size: tuple[int, int] | None = None
    statistics: DepthStatistics | None = None


def training_input(metadata: Mapping[str, str], name: str) -> TrainingInput:
    """Read the input off what `save_checkpoint` was given: `size`, as in 240x320, and `depth_statistics`.

    Parameters
    ----------
    metadata
        Of the file; `depth_statistics` is JSON with `name`, and `mean` and `std` in metres.
    name
        What messages call the file.

    Raises
    ------
    CheckpointError
        An entry is there, but damaged.
    """
    return TrainingInput(_size(metadata.get(SIZE), name), _statistics(metadata.get(DEPTH_STATISTICS), name))


def _size(text: str | None, name: str) -> tuple[int, int] | None:
    if text is None:
        return None
    sides = re.fullmatch(r"(\d{1,5})x(\d{1,5})", text)
    if sides is None:
        raise CheckpointError(f"{name}: its note {SIZE} must be HEIGHTxWIDTH, got {text!r}; {_FIX}")
    size = int(sides[1]), int(sides[2])
    try:
        Preprocessing(size)
    except ValueError as error:
        raise CheckpointError(f"{name}: its note {SIZE} is wrong: {error}; {_FIX}") from None
    return size


def _statistics(text: str | None, name: str) -> DepthStatistics | None:
    if text is None:
        return None
    try:
        noted = json.loads(text)
        return DepthStatistics(str(noted["name"]), float(noted["mean"]), float(noted["std"]))
    except (ValueError, TypeError, KeyError) as error:
        raise CheckpointError(
            f"{name}: its note {DEPTH_STATISTICS} must hold name, mean and std, got {text!r} ({error!r}); "
            f"{_FIX}"
        ) from None
