"""ScanNet's `.sens` files: indexed by seeking, read at random, by several threads at once."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sequences.errors import FrameError, SequenceError
from sequences.files import read_frame_file
from sequences.images import decode_labels
from sequences.labels import find_label_folders, read_label_names
from sequences.options import Options
from sequences.scannet import relative_extrinsics
from sequences.sens_index import SensIndex
from sequences.sequence import Rig, Sequence


class SensSequence(Sequence):
    """One `.sens` file. Poses are of the depth camera, all -inf where tracking was lost.

    A file that ends early keeps the length that its header states: the frames that are whole can be used, the
    others raise FrameError, and a note says how many there are. Label images are looked for beside the file.

    Times are the depth images' in seconds (stored: microseconds); a file that stores none is taken for 30 Hz.
    """

    format = "scannet-sens"
    layout = "scannet-sens: a .sens file, or a folder with one"

    def __init__(self, path: Path, file: Path, options: Options) -> None:
        index = SensIndex(file)
        header = index.header
        chosen = options.select(header.frames, path)
        T_color_depth, notes = relative_extrinsics(header.color_extrinsics, header.depth_extrinsics)
        rig = Rig(
            depth_size=header.depth_size,
            color_size=header.color_size,
            depth_scale=header.depth_shift,
            depth_intrinsics=header.depth_intrinsics[:3, :3],
            color_intrinsics=header.color_intrinsics[:3, :3],
            T_color_depth=T_color_depth,
        )
        super().__init__(
            path, options, name=file.stem, rig=rig, track=index.track(chosen), notes=notes + index.notes
        )
        self._file, self._encodings, self._index = file, (header.color_encoding, header.depth_encoding), index
        self._labels: Path | None = None
        self._instances: Path | None = None
        if options.labels:
            self._labels, self._instances = find_label_folders(file.parent)

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether it is a `.sens` file or a folder with exactly one."""
        return _find_file(path) is not None

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open the file and index it: two reads a frame, no image."""
        file = _find_file(path)
        if file is None:
            found = len(list(path.glob("*.sens"))) if path.is_dir() else 0
            raise SequenceError(f"{path}: expected one .sens file, found {found}")
        return cls(path, file, options)

    def color_bytes(self, i: int) -> tuple[str, bytes]:
        """Colour of the i-th frame as stored: "jpeg", "png" or "raw" (RGB bytes), and the bytes."""
        return self._encodings[0], self._index.payload(self.source_index(i))[0]

    def depth_raw(self, i: int) -> npt.NDArray[np.uint16]:
        """Depth of the i-th frame as stored: (h, w) uint16."""
        data = self._index.payload(self.source_index(i))[1]
        height, width = self.depth_size
        expected = height * width * 2
        if self._encodings[1] == "zlib_ushort":
            try:
                # A damaged stream must not unfold into more than an image.
                data = zlib.decompressobj().decompress(data, expected + 1)
            except zlib.error as error:
                raise FrameError(f"{self.describe(i, 'depth')}: the data are damaged: {error}") from error
        if len(data) != expected:
            raise FrameError(
                f"{self.describe(i, 'depth')}: {width}x{height} pixels take {expected} bytes, got {len(data)}"
            )
        return np.frombuffer(data, "<u2").reshape(height, width).astype(np.uint16)

    def label_ids(self, i: int) -> tuple[npt.NDArray[np.uint16] | None, npt.NDArray[np.uint16] | None]:
        """Label and instance image of the i-th frame from the folders beside the file."""
        name = f"{self.source_index(i)}.png"
        label, instance = (
            None if folder is None else decode_labels(read_frame_file(folder / name), str(folder / name))
            for folder in (self._labels, self._instances)
        )
        return label, instance

    @property
    def label_names(self) -> dict[int, str]:
        """Label id -> name from `label_names.txt` or ScanNet's table beside the file, else empty."""
        return read_label_names(self._file.parent)


def _find_file(path: Path) -> Path | None:
    if path.is_dir():
        files = sorted(path.glob("*.sens"))
        return files[0] if len(files) == 1 else None
    return path if path.suffix == ".sens" and path.is_file() else None
