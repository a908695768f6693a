"""The encoder that is pretrained on ImageNet, which training a student starts from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from student.checkpoints.file import CheckpointFile, read_checkpoint_file
from student.checkpoints.kind import Kind, describe, kind_of, state_of
from student.checkpoints.shape import empty_student, mismatch, ready_state
from student.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from student.networks.config import StudentConfig
    from student.networks.dveformer import DVEFormer

_AROUND: Final = ("model.", "backbone.")
_CLASSIFIER: Final = ("fc.", "fc_embedding.")
_EMBEDDER: Final = "patch_embedder."


def load_backbone(network: DVEFormer, path: str | Path) -> None:
    """Load pretrained weights into the encoder of a student, in place.

    Parameters
    ----------
    network
        Its decoder and context module stay as they are.
    path
        A .pth, .safetensors or .tar.gz file with the encoder alone: a Swin as DVEFormer publishes it, or for
        a student with a DFormer that one. A Swin that embeds patches of colour only is split: its first
        filters embed colour, the last, summed over the colours, depth.

    Raises
    ------
    CheckpointError
        The file holds no such encoder, or one of another shape.
    OSError
        The file cannot be opened.
    """
    if network.config.dformer is not None:
        from student.checkpoints.dformer_file import load_dformer_backbone

        name, encoder = load_dformer_backbone(path)
        if name != network.config.encoder:
            raise CheckpointError(
                f"{path} holds a {name}, the network's encoder is a {network.config.encoder}; set "
                f"network.encoder: {name}"
            )
        network.backbone.load_state_dict(encoder.state_dict(), strict=True)
        return
    network.backbone.load_state_dict(backbone_state(read_checkpoint_file(path), network.config), strict=True)


def backbone_state(file: CheckpointFile, config: StudentConfig) -> dict[str, Tensor]:
    """Return the weights of an encoder under the keys of `DVEFormer.backbone`, checked against its config.

    Raises
    ------
    CheckpointError
        The file holds no such encoder, or one of another shape, or weights are not finite.
    """
    if kind_of(file.content) is not Kind.BACKBONE:
        raise CheckpointError(
            f"{file.name} holds no pretrained encoder, it seems to be {describe(file.content, file.metadata)}"
        )
    state = {_key(key): value for key, value in state_of(file.content).items()}
    state = {key: value for key, value in state.items() if not key.startswith(_CLASSIFIER)}
    if f"{_EMBEDDER}0.weight" in state:
        state = _split_embedder(state, config.rgb_channels)
    expected = empty_student(config).backbone.state_dict()
    wrong = mismatch(expected, state, exact=True)
    if wrong is not None:
        raise CheckpointError(f"{file.name} does not fit this network's encoder: {wrong}")
    return ready_state(file.name, expected, state)


def _key(key: str) -> str:
    for around in _AROUND:
        key = key.replace(around, "")
    return key


def _split_embedder(state: dict[str, Tensor], rgb_channels: int) -> dict[str, Tensor]:
    """Make the embeddings of colour and depth from one of colour."""
    split = {key: value for key, value in state.items() if not key.startswith(_EMBEDDER)}
    for key, value in state.items():
        if key.startswith(_EMBEDDER):
            rest = key.removeprefix(_EMBEDDER)
            depth = value[rgb_channels:]
            split[f"{_EMBEDDER}rgb_layers.{rest}"] = value[:rgb_channels]
            split[f"{_EMBEDDER}depth_layers.{rest}"] = (
                depth.sum(dim=1, keepdim=True) if depth.ndim == 4 else depth
            )
    return split
