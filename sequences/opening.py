"""Opening a sequence: which format lies there."""

from __future__ import annotations

import errno
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path

from sequences.camera import IntrinsicsLike
from sequences.color_images import ColorImagesSequence
from sequences.errors import SequenceError
from sequences.options import Options
from sequences.redwood import RedwoodSequence
from sequences.replica import ReplicaSequence
from sequences.scannet import ScannetSequence
from sequences.sens import SensSequence
from sequences.sequence import Sequence
from sequences.seven_scenes import SevenScenesSequence
from sequences.tum import TumSequence
from sequences.video import VideoSequence

# In the order in which they are tried: a scene exported beside its .sens file is read from the export.
READERS: dict[str, type[Sequence]] = {
    reader.format: reader
    for reader in (
        ScannetSequence,
        SensSequence,
        SevenScenesSequence,
        ReplicaSequence,
        TumSequence,
        RedwoodSequence,
        VideoSequence,
        ColorImagesSequence,
    )
}
_LISTED = 12


def open_sequence(
    path: str | Path,
    *,
    format: str | None = None,
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
    depth_scale: float | None = None,
    intrinsics: IntrinsicsLike | None = None,
    pose_convention: str | None = None,
    labels: bool = False,
    depth_folder: str = "depth",
    pose_folder: str | None = None,
    max_time_difference: float = 0.02,
    depth_optional: bool = False,
) -> Sequence:
    """Open posed RGB-D data; the format follows from what lies on disk.

    Parameters
    ----------
    path : str or pathlib.Path
        A `.sens` file or a folder.
    format : str or None
        One of `READERS`: "scannet", "scannet-sens", "7scenes", "replica", "tum", "redwood"; "video" and
        "images" where depth may be missing.
    start, stop, stride : int
        Every `stride`-th frame from the `start`-th up to, not including, the `stop`-th of the source.
    depth_scale : float or None
        Units of the depth images per metre, instead of the format's.
    intrinsics : str, path, array or None
        Of the depth images, instead of the source's: "fx,fy,cx,cy" in pixels, four numbers, a matrix or a
        file. They hold for colour images of the same size and place too. Without depth, of the colour images.
    pose_convention : str or None
        "camera-to-world" (what all formats here specify), "world-to-camera", "opengl" or
        "opengl-world-to-camera".
    labels : bool
        Read label and instance images too.
    depth_folder, pose_folder : str
        For exported ScanNet layouts: where depth and poses lie. Another depth folder than "depth" must hold
        depth registered to the colour images; None = "pose_x" with "depth_x" if it exists, else "pose".
    max_time_difference : float
        For TUM, videos and images: seconds by which the images and the pose of a frame may differ.
    depth_optional : bool
        Whether the depth images may be missing, because depth is to be estimated from colour. Frames then
        have 0 everywhere for it (`Sequence.has_depth`).

    Returns
    -------
    Sequence
        No image has been decoded.

    Raises
    ------
    SequenceError
        If no format fits, or what fits is not complete; depth is missing that may not.
    FileNotFoundError
        If there is nothing at `path`.
    ValueError
        If an option is out of range.
    """
    options = Options(
        start,
        stop,
        stride,
        depth_scale,
        intrinsics,
        pose_convention,
        labels,
        depth_folder,
        pose_folder,
        max_time_difference,
        depth_optional,
    )
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    if format is not None and format not in READERS:
        raise ValueError(f"format must be one of {', '.join(READERS)}, got {format!r}")
    reader = READERS[format] if format else _detect(path, options)
    _refuse_missing_depth(path, reader, options)
    if reader is None:
        raise SequenceError(_unknown_layout(path, options))
    sequence = reader.open(path, options)
    if labels and sequence.format not in ("scannet", "scannet-sens"):
        raise SequenceError(f"{path}: {sequence.format} sequences bring no label images; leave labels out")
    return sequence


def _detect(path: Path, options: Options) -> type[Sequence] | None:
    """What lies there: with depth if there is any, else, where it may be missing, without."""
    for kind in (replace(options, depth_optional=False), options):
        for reader in READERS.values():
            if reader.detect(path, kind):
                return reader
    return None


def _refuse_missing_depth(path: Path, reader: type[Sequence] | None, options: Options) -> None:
    """Raise where a sequence is complete but for its depth, and depth is needed."""
    if options.depth_optional or (reader is not None and reader.detect(path, options)):
        return
    lenient = replace(options, depth_optional=True)
    found = _detect(path, lenient) if reader is None else reader if reader.detect(path, lenient) else None
    if found is not None:
        raise SequenceError(
            f"{path}: an RGB-only sequence ({found.format}): there is no depth; estimate it from colour with "
            "--depth-from depth-anything-v2-metric-indoor-small"
        )


def _unknown_layout(path: Path, options: Options) -> str:
    lines = [f"{path}: no known layout. Looked for:"]
    lines += [f"  {reader.layout}" for reader in READERS.values()]
    lines.append(f"Found: {_listing(path)}")
    if path.is_dir():
        inner = sorted(folder for folder in path.iterdir() if folder.is_dir())[:50]
        found = [(folder, _detect(folder, options)) for folder in inner]
        lines += [f"Did you mean {folder} ({reader.format})?" for folder, reader in found if reader][:3]
    return "\n".join(lines)


def _listing(path: Path) -> str:
    """What lies at a path, in a line: folders and kinds of files, with how many they are."""
    if path.is_file():
        return f"a file of {path.stat().st_size} bytes"
    entries = sorted(path.iterdir())
    if not entries:
        return "nothing, the folder is empty"
    words = [f"{entry.name}/ ({sum(1 for _ in entry.iterdir())})" for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if not entry.is_dir()]
    if len(files) + len(words) <= _LISTED:
        words += [file.name for file in files]
    else:
        kinds = Counter(file.suffix or file.name for file in files)
        words += [f"{count} x *{suffix}" for suffix, count in kinds.most_common()]
    more = len(words) - _LISTED
    return ", ".join(words[:_LISTED]) + (f" and {more} more" if more > 0 else "")
