"""Depth Anything V2: a dense prediction transformer on DINOv2 (Yang et al., 2024)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from student.networks.dpt import Dpt
from student.networks.dpt_config import DptConfig, Four
from student.networks.names import look_up
from student.networks.vit import VitConfig

INDOOR_MAX_DEPTH: Final = 20.0
OUTDOOR_MAX_DEPTH: Final = 80.0
"""Metres that the networks trained on Hypersim and on Virtual KITTI 2 reach."""


@dataclass(frozen=True, slots=True)
class _Size:
    width: int
    depth: int
    heads: int
    taps: tuple[int, ...]
    features: int
    channels: Four
    swiglu: bool = False


_SIZES: Final[Mapping[str, _Size]] = MappingProxyType(
    {
        "small": _Size(384, 12, 6, (2, 5, 8, 11), 64, (48, 96, 192, 384)),
        "base": _Size(768, 12, 12, (2, 5, 8, 11), 128, (96, 192, 384, 768)),
        "large": _Size(1024, 24, 16, (4, 11, 17, 23), 256, (256, 512, 1024, 1024)),
        "giant": _Size(1536, 40, 24, (9, 19, 29, 39), 384, (1536, 1536, 1536, 1536), swiglu=True),
    }
)
_ENCODERS: Final = {f"vit{name[0]}": size for name, size in _SIZES.items()}


def depth_anything_config(size: str, *, max_depth: float | None = None, hf: bool = False) -> DptConfig:
    """Return the config of a Depth Anything V2.

    Parameters
    ----------
    size
        small, base, large or giant; vits, vitb, vitl and vitg are the same.
    max_depth
        Metres that the metric network reaches: 20 (Hypersim, indoors) or 80 (Virtual KITTI 2). None: the
        network gives inverse depth up to scale and shift.
    hf
        Whether position embeddings are resized as in the Hugging Face port, by size, not as officially.

    Raises
    ------
    ValueError
        The size is unknown.
    """
    known = look_up("Depth Anything", size, {**_SIZES, **_ENCODERS})
    vit = VitConfig(
        width=known.width,
        depth=known.depth,
        heads=known.heads,
        patch=14,
        grid=37,
        taps=known.taps,
        tap_norm=True,
        position="bicubic" if hf else "offset",
        layer_scale=True,
        swiglu=known.swiglu,
    )
    return DptConfig(
        vit=vit,
        channels=known.channels,
        features=known.features,
        readout="ignore",
        exact=True,
        activation="relu" if max_depth is None else "sigmoid",
        max_depth=max_depth,
    )


def build_depth_anything(size: str, *, max_depth: float | None = None, hf: bool = False) -> Dpt:
    """Build a network with fresh weights; see `depth_anything_config`."""
    return Dpt(depth_anything_config(size, max_depth=max_depth, hf=hf))
