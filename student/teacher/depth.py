"""Depth for data without: metres from colour, in the files of the NICR tools, as DVEFormer's ADE20K has it.

Images enter whole: DVEFormer's tools first shrink those above 1920 x 1080 pixels, which bends their aspect;
here the network's own preprocessing alone resizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from student.atomic_file import atomic_file
from student.depth_estimator import NetworkEstimator
from student.depth_source import DepthNetwork, load_depth_source
from student.disk_cache import file_sha256
from student.errors import CheckpointError

RELEASED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "e990eb82fbf11b05b7813261196a2b841bdcf5a05f64396724a8987fa90504a3": "depthanything_v2__indoor_small",
        "8b902f5d9a8c8a9520f3a8c6a00afe442b464eff5aaf0cb405d1da721cd9f79f": "depthanything_v2__indoor_base",
        "04d3295ff4f9cbee72b8998a85930fe870b45ba4431e7af47415fbded02388ca": "depthanything_v2__indoor_large",
    }
)
"""SHA-256 of the published weights for rooms, and what the NICR tools call them."""

HUB: Final = "depth-anything/Depth-Anything-V2-Metric-Indoor-{}-hf"
_SIZES: Final = ("Small", "Base", "Large")
_MILLIMETRES: Final = 1000
_FARTHEST: Final = np.iinfo(np.uint16).max


class DepthEstimator:
    """An estimator of metres as the NICR tools run it: millimetres of 16 bits, under a name of theirs.

    Parameters
    ----------
    model
        small, base or large: Depth Anything V2 for rooms, from the Hugging Face hub; else what
        `load_depth_source` takes.
    device
        Such as "cpu" or "cuda:1"; the GPU, where there is one, if absent.

    Attributes
    ----------
    estimator : str
        Name of its files' folder.
    metres : NetworkEstimator
        What it runs.

    Raises
    ------
    CheckpointError
        There are no such weights, or they are of another network.
    """

    def __init__(self, model: str, device: str | None = None) -> None:
        loaded = _load(HUB.format(model.capitalize()) if model.capitalize() in _SIZES else model)
        sha256 = file_sha256(loaded.weights)
        self.metres = NetworkEstimator(loaded, sha256, device)
        family = "depthanything_v2" if loaded.network.config.vit.patch == 14 else "dpt"
        self.estimator = RELEASED.get(sha256, f"{family}__{sha256[:8]}")

    def estimate(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
        """Return the depth (H, W) in millimetres of an image (H, W, 3) uint8, cut off at 65.535 m."""
        return to_millimetres(self.metres.estimate(rgb))


def to_millimetres(metres: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Return depth (H, W) in whole millimetres, cut off at 65.535 m."""
    return (metres * np.float32(_MILLIMETRES)).clip(0, _FARTHEST).astype(np.uint16)


def depth_file(root: Path, split: str, estimator: str, name: str) -> Path:
    """Return where the estimated depth of a sample is."""
    return root / split / f"depth_{estimator}" / f"{name}.png"


def write_depth(path: Path, millimetres: npt.NDArray[np.uint16]) -> None:
    """Write a depth image, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    done, content = cv2.imencode(".png", millimetres)
    if not done:
        raise OSError(f"{path}: depth of shape {millimetres.shape} could not be encoded")
    with atomic_file(path) as temporary:
        temporary.write_bytes(content.tobytes())


def depth_statistics_of(depths: Iterable[npt.NDArray[np.uint16]]) -> dict[str, float]:
    """Return mean, std, min and max, in millimetres, of all pixels with depth > 0.

    Raises
    ------
    ValueError
        There is no such pixel.
    """
    counts = np.zeros(_FARTHEST + 1, np.int64)
    for depth in depths:
        counts += np.bincount(depth.ravel(), minlength=len(counts))
    counts[0] = 0
    total = int(counts.sum())
    if total == 0:
        raise ValueError("depth statistics need a pixel with depth")
    values = np.arange(len(counts), dtype=np.float64)
    mean = float(counts @ values / total)
    present = np.flatnonzero(counts)
    return {
        "mean": mean,
        "std": float(np.sqrt(counts @ (values - mean) ** 2 / total)),
        "min": float(present[0]),
        "max": float(present[-1]),
    }


def _load(source: str) -> DepthNetwork:
    """Load a network of metres."""
    loaded = load_depth_source(source)
    if not loaded.network.config.metric:
        raise CheckpointError(f"{source} estimates no metres; take one of {HUB.format('{Small,Base,Large}')}")
    return loaded
