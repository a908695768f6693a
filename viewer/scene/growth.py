"""How a window keeps up with a map that another process fuses, and leaves it the processor."""

from __future__ import annotations

import os
import time
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from viewer.scene.model import MapModel
from viewer.scene.subject import Subject


class Follow(Protocol):
    """Where the states of a growing map come from."""

    def __call__(self) -> Subject | None:
        """Return a newer state whenever there is one; called on the worker."""

    @property
    def complete(self) -> bool:
        """Whether the map grows no more, but was not shown whole yet: nobody else needs the processors."""


SHARE: Final = 0.03
"""Of all processors: what the window takes for itself while it follows, its drawing in software included."""

_SOONEST, _LATEST = 0.5, 20.0  # seconds between looks for a newer state
_MARGIN: Final = 0.15  # of the size of a map, by which it may outgrow the view


class Growth:
    """A map that grows in a window.

    Parameters
    ----------
    follow : Follow
    model : MapModel
        Takes the states over.
    """

    def __init__(self, follow: Follow, model: MapModel) -> None:
        self._follow, self._model = follow, model
        self._share = SHARE * (os.cpu_count() or 1)
        self._began, self._used = time.monotonic() - _LATEST, time.process_time()
        self._box: tuple[npt.NDArray[Any], npt.NDArray[Any]] | None = None

    def due(self) -> bool:
        """Say whether to look for a newer state, which then begins now.

        A look costs what it and the drawing of what it found take, on all threads: it is over when the
        processor time since it began is a small enough share of the time that has passed.
        """
        now, used = time.monotonic(), time.process_time()
        passed = now - self._began
        spare = passed > _LATEST or used - self._used <= self._share * passed or self._follow.complete
        if passed < _SOONEST or not spare:
            return False
        self._began, self._used = now, used
        return True

    def look(self) -> bool:
        """Take over a newer state, on the worker; whether there was one."""
        subject = self._follow()
        if subject is not None:
            self._model.replace(subject)
        return subject is not None

    def outgrown(self, low: npt.NDArray[Any], high: npt.NDArray[Any]) -> bool:
        """Say whether a map no longer fits the view; then it is made for this one.

        Parameters
        ----------
        low, high
            (3,), corners of the box in metres.
        """
        if self._box is not None:
            margin = _MARGIN * float(np.linalg.norm(self._box[1] - self._box[0]))
            if (low > self._box[0] - margin).all() and (high < self._box[1] + margin).all():
                return False
        self._box = low, high
        return True
