"""What the writers write: frames with colour and depth as stored wherever the source has them so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix
from sequences.errors import SequenceError
from sequences.frame import Frame
from sequences.images import INVALID_DEPTH, encode_jpeg
from sequences.sequence import Sequence, Size


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame to write; `depth` is in units of the recording's depth scale."""

    number: int
    pose: Matrix
    timestamp: float
    encoding: str
    color: bytes
    depth: npt.NDArray[np.uint16]
    label: npt.NDArray[np.uint16] | None
    instance: npt.NDArray[np.uint16] | None


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """Frames to write, one after the other, and the cameras they were taken with."""

    name: str
    intrinsics: Matrix
    color_intrinsics: Matrix
    depth_size: Size
    color_size: Size
    T_color_depth: Matrix | None
    depth_scale: float
    label_names: dict[int, str]
    shots: Iterator[Shot]


def record(source: Sequence | Iterable[Frame], depth_scale: float) -> Recording:
    """Recording of a sequence or of frames.

    Parameters
    ----------
    source : Sequence or iterable of Frame
        A sequence gives its colour bytes and depth values unchanged, and poses that cannot be used as -inf.
        Frames are encoded: colour as JPEG, depth rounded to whole units.
    depth_scale : float
        Units per metre for frames; a sequence has its own.

    Raises
    ------
    SequenceError
        If there is no frame.
    """
    if isinstance(source, Sequence):
        return Recording(
            source.name,
            source.intrinsics,
            source.color_intrinsics,
            source.depth_size,
            source.color_size,
            source.T_color_depth,
            source.depth_scale,
            source.label_names,
            (_shot_of(source, i) for i in range(len(source))),
        )
    frames = iter(source)
    first = next(frames, None)
    if first is None:
        raise SequenceError("no frames to write")
    return Recording(
        "frames",
        first.intrinsics,
        first.color_intrinsics,
        (first.depth.shape[0], first.depth.shape[1]),
        (first.rgb.shape[0], first.rgb.shape[1]),
        first.T_color_depth,
        depth_scale,
        {},
        (_encode(frame, depth_scale) for frame in chain([first], frames)),
    )


def to_millimetres(raw: npt.NDArray[np.uint16], depth_scale: float) -> npt.NDArray[np.uint16]:
    """Depth values rounded to millimetres; unchanged where they are such, 0 where they do not fit 16 bits."""
    if depth_scale == 1000:
        return raw
    return to_units(np.where(raw == INVALID_DEPTH, 0, raw) / depth_scale, 1000.0)


def _shot_of(sequence: Sequence, i: int) -> Shot:
    label, instance = sequence.label_ids(i) if sequence.options.labels else (None, None)
    return Shot(
        sequence.source_index(i),
        sequence.stored_pose(i),
        sequence.timestamp(i),
        *sequence.color_bytes(i),
        sequence.depth_raw(i),
        label,
        instance,
    )


def _encode(frame: Frame, scale: float) -> Shot:
    return Shot(
        frame.index,
        frame.T_world_camera,
        frame.timestamp,
        "jpeg",
        encode_jpeg(frame.rgb),
        to_units(frame.depth, scale),
        frame.label,
        frame.instance,
    )


def to_units(metres: npt.NDArray[np.floating], scale: float) -> npt.NDArray[np.uint16]:
    """Depth in metres as whole units of 1 / scale metres, 0 where it does not fit 16 bits."""
    units = np.rint(metres.astype(np.float64) * scale)
    return np.where((units > 0) & (units < INVALID_DEPTH), units, 0).astype(np.uint16)
