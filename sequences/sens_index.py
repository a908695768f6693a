"""Where the frames of a `.sens` file lie."""

from __future__ import annotations

import os
import weakref
from pathlib import Path

import numpy as np

from sequences.camera import Matrix
from sequences.errors import FrameError, SequenceError
from sequences.sens_format import FRAME_BYTES, SensHeader, unpack_frame
from sequences.sequence import Track, regular_timestamps

_HEADER_BYTES = 8192


class SensIndex:
    """Where the frames of a `.sens` file lie, and their poses and times.

    Parameters
    ----------
    file : pathlib.Path
        The file; it stays open while this object lives.

    Attributes
    ----------
    header : SensHeader
        What the file says of all its frames.
    notes : tuple of str
        Whether it ends early.

    Raises
    ------
    SequenceError
        If the header is damaged, its encodings are not supported, or not one frame is whole.
    """

    def __init__(self, file: Path) -> None:
        self.file = file
        self._descriptor = os.open(file, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        weakref.finalize(self, os.close, self._descriptor)
        size = os.fstat(self._descriptor).st_size
        try:
            self.header, start = SensHeader.unpack(os.pread(self._descriptor, _HEADER_BYTES, 0))
        except ValueError as error:
            raise SequenceError(f"{file}: {error}") from error
        if self.header.depth_encoding not in ("raw_ushort", "zlib_ushort"):
            raise SequenceError(
                f"{file}: depth encoding {self.header.depth_encoding} cannot be read; "
                "expected raw_ushort or zlib_ushort"
            )
        self._scan(start, size)

    def track(self, chosen: range) -> Track:
        """Poses and times of chosen frames."""
        count, declared = self.whole, self.header.frames
        numbers = np.array(chosen, np.int64)
        present = numbers[numbers < count]
        poses = np.full((len(numbers), 4, 4), np.nan)
        poses[: len(present)] = self._poses[present]
        times = regular_timestamps(numbers)
        if self._times.any():
            times[: len(present)] = self._times[present] / 1e6
        missing = f"the file ends early: {count} of {declared} frames are whole; copy it again"
        return Track(numbers, times, poses, dict.fromkeys(range(len(present), len(numbers)), missing))

    def payload(self, number: int) -> tuple[bytes, bytes]:
        """Colour and depth bytes of a frame; raises FrameError where the file ends before them."""
        offset, color, depth = (int(value) for value in self._places[number])
        data = os.pread(self._descriptor, color + depth, offset)
        if len(data) < color + depth:
            raise FrameError(f"{self.file}: frame {number}: the file has been cut since it was opened")
        return data[:color], data[color:]

    def _scan(self, offset: int, size: int) -> None:
        """Walk over the frames by their sizes, until one would end beyond the file."""
        places, poses, times = [], [], []
        for _ in range(self.header.frames):
            head = os.pread(self._descriptor, FRAME_BYTES, offset)
            if len(head) < FRAME_BYTES:
                break
            pose, color_us, depth_us, color, depth = unpack_frame(head)
            if offset + FRAME_BYTES + color + depth > size:
                break
            places.append((offset + FRAME_BYTES, color, depth))
            poses.append(pose)
            times.append(depth_us or color_us)
            offset += FRAME_BYTES + color + depth
        self.whole = len(places)
        self.notes: tuple[str, ...] = ()
        if not places:
            raise SequenceError(
                f"{self.file}: none of {self.header.frames} frames is whole; copy the file again"
            )
        if self.whole < self.header.frames:
            self.notes = (f"the file ends early: {self.whole} of {self.header.frames} frames are whole",)
        self._places = np.array(places, np.uint64)
        self._poses: Matrix = np.array(poses, np.float64).reshape(-1, 4, 4)
        self._times = np.array(times, np.uint64)
