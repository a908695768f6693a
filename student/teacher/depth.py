"""Depth for data without: Depth Anything V2 estimates metres from colour, as DVEFormer's ADE20K has it.

The network and its preprocessing come from transformers; weights from a folder or Hugging Face's hub. Images
enter whole: DVEFormer's tools first shrink those above 1920 x 1080 pixels, which bends their aspect; here the
network's own preprocessing alone resizes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib import util
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from student.atomic_file import atomic_file
from student.disk_cache import file_sha256
from student.errors import CheckpointError, EncoderError
from student.teacher.device import usable_device

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
_WEIGHTS: Final = "model.safetensors"
_MILLIMETRES: Final = 1000
_FARTHEST: Final = np.iinfo(np.uint16).max


class DepthEstimator:
    """Depth Anything V2, metric.

    Parameters
    ----------
    model
        A folder with config.json, preprocessor_config.json and model.safetensors, or an id on the hub; small,
        base and large name those for rooms.
    device
        Such as "cpu" or "cuda:1"; the GPU, where there is one, if absent.

    Attributes
    ----------
    estimator : str
        Name of its files' folder.

    Raises
    ------
    EncoderError
        transformers is not installed.
    CheckpointError
        There are no such weights, or they are of another network.
    """

    def __init__(self, model: str, device: str | None = None) -> None:
        if util.find_spec("transformers") is None:
            raise EncoderError('transformers is not installed; install it with: pip install "dvemap[train]"')
        self.device = usable_device(device)
        source = HUB.format(model.capitalize()) if model.capitalize() in _SIZES else model
        self._processor, self._network, weights = _load(source)
        self._network = self._network.to(self.device).eval()
        sha256 = file_sha256(weights)
        self.estimator = RELEASED.get(sha256, f"depthanything_v2__{sha256[:8]}")

    def estimate(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint16]:
        """Return the depth (H, W) in millimetres of an image (H, W, 3) uint8, cut off at 65.535 m."""
        import torch

        inputs = self._processor(images=rgb, return_tensors="pt").to(self.device)
        with torch.inference_mode():
            metres = self._network(**inputs).predicted_depth.float()
        millimetres = torch.nn.functional.interpolate(metres[:, None] * _MILLIMETRES, rgb.shape[:2])
        depth: npt.NDArray[np.uint16] = (
            millimetres[0, 0].clamp(0, float(_FARTHEST)).cpu().numpy().astype(np.uint16)
        )
        return depth


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


def _load(source: str) -> tuple[Any, Any, Path]:
    """Load the preprocessing and the network, and return the file of its weights."""
    import transformers
    from transformers.utils import logging as hub_logging
    from transformers.utils.hub import cached_file

    library: Any = transformers  # neither it
    logging: Any = hub_logging  # nor its logging has types
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        # DVEFormer's depth was estimated from what Pillow resizes; torchvision differs in the last bits.
        processor = library.AutoImageProcessor.from_pretrained(source, backend="pil")
        network = library.AutoModelForDepthEstimation.from_pretrained(source, use_safetensors=True)
        weights = cached_file(source, _WEIGHTS)
    except (OSError, ValueError, RuntimeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise CheckpointError(
            f"{source} is no Depth Anything that can be loaded ({reason}); expected a folder with "
            f"config.json, preprocessor_config.json and {_WEIGHTS}, an id on the Hugging Face hub, or small, "
            "base or large"
        ) from error
    finally:
        if bars:
            logging.enable_progress_bar()
    if getattr(network.config, "depth_estimation_type", None) != "metric":
        raise CheckpointError(f"{source} estimates no metres; take one of {HUB.format('{Small,Base,Large}')}")
    return processor, network, Path(str(weights))
