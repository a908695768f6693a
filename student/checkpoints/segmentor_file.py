"""Checkpoints of segmentors: recognised from keys and shapes alone, and loaded strictly."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from student.checkpoints.dformer_file import fitted_state
from student.checkpoints.dformer_state import BACKBONE, HEAD, encoder_state, head_of, nearest_dformer
from student.checkpoints.file import CheckpointFile, read_checkpoint_file
from student.checkpoints.kind import Kind, describe, kind_of, state_of
from student.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from student.networks.segmentor import Segmentor, SegmentorConfig

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class SegmentorCheckpoint:
    """A segmentor as a file holds it, checked key by key.

    Attributes
    ----------
    name : str
        What messages call the file.
    config : SegmentorConfig
    state : dict of str to Tensor
        The keys of the network, no others, in its order and types.
    ignored : tuple of str
        Keys that published files hold without use.
    epoch : int or None
        After which it was saved.
    metadata : dict of str to str
        What a safetensors file says of itself.
    """

    name: str
    config: SegmentorConfig
    state: dict[str, Tensor]
    ignored: tuple[str, ...]
    epoch: int | None
    metadata: dict[str, str]

    @property
    def variant(self) -> str:
        """Name of the published encoder."""
        return self.config.network.name

    def build(self) -> Segmentor:
        """Return the network in eval mode; it takes the tensors over, without a copy."""
        network = _empty_segmentor(self.config)
        network.load_state_dict(self.state, strict=True, assign=True)
        return network.eval()


def load_segmentor(path: str | Path, name: str | None = None, classes: int | None = None) -> Segmentor:
    """Load a network for a closed set of classes.

    Parameters
    ----------
    path
        A PyTorch file (a state, or one in its entry `state_dict_ema`, `state_dict` or `model`), a safetensors
        file, or an archive that holds one.
    name
        The published encoder that it must have, such as dformer-small; by default any, it is inferred.
    classes
        How many it must know; by default any number.

    Returns
    -------
    Segmentor, in eval mode, float32 on the CPU. Keys that published files hold without use are left out and
    logged.

    Raises
    ------
    CheckpointError
        The file holds no such network, or not the one that was asked for.
    ValueError
        The name is unknown.
    OSError
        The file cannot be opened.
    """
    checkpoint = read_segmentor(path, name, classes)
    if checkpoint.ignored:
        _log.info("%s: left out %d keys, %s", path, len(checkpoint.ignored), ", ".join(checkpoint.ignored))
    return checkpoint.build()


def read_segmentor(
    path: str | Path, name: str | None = None, classes: int | None = None
) -> SegmentorCheckpoint:
    """Read a segmentor without building its network; see `load_segmentor`."""
    return segmentor_of(read_checkpoint_file(path), name, classes)


def segmentor_of(
    file: CheckpointFile, name: str | None = None, classes: int | None = None
) -> SegmentorCheckpoint:
    """Check that a file holds a segmentor; see `load_segmentor`.

    Raises
    ------
    CheckpointError
        It does not, or not the one that was asked for.
    ValueError
        The name is unknown.
    """
    from student.networks.dformer_config import published_dformer
    from student.networks.segmentor import SegmentorConfig

    asked = None if name is None else published_dformer(name)
    what = describe(file.content, file.metadata)
    kind = kind_of(file.content)
    if kind is not Kind.SEGMENTOR:
        hint = "; it is loaded by load_dformer_backbone" if kind is Kind.DFORMER else ""
        raise CheckpointError(f"{file.name} holds no segmentation network, it seems to be {what}{hint}")
    state = state_of(file.content)
    network = nearest_dformer(state)
    if asked not in (None, network):
        raise CheckpointError(
            f"{file.name} is no {name}: it seems to be {what}; ask for {network.name} instead"
        )
    head = head_of(state)
    if not head:
        first = next(key for key in state if key.startswith(HEAD))
        raise CheckpointError(
            f"{file.name} has a decoder of an unknown kind, first {first}; expected a Ham decoder "
            f"({HEAD}hamburger.*) or an MLP decoder ({HEAD}linear_*)"
        )
    config = SegmentorConfig(network=network, **head)
    if classes not in (None, config.classes):
        raise CheckpointError(
            f"{file.name} has {config.classes} classes, expected {classes}; it seems to be {what}"
        )
    held = {BACKBONE + key: value for key, value in encoder_state(state).items()}
    held |= {key: value for key, value in state.items() if key.startswith(HEAD)}
    ready, ignored = fitted_state(file, network, _expected_state(config), held, prefix=BACKBONE)
    epoch = file.content.get("epoch")
    return SegmentorCheckpoint(
        file.name, config, ready, ignored, epoch if isinstance(epoch, int) else None, dict(file.metadata)
    )


def _empty_segmentor(config: SegmentorConfig) -> Segmentor:
    """Build a network whose weights take neither memory nor time: shapes alone, on the device `meta`."""
    import torch

    from student.networks.segmentor import Segmentor

    with torch.device("meta"):
        return Segmentor(config)


@lru_cache(maxsize=4)
def _expected_state(config: SegmentorConfig) -> Mapping[str, Tensor]:
    """Return the keys, shapes and types of a segmentor's weights."""
    return MappingProxyType(_empty_segmentor(config).state_dict())
