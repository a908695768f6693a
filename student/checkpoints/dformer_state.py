"""What a state of the DFormer family is, from its keys and shapes alone."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from torch import Tensor

    from student.networks.dformer_config import DFormerConfig

HEAD: Final = "decode_head."
BACKBONE: Final = "backbone."
_MARKS: Final = {1: r"downsample_layers_e\.", 2: r"layers\.\d+\.blocks\.\d+\.Geo\."}
_BLOCKS: Final = {1: "stages.{}.", 2: "layers.{}.blocks."}
_WIDTHS: Final = {
    1: ("downsample_layers.0.4.weight", *(f"downsample_layers.{stage}.1.weight" for stage in (1, 2, 3))),
    2: ("patch_embed.proj.10.weight", *(f"layers.{stage}.downsample.norm.weight" for stage in (0, 1, 2))),
}
_DECODERS: Final = {"ham": HEAD + "hamburger.", "mlp": HEAD + "linear_"}
_CLASSIFIERS: Final = {"ham": HEAD + "conv_seg", "mlp": HEAD + "linear_pred"}
_CLASSIFIED: Final = {"ham": HEAD + "align.bn.weight", "mlp": HEAD + "linear_fuse.1.weight"}


def version_of(state: Iterable[str]) -> int | None:
    """Return 1 for a DFormer, 2 for a DFormerv2, None for anything else."""
    keys = [_encoder_key(key) for key in state]
    return next(
        (version for version, mark in _MARKS.items() if any(re.match(mark, key) for key in keys)), None
    )


def has_head(state: Iterable[str]) -> bool:
    """Say whether a state of the family has a decoder beside the encoder."""
    return any(key.startswith(HEAD) for key in state)


def encoder_state(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of the encoder under the keys that it has by itself."""
    return {_encoder_key(key): value for key, value in state.items() if not key.startswith(HEAD)}


def nearest_dformer(state: Mapping[str, Tensor]) -> DFormerConfig:
    """Return the config of the published encoder whose depths and channels are most like those of a state.

    A damaged state so is compared with what it should have been.

    Parameters
    ----------
    state
        Of an encoder or a segmentor of the family.
    """
    from student.networks.dformer_config import DFORMERS

    version = version_of(state)
    assert version is not None
    state = encoder_state(state)
    blocks = [_BLOCKS[version].format(stage) for stage in range(4)]
    depths = [len({key[len(at) :].split(".")[0] for key in state if key.startswith(at)}) for at in blocks]
    shape = [*depths, *(_length(state.get(key)) for key in _WIDTHS[version])]

    def likeness(config: DFormerConfig) -> int:
        return sum(found == own for found, own in zip(shape, (*config.depths, *config.channels), strict=True))

    return max((config for config in DFORMERS.values() if config.version == version), key=likeness)


def head_of(state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Return the fields of a `SegmentorConfig` that the decoder of a segmentor tells.

    Returns
    -------
    `decoder`, `classes` and `ham_channels` or `mlp_channels`, without what only a missing key would tell;
    empty for a decoder of another kind.
    """
    decoder = next((name for name, mark in _DECODERS.items() if any(mark in key for key in state)), None)
    if decoder is None:
        return {}
    classes = _length(state.get(_CLASSIFIERS[decoder] + ".weight"))
    channels = _length(state.get(_CLASSIFIED[decoder]))
    found = {"classes": classes, f"{decoder}_channels": channels}
    return {"decoder": decoder, **{key: value for key, value in found.items() if value is not None}}


def is_unused(key: str, config: DFormerConfig) -> bool:
    """Say whether published files hold a key, below the encoder, that its network never had or no more has.

    These are output norms of older code, the classifier of the pretraining, and what the last block of
    version 1 would do with depth.
    """
    block = rf"stages\.3\.{config.depths[3] - 1}\."
    last = rf"|{block}(layer_scale_[12]_e$|attn\.proj_e\.|mlp_e2\.)" if config.version == 1 else ""
    return re.match(rf"norm[0-3]\.|pred\.{last}", key) is not None


def describe_dformer(state: Mapping[str, Tensor]) -> str:
    """Say what a state of the family is, for a message."""
    name = nearest_dformer(state).name
    if not has_head(state):
        return f"a DFormer encoder alone ({name}), as it is pretrained on ImageNet"
    head = head_of(state)
    decoder = f"{head['decoder']} decoder" if head else "unknown decoder"
    return f"a segmentation network ({name}, {decoder}, {head.get('classes', 'unknown')} classes)"


def _encoder_key(key: str) -> str:
    return key.removeprefix(BACKBONE).removeprefix("module.")


def _length(tensor: Tensor | None) -> int | None:
    return None if tensor is None or tensor.ndim == 0 else len(tensor)
