"""Files of the DFormer family: an encoder alone, and how the weights of a file fit a network."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from student.checkpoints.dformer_state import encoder_state, is_unused, nearest_dformer
from student.checkpoints.file import CheckpointFile, read_checkpoint_file
from student.checkpoints.kind import Kind, describe, kind_of, state_of
from student.checkpoints.shape import mismatch, ready_state
from student.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from student.networks.dformer import DFormer
    from student.networks.dformer_config import DFormerConfig
    from student.networks.dformerv2 import DFormerV2

_log = logging.getLogger(__name__)
_COUNTER: Final = "num_batches_tracked"
"""How many batches a batch norm saw; it only matters to a momentum of None."""


def load_dformer_backbone(path: str | Path) -> tuple[str, DFormer | DFormerV2]:
    """Load an encoder as it is pretrained on ImageNet.

    Parameters
    ----------
    path
        A file as `load_segmentor` takes them, with the encoder alone.

    Returns
    -------
    name
        Of the published encoder, such as dformerv2-base.
    encoder
        In eval mode, float32 on the CPU.

    Raises
    ------
    CheckpointError
        The file holds no such encoder.
    OSError
        The file cannot be opened.
    """
    return dformer_backbone_of(read_checkpoint_file(path))


def dformer_backbone_of(file: CheckpointFile) -> tuple[str, DFormer | DFormerV2]:
    """Make the encoder that a file holds; see `load_dformer_backbone`.

    Raises
    ------
    CheckpointError
        The file holds no such encoder.
    """
    import torch

    from student.networks.segmentor import build_dformer

    kind = kind_of(file.content)
    if kind is not Kind.DFORMER:
        hint = "; load it with load_segmentor and take its backbone" if kind is Kind.SEGMENTOR else ""
        raise CheckpointError(
            f"{file.name} holds no DFormer encoder alone, it seems to be "
            f"{describe(file.content, file.metadata)}{hint}"
        )
    held = encoder_state(state_of(file.content))
    config = nearest_dformer(held)
    with torch.device("meta"):
        encoder = build_dformer(config)
    ready, ignored = fitted_state(file, config, encoder.state_dict(), held)
    if ignored:
        _log.info("%s: left out %d keys, %s", file.name, len(ignored), ", ".join(ignored))
    encoder.load_state_dict(ready, strict=True, assign=True)
    return config.name, encoder.eval()


def fitted_state(
    file: CheckpointFile,
    config: DFormerConfig,
    expected: Mapping[str, Tensor],
    held: Mapping[str, Tensor],
    *,
    prefix: str = "",
) -> tuple[dict[str, Tensor], tuple[str, ...]]:
    """Return the state of a network, in its order and types, and the keys that nobody needs.

    Parameters
    ----------
    file, config
        What is read, and its encoder.
    expected, held
        States of the network and of the file.
    prefix
        Of the encoder's keys.

    Raises
    ------
    CheckpointError
        Keys are missing, unknown or of another shape, or weights are not finite.
    """
    import torch

    counters = {key: torch.zeros((), dtype=torch.int64) for key in expected if key.endswith(_COUNTER)}
    held = {**counters, **held}
    ignored = tuple(
        key for key in held if key not in expected and is_unused(key.removeprefix(prefix), config)
    )
    wrong = mismatch(expected, {key: value for key, value in held.items() if key not in ignored}, exact=True)
    if wrong is not None:
        raise CheckpointError(
            f"{file.name} is damaged or of an unknown kind: {wrong}; it seems to be {describe(file.content)}"
        )
    return ready_state(file.name, expected, held), ignored
