"""Probes on disk, laid out as DVEFormer publishes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from student.atomic_file import atomic_file
from student.checkpoints.kind import PROBE_STATE
from student.probe import NAMES

PROVENANCE: Final = "provenance"


def save_probe(
    path: Path,
    weight: npt.NDArray[np.float32],
    names: Sequence[str],
    *,
    epoch: int,
    logs: Mapping[str, float],
    provenance: Mapping[str, str],
) -> None:
    """Save a probe; the file appears whole or not at all.

    Parameters
    ----------
    path
        Ends in .pth.
    weight
        (K, D).
    names
        Of the K classes; official readers leave them alone, `load_probe` finds classes by them.
    epoch
        After which it was saved.
    logs
        Figures, by their names.
    provenance
        What it was made of and by, in words.

    Raises
    ------
    ValueError
        The path ends otherwise, or there is not a name for each class.
    OSError
        The file cannot be written.
    """
    import torch

    if path.suffix.lower() != ".pth":
        raise ValueError(f"{path}: expected a name ending in .pth")
    if len(names) != len(weight):
        raise ValueError(f"a probe of {len(weight)} classes needs as many names, got {len(names)}")
    content: dict[str, Any] = {
        PROBE_STATE: {"weight": torch.from_numpy(np.ascontiguousarray(weight))[:, :, None, None].clone()},
        "epoch": epoch,
        "logs": {name: float(value) for name, value in logs.items()},
        NAMES: [str(name) for name in names],
        PROVENANCE: dict(provenance),
    }
    with atomic_file(path) as temporary:
        torch.save(content, temporary)
