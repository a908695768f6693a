"""The networks that `dvemap bench networks` times, and what their authors publish of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from student.networks.config import CONFIGS
from student.networks.dformer_config import DFORMERS

if TYPE_CHECKING:
    from torch import nn

CAMERA: Final = (480, 640)
"""Height and width of the images of usual RGB-D cameras."""

DEPTH_ANYTHING: Final = (518, 686)
"""What Depth Anything V2 makes of them."""


@dataclass(frozen=True)
class Entry:
    """A network.

    Attributes
    ----------
    name : str
    build : callable
        Returns it with fresh weights.
    size : (int, int)
        Height and width of its input.
    depth : bool
        Whether it takes depth beside colour.
    figure, source : str
        What its authors report, and where.
    """

    name: str
    build: Callable[[], nn.Module]
    size: tuple[int, int] = CAMERA
    depth: bool = False
    figure: str = ""
    source: str = ""


def _student(name: str) -> nn.Module:
    from student.networks.dveformer import build

    return build(name)


def _segmentor(name: str) -> nn.Module:
    from student.networks.segmentor import build_segmentor

    return build_segmentor(name)


def _dpt(name: str) -> nn.Module:
    from student.networks.dpt import Dpt
    from student.networks.dpt_config import published_dpt

    return Dpt(published_dpt(name))


def _depth_anything(size: str) -> nn.Module:
    from student.networks.depth_anything import build_depth_anything

    return build_depth_anything(size)


_TEXT: Final = {
    "dveformer-fullres": "NYUv2 mIoU 57.05 by probe, 44.07 by text",
}
_NYUV2: Final = {
    "dformer-tiny": 51.8,
    "dformer-small": 53.6,
    "dformer-base": 55.6,
    "dformer-large": 57.2,
    "dformerv2-small": 56.0,
    "dformerv2-base": 57.7,
    "dformerv2-large": 58.4,
}
_DPT: Final = {
    "dpt-vitb16": ("", ""),
    "dpt-large": ("", ""),
    "dpt-hybrid": ("NYUv2 AbsRel .109, fine-tuned", "README of DPT"),
    "dpt-seg-vitb16": ("", ""),
    "dpt-seg-large": ("", ""),
    "dpt-seg-hybrid": ("ADE20K mIoU 49.02", "DPT, Ranftl et al., 2021"),
    "dpt-mmseg-vitb16-ade20k": ("ADE20K mIoU 46.97", "README of mmsegmentation"),
    "dpt-toolbox-vitb16-nyu": ("NYUv2 AbsRel .135", "README of the depth toolbox"),
}

NETWORKS: Final[dict[str, Entry]] = {
    entry.name: entry
    for entry in (
        *(
            Entry(
                name,
                partial(_student, name),
                depth=True,
                figure=_TEXT.get(name, ""),
                source="README of DVEFormer" if name in _TEXT else "",
            )
            for name in CONFIGS
        ),
        *(
            Entry(
                name,
                partial(_segmentor, name),
                depth=True,
                figure=f"NYUv2 mIoU {_NYUV2[name]:.1f}, scales and flip",
                source="README of DFormer",
            )
            for name in DFORMERS
        ),
        *(Entry(name, partial(_dpt, name), figure=said, source=by) for name, (said, by) in _DPT.items()),
        *(
            Entry(f"depth-anything-v2-{size}", partial(_depth_anything, size), DEPTH_ANYTHING)
            for size in ("small", "base", "large")
        ),
    )
}
"""By name; of a closed set those for NYUv2's 40 classes."""
