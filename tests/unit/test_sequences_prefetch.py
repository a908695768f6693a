"""Decoding ahead: order, bounds, errors as values, and an end without threads left behind."""

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from sequences import FrameError, open_sequence, prefetch


class Source:
    """Stands in for a sequence: frames are their numbers, decoded in uneven time."""

    def __init__(self, n: int, broken: tuple[int, ...] = (), failing: tuple[int, ...] = ()) -> None:
        self.n, self.broken, self.failing = n, broken, failing
        self.started: list[int] = []

    def __len__(self) -> int:
        return self.n

    def __getitem__(self, i: int) -> Any:
        self.started.append(i)
        time.sleep(0.002 * (i % 3))
        if i in self.broken:
            raise FrameError(f"frame {i}", number=i)
        if i in self.failing:
            raise MemoryError("out of memory")
        return i


@pytest.fixture(autouse=True)
def no_threads_left() -> Iterator[None]:
    yield
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("prefetch")]


def test_frames_come_in_order_with_errors_as_values() -> None:
    out = list(prefetch(Source(20, broken=(3, 7)), workers=4, ahead=6))  # type: ignore[arg-type]
    assert [i for i, _ in out] == list(range(20))
    assert [i for i, frame in out if isinstance(frame, FrameError)] == [3, 7]
    assert [frame for _, frame in out if not isinstance(frame, FrameError)] == [
        k for k in range(20) if k not in (3, 7)
    ]


def test_chosen_positions_only() -> None:
    assert [i for i, _ in prefetch(Source(20), [5, 2, 9], workers=2, ahead=2)] == [5, 2, 9]  # type: ignore[arg-type]
    assert list(prefetch(Source(20), [])) == []  # type: ignore[arg-type]


def test_never_more_than_ahead_frames_in_flight() -> None:
    source = Source(50)
    for used, _ in enumerate(prefetch(source, workers=3, ahead=4)):  # type: ignore[arg-type]
        time.sleep(0.003)
        assert len(source.started) <= used + 1 + 4
    assert sorted(source.started) == list(range(50))


@pytest.mark.parametrize("ahead", [1, 8])
def test_closing_early_starts_no_more_frames(ahead: int) -> None:
    source = Source(1000)
    frames = prefetch(source, workers=2, ahead=ahead)  # type: ignore[arg-type]
    assert next(frames)[0] == 0
    frames.close()
    started = len(source.started)
    assert started <= ahead + 1
    time.sleep(0.02)
    assert len(source.started) == started


def test_leaving_by_an_exception_ends_the_threads() -> None:
    def use() -> None:
        for i, _ in prefetch(Source(100)):  # type: ignore[arg-type]
            if i == 5:
                raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        use()


def test_other_exceptions_are_raised() -> None:
    with pytest.raises(MemoryError, match="out of memory"):
        list(prefetch(Source(10, failing=(4,))))  # type: ignore[arg-type]


def test_arguments() -> None:
    with pytest.raises(ValueError, match="workers must be >= 1, got 0"):
        prefetch(Source(1), workers=0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="ahead must be >= 1, got 0"):
        prefetch(Source(1), ahead=0)  # type: ignore[arg-type]


def test_a_real_sequence(layouts: SimpleNamespace, tmp_path: Any, room: Any) -> None:
    layouts.scannet(tmp_path, room.first(6))
    (tmp_path / "depth" / "4.png").write_bytes(b"")
    out = dict(prefetch(open_sequence(tmp_path)))
    assert [getattr(out[i], "index", None) for i in range(6)] == [0, 1, 2, 3, None, 5]
    assert "the file is empty" in str(out[4])
