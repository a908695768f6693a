"""What a dense prediction transformer is made of, and the published ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from student.networks.names import look_up
from student.networks.vit import VitConfig

Readout = Literal["ignore", "add", "project"]
"""What becomes of the class token: nothing, it is added to each patch, or a layer sees it beside each."""

Activation = Literal["relu", "none", "clamp", "sigmoid"]
"""What makes depth of the head's output.

relu, none: as in DPT; clamp: metres, from `min_depth` to `max_depth`; sigmoid: metres, to `max_depth`.
"""

Four = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class DptConfig:
    """The shape of a dense prediction transformer; the defaults are those of DPT for depth.

    Attributes
    ----------
    vit : VitConfig
        Of the backbone.
    channels : tuple of int
        Of the four reassembled maps, at strides 4, 8, 16 and 32 (7/8 of that for patches of 14 pixels).
    features : int
        Channels of the decoder.
    readout : Readout
    batch_norm : bool
        Whether the decoder's residual units normalise.
    unit_bias : bool
        Whether their convolutions have a bias.
    exact : bool
        Whether maps grow to the size of the next one and the output to that of the image, as in Depth
        Anything; else they double, and a map that does not fit is resized.
    project : bool
        Whether a convolution comes before the head for depth.
    hidden : int
        Channels before the last convolution of the head for depth; 32 in every published network.
    classes : int or None
        That are told apart; None for depth.
    aligned : bool
        Whether corners of logits and image are aligned.
    activation : Activation
        Of depth.
    min_depth, max_depth : float
        Metres; see `Activation`.
    inverse : tuple of float or None
        Scale and shift that make depth in metres of the activated output y: 1 / max(scale y + shift, 1e-8).
    """

    vit: VitConfig = field(default_factory=VitConfig)
    channels: Four = (96, 192, 384, 768)
    features: int = 256
    readout: Readout = "project"
    batch_norm: bool = False
    unit_bias: bool = True
    exact: bool = False
    project: bool = False
    hidden: int = 32
    classes: int | None = None
    aligned: bool = True
    activation: Activation = "relu"
    min_depth: float = 1e-3
    max_depth: float | None = None
    inverse: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        """Reject a range that has no end, or none of it."""
        if self.activation in ("clamp", "sigmoid") and (self.max_depth is None or self.max_depth <= 0):
            raise ValueError(f"activation {self.activation!r} needs max_depth > 0 m, got {self.max_depth}")

    @property
    def metric(self) -> bool:
        """Whether its depth is in metres; else it is inverse depth up to scale and shift."""
        return self.inverse is not None or self.activation in ("clamp", "sigmoid")


_HYBRID: Final = DptConfig(vit=VitConfig(taps=(8, 11), hybrid=True), channels=(256, 512, 768, 768))
_LARGE: Final = DptConfig(
    vit=VitConfig(width=1024, depth=24, heads=16, taps=(5, 11, 17, 23)), channels=(256, 512, 1024, 1024)
)
_MM_VIT: Final = VitConfig(grid=14, position="bicubic", norm_eps=1e-5)
NYU_INVERSE: Final = (0.000305, 0.1378)
KITTI_INVERSE: Final = (0.00006016, 0.00579)
"""Scale and shift of DPT's networks that were fine-tuned on NYUv2 and KITTI."""


def _segmenting(config: DptConfig) -> DptConfig:
    return replace(config, classes=150, batch_norm=True, unit_bias=False)


def _toolbox(max_depth: float) -> DptConfig:
    return DptConfig(vit=_MM_VIT, unit_bias=False, project=True, activation="clamp", max_depth=max_depth)


DPT_CONFIGS: Final[Mapping[str, DptConfig]] = MappingProxyType(
    {
        "dpt-vitb16": DptConfig(),
        "dpt-large": _LARGE,
        "dpt-hybrid": _HYBRID,
        "dpt-hybrid-nyu": replace(_HYBRID, inverse=NYU_INVERSE),
        "dpt-hybrid-kitti": replace(_HYBRID, inverse=KITTI_INVERSE),
        "dpt-seg-vitb16": _segmenting(DptConfig()),
        "dpt-seg-large": _segmenting(_LARGE),
        "dpt-seg-hybrid": _segmenting(_HYBRID),
        "dpt-mmseg-vitb16-ade20k": replace(
            _segmenting(DptConfig()), vit=replace(_MM_VIT, patch_bias=False), aligned=False
        ),
        "dpt-toolbox-vitb16-nyu": _toolbox(10.0),
        "dpt-toolbox-vitb16-kitti": _toolbox(80.0),
    }
)
"""The networks of isl-org, mmsegmentation and the depth toolbox."""


def published_dpt(name: str) -> DptConfig:
    """Return the config of a published network, one of `DPT_CONFIGS`.

    Raises
    ------
    ValueError
        The name is unknown.
    """
    return look_up("DPT", name, DPT_CONFIGS)
