"""A segmentation network as what frames are read by: its posteriors, and the labels that they name."""

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dvemap.network_options import NetworkOptions
from dvemap.prediction.predictor import Labeller, Predictor
from mapping import class_list, linear_probe
from sequences import Frame
from student import EmbeddingSpace

if TYPE_CHECKING:
    from student.segmentation.segmenter import Segmenter

CLASS_LISTS = {"nyuv2": "nyuv2-40", "sunrgbd": "sunrgbd-37"}


@dataclass(frozen=True, eq=False)
class ClosedSetFrames:
    """The posteriors of frames, a `CodeSource`.

    Attributes
    ----------
    segmenter : Segmenter
    identity : dict
        What must be equal for two runs to give the same posteriors.
    about : str
        What people want to know of it, in a line.
    metric : bool
        Whether the depth of frames is in metres; else it is grey.
    """

    segmenter: "Segmenter"
    identity: dict[str, Any]
    about: str
    metric: bool = True

    def encode_frame(self, frame: Frame, rgb: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.float32], None]:
        """Return posteriors (H, W, K) at the size of the colours."""
        depth = frame.depth if self.metric else frame.depth.astype(np.uint8)
        return self.segmenter.posteriors(rgb, depth), None


def open_closed_set(options: NetworkOptions, *, metric: bool = True) -> tuple[ClosedSetFrames, Predictor]:
    """Open a network, and what names the class of the greatest posterior.

    Parameters
    ----------
    options : NetworkOptions
    metric : bool
        Whether the depth of frames is in metres; else it is grey from 0 to 255.

    Raises
    ------
    ValueError
        If there is no such network, or an option is not possible.
    OSError
        If its file cannot be read.
    """
    from student.segmentation.segmenter import Segmenter
    from student.segmentation.source import load_segmentor_source

    source = load_segmentor_source(options.network)
    segmenter = Segmenter(
        source.network,
        source.dataset,
        scales=options.scales,
        flip=options.flip,
        window=options.window,
        device=options.device,
        threads=options.threads,
    )
    classes = class_list(CLASS_LISTS[source.dataset])
    name = f"{source.name}-{source.sha256[:8]}"
    seen = {"scales": options.scales, "flip": options.flip, "window": options.window}
    made_from = {"checkpoint": source.sha256, "device": segmenter.device, **seen}
    digest = hashlib.sha256(json.dumps(made_from, sort_keys=True).encode()).hexdigest()
    scales = ", ".join(f"{scale:g}" for scale in options.scales)
    about = (
        f"network: {name}, {len(classes)} classes of {classes.name}; torch {segmenter.device}, "
        f"scale {scales}{', mirrored too' if options.flip else ''}"
    )
    frames = ClosedSetFrames(segmenter, {"name": name, "hash": digest}, about, metric)
    axes = linear_probe(np.eye(len(classes), dtype=np.float32), None, classes.ids)
    return frames, Predictor(EmbeddingSpace(name, len(classes)), Labeller(axes, classes, "network"))
