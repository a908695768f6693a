"""What the depth of a network means: keys and shapes do not tell metres from inverse depth."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from student.checkpoints.dpt_keys import Family
from student.errors import CheckpointError

_INDOOR: Final = re.compile(r"metric.*(hypersim|indoor)", re.IGNORECASE)
_OUTDOOR: Final = re.compile(r"metric.*(vkitti|outdoor)", re.IGNORECASE)
_RELATIVE: Final = re.compile(
    r"depth[-_]anything[-_]v2[-_](vit[sblg]|small|base|large|giant)\b", re.IGNORECASE
)
_TOOLBOX_METRES: Final[Mapping[str, float]] = MappingProxyType({"nyu": 10.0, "kitti": 80.0})


@dataclass(frozen=True, slots=True)
class Meaning:
    """How depth follows from a network's output; the two fields of `DptConfig`.

    Attributes
    ----------
    max_depth : float or None
        Metres.
    inverse : tuple of float or None
        Scale and shift of inverse depth.
    """

    max_depth: float | None = None
    inverse: tuple[float, float] | None = None


def meaning_of(
    family: Family,
    file: str,
    name: str | None = None,
    max_depth: float | None = None,
    config: Mapping[str, Any] | None = None,
) -> Meaning:
    """Decide what the depth of a network means.

    Parameters
    ----------
    family
        Of its keys.
    file
        The name of its file or folder, which is asked last.
    name
        What the caller says the network is, such as depth-anything-v2-metric-hypersim-small.
    max_depth
        Metres that it reaches, which the caller says.
    config
        Of a Hugging Face folder.

    Raises
    ------
    CheckpointError
        Nothing tells.
    ValueError
        The caller gives metres that are not positive, or to a network that has no such range.
    """
    from student.networks.depth_anything import INDOOR_MAX_DEPTH, OUTDOOR_MAX_DEPTH
    from student.networks.dpt_config import KITTI_INVERSE, NYU_INVERSE

    kind = None if name is not None or config is None else _kind(config)
    if max_depth is not None:
        if kind == "relative":
            raise ValueError(f"{file}: its config.json says relative depth, which has no max_depth")
        if family not in (Family.DEPTH_ANYTHING, Family.HUGGING_FACE, Family.TOOLBOX):
            raise ValueError(f"max_depth is for Depth Anything and the depth toolbox, {file} is {family}")
        if not max_depth > 0:
            raise ValueError(f"max_depth must be > 0 m, got {max_depth}")
        return Meaning(max_depth)
    if family in (Family.DPT_CLASSES, Family.MMSEGMENTATION):
        return Meaning()
    said = name or file
    if family is Family.DPT_DEPTH:
        inverses = {"nyu": NYU_INVERSE, "kitti": KITTI_INVERSE}
        return Meaning(inverse=next((value for key, value in inverses.items() if key in said.lower()), None))
    if family is Family.TOOLBOX:
        metres = next((value for key, value in _TOOLBOX_METRES.items() if key in said.lower()), None)
        if metres is None:
            raise CheckpointError(
                f"{file}: the toolbox's networks reach 10 m (NYUv2) or 80 m (KITTI), and neither keys nor "
                "the file's name say which; give max_depth"
            )
        return Meaning(metres)
    if kind is not None and config is not None:
        return Meaning(float(config.get("max_depth") or 1.0) if kind == "metric" else None)
    for pattern, metres in ((_INDOOR, INDOOR_MAX_DEPTH), (_OUTDOOR, OUTDOOR_MAX_DEPTH), (_RELATIVE, None)):
        if pattern.search(said):
            return Meaning(metres)
    if config is not None:
        return Meaning()  # what the port takes a config for that does not say
    raise CheckpointError(
        f"{file}: metric and relative networks have the same keys, and the file's name does not say which "
        "this is; give max_depth (20 for metric_hypersim, 80 for metric_vkitti), or the name "
        "depth-anything-v2-small, -base, -large or -giant"
    )


def _kind(config: Mapping[str, Any]) -> str | None:
    """Return "metric" or "relative" as config.json says; its first form has another key."""
    said = config.get("depth_estimation_type", config.get("depth_estimation"))
    return None if said is None else str(said)
