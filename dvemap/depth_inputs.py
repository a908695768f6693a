"""The images that depth is estimated of, and measured depth beside them."""

import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.prediction.inputs import read_color
from sequences.images import decode_depth, depth_to_metres
from sequences.video import VIDEO_SUFFIXES, VideoFile

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
DEPTH, VIEW = ".depth.png", ".view.png"
"""Endings of results, which are no images to estimate the depth of."""

Image = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class ColorInput:
    """One colour image to estimate the depth of.

    Attributes
    ----------
    name : str
        Of its results.
    bytes : int
        Size of its file, by which it is known again.
    read : callable
        Returns it, (H, W, 3) uint8 RGB.
    """

    name: str
    bytes: int
    read: Callable[[], Image]


@dataclass(frozen=True)
class SparseDepth:
    """Measured depth of images: one file, or NAME.png or NAME.depth.png in a folder.

    Attributes
    ----------
    path : Path
    scale : float
        Units per metre.
    """

    path: Path
    scale: float

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for two runs to get the same depth."""
        return {"sparse": str(self.path.resolve()), "depth_scale": self.scale}

    def read(self, name: str) -> npt.NDArray[np.float32]:
        """Return the depth (h, w) float32 of an image, metres, 0 = not measured.

        Raises
        ------
        ValueError
            If there is none, or it is not a 16-bit image of one channel.
        """
        endings = (".png", DEPTH)
        tried = [self.path] if self.path.is_file() else [self.path / f"{name}{end}" for end in endings]
        file = next((file for file in tried if file.is_file()), None)
        if file is None:
            raise ValueError(
                f"{self.path}: has no depth of {name}; expected {tried[0].name} or {tried[-1].name}"
            )
        return depth_to_metres(decode_depth(file.read_bytes(), str(file)), self.scale)


def open_sparse(path: Path, scale: float, inputs: list[ColorInput]) -> SparseDepth:
    """Open the measured depth of images.

    Raises
    ------
    ValueError
        If one file is to be the depth of several images.
    OSError
        If there is nothing at the path.
    """
    path.stat()
    if path.is_file() and len(inputs) > 1:
        raise ValueError(f"{path}: one depth image for {len(inputs)} images; give a folder with one for each")
    return SparseDepth(path, scale)


def list_inputs(paths: list[Path], stride: int = 1) -> list[ColorInput]:
    """Find the images that are meant.

    Parameters
    ----------
    paths : list of Path
        Images, folders of images, and videos.
    stride : int
        Every n-th image of a folder and frame of a video.

    Raises
    ------
    ValueError
        If a path is none of these, a folder holds no image, or two results would have one name.
    OSError
        If there is nothing at a path.
    """
    inputs = [found for path in paths for found in _inputs_at(path, stride)]
    name, count = Counter(entry.name for entry in inputs).most_common(1)[0]
    if count > 1:
        raise ValueError(
            f"{count} images are called {name}, and so would be their depth; write it to folders of its own"
        )
    return inputs


def _inputs_at(path: Path, stride: int) -> Iterator[ColorInput]:
    size = path.stat().st_size
    suffix = path.suffix.lower()
    if path.is_dir():
        files = sorted(filter(_is_image, path.iterdir()), key=_by_number)
        if not files:
            raise ValueError(f"{path}: holds no image; expected {', '.join(IMAGE_SUFFIXES)}")
        for file in files[::stride]:
            yield _of_image(file, file.stat().st_size)
    elif suffix in VIDEO_SUFFIXES:
        video = VideoFile(path)
        for number in range(0, video.frames, stride):
            yield ColorInput(f"{path.stem}-{number:06d}", size, partial(video.frame, number, stride))
    elif suffix in IMAGE_SUFFIXES:
        yield _of_image(path, size)
    else:
        kinds = ", ".join((*IMAGE_SUFFIXES, *VIDEO_SUFFIXES))
        raise ValueError(f"{path}: expected an image, a folder of images or a video ({kinds})")


def _of_image(path: Path, size: int) -> ColorInput:
    return ColorInput(path.stem, size, lambda: read_color(path)[0])


def _by_number(path: Path) -> list[tuple[int, str]]:
    """Sort key of names: 2 before 10."""
    return [
        (int(part or 0), "") if k % 2 else (0, part) for k, part in enumerate(re.split(r"(\d+)", path.stem))
    ]


def _is_image(path: Path) -> bool:
    ours = path.name.endswith((DEPTH, VIEW))
    return path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES and not ours
