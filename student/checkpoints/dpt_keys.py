"""Keys of dense prediction transformers: how each family of files names what `Dpt` has.

A line of a table pairs an official name and ours. In both, {i} is a stage from 0, the finest, to 3, {s} the
same from 1 to 4, {j} from the deepest, 3 - i; {n} is a block, {a} and {b} are numbers that stay, {p} is the
rest. "@0", "@1" and "@2" are the thirds of a tensor that a family stores apart. The first line that fits
holds.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch import Tensor

Table = tuple[tuple[str, str], ...]


class Family(StrEnum):
    """Who named the keys."""

    DPT_DEPTH = "isl-org's DPT for depth"
    DPT_CLASSES = "isl-org's DPT for classes"
    MMSEGMENTATION = "mmsegmentation's DPT"
    TOOLBOX = "the depth toolbox's DPT"
    DEPTH_ANYTHING = "Depth Anything V2"
    HUGGING_FACE = "Depth Anything V2 of Hugging Face"
    TIMM = "a Vision Transformer of timm"


_DPT: Final[Table] = (
    ("pretrained.act_postprocess{s}.0.project.0.{p}", "reassemble.{i}.readout.{p}"),
    ("pretrained.act_postprocess{s}.3.{p}", "reassemble.{i}.project.{p}"),
    ("pretrained.act_postprocess{s}.4.{p}", "reassemble.{i}.resize.{p}"),
    ("pretrained.model.{p}", "backbone.{p}"),
    ("scratch.layer{s}_rn.{p}", "decoder.embed.{i}.{p}"),
    ("scratch.refinenet{s}.resConfUnit{a}.conv{b}.{p}", "decoder.fuse.{i}.unit{a}.conv{b}.{p}"),
    ("scratch.refinenet{s}.resConfUnit{a}.bn{b}.{p}", "decoder.fuse.{i}.unit{a}.norm{b}.{p}"),
    ("scratch.refinenet{s}.out_conv.{p}", "decoder.fuse.{i}.project.{p}"),
)
_DPT_DEPTH: Final[Table] = (
    ("scratch.output_conv.0.{p}", "head.conv1.{p}"),
    ("scratch.output_conv.2.{p}", "head.conv2.{p}"),
    ("scratch.output_conv.4.{p}", "head.conv3.{p}"),
)
_DPT_CLASSES: Final[Table] = (
    ("scratch.output_conv.0.{p}", "head.conv.{p}"),
    ("scratch.output_conv.1.{p}", "head.norm.{p}"),
    ("scratch.output_conv.4.{p}", "head.classifier.{p}"),
)
_MM: Final[Table] = (
    ("backbone.patch_embed.projection.{p}", "backbone.patch_embed.proj.{p}"),
    ("backbone.layers.{n}.ln{a}.{p}", "backbone.blocks.{n}.norm{a}.{p}"),
    ("backbone.layers.{n}.attn.attn.in_proj_{p}", "backbone.blocks.{n}.attn.qkv.{p}"),
    ("backbone.layers.{n}.attn.attn.out_proj.{p}", "backbone.blocks.{n}.attn.proj.{p}"),
    ("backbone.layers.{n}.ffn.layers.0.0.{p}", "backbone.blocks.{n}.mlp.fc1.{p}"),
    ("backbone.layers.{n}.ffn.layers.1.{p}", "backbone.blocks.{n}.mlp.fc2.{p}"),
    ("backbone.ln1.{p}", "backbone.norm.{p}"),
    ("backbone.{p}", "backbone.{p}"),
    ("decode_head.reassemble_blocks.readout_projects.{i}.0.{p}", "reassemble.{i}.readout.{p}"),
    ("decode_head.reassemble_blocks.projects.{i}.conv.{p}", "reassemble.{i}.project.{p}"),
    ("decode_head.reassemble_blocks.resize_layers.{i}.{p}", "reassemble.{i}.resize.{p}"),
    ("decode_head.convs.{i}.conv.{p}", "decoder.embed.{i}.{p}"),
    (
        "decode_head.fusion_blocks.{j}.res_conv_unit{a}.conv{b}.conv.{p}",
        "decoder.fuse.{i}.unit{a}.conv{b}.{p}",
    ),
    (
        "decode_head.fusion_blocks.{j}.res_conv_unit{a}.conv{b}.bn.{p}",
        "decoder.fuse.{i}.unit{a}.norm{b}.{p}",
    ),
    ("decode_head.fusion_blocks.{j}.project.conv.{p}", "decoder.fuse.{i}.project.{p}"),
)
_MMSEGMENTATION: Final[Table] = (
    ("decode_head.project.conv.{p}", "head.conv.{p}"),
    ("decode_head.project.bn.{p}", "head.norm.{p}"),
    ("decode_head.conv_seg.{p}", "head.classifier.{p}"),
)
_TOOLBOX: Final[Table] = (
    ("decode_head.project.conv.{p}", "head.project.{p}"),
    ("decode_head.conv_depth.head.0.{p}", "head.conv1.{p}"),
    ("decode_head.conv_depth.head.2.{p}", "head.conv2.{p}"),
    ("decode_head.conv_depth.head.4.{p}", "head.conv3.{p}"),
)
_DEPTH_ANYTHING: Final[Table] = (
    ("pretrained.{p}", "backbone.{p}"),
    ("depth_head.readout_projects.{i}.0.{p}", "reassemble.{i}.readout.{p}"),
    ("depth_head.projects.{i}.{p}", "reassemble.{i}.project.{p}"),
    ("depth_head.resize_layers.{i}.{p}", "reassemble.{i}.resize.{p}"),
    *((f"depth_head.{theirs}", ours) for theirs, ours in _DPT if theirs.startswith("scratch.")),
    ("depth_head.scratch.output_conv1.{p}", "head.conv1.{p}"),
    ("depth_head.scratch.output_conv2.0.{p}", "head.conv2.{p}"),
    ("depth_head.scratch.output_conv2.2.{p}", "head.conv3.{p}"),
)
_LAYER: Final = "backbone.encoder.layer.{n}"
_HUGGING_FACE: Final[Table] = (
    ("backbone.embeddings.patch_embeddings.projection.{p}", "backbone.patch_embed.proj.{p}"),
    ("backbone.embeddings.position_embeddings", "backbone.pos_embed"),
    ("backbone.embeddings.cls_token", "backbone.cls_token"),
    ("backbone.embeddings.mask_token", "backbone.mask_token"),
    (_LAYER + ".attention.attention.query.{p}", "backbone.blocks.{n}.attn.qkv.{p}@0"),
    (_LAYER + ".attention.attention.key.{p}", "backbone.blocks.{n}.attn.qkv.{p}@1"),
    (_LAYER + ".attention.attention.value.{p}", "backbone.blocks.{n}.attn.qkv.{p}@2"),
    (_LAYER + ".attention.output.dense.{p}", "backbone.blocks.{n}.attn.proj.{p}"),
    (_LAYER + ".layer_scale{a}.lambda1", "backbone.blocks.{n}.ls{a}.gamma"),
    (_LAYER + ".mlp.weights_in.{p}", "backbone.blocks.{n}.mlp.w12.{p}"),
    (_LAYER + ".mlp.weights_out.{p}", "backbone.blocks.{n}.mlp.w3.{p}"),
    (_LAYER + ".{p}", "backbone.blocks.{n}.{p}"),
    ("backbone.layernorm.{p}", "backbone.norm.{p}"),
    ("neck.reassemble_stage.layers.{i}.projection.{p}", "reassemble.{i}.project.{p}"),
    ("neck.reassemble_stage.layers.{i}.resize.{p}", "reassemble.{i}.resize.{p}"),
    ("neck.convs.{i}.{p}", "decoder.embed.{i}.{p}"),
    (
        "neck.fusion_stage.layers.{j}.residual_layer{a}.convolution{b}.{p}",
        "decoder.fuse.{i}.unit{a}.conv{b}.{p}",
    ),
    ("neck.fusion_stage.layers.{j}.projection.{p}", "decoder.fuse.{i}.project.{p}"),
    ("head.conv{a}.{p}", "head.conv{a}.{p}"),
)

_TABLES: Final[Mapping[Family, Table]] = MappingProxyType(
    {
        Family.DPT_DEPTH: _DPT + _DPT_DEPTH,
        Family.DPT_CLASSES: _DPT + _DPT_CLASSES,
        Family.MMSEGMENTATION: _MM + _MMSEGMENTATION,
        Family.TOOLBOX: _MM + _TOOLBOX,
        Family.DEPTH_ANYTHING: _DEPTH_ANYTHING,
        Family.HUGGING_FACE: _HUGGING_FACE,
        Family.TIMM: (("{p}", "backbone.{p}"),),
    }
)

_CLASSIFIER: Final = r"(head|fc_norm|pre_logits)\b"
_DPT_UNUSED: Final = (
    rf"pretrained\.model\.({_CLASSIFIER}|norm\.)",
    r"scratch\.refinenet4\.resConfUnit1\.",
    r"auxlayer\.",
)
_MM_UNUSED: Final = (
    rf"backbone\.({_CLASSIFIER}|ln1\.)",
    r"decode_head\.fusion_blocks\.0\.res_conv_unit1\.",
    r"auxiliary_head\.",
)
_UNUSED: Final[Mapping[Family, tuple[str, ...]]] = MappingProxyType(
    {
        Family.DPT_DEPTH: _DPT_UNUSED,
        Family.DPT_CLASSES: _DPT_UNUSED,
        Family.MMSEGMENTATION: _MM_UNUSED,
        Family.TOOLBOX: (*_MM_UNUSED, r"decode_head\.conv_seg\."),
        Family.DEPTH_ANYTHING: (
            r"pretrained\.mask_token$",
            r"depth_head\.scratch\.refinenet4\.resConfUnit1\.",
        ),
        Family.HUGGING_FACE: (
            r"backbone\.embeddings\.mask_token$",
            r"neck\.fusion_stage\.layers\.0\.residual_layer1\.",
        ),
        Family.TIMM: (_CLASSIFIER, r"mask_token$"),
    }
)
"""What official files hold and their networks never use, or not for this."""

_FIELDS: Final = {
    "i": "[0-3]",
    "s": "[1-4]",
    "j": "[0-3]",
    "n": r"\d+",
    "a": "[1-3]",
    "b": "[12]",
    "p": "[^@]+",
}
_THIRDS: Final = 3


def family_of(state: Mapping[str, Tensor]) -> Family | None:
    """Say who named the keys of a state, or None."""
    if "depth_head.scratch.layer1_rn.weight" in state:
        return Family.DEPTH_ANYTHING
    if "neck.fusion_stage.layers.0.projection.weight" in state and "head.conv3.weight" in state:
        return Family.HUGGING_FACE
    if "decode_head.convs.0.conv.weight" in state:
        return Family.TOOLBOX if "decode_head.conv_depth.head.0.weight" in state else Family.MMSEGMENTATION
    if "scratch.layer1_rn.weight" in state:
        return Family.DPT_CLASSES if "scratch.output_conv.1.weight" in state else Family.DPT_DEPTH
    if "cls_token" in state and "blocks.0.attn.qkv.weight" in state:
        return Family.TIMM
    return None


def is_unused(key: str, family: Family) -> bool:
    """Say whether an official key belongs to what official files hold without use."""
    return any(re.match(pattern, key) for pattern in _UNUSED[family])


def from_official(state: Mapping[str, Tensor], family: Family) -> dict[str, Tensor]:
    """Return a state under the keys of `Dpt`.

    Keys that a family does not have stay as they are, and thirds that do not fit each other stay apart.
    """
    import torch

    ours = {_translate(key, family, official=True): value for key, value in state.items()}
    for first in [key for key in ours if key.endswith("@0")]:
        thirds = [first[:-1] + str(third) for third in range(_THIRDS)]
        shapes = {tuple(ours[third].shape) if third in ours else None for third in thirds}
        if len(shapes) == 1 and ours[first].ndim:
            ours[first[:-2]] = torch.cat([ours.pop(third) for third in thirds])
    return ours


def to_official(state: Mapping[str, Tensor], family: Family) -> dict[str, Tensor]:
    """Return a state of `Dpt` under the keys of a family; nothing is copied."""
    official = {}
    for key, value in state.items():
        # Only a tensor that the family stores apart has a line for its first third.
        apart = _translate(f"{key}@0", family, official=False) != f"{key}@0"
        parts = value.chunk(_THIRDS) if apart else (value,)
        for third, part in enumerate(parts):
            name = f"{key}@{third}" if apart else key
            official[_translate(name, family, official=False)] = part
    return official


def _translate(key: str, family: Family, *, official: bool) -> str:
    for pattern, template in _compiled(family, official):
        found = pattern.fullmatch(key)
        if found is not None:
            fields = found.groupdict()
            return template.format(**fields | _stage(fields))
    return key


def _stage(fields: Mapping[str, str]) -> dict[str, int]:
    """Return a stage as each of a line's two names may count it."""
    if "j" in fields:
        stage = 3 - int(fields["j"])
    else:
        stage = int(fields["s"]) - 1 if "s" in fields else int(fields.get("i", 0))
    return {"i": stage, "s": stage + 1, "j": 3 - stage}


@cache
def _compiled(family: Family, official: bool) -> list[tuple[re.Pattern[str], str]]:
    """Return what the names to translate look like, and what they become."""
    lines = _TABLES[family] if official else [(ours, theirs) for theirs, ours in _TABLES[family]]
    return [(_pattern(before), after) for before, after in lines]


def _pattern(template: str) -> re.Pattern[str]:
    escaped = re.escape(template).replace(r"\{", "{").replace(r"\}", "}")
    return re.compile(re.sub(r"\{(\w)\}", lambda found: f"(?P<{found[1]}>{_FIELDS[found[1]]})", escaped))
