"""Where each data set that the NICR packages prepared keeps what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DEPTH_ESTIMATOR: Final = "depthanything_v2__indoor_large"
"""What DVEFormer's recipe estimates the depth of ADE20K with."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Folders and lists of one data set, below `<root>/<split>/`.

    Attributes
    ----------
    splits : tuple of str
        Those with labels and instances.
    classes : mapping of int to str
        Number of classes of each kind of label image to the name of its `class_set`; the first is the usual.
    semantic, instance : str
        Folder of label images, with the number of classes to fill in, and of instance images.
    depth : mapping of str to str
        Depth mode to folder; the first is the usual.
    rgb : str
        Suffix of the colour images.
    thinned : bool
        There are lists `<split>_every_<n>th.txt`.
    one_spectrum : bool
        There is one number of classes only, which the names of teacher files then leave out.
    statistics : str
        Name of its depth statistics.
    """

    splits: tuple[str, ...]
    classes: Mapping[int, str]
    semantic: str
    depth: Mapping[str, str]
    instance: str = "instance"
    rgb: str = ".png"
    thinned: bool = False
    one_spectrum: bool = True
    statistics: str = "nyuv2"


_RAW: Final = MappingProxyType({"raw": "depth"})
_BOTH: Final = MappingProxyType({"raw": "depth_raw", "refined": "depth"})

LAYOUTS: Final[Mapping[str, Layout]] = MappingProxyType(
    {
        "nyuv2": Layout(
            splits=("train", "test"),
            classes={40: "nyu-40"},
            semantic="semantic_{}",
            depth=_BOTH,
            one_spectrum=False,
        ),
        "sunrgbd": Layout(
            splits=("train", "test"),
            classes={37: "sunrgbd-37"},
            semantic="semantic",
            instance="instance_panopticndt",
            rgb=".jpg",
            depth=_BOTH,
            statistics="sunrgbd",
        ),
        "scannet": Layout(
            splits=("train", "valid"),
            classes={40: "nyu-40", 20: "scannet-20", 200: "scannet-200"},
            semantic="semantic_refined_{}",
            depth=_RAW,
            instance="instance_refined",
            rgb=".jpg",
            thinned=True,
            one_spectrum=False,
            statistics="scannet",
        ),
        "hypersim": Layout(
            splits=("train", "valid", "test"),
            classes={40: "nyu-40"},
            semantic="semantic_{}",
            depth=_RAW,
            thinned=True,
            statistics="hypersim",
        ),
        "ade20k": Layout(
            splits=("train_panoptic_2017", "valid_panoptic_2017"),
            classes={150: "ade20k-150"},
            semantic="semantic_{}",
            depth=MappingProxyType({DEPTH_ESTIMATOR: f"depth_{DEPTH_ESTIMATOR}"}),
            rgb=".jpg",
        ),
    }
)
"""By name; hypersim has NYU40's classes, as scannet with 40."""
