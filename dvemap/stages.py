"""The overlapped stages before the map: decoding in a pool of threads, encoding in one."""

import queue
import threading
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from dvemap.encoders import FrameEncoder
from sequences import Frame, FrameError, Sequence, prefetch

AHEAD = 2  # encoded frames that may wait for the map; a frame's codes can be tens of megabytes


class Stages:
    """Busy seconds of each stage, added up from any thread."""

    def __init__(self) -> None:
        self._seconds: dict[str, float] = {"decode": 0.0, "encode": 0.0, "update": 0.0, "save": 0.0}
        self._lock = threading.Lock()

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Add the time of the block to a stage."""
        started = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self._seconds[stage] += time.perf_counter() - started

    def seconds(self) -> dict[str, float]:
        """Return the seconds of each stage so far."""
        return {name: round(value, 3) for name, value in self._seconds.items()}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A frame ready for the map, or why it is not.

    Attributes
    ----------
    frame : Frame or FrameError
    rgb : (h, w, 3) uint8 or None
        Colour on the pixels of the depth image.
    codes : (h', w', C) float16 or None
    confidence : (h', w') float32 or None
    """

    frame: Frame | FrameError
    rgb: npt.NDArray[np.uint8] | None = None
    codes: npt.NDArray[np.float16] | None = None
    confidence: npt.NDArray[np.float32] | None = None


def encoded_frames(
    sequence: Sequence, order: list[int], frames: FrameEncoder, decode_threads: int, stages: Stages
) -> Generator[Encoded]:
    """Decode and encode frames ahead of use, in order, with bounded memory.

    Parameters
    ----------
    sequence : Sequence
    order : list of int
        Positions in the sequence.
    frames : FrameEncoder
    decode_threads : int
    stages : Stages
        Where the busy times are added.

    Yields
    ------
    Encoded
        One for each position, in the order given. Closing the iterator stops the threads.
    """
    ready: queue.Queue[Encoded | BaseException | None] = queue.Queue(maxsize=AHEAD)
    stop = threading.Event()

    def put(item: Encoded | BaseException | None) -> None:
        while not stop.is_set():
            try:
                ready.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            decoded = prefetch(_Timed(sequence, stages), order, workers=decode_threads)
            with closing(decoded):
                for _, frame in decoded:
                    put(_encode(frame, frames, stages))
                    if stop.is_set():
                        return
            put(None)
        except BaseException as error:
            put(error)

    thread = threading.Thread(target=work, name="encode", daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stop.set()
        thread.join()


def _encode(frame: Frame | FrameError, frames: FrameEncoder, stages: Stages) -> Encoded:
    if isinstance(frame, FrameError):
        return Encoded(frame)
    with stages.timed("encode"):
        rgb = frame.rgb_on_depth()
        codes, confidence = frames.encode_frame(frame, rgb)
        return Encoded(frame, rgb, codes, confidence)


class _Timed:
    """The sequence, with its decoding timed."""

    def __init__(self, sequence: Sequence, stages: Stages) -> None:
        self._sequence = sequence
        self._stages = stages

    def __len__(self) -> int:
        return len(self._sequence)

    def __getitem__(self, position: int) -> Frame:
        with self._stages.timed("decode"):
            return self._sequence[position]
