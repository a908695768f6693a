"""A folder of colour images with a trajectory beside them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sequences.color_track import WANTED, color_rig, color_track
from sequences.errors import SequenceError
from sequences.files import FileSequence, FrameFiles, numbered_files, peek_sizes
from sequences.options import Options
from sequences.sequence import Sequence
from sequences.trajectory import find_trajectory

FOLDERS = ("color", "rgb", "images", "image")
_FILE = r".*?(\d+)\.(?:jpe?g|png)"


class ColorImagesSequence(FileSequence):
    """`color/`, `rgb/`, `images/` or `image/` with numbered images, a trajectory and a camera; no depth.

    The number of an image is the last one in its name. Poses and intrinsics are those of `VideoSequence`.
    """

    format = "images"
    layout = (
        f"images: {', '.join(f'{name}/' for name in FOLDERS)} with numbered images, {WANTED}; has no depth"
    )

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether there are a folder of images and a trajectory, and depth may be missing."""
        return (
            options.depth_optional
            and path.is_dir()
            and _image_folder(path) is not None
            and find_trajectory(path) is not None
        )

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open the folder; decodes no image."""
        folder = _image_folder(path)
        if folder is None:
            raise SequenceError(f"{path}: expected images in one of {', '.join(FOLDERS)}")
        files = numbered_files(folder, _FILE)
        if not files:
            raise SequenceError(
                f"{folder}: no images; expected N.jpg, N.jpeg or N.png with N the frame number"
            )
        found = list(files)
        chosen = options.select(len(found), path)
        shown = [FrameFiles(found[k], files[found[k]], None) for k in chosen]
        numbers = np.array([file.number for file in shown], np.int64)
        return cls(
            path,
            options,
            name=path.resolve().name,
            rig=color_rig(path, peek_sizes(path, shown)[1], options),
            track=color_track(path, path, chosen, numbers, len(found), None, options),
            files=shown,
        )


def _image_folder(path: Path) -> Path | None:
    return next((path / name for name in FOLDERS if (path / name).is_dir()), None)
