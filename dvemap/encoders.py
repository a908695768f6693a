"""What turns a frame into codes for the map: nothing, its ground-truth labels, or a network."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt

from dvemap.config import EncoderConfig
from dvemap.options import parse_size
from mapping import FusionSettings, VoxelMap
from sequences import Frame, Sequence
from student import (
    CachedEncoder,
    EmbeddingSpace,
    Encoder,
    LabelEncoder,
    OnnxEncoder,
    load_text_encoder,
)
from student.data.strong_gaps import NO_COLOR
from student.onnx_config import FILE_NAME as ONNX_ENCODER
from student.shipped import shipped

Codes = tuple[npt.NDArray[np.float16] | None, npt.NDArray[np.float32] | None]


class FrameEncoder(Protocol):
    """Gives the codes of a frame on a grid that divides its depth image."""

    @property
    def space(self) -> EmbeddingSpace | None:
        """The embedding space of the codes, None for no codes."""

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for two runs to give the same codes."""

    @property
    def about(self) -> str:
        """What people want to know of it, in a line; empty for nothing."""

    def encode_frame(self, frame: Frame, rgb: npt.NDArray[np.uint8]) -> Codes:
        """Return codes (h, w, C) float16 and confidence (h, w) float32 in [0, 1], or None for either.

        `rgb` is the colour of the frame on the pixels of its depth image.
        """


@dataclass(frozen=True)
class NoEncoder:
    """Shape, colour and occupancy alone."""

    space: EmbeddingSpace | None = None
    about: str = ""

    @property
    def identity(self) -> dict[str, Any]:
        """See `FrameEncoder`."""
        return {"name": "none"}

    def encode_frame(self, frame: Frame, rgb: npt.NDArray[np.uint8]) -> Codes:
        """Return no codes."""
        return None, None


@dataclass(frozen=True)
class GroundTruthLabels:
    """The text embeddings of the label images' class names: judges the mapping apart from a network."""

    labels: LabelEncoder
    names_hash: str
    stride: int
    about: str = ""

    @property
    def space(self) -> EmbeddingSpace:
        """See `FrameEncoder`."""
        return self.labels.space

    @property
    def identity(self) -> dict[str, Any]:
        """See `FrameEncoder`."""
        space = self.labels.space
        return {
            "name": "labels",
            "text_encoder": space.text_encoder,
            "names": self.names_hash,
            "stride": self.stride,
        }

    def encode_frame(self, frame: Frame, rgb: npt.NDArray[np.uint8]) -> Codes:
        """Return the embedding of each labelled pixel's class."""
        return self.labels.encode_labels(frame.label_on_depth(), self.stride)


@dataclass(frozen=True)
class Network:
    """An encoder of the student package: colour and depth in, codes out."""

    encoder: Encoder
    about: str = ""
    hide: Literal["color", "depth"] | None = None

    @property
    def space(self) -> EmbeddingSpace:
        """See `FrameEncoder`."""
        return self.encoder.space

    @property
    def identity(self) -> dict[str, Any]:
        """See `FrameEncoder`."""
        hidden = {"hide": self.hide} if self.hide else {}
        return {"name": self.encoder.space.name, "hash": self.encoder.fingerprint, **hidden}

    def encode_frame(self, frame: Frame, rgb: npt.NDArray[np.uint8]) -> Codes:
        """Return the network's codes; what is hidden from it is mean grey, or no depth at all."""
        depth = frame.depth
        if self.hide == "color":
            rgb = np.full_like(rgb, NO_COLOR)
        elif self.hide == "depth":
            depth = np.zeros_like(depth)
        return self.encoder.encode(rgb, depth), None


def encoder(
    config: EncoderConfig | str, sequence: Sequence, *, note: Callable[[str], None] = lambda text: None
) -> FrameEncoder:
    """Make the encoder that a run asks for.

    Parameters
    ----------
    config : EncoderConfig or str
        The settings, or the name: `"none"`, `"labels"`, `"home"` that comes along, a published student or
        segmentation network (`dvemap weights list`), a checkpoint of either, or a folder with `student.json`
        or `encoder.json`.
    sequence : Sequence
        The frames to come; `labels` needs its label names.
    note : callable
        Told what takes time.

    Returns
    -------
    FrameEncoder

    Raises
    ------
    ValueError
        If the name is none of these, or `labels` is asked of a sequence without label names.
    """
    settings = EncoderConfig(name=config) if isinstance(config, str) else config
    if settings.hide is not None and settings.name in ("none", "labels"):
        raise ValueError(f"encoder.hide: the encoder {settings.name!r} sees no images that could be hidden")
    if settings.name == "none":
        return NoEncoder()
    if settings.name == "labels":
        return _labels(settings, sequence)
    network, about = _network(settings, note)
    if settings.cache is not None:
        network = CachedEncoder(network, Path(settings.cache))
    return Network(network, about, settings.hide)


def _labels(settings: EncoderConfig, sequence: Sequence) -> GroundTruthLabels:
    if not sequence.label_names:
        raise ValueError(
            f"{sequence.path}: --encoder labels needs label images and their names (label-filt/ with "
            "label_names.txt or scannetv2-labels.combined.tsv); none were found"
        )
    text = load_text_encoder(settings.text_encoder)
    names = sorted(sequence.label_names.items())
    names_hash = hashlib.sha256(repr(names).encode()).hexdigest()
    return GroundTruthLabels(LabelEncoder(sequence.label_names, text), names_hash, settings.stride)


def _network(settings: EncoderConfig, note: Callable[[str], None]) -> tuple[Encoder, str]:
    """Open a network, and say what people want to know of it."""
    folder = Path(settings.name)
    if settings.name not in shipped() and (folder / ONNX_ENCODER).is_file():
        network = OnnxEncoder(folder, threads=settings.threads)
        return network, f"encoder: {network.space.name}, {network.code_dim} numbers a code, {folder}"
    from student.segmentation.source import is_segmentor_source

    if settings.name not in shipped() and is_segmentor_source(settings.name):
        return _segmentation_network(settings)
    from student.opening import open_student

    opened = open_student(
        settings.name,
        runtime=settings.runtime,
        size=None if settings.size is None else parse_size(settings.size),
        statistics=settings.depth_statistics,
        precision=settings.precision,
        stride="finest" if settings.finest else None,
        threads=settings.threads,
        device=settings.device,
        note=note,
    )
    height, width = opened.runtime.size
    return (
        opened,
        f"encoder: {opened.space.name}, {opened.weights}; {opened.runtime.name} at {height}x{width}, "
        f"{opened.code_dim} numbers a code",
    )


def _segmentation_network(settings: EncoderConfig) -> tuple[Encoder, str]:
    """Open a network for a closed set of classes; torch runs it."""
    from student.segmentation.encoder import SegmentationEncoder
    from student.segmentation.source import load_segmentor_source

    unfit = {
        "runtime": settings.runtime not in ("auto", "torch"),
        "precision": settings.precision not in (None, "fp32"),
        "depth_statistics": settings.depth_statistics is not None,
    }
    for name, wrong in unfit.items():
        if wrong:
            raise ValueError(
                f"encoder.{name}: {settings.name} is a segmentation network, which torch runs in fp32 on "
                f"relative depth; leave it out, got {getattr(settings, name)!r}"
            )
    network = SegmentationEncoder(
        load_segmentor_source(settings.name),
        load_text_encoder(settings.text_encoder),
        size=None if settings.size is None else parse_size(settings.size),
        device=settings.device,
        threads=settings.threads,
    )
    return network, f"encoder: {network.space.name}, {network.about}, {network.code_dim} numbers a code"


def empty_map(cell_size: float, settings: FusionSettings, frames: FrameEncoder) -> VoxelMap:
    """Make the map that holds an encoder's codes.

    Parameters
    ----------
    cell_size : float
        Edge of a cell, metres.
    settings : FusionSettings
        What one frame does to the map.
    frames : FrameEncoder
        Whose codes will come.

    Returns
    -------
    VoxelMap
    """
    space = frames.space
    if space is None:
        return VoxelMap(cell_size, settings=settings)
    return VoxelMap(
        cell_size,
        space.code_dim,
        code_scale=space.code_scale,
        space=space.to_dict(),
        head=space.head,
        settings=settings,
    )
