"""Colour videos with a trajectory beside them: frames at random, by several threads at once."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sequences.color_track import WANTED, color_rig, color_track
from sequences.errors import FrameError, SequenceError
from sequences.options import Options
from sequences.sequence import Sequence, Size

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".mkv", ".avi", ".webm")
_KEPT = 8  # frames decoded in passing; threads that read ahead ask a little out of order
_SKIPPED = 64  # frames; farther ahead the file is sought in, nearer it is decoded on


class VideoFile:
    """The frames of a video, decoded when asked for.

    A rotation that the file states is not applied, as it would turn the images against their intrinsics.

    Parameters
    ----------
    path : pathlib.Path

    Attributes
    ----------
    frames : int
    times : numpy.ndarray
        (frames,) float64 seconds, rising from 0.
    size : tuple of int
        (height, width) in pixels.

    Raises
    ------
    SequenceError
        If it cannot be decoded.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
        self._capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 0)
        self.times = _packet_times(path) if self._capture.isOpened() else np.zeros(0)
        self.frames = len(self.times)
        self.size: Size = (
            int(self._capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            int(self._capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
        )
        rate = float(self._capture.get(cv2.CAP_PROP_FPS))
        if self.frames < 1 or not 0 < rate < 1e4 or min(self.size) < 1:
            raise SequenceError(
                f"{path}: cannot be decoded as a video; re-encode it (ffmpeg -i {path.name} -c:v libx264 "
                "video.mp4)"
            )
        # Seeking takes number / rate for the time of a frame. Where that is not so, as in films of phones, it
        # ends at other frames: these files are read from their start.
        self._seekable = bool((np.abs(self.times - np.arange(self.frames) / rate) < 0.25 / rate).all())
        self._lock = threading.Lock()
        self._next = 0  # frame that the file stands before
        self._end = self.frames  # no frame from here on can be decoded
        self._kept: OrderedDict[int, npt.NDArray[np.uint8]] = OrderedDict()

    def frame(self, number: int, stride: int = 1) -> npt.NDArray[np.uint8]:
        """Return a frame (H, W, 3) uint8, RGB; every `stride`-th that is passed over is kept for a while.

        Raises
        ------
        FrameError
            If the file holds less than it states, or is damaged there.
        """
        with self._lock:
            if number in self._kept:
                return self._kept[number]
            if number >= self._end:
                raise self._undecodable(number)
            reach = _SKIPPED * stride if self._seekable else self.frames
            if not self._next <= number < self._next + reach:
                self._next = number if self._seekable else 0
                self._capture.set(cv2.CAP_PROP_POS_FRAMES, self._next)
            while self._next <= number:
                if not self._capture.grab():
                    if not self._seekable:
                        self._end = self._next
                    raise self._undecodable(number)
                if (number - self._next) % stride == 0 and number - self._next < _KEPT * stride:
                    self._keep(number)
                self._next += 1
            return self._kept[number]

    def _keep(self, wanted: int) -> None:
        done, bgr = self._capture.retrieve()
        if not done or bgr is None:
            raise self._undecodable(wanted)
        rgb = cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
        rgb.setflags(write=False)  # several callers may hold it
        self._kept[self._next] = rgb
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)

    def _undecodable(self, number: int) -> FrameError:
        self._next = self.frames + 1  # where the file stands is unknown: seek for the next one
        return FrameError(f"{self.path}: frame {number} cannot be decoded; the file is cut or damaged")


def _packet_times(path: Path) -> npt.NDArray[np.float64]:
    """Times of all frames in seconds from the first, as the file states them; decodes none.

    Numbers of frames that files state are often guesses from their length.
    """
    packets = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG, [cv2.CAP_PROP_FORMAT, -1])  # as they are stored
    times = []
    while packets.grab():
        times.append(packets.get(cv2.CAP_PROP_POS_MSEC) / 1000)
    packets.release()
    rising = np.sort(np.array(times, np.float64))  # packets lie in the order in which they are decoded
    return rising - rising[:1]


class VideoSequence(Sequence):
    """`video.mp4`, or the one video of a folder, with a trajectory and a camera beside it; no depth.

    Poses are those of the colour camera, camera-to-world with OpenCV axes; `sequences.color_track` says how
    they are matched to the frames. Intrinsics are in intrinsic.txt, intrinsics.txt, intrinsic_color.txt (fx
    fy cx cy, or a 3x3 or 4x4 matrix) or intrinsic.json, or come from the option.
    """

    format = "video"
    layout = f"video: video.mp4 (or one video of another name), {WANTED}, and intrinsic.txt; has no depth"

    def __init__(self, path: Path, file: Path, options: Options) -> None:
        self._video = VideoFile(file)
        frames = self._video.frames
        chosen = options.select(frames, path)
        numbers = np.array(chosen, np.int64)
        super().__init__(
            path,
            options,
            name=file.stem if path == file else path.resolve().name,
            rig=color_rig(file.parent, self._video.size, options),
            track=color_track(file.parent, path, chosen, numbers, frames, self._video.times, options),
        )

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether there is a video, and depth may be missing."""
        return options.depth_optional and find_video(path) is not None

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open the video; decodes none of it."""
        file = find_video(path)
        if file is None:
            raise SequenceError(f"{path}: expected video.mp4, or one video of another name")
        return cls(path, file, options)

    def color_bytes(self, i: int) -> tuple[str, bytes]:
        """Colour of the i-th frame: "raw", and its RGB bytes."""
        return "raw", self._rgb(i).tobytes()

    def depth_raw(self, i: int) -> npt.NDArray[np.uint16]:
        """Depth of the i-th frame: (h, w) uint16, 0 everywhere."""
        return np.zeros(self.depth_size, np.uint16)

    def _rgb(self, i: int) -> npt.NDArray[np.uint8]:
        rgb = self._video.frame(self.source_index(i), self.options.stride)
        return self._checked(i, rgb, self.color_size, "colour")


def find_video(path: Path) -> Path | None:
    """Return the video at a path: the file itself, video.mp4 in a folder, else its one video; or None."""
    if path.is_file():
        return path if path.suffix.lower() in VIDEO_SUFFIXES else None
    if (path / "video.mp4").is_file():
        return path / "video.mp4"
    found = [file for file in path.glob("*") if file.suffix.lower() in VIDEO_SUFFIXES]
    return found[0] if len(found) == 1 else None
