"""The shape of a student: read off the keys and shapes of its weights, and compared with them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import pydantic

from student.checkpoints.kind import DECODER, Kind, describe, encoder_name, encoder_part, kind_of, parts
from student.errors import CheckpointError

if TYPE_CHECKING:
    from torch import Tensor

    from student.networks.config import StudentConfig
    from student.networks.dveformer import DVEFormer

SWIN_STAGES: Final = ("layer_1", "layer_2.3", "layer_3.5", "layer_4.0.7")
RESIDUAL_STAGES: Final = ("stages.0", "stages.1", "stages.2", "stages.3")
"""Where the blocks of each stage are, below the encoder's key."""


def infer_config(state: Mapping[str, Tensor], name: str = "the state") -> StudentConfig:
    """Return the shape of the student that a state is of.

    What has no weights keeps its default: the chances of dropping, and the bins of two pooled maps, 1 and 5.
    So does what only a missing key would tell; `mismatch` names that key.

    Parameters
    ----------
    state
        Under official keys.
    name
        What messages call it.

    Raises
    ------
    CheckpointError
        The state is no student's, or its shapes contradict each other.
    """
    from student.networks.config import StudentConfig

    if kind_of(dict(state)) is not Kind.STUDENT:
        raise CheckpointError(f"{name} is no student's, it seems to be {describe(dict(state))}")
    read = {key: value for key, value in _read(name, state).items() if value is not None}
    try:
        return StudentConfig.model_validate(read)
    except pydantic.ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(map(str, fault["loc"])) or "its shapes"
        raise CheckpointError(f"{name} is damaged or of an unknown kind: {place}: {fault['msg']}") from error


def variant_of(config: StudentConfig) -> str | None:
    """Name the published network of a shape; how it is trained does not matter."""
    from student.networks.config import CONFIGS

    shape = config.model_dump(exclude={"drop_path", "dropout"})
    known = {
        name: published.model_dump(exclude={"drop_path", "dropout"}) for name, published in CONFIGS.items()
    }
    return next((name for name, published in known.items() if published == shape), None)


def empty_student(config: StudentConfig) -> DVEFormer:
    """Build a network whose weights take neither memory nor time: shapes alone, on the device `meta`."""
    import torch

    from student.networks.dveformer import build

    with torch.device("meta"):
        return build(config)


@lru_cache(maxsize=4)
def expected_state(config: StudentConfig) -> Mapping[str, Tensor]:
    """Return the keys, shapes and types of a student's weights."""
    return MappingProxyType(empty_student(config).state_dict())


def mismatch(
    expected: Mapping[str, Tensor], state: Mapping[str, Tensor], *, exact: bool = False
) -> str | None:
    """Say what a state lacks, holds beside and holds in another shape, by the first key of each; or None.

    Parameters
    ----------
    expected, state
        Of the network and of the file.
    exact
        Whether keys that no module has are a fault by themselves; in the official loader they are none.
    """
    missing = [key for key in expected if key not in state]
    shapes = [key for key, like in expected.items() if key in state and state[key].shape != like.shape]
    unexpected = [key for key in state if key not in expected]
    if not (missing or shapes or (exact and unexpected)):
        return None
    faults = []
    if missing:
        faults.append(f"{len(missing)} missing, first {missing[0]}")
    if unexpected:
        faults.append(f"{len(unexpected)} unexpected, first {unexpected[0]}")
    if shapes:
        first = shapes[0]
        faults.append(
            f"{len(shapes)} mis-shaped, first {first}: "
            f"expected {tuple(expected[first].shape)}, got {tuple(state[first].shape)}"
        )
    return "of its keys " + ", ".join(faults)


def ready_state(
    name: str,
    expected: Mapping[str, Tensor],
    state: Mapping[str, Tensor],
    official: Callable[[str], str] = str,
) -> dict[str, Tensor]:
    """Return a state that has no `mismatch` as the network takes it: its keys alone, in its order and types.

    Parameters
    ----------
    name
        What messages call the file.
    expected, state
        Of the network and of the file.
    official
        Returns what the file calls a key.

    Raises
    ------
    CheckpointError
        Weights are not finite.
    """
    ready = {key: state[key].detach().to(like.dtype).contiguous() for key, like in expected.items()}
    broken = next((key for key, value in ready.items() if not _is_finite(value)), None)
    if broken is not None:
        raise CheckpointError(f"{name}: weights must be finite, {official(broken)} holds NaN or infinity")
    return ready


def _is_finite(tensor: Tensor) -> bool:
    return all(bool(bound.isfinite()) for bound in tensor.aminmax())


def _read(name: str, state: Mapping[str, Tensor]) -> dict[str, Any]:
    """Read the fields of a config off the shapes; None where the key that tells is missing."""
    bins = parts(state, "context_module.features.")
    if bins not in (0, 2):
        raise CheckpointError(
            f"{name} pools {bins} maps for context; how finely is not in the shapes unless there are two (1 "
            "and 5); save it with save_checkpoint, which keeps the config"
        )
    return {
        **_encoder(state),
        "context_channels": _size(state, "context_module.features.0.1.conv.weight"),
        **_decoder(state),
        "bottleneck": _size(state, f"{DECODER}bottleneck.weight"),
        "embedding_dim": _size(state, f"{DECODER}_task_head.conv.weight"),
        "upsamplings": parts(state, f"{DECODER}_task_head.upsample_"),
    }


def _encoder(state: Mapping[str, Tensor]) -> dict[str, Any]:
    own = encoder_part(state)
    encoder = encoder_name(own)
    if encoder not in ("swin", "residual"):
        return {"encoder": encoder}
    residual = encoder == "residual"
    names = RESIDUAL_STAGES if residual else SWIN_STAGES
    depths = [parts(own, f"{stage}.") for stage in names]
    first = f"{names[0]}.0."
    place = "stem.{}.weight" if residual else "patch_embedder.{}_layers.2.weight"
    rgb, depth = (_size(own, place.format(part)) for part in ("rgb", "depth"))
    width = _size(own, f"{first}norm1.weight") or (rgb or 0) + (depth or 0)
    heads = _size(own, f"{first}attn.logit_scale") or _size(own, f"{first}attn.cpb_mlp.2.weight")
    index = _size(own, f"{first}attn.relative_position_index")
    return {
        "encoder": encoder,
        "rgb_channels": rgb or (width - depth if depth else None),
        "depth_channels": depth or (width - rgb if rgb else None),
        "depths": depths if all(depths) else None,
        "head_channels": width // heads if width and heads else None,
        "window": round(index**0.25) if index else None,
    }


def _decoder(state: Mapping[str, Tensor]) -> dict[str, Any]:
    if any(key.startswith(f"{DECODER}pyramid.") for key in state):
        return {"decoder": "dpt", "fuse_channels": _size(state, f"{DECODER}pyramid.embed.0.weight")}
    skips = [_size(state, f"{DECODER}skip_branches.{number}.embedding.conv.weight") for number in range(3)]
    return {
        "main_channels": _size(state, f"{DECODER}main_branch.embedding.conv.weight"),
        "skip_channels": skips if all(skips) else None,
        "fuse_channels": _size(state, f"{DECODER}fuse.conv.weight"),
    }


def _size(state: Mapping[str, Tensor], key: str) -> int | None:
    tensor = state.get(key)
    return None if tensor is None or tensor.ndim == 0 else len(tensor)
