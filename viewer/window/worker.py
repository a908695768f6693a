"""Slow work beside the event loop: one thread, and of equal jobs only the latest."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

Job = tuple[Callable[[], Any], Callable[[Any], None]]


class Worker:
    """Runs jobs in the order they came; a job replaces one of the same key that has not begun.

    Parameters
    ----------
    post : callable
        Runs a function on the event loop.
    refused : callable
        Told on the event loop what a job's ValueError or OSError says.
    """

    def __init__(self, post: Callable[[Callable[[], None]], None], refused: Callable[[str], None]) -> None:
        self._post = post
        self._refused = refused
        self._jobs: dict[str, Job] = {}
        self._wake = threading.Condition()
        self._running = False
        self._closed = False
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="view", daemon=True)
        self._thread.start()

    def submit(self, key: str, work: Callable[[], Any], done: Callable[[Any], None]) -> None:
        """Run `work` on the thread, and `done` with its result on the event loop."""
        with self._wake:
            self._jobs.pop(key, None)
            self._jobs[key] = work, done
            self._wake.notify()

    @property
    def busy(self) -> bool:
        """Whether anything is running or waiting."""
        with self._wake:
            return self._running or bool(self._jobs)

    def close(self) -> None:
        """Drop what waits, and end after what runs."""
        with self._wake:
            self._closed = True
            self._jobs.clear()
            self._wake.notify()

    def _run(self) -> None:
        while (job := self._next()) is not None:
            work, done = job
            try:
                result = work()
            except (ValueError, OSError) as error:
                self._later(self._refused, str(error))
            except BaseException as error:  # a bug: the window closes and raises it
                self.error = error
                self._later(self._refused, f"error: {error!r}")
            else:
                self._later(done, result)

    def _later(self, call: Callable[[Any], None], value: Any) -> None:
        def run() -> None:
            try:
                call(value)
            except BaseException as error:  # the event loop would swallow it
                self.error = error
                self._refused(repr(error))

        if not self._closed:
            self._post(run)

    def _next(self) -> Job | None:
        with self._wake:
            self._running = False
            while not self._jobs and not self._closed:
                self._wake.wait()
            if self._closed:
                return None
            self._running = True
            return self._jobs.pop(next(iter(self._jobs)))
