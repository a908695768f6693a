"""How a window keeps up with a map that another process fuses, and leaves it the processor."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Final

from viewer.scene.model import MapModel
from viewer.scene.subject import Subject

Follow = Callable[[], Subject | None]

SHARE: Final = 0.03
"""Of all processors: what the window takes for itself while it follows, its drawing in software included."""

_SOONEST, _LATEST = 0.5, 8.0  # seconds between looks for a newer state


class Growth:
    """A map that grows in a window.

    Parameters
    ----------
    follow : callable
        Gives a newer state of the map whenever there is one, else None; called on the worker.
    model : MapModel
        Takes the states over.
    """

    def __init__(self, follow: Follow, model: MapModel) -> None:
        self._follow, self._model = follow, model
        self._share = SHARE * (os.cpu_count() or 1)
        self._began, self._used = time.monotonic() - _LATEST, time.process_time()

    def due(self) -> bool:
        """Say whether to look for a newer state, which then begins now.

        A look costs what it and the drawing of what it found take, on all threads: it is over when the
        processor time since it began is a small enough share of the time that has passed.
        """
        now, used = time.monotonic(), time.process_time()
        passed = now - self._began
        if passed < _SOONEST or (passed < _LATEST and used - self._used > self._share * passed):
            return False
        self._began, self._used = now, used
        return True

    def look(self) -> bool:
        """Take over a newer state, on the worker; whether there was one."""
        subject = self._follow()
        if subject is not None:
            self._model.replace(subject)
        return subject is not None
