"""Files of dense prediction transformers: whose they are, and the network that they hold."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from student.checkpoints.dpt_keys import Family, family_of, from_official, is_unused, to_official
from student.checkpoints.dpt_meaning import meaning_of
from student.checkpoints.dpt_shape import infer_dpt_config
from student.checkpoints.file import read_checkpoint_file
from student.checkpoints.kind import describe, state_of
from student.checkpoints.shape import mismatch, ready_state
from student.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from student.networks.dpt import Dpt
    from student.networks.dpt_config import DptConfig

_WEIGHTS: Final = "model.safetensors"
_CONFIG: Final = "config.json"
_DEFAULT_HEADS: Final = 12  # what a Hugging Face config of DINOv2 leaves out
_SIZES: Final = ("small", "base", "large", "giant")


def load_depth_network(path: str | Path, name: str | None = None, max_depth: float | None = None) -> Dpt:
    """Load a network that estimates depth: Depth Anything V2, DPT, or the depth toolbox's DPT.

    Parameters
    ----------
    path
        A .pth or safetensors file, or a Hugging Face folder (config.json, model.safetensors).
    name
        The published network that it must be: one of `DPT_CONFIGS`, or depth-anything-v2-small (base, large,
        giant), or depth-anything-v2-metric-hypersim-small (vkitti; base, ...). By default any; its shape is
        inferred.
    max_depth
        Metres that a metric network reaches. By default what the name, config.json or the file's name says;
        they also tell DPT's networks for NYUv2 and KITTI, which give metres, from those for inverse depth.

    Returns
    -------
    Dpt, in eval mode, float32 on the CPU; `config.metric` says whether it gives metres.

    Raises
    ------
    CheckpointError
        The file holds no such network, or not the one that was asked for, or what its depth means is unknown.
    ValueError
        The name is unknown.
    OSError
        The file cannot be opened.
    """
    network = load_dpt(path, name, max_depth)
    if network.config.classes is not None:
        raise CheckpointError(
            f"{path} estimates no depth, it tells {network.config.classes} classes apart; use load_dpt"
        )
    return network


def load_dpt(path: str | Path, name: str | None = None, max_depth: float | None = None) -> Dpt:
    """Load a dense prediction transformer, for depth or for classes; see `load_depth_network`.

    What official files hold without use is left out: mask tokens, classifiers of ImageNet, auxiliary heads,
    the first unit of the deepest fusion.
    """
    from student.networks.dpt import empty_dpt

    path = Path(path)
    label, state, notes = _read(path)
    family = family_of(state)
    if family in (None, Family.TIMM):
        what = f"it seems to be {family}" if family else f"it seems to be {describe(state)}"
        raise CheckpointError(f"{label} holds no dense prediction transformer, {what}")
    asked = None if name is None else _published(name, family, max_depth)
    used = {key: value for key, value in state.items() if not is_unused(key, family)}
    ours = from_official(used, family)
    config = asked or _inferred(ours, family, label, path, max_depth, notes)
    network = empty_dpt(config)
    expected = network.state_dict()
    wrong = mismatch(to_official(expected, family), used, exact=True)
    if wrong is not None:
        fault = f"is no {name}" if name else "is damaged or of an unknown kind"
        raise CheckpointError(f"{label} {fault}: {wrong}; it seems to be {family}")
    ready = ready_state(label, expected, ours, lambda key: next(iter(to_official({key: ours[key]}, family))))
    network.load_state_dict(ready, strict=True, assign=True)
    return network.eval()


def _read(path: Path) -> tuple[str, dict[str, Tensor], dict[str, Any] | None]:
    """Return what messages call a file, its weights, and the config of a Hugging Face folder."""
    if not path.is_dir():
        file = read_checkpoint_file(path)
        return file.name, state_of(file.content), None
    for part in (_CONFIG, _WEIGHTS):
        if not (path / part).is_file():
            raise CheckpointError(f"{path} has no {part}; expected a folder with {_CONFIG} and {_WEIGHTS}")
    try:
        notes = json.loads((path / _CONFIG).read_text(encoding="utf-8"))
    except ValueError as error:
        raise CheckpointError(f"{path / _CONFIG} is no JSON: {error}; download it again") from error
    if not isinstance(notes, dict) or notes.get("model_type") != "depth_anything":
        kind = notes.get("model_type") if isinstance(notes, dict) else type(notes).__name__
        raise CheckpointError(f"{path / _CONFIG} must be of model_type 'depth_anything', got {kind!r}")
    file = read_checkpoint_file(path / _WEIGHTS)
    return file.name, state_of(file.content), notes


def _published(name: str, family: Family, max_depth: float | None) -> DptConfig:
    """Return the config of a name, for the keys that were found."""
    from student.networks.depth_anything import depth_anything_config
    from student.networks.dpt_config import published_dpt

    size = name.rpartition("-")[2]
    if name.startswith("depth-anything-v2-") and size in _SIZES:
        metres = meaning_of(Family.DEPTH_ANYTHING, name, name, max_depth).max_depth
        return depth_anything_config(size, max_depth=metres, hf=family is Family.HUGGING_FACE)
    config = published_dpt(name)
    if max_depth is None:
        return config
    return replace(config, max_depth=meaning_of(family, name, max_depth=max_depth).max_depth)


def _inferred(
    ours: Mapping[str, Tensor],
    family: Family,
    label: str,
    path: Path,
    max_depth: float | None,
    notes: Mapping[str, Any] | None,
) -> DptConfig:
    meaning = meaning_of(family, path.name, None, max_depth, notes)
    config = infer_dpt_config(
        ours,
        family,
        label,
        heads=_heads(notes),
        taps=_taps(notes),
        max_depth=meaning.max_depth,
    )
    return replace(config, inverse=meaning.inverse)


def _heads(notes: Mapping[str, Any] | None) -> int | None:
    backbone = (notes or {}).get("backbone_config")
    return int(backbone.get("num_attention_heads", _DEFAULT_HEADS)) if isinstance(backbone, dict) else None


def _taps(notes: Mapping[str, Any] | None) -> tuple[int, ...] | None:
    """Return the blocks that a Hugging Face config lists; it counts them from 1."""
    backbone = (notes or {}).get("backbone_config")
    listed = backbone.get("out_indices") if isinstance(backbone, dict) else None
    return tuple(int(index) - 1 for index in listed) if listed else None
