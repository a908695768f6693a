"""Decoding frames ahead of their use, in threads."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

from sequences.errors import FrameError
from sequences.frame import Frame


class Frames(Protocol):
    """What frames are taken from by their position: a `Sequence`, or what stands before one."""

    def __len__(self) -> int: ...

    def __getitem__(self, i: int, /) -> Frame: ...


def prefetch(
    sequence: Frames, indices: Iterable[int] | None = None, workers: int = 2, ahead: int = 8
) -> Generator[tuple[int, Frame | FrameError]]:
    """Frames in order, decoded in the background ahead of their use.

    Memory stays bounded: at most `ahead` frames are decoded or being decoded beyond the one in use. Closing
    the iterator, or leaving its loop by an exception, drops what is queued and waits for what is being
    decoded.

    Parameters
    ----------
    sequence : Sequence or other Frames
        Where frames come from.
    indices : iterable of int or None
        Positions in the sequence; None = all of them.
    workers : int
        Threads that decode.
    ahead : int
        Frames to keep in flight.

    Yields
    ------
    i : int
        Position in the sequence.
    frame : Frame or FrameError
        The frame, or as a value what is wrong with it. Any other exception is raised.

    Raises
    ------
    ValueError
        If `workers` or `ahead` is below 1.
    """
    if workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers}")
    if ahead < 1:
        raise ValueError(f"ahead must be >= 1, got {ahead}")
    return _prefetch(sequence, range(len(sequence)) if indices is None else indices, workers, ahead)


def _prefetch(
    sequence: Frames, indices: Iterable[int], workers: int, ahead: int
) -> Generator[tuple[int, Frame | FrameError]]:
    def load(i: int) -> Frame | FrameError:
        try:
            return sequence[i]
        except FrameError as error:
            return error

    pool = ThreadPoolExecutor(workers, thread_name_prefix="prefetch")
    pending: deque[tuple[int, Future[Frame | FrameError]]] = deque()
    try:
        for i in indices:
            pending.append((i, pool.submit(load, i)))
            if len(pending) >= ahead:
                yield _next(pending)
        while pending:
            yield _next(pending)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _next(
    pending: deque[tuple[int, Future[Frame | FrameError]]],
) -> tuple[int, Frame | FrameError]:
    i, future = pending.popleft()
    return i, future.result()
