"""Checkpoints of students: recognised from keys and shapes alone, loaded strictly, saved whole."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pydantic

from student.atomic_file import atomic_file
from student.checkpoints.file import CheckpointFile, read_checkpoint_file
from student.checkpoints.kind import Kind, describe, kind_of, state_of
from student.checkpoints.shape import (
    empty_student,
    expected_state,
    infer_config,
    mismatch,
    ready_state,
    variant_of,
)
from student.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from student.networks.config import StudentConfig
    from student.networks.dveformer import DVEFormer

_log = logging.getLogger(__name__)
_CONFIG: Final = "config"


@dataclass(frozen=True, slots=True, eq=False)
class Checkpoint:
    """A student as a file holds it, checked key by key.

    Attributes
    ----------
    name : str
        What messages call the file.
    config : StudentConfig
    state : dict of str to Tensor
        The keys of the network, no others, in its order and types.
    ignored : tuple of str
        Keys that the file holds beside them, as one that was trained for other tasks too does.
    epoch : int or None
        After which it was saved.
    metadata : dict of str to str
        What `save_checkpoint` was given, such as the embedding space and the text encoder.
    """

    name: str
    config: StudentConfig
    state: dict[str, Tensor]
    ignored: tuple[str, ...]
    epoch: int | None
    metadata: dict[str, str]

    @property
    def variant(self) -> str | None:
        """Name of the published network that this is one of, None for another shape."""
        return variant_of(self.config)

    def build(self) -> DVEFormer:
        """Return the network in eval mode; it takes the tensors over, without a copy."""
        network = empty_student(self.config)
        network.load_state_dict(self.state, strict=True, assign=True)
        return network.eval()


def load_checkpoint(path: str | Path, *, name: str | None = None) -> DVEFormer:
    """Load a student.

    Parameters
    ----------
    path
        A .pth file (with `state_dict`, or a bare one), a safetensors file, or a .tar.gz that holds one.
    name
        The published network that it must be: dveformer-fullres or dveformer-reducedres. By default it may be
        any, its shape is inferred.

    Returns
    -------
    DVEFormer, in eval mode, float32 on the CPU. Keys that it does not know are left out and logged.

    Raises
    ------
    CheckpointError
        The file holds no student, or not the one that was asked for.
    ValueError
        The name is unknown.
    OSError
        The file cannot be opened.
    """
    checkpoint = read_checkpoint(path, name=name)
    if checkpoint.ignored:
        _log.info("%s: left out %d keys, %s", path, len(checkpoint.ignored), ", ".join(checkpoint.ignored))
    return checkpoint.build()


def read_checkpoint(path: str | Path, *, name: str | None = None) -> Checkpoint:
    """Read a student without building its network; see `load_checkpoint`."""
    return checkpoint_of(read_checkpoint_file(path), name=name)


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint of any network, under official keys.

    Raises
    ------
    CheckpointError
        The file holds no weights.
    OSError
        The file cannot be opened.
    """
    file = read_checkpoint_file(path)
    state = state_of(file.content)
    if not state:
        raise CheckpointError(
            f"{file.name} holds no weights, it seems to be {describe(file.content, file.metadata)}"
        )
    return state


def save_checkpoint(network: DVEFormer, path: str | Path, metadata: Mapping[str, str] | None = None) -> None:
    """Save a student as one safetensors file with the official keys; the file appears whole or not at all.

    Parameters
    ----------
    network
        Its config is kept in the file, so that also what shapes do not tell comes back.
    path
        Ends in .safetensors.
    metadata
        Kept in the file for whoever loads it, such as the embedding space and the text encoder.

    Raises
    ------
    ValueError
        The path ends otherwise.
    OSError
        The file cannot be written.
    """
    from safetensors.torch import save_file

    path = Path(path)
    if path.suffix.lower() != ".safetensors":
        raise ValueError(f"{path}: expected a name ending in .safetensors")
    state = {key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()}
    notes = dict(metadata or {}) | {_CONFIG: network.config.model_dump_json()}
    with atomic_file(path) as temporary:
        save_file(state, temporary, notes)


def checkpoint_of(file: CheckpointFile, *, name: str | None = None) -> Checkpoint:
    """Check that a file holds a student; see `load_checkpoint`.

    Raises
    ------
    CheckpointError
        It does not, or not the one that was asked for.
    ValueError
        The name is unknown.
    """
    from student.networks.config import published

    asked = None if name is None else published(name)
    if kind_of(file.content) is not Kind.STUDENT:
        what = describe(file.content, file.metadata)
        hint = "; it is loaded by load_probe (--probe)" if kind_of(file.content) is Kind.PROBE else ""
        raise CheckpointError(f"{file.name} holds no student, it seems to be {what}{hint}")
    state = state_of(file.content)
    config = asked or _saved_config(file) or infer_config(state, file.name)
    expected = expected_state(config)
    wrong = mismatch(expected, state)
    if wrong is not None:
        fault = f"no {name}" if name else "damaged or of an unknown kind"
        hint = "; ask for that one instead" if name else ""
        raise CheckpointError(
            f"{file.name} is {fault}: {wrong}; it seems to be {describe(file.content)}{hint}"
        )
    ready = ready_state(file.name, expected, state)
    epoch = file.content.get("epoch", _number(file.metadata.get("epoch")))
    return Checkpoint(
        file.name,
        config,
        ready,
        tuple(key for key in state if key not in ready),
        epoch if isinstance(epoch, int) else None,
        {key: value for key, value in file.metadata.items() if key != _CONFIG},
    )


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None


def _saved_config(file: CheckpointFile) -> StudentConfig | None:
    """Return the config that `save_checkpoint` kept."""
    from student.networks.config import StudentConfig

    if _CONFIG not in file.metadata:
        return None
    try:
        return StudentConfig.model_validate_json(file.metadata[_CONFIG])
    except pydantic.ValidationError as error:
        raise CheckpointError(f"{file.name}: its config is unknown to this version: {error}") from error
