"""Linear probes and visual means: what turns embeddings into class labels."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from student.checkpoints.file import read_checkpoint_file
from student.checkpoints.kind import PROBE_STATE, Kind, describe, kind_of, probe_state_of
from student.errors import CheckpointError

NAMES: Final = "class_names"
"""Key of the classes' names in a probe's .pth file; ours has it, published ones do not."""

_NUMPY: Final = (".npz", ".npy")
_TENSORS: Final = (".safetensors", ".pth", ".pt", ".gz", ".tgz", ".tar")


@dataclass(frozen=True, slots=True, eq=False)
class Probe:
    """A linear classifier of unit embeddings, logits = weight @ z + bias.

    Attributes
    ----------
    weight : ndarray
        (K, D) float32.
    bias : ndarray or None
        (K,) float32.
    names : list of str or None
        One for each of the K classes.
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32] | None = None
    names: list[str] | None = None


def load_probe(path: str | Path) -> Probe:
    """Load a linear probe.

    Parameters
    ----------
    path
        An .npz or .safetensors file with `weight`, perhaps `bias`, and (npz only) perhaps `names`; or a .pth
        file as DVEFormer publishes them, {"linear_probing_head_state_dict": {... weight (K, D, 1, 1)}}, with
        `class_names` beside it where `dvemap probe` wrote it, also within a .tar.gz; or the name of a
        published one (`dvemap weights list`) that is on this computer.

    Raises
    ------
    CheckpointError
        The file holds no probe.
    OSError
        The file cannot be opened.
    """
    path = _by_name(Path(path))
    tensors = _read(path)
    if "weight" not in tensors:
        raise CheckpointError(f"{path} must hold `weight` (K, D), got {sorted(tensors) or 'nothing'}")
    weight = _matrix(path, "weight", tensors["weight"])
    bias = tensors.get("bias")
    if bias is not None:
        bias = _numbers(path, "bias", bias)
        if bias.shape != weight.shape[:1]:
            raise CheckpointError(f"{path}: bias must be ({len(weight)},), got {bias.shape}")
    return Probe(weight, bias, _names(path, tensors.get("names"), len(weight)))


def load_visual_means(path: str | Path) -> Probe:
    """Load visual means: a probe whose rows have norm 1, so that its logits are cosines.

    Parameters
    ----------
    path
        An .npy, .npz or .safetensors file with one matrix (K, D), perhaps named, and (npz only) perhaps
        `names`.

    Raises
    ------
    CheckpointError
        The file holds no such matrix.
    OSError
        The file cannot be opened.
    """
    path = Path(path)
    tensors = _read(path)
    names = tensors.pop("names", None)
    if len(tensors) != 1:
        raise CheckpointError(f"{path} must hold one matrix (K, D), got {sorted(tensors) or 'nothing'}")
    ((name, value),) = tensors.items()
    means = _matrix(path, name, value)
    norms = np.linalg.norm(means, axis=1, keepdims=True)
    if not (norms > 0).all():
        raise CheckpointError(f"{path}: visual means must not be zero, row {int(norms.argmin())} is")
    return Probe(means / norms, None, _names(path, names, len(means)))


def _by_name(path: Path) -> Path:
    """Return the file of a published probe that is named in place of a path."""
    if path.suffix or path.parent.name or path.is_file():
        return path
    from student.weights import CATALOGUE, find

    if str(path) not in CATALOGUE:
        return path
    found = find(str(path))
    if found is None:
        raise CheckpointError(
            f"the weights of {path} are not on this computer; fetch them with: dvemap weights pull {path}, "
            "or take them from a file with: dvemap weights import FILE"
        )
    return found


def _matrix(path: Path, name: str, value: Any) -> npt.NDArray[np.float32]:
    """Check a weight and drop the last two axes of a 1 x 1 convolution."""
    matrix = _numbers(path, name, value)
    if matrix.ndim == 4 and matrix.shape[2:] == (1, 1):
        matrix = matrix[:, :, 0, 0]
    if matrix.ndim != 2 or matrix.size == 0:
        raise CheckpointError(f"{path}: {name} must be a (K, D) matrix, got {matrix.shape}")
    return np.ascontiguousarray(matrix)


def _numbers(path: Path, name: str, value: Any) -> npt.NDArray[np.float32]:
    try:
        numbers = np.asarray(value, np.float32)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{path}: {name} must hold numbers: {error}") from error
    if not np.isfinite(numbers).all():
        raise CheckpointError(f"{path}: {name} must be finite, got NaN or infinity")
    return numbers


def _names(path: Path, names: Any, count: int) -> list[str] | None:
    """Check that there is a name for each class, if there are any."""
    if names is None:
        return None
    if np.shape(names) != (count,):
        raise CheckpointError(f"{path}: expected {count} names, got an array {np.shape(names)}")
    return [str(name) for name in names]


def _read(path: Path) -> dict[str, Any]:
    """Read the tensors of a file."""
    ending = path.suffix.lower()
    if ending in _NUMPY:
        try:
            return _read_numpy(path)
        except OSError:
            raise
        except Exception as error:  # zip and pickle faults share no other base
            raise CheckpointError(f"{path} is no readable {ending} file: {error}") from error
    if ending in _TENSORS:
        return _read_tensors(path)
    raise CheckpointError(f"{path}: expected a file ending in {', '.join((*_NUMPY, *_TENSORS))}")


def _read_numpy(path: Path) -> dict[str, Any]:
    loaded = np.load(path, allow_pickle=False)
    if isinstance(loaded, np.ndarray):
        return {"weight": loaded}
    with loaded:
        return {name: loaded[name] for name in loaded.files}


def _read_tensors(path: Path) -> dict[str, Any]:
    import torch

    file = read_checkpoint_file(path)
    kind = kind_of(file.content)
    what = describe(file.content, file.metadata)
    if kind in (Kind.STUDENT, Kind.BACKBONE):
        hint = "; it is an encoder (--encoder)" if kind is Kind.STUDENT else ""
        raise CheckpointError(f"{file.name} holds no probe, it seems to be {what}{hint}")
    tensors = probe_state_of(file.content)
    if not tensors and isinstance(file.content, dict) and path.suffix.lower() == ".safetensors":
        tensors = file.content
    if not tensors:
        raise CheckpointError(f"{file.name} must hold a dict with {PROBE_STATE}, it seems to be {what}")
    names = {"names": file.content[NAMES]} if isinstance(file.content.get(NAMES), list) else {}
    return names | {
        name: value.detach().float().numpy() if isinstance(value, torch.Tensor) else value
        for name, value in tensors.items()
    }
