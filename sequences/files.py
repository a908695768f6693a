"""Sequences whose frames are files of their own: what the folder formats share."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix, read_matrix
from sequences.errors import FrameError, SequenceError
from sequences.images import decode_color, decode_depth, decode_labels, image_encoding, image_size
from sequences.options import Options
from sequences.sequence import Rig, Sequence, Size, Track

COLOR_SUFFIXES = (".jpg", ".jpeg", ".png")
_HEADER_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class FrameFiles:
    """Files of one frame; a path may name a file that is missing, None is what the source has none of."""

    number: int
    color: Path
    depth: Path | None
    label: Path | None = None
    instance: Path | None = None


class FileSequence(Sequence):
    """A sequence of image files.

    Parameters
    ----------
    path, options, name, rig, track, notes
        As for `Sequence`.
    files : list of FrameFiles
        Those of the selected frames.
    """

    def __init__(
        self,
        path: Path,
        options: Options,
        *,
        name: str,
        rig: Rig,
        track: Track,
        files: list[FrameFiles],
        notes: tuple[str, ...] = (),
    ) -> None:
        super().__init__(path, options, name=name, rig=rig, track=track, notes=notes)
        self._files = files

    def color_bytes(self, i: int) -> tuple[str, bytes]:
        """Colour of the i-th frame: the encoding and bytes of its file."""
        data = read_frame_file(self._files[self._position(i)].color)
        return image_encoding(data), data

    def depth_raw(self, i: int) -> npt.NDArray[np.uint16]:
        """Depth of the i-th frame as stored: (h, w) uint16; all 0 where the source brings no depth."""
        file = self._files[self._position(i)].depth
        if file is None:
            return np.zeros(self.depth_size, np.uint16)
        return decode_depth(read_frame_file(file), str(file))

    def label_ids(self, i: int) -> tuple[npt.NDArray[np.uint16] | None, npt.NDArray[np.uint16] | None]:
        """Label and instance image of the i-th frame, None where the source has none."""
        files = self._files[self._position(i)]
        label, instance = (
            None if file is None else decode_labels(read_frame_file(file), str(file))
            for file in (files.label, files.instance)
        )
        return label, instance

    def describe(self, i: int, part: str = "") -> str:
        """What error messages call the i-th frame, or its "colour", "depth" or "pose"."""
        files = self._files[self._position(i)]
        return str({"colour": files.color, "depth": files.depth}.get(part) or super().describe(i, part))


def read_frame_file(path: Path) -> bytes:
    """Content of a frame's file; raises FrameError if it is missing or cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise FrameError(f"{path}: the file is missing") from error
    except OSError as error:
        raise FrameError(f"{path}: the file cannot be read: {error.strerror}") from error


def numbered_files(folder: Path, pattern: str) -> dict[int, Path]:
    """Files of a folder by frame number, in numerical order.

    Parameters
    ----------
    folder : pathlib.Path
        Where to look; may be missing.
    pattern : str
        Regular expression of the whole name; its first group holds the number.

    Returns
    -------
    dict of int to pathlib.Path
        Empty where there is no such folder or file.
    """
    if not folder.is_dir():
        return {}
    expression = re.compile(pattern, re.IGNORECASE)
    with os.scandir(folder) as entries:
        matches = [match for entry in entries if (match := expression.fullmatch(entry.name))]
    matches.sort(key=lambda match: (int(match[1]), match[0]))
    return {int(match[1]): folder / match[0] for match in matches}


def peek_sizes(path: Path, files: list[FrameFiles]) -> tuple[Size, Size]:
    """Depth and colour image sizes (height, width) from the first files that tell.

    Of a source without depth both are those of the colour images.

    Raises
    ------
    SequenceError
        If no depth or no colour image of the sequence can be read.
    """
    depth = [file.depth for file in files if file.depth is not None]
    depth_size = _first_size(path, depth, "depth") if depth else None
    color_size = _first_size(path, [file.color for file in files], "colour")
    return depth_size or color_size, color_size


def read_poses(paths: list[Path]) -> tuple[Matrix, dict[int, str]]:
    """Poses (n, 4, 4) from one text file each; NaN, and the reason by row, where a file cannot be used."""
    poses = np.full((len(paths), 4, 4), np.nan)
    problems = {}
    for row, path in enumerate(paths):
        try:
            poses[row] = read_matrix(path)
        except FileNotFoundError:
            problems[row] = f"the pose file {path} is missing"
        except (OSError, SequenceError) as error:
            problems[row] = f"the pose cannot be read: {error}"
    return poses, problems


def _first_size(path: Path, files: list[Path], what: str) -> Size:
    problem = "there is none"
    for file in files:
        try:
            with file.open("rb") as stream:
                size = image_size(stream.read(_HEADER_BYTES))
            if size is None:  # another format, or a header behind a long preamble
                size = decode_color(read_frame_file(file), str(file)).shape[:2]
            return size
        except FileNotFoundError:
            problem = f"{file} is missing"
        except (FrameError, OSError) as error:
            problem = str(error)
    raise SequenceError(f"{path}: none of {len(files)} {what} images can be read; the last: {problem}")
