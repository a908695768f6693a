"""The shape of a dense prediction transformer, read off the keys and shapes of its weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from student.checkpoints.dpt_keys import Family, to_official
from student.checkpoints.kind import parts
from student.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from student.networks.dpt_config import DptConfig, Readout
    from student.networks.position_embedding import PositionRule

_HEAD_WIDTH: Final = 64  # numbers of a token that an attention head sees, in every published network
_MM: Final = (Family.MMSEGMENTATION, Family.TOOLBOX)
_DEPTH_ANYTHING: Final = (Family.DEPTH_ANYTHING, Family.HUGGING_FACE)
_TAPS: Final[Mapping[int, tuple[int, ...]]] = MappingProxyType(
    {12: (2, 5, 8, 11), 24: (5, 11, 17, 23), 40: (9, 19, 29, 39)}
)


def infer_dpt_config(
    state: Mapping[str, Tensor],
    family: Family,
    name: str = "the state",
    *,
    heads: int | None = None,
    taps: tuple[int, ...] | None = None,
    max_depth: float | None = None,
) -> DptConfig:
    """Return the shape of the network that a state is of.

    Parameters
    ----------
    state
        Under the keys of `Dpt`.
    family
        Whose it was; it decides what shapes do not tell, such as the rule for position embeddings.
    name
        What messages call it.
    heads
        Of attention; as published, one for 64 numbers of a token, if absent.
    taps
        Blocks whose tokens are given; the published ones for their number if absent.
    max_depth
        Metres that a metric network of Depth Anything or the toolbox reaches.

    Raises
    ------
    CheckpointError
        A key is missing that tells, or the shapes contradict each other.
    """
    from student.networks.dpt_config import DptConfig
    from student.networks.vit import VitConfig

    def shape(key: str) -> tuple[int, ...]:
        if key not in state:
            official = next(iter(to_official({key: next(iter(state.values()))}, family)))
            raise CheckpointError(f"{name} seems to be {family}, but it lacks {official}")
        return tuple(state[key].shape)

    depth = parts(state, "backbone.blocks.")
    hybrid = any(key.startswith("backbone.patch_embed.backbone.") for key in state)
    if taps is None:
        taps = _published_taps(depth, family, hybrid, name)
    readout: Readout = "project" if "reassemble.3.readout.weight" in state else "ignore"
    position: PositionRule = "bilinear"
    if family is Family.DEPTH_ANYTHING:
        position = "offset"
    elif family in (*_MM, Family.HUGGING_FACE):
        position = "bicubic"
    try:
        width = shape("backbone.cls_token")[-1]
        one, two, three, four = (shape(f"decoder.embed.{stage}.weight")[1] for stage in range(4))
        vit = VitConfig(
            width=width,
            depth=depth,
            heads=heads or max(width // _HEAD_WIDTH, 1),
            patch=16 if hybrid else shape("backbone.patch_embed.proj.weight")[-1],
            grid=math.isqrt(shape("backbone.pos_embed")[1] - 1),
            taps=taps,
            tap_norm=family in _DEPTH_ANYTHING,
            position=position,
            norm_eps=1e-5 if family in _MM else 1e-6,
            patch_bias="backbone.patch_embed.proj.bias" in state,
            layer_scale="backbone.blocks.0.ls1.gamma" in state,
            swiglu="backbone.blocks.0.mlp.w12.weight" in state,
            hybrid=hybrid,
        )
        classifying = family in (Family.DPT_CLASSES, Family.MMSEGMENTATION)
        return DptConfig(
            vit=vit,
            channels=(one, two, three, four),
            features=shape("decoder.embed.0.weight")[0],
            readout=readout,
            batch_norm="decoder.fuse.0.unit2.norm1.weight" in state,
            unit_bias="decoder.fuse.0.unit2.conv1.bias" in state,
            exact=family in _DEPTH_ANYTHING,
            project=family is Family.TOOLBOX,
            hidden=32 if classifying else shape("head.conv2.weight")[0],
            classes=shape("head.classifier.weight")[0] if classifying else None,
            aligned=family is not Family.MMSEGMENTATION,
            activation="relu" if max_depth is None else "clamp" if family is Family.TOOLBOX else "sigmoid",
            max_depth=max_depth,
        )
    except CheckpointError:
        raise
    except (ValueError, IndexError) as error:
        raise CheckpointError(f"{name} is damaged or of an unknown kind: {error}") from error


def _published_taps(depth: int, family: Family, hybrid: bool, name: str) -> tuple[int, ...]:
    if hybrid:
        return (8, 11)
    if depth not in _TAPS:
        raise CheckpointError(
            f"{name} has {depth} blocks; which of them it reads is known for {', '.join(map(str, _TAPS))}"
        )
    # Depth Anything counts the large network's first tap otherwise.
    return (4, 11, 17, 23) if depth == 24 and family in _DEPTH_ANYTHING else _TAPS[depth]
