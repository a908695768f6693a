"""What a state is, from its keys and shapes alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from student.checkpoints.dformer_state import describe_dformer, has_head, nearest_dformer, version_of
from student.checkpoints.dpt_keys import Family, family_of

if TYPE_CHECKING:
    from torch import Tensor

PROBE_STATE: Final = "linear_probing_head_state_dict"
BACKBONE: Final = "encoder.backbone."
DECODER: Final = "decoders.dense_visual_embedding_decoder."
_HOLDERS: Final = ("state_dict_ema", "state_dict", "model", "model_state_dict")
_ESTIMATORS: Final = (Family.DPT_DEPTH, Family.TOOLBOX, Family.DEPTH_ANYTHING, Family.HUGGING_FACE)


class Kind(StrEnum):
    """What weights are for."""

    STUDENT = "student"
    PROBE = "probe"
    BACKBONE = "backbone"
    SEGMENTOR = "segmentation network"
    DFORMER = "DFormer encoder"
    DEPTH = "depth"
    OTHER = "other"


def state_of(content: Any) -> dict[str, Tensor]:
    """Return the tensors of a checkpoint by their keys, without what training adds to the keys.

    A dict of tensors is taken as it is, or out of its entry `state_dict_ema` (an average over training, which
    goes first), `state_dict`, `model` or `model_state_dict`, also out of one within another.
    """
    import torch

    if not isinstance(content, dict):
        return {}
    held = content
    for _ in _HOLDERS:
        held = next((held[key] for key in _HOLDERS if isinstance(held.get(key), dict)), held)
    return {
        clean_key(key): value
        for key, value in held.items()
        if isinstance(key, str) and isinstance(value, torch.Tensor)
    }


def clean_key(key: str) -> str:
    """Return the official key: without the marks of compiled and parallel modules, by present names."""
    return key.replace("_orig_mod.", "").removeprefix("module.").replace("fused_encoders.", "encoder.")


def probe_state_of(content: Any) -> dict[str, Any]:
    """Return the `weight`, and perhaps `bias`, of a linear probe; nothing where there is none."""
    if not isinstance(content, dict):
        return {}
    official = content.get(PROBE_STATE)
    if isinstance(official, dict):
        return {str(key).rpartition(".")[2]: value for key, value in official.items()}
    state = state_of(content)
    if "weight" in state and state.keys() <= {"weight", "bias"} and is_matrix(state["weight"]):
        return dict(state)
    return {}


def kind_of(content: Any) -> Kind:
    """Say what the content of a checkpoint is for."""
    if probe_state_of(content):
        return Kind.PROBE
    state = state_of(content)
    if any(key.startswith(BACKBONE) for key in state) and any(key.startswith(DECODER) for key in state):
        return Kind.STUDENT
    if version_of(state) is not None:
        return Kind.SEGMENTOR if has_head(state) else Kind.DFORMER
    if family_of(state) in _ESTIMATORS:
        return Kind.DEPTH
    if _decoders(state):
        return Kind.OTHER
    return Kind.BACKBONE if any("patch_embedder." in key for key in state) else Kind.OTHER


def describe(content: Any, metadata: Mapping[str, str] | None = None) -> str:
    """Say what the content of a checkpoint is, for a message."""
    kind, state = kind_of(content), state_of(content)
    if kind is Kind.PROBE:
        weight = probe_state_of(content).get("weight")
        shape = tuple(getattr(weight, "shape", ()))
        return (
            f"a linear probe of {shape[0]} classes over {shape[1]} numbers" if shape[1:] else "a linear probe"
        )
    if kind is Kind.STUDENT:
        return f"a DVEFormer student ({describe_student(state)})"
    if kind is Kind.BACKBONE:
        return "an encoder alone, as it is pretrained on ImageNet"
    if kind in (Kind.SEGMENTOR, Kind.DFORMER):
        return describe_dformer(state)
    if kind is Kind.DEPTH:
        return f"a network that estimates depth ({family_of(state)})"
    if "cell_size" in (metadata or {}):
        return "a dvemap map"
    if not isinstance(content, dict):
        return f"a {type(content).__name__}"
    if not state:
        return f"a dict of {_some(map(str, content))} without weights"
    decoders = _decoders(state)
    if decoders:
        return f"an EMSAFormer or EMSANet ({', '.join(decoders)})"
    first = next(iter(state))
    return f"weights of another network ({len(state)} tensors, first {first} {tuple(state[first].shape)})"


def describe_student(state: Mapping[str, Tensor]) -> str:
    """Say which student a state is, by its encoder and head."""
    head = state.get(DECODER + "_task_head.conv.weight")
    upsamplings = parts(state, DECODER + "_task_head.upsample_")
    resolution = {0: "reduced-res", 2: "full-res"}.get(upsamplings, f"{upsamplings} upsamplings")
    encoder = encoder_name(encoder_part(state))
    facts = [f"{encoder} encoder"] if encoder != "swin" else []
    facts.append(resolution)
    if head is not None and head.ndim:
        facts.append(f"{head.shape[0]} numbers a pixel")
    return ", ".join(facts)


def encoder_part(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the weights of a student's encoder under the keys that it has by itself."""
    return {key.removeprefix(BACKBONE): value for key, value in state.items() if key.startswith(BACKBONE)}


def encoder_name(part: Mapping[str, Tensor]) -> str:
    """Return what `StudentConfig.encoder` is for the encoder of a student."""
    if version_of(part) is not None:
        return nearest_dformer(part).name
    return "residual" if any(key.startswith("stem.") for key in part) else "swin"


def parts(state: Iterable[str], before: str) -> int:
    """Count the numbered parts of a module: the different numbers that follow `before` in keys."""
    numbers = {key[len(before) :].partition(".")[0] for key in state if key.startswith(before)}
    return sum(number.isdecimal() for number in numbers)


def is_matrix(tensor: Any) -> bool:
    """Say whether a weight is (K, D), or (K, D, 1, 1) of a 1 x 1 convolution."""
    return tensor.ndim == 2 or (tensor.ndim == 4 and tuple(tensor.shape[2:]) == (1, 1))


def _decoders(state: Iterable[str]) -> list[str]:
    """Name the decoders that a multi-task network has keys of."""
    names = [key.split(".")[1] for key in state if key.startswith("decoders.") and key.count(".") > 1]
    return list(dict.fromkeys(names))


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    return ", ".join(listed[:4]) + (", ..." if len(listed) > 4 else "") or "nothing"
