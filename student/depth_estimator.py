"""Depth from colour: what every estimator does, and the one that runs our networks."""

from __future__ import annotations

import hashlib
import threading
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from student.depth_source import DepthNetwork, load_depth_source
from student.disk_cache import file_sha256
from student.teacher.device import usable_device


class DepthEstimator(Protocol):
    """Estimates depth from one image; may be called from several threads.

    Attributes
    ----------
    name : str
        For people.
    metric : bool
        Whether it estimates metres; else inverse depth up to scale and shift (`student.depth_alignment`).
    fingerprint : str
        SHA-256 of all that decides the numbers besides the image.
    device : str
        Where it runs.
    """

    name: str
    metric: bool
    fingerprint: str
    device: str

    def estimate(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Estimate the depth of an image.

        Parameters
        ----------
        rgb
            (H, W, 3) uint8.

        Returns
        -------
        (H, W) float32: planar depth in metres, > 0; of one that is not metric inverse depth, larger = nearer.
        """
        ...


class NetworkEstimator:
    """A `DepthEstimator` that runs one of our networks.

    Parameters
    ----------
    loaded
        The network, and what it takes and gives.
    sha256
        Of its weights.
    device
        See `usable_device`.
    """

    def __init__(self, loaded: DepthNetwork, sha256: str, device: str | None = None) -> None:
        self.name, self.metric = loaded.name, loaded.network.config.metric
        self.device = usable_device(device)
        words = f"{sha256} {loaded.rule} {loaded.network.config}"
        self.fingerprint = hashlib.sha256(words.encode()).hexdigest()
        self._rule = loaded.rule
        self._network = loaded.network.to(self.device).eval()
        self._lock = threading.Lock()  # one image at a time: a network takes all processors

    def estimate(self, rgb: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """See `DepthEstimator`.

        Raises
        ------
        ValueError
            If the image has another shape or type, or is too narrow for the network.
        """
        import torch

        image = torch.from_numpy(self._rule.prepare(rgb))
        with self._lock, torch.inference_mode():
            depth = self._network(image.to(self.device)).float().cpu().numpy()
        restored: npt.NDArray[np.float32] = self._rule.restore(depth, rgb.shape[0], rgb.shape[1])[0]
        return np.maximum(restored, 0)  # bicubic interpolation may fall below


def open_depth_estimator(
    source: str | Path, device: str | None = None, *, max_depth: float | None = None
) -> NetworkEstimator:
    """Open an estimator of depth; see `student.depth_source.load_depth_source`.

    Parameters
    ----------
    source
        A name of the weights catalogue, a file of weights, a folder, or an id on the Hugging Face hub.
    device
        Such as "cpu" or "cuda:1"; the GPU, where there is one, if absent.
    max_depth
        The farthest that a metric network can say, metres, where neither its file nor its name tells.

    Raises
    ------
    CheckpointError
        It is none of these, its weights are not on this computer, or it is another network.
    ValueError
        The device cannot be used.
    OSError
        A file cannot be read.
    """
    loaded = load_depth_source(source, max_depth=max_depth)
    return NetworkEstimator(loaded, file_sha256(loaded.weights), device)
