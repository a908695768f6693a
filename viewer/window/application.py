"""Opening the window and staying in it until the user closes it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import open3d as o3d

from viewer.scene.growth import Follow
from viewer.scene.state import ViewState
from viewer.scene.subject import Subject
from viewer.window.controls import Fonts
from viewer.window.window import MapWindow

gui = o3d.visualization.gui


def show(
    subjects: Sequence[Subject],
    *,
    state: ViewState | None = None,
    light: bool = False,
    size: tuple[int, int] = (1280, 800),
    follow: Follow | None = None,
) -> None:
    """Show maps in a window; returns when it is closed.

    Parameters
    ----------
    subjects : sequence of Subject
        The maps, side by side, with one camera for all.
    state : ViewState, optional
        What to show first.
    light : bool
        Whether to begin in the light theme.
    size : (int, int)
        Width and height of the window, pixels.
    follow : callable, optional
        Gives a newer state of the first map whenever there is one, else None.
    """
    application = gui.Application.instance
    with _quiet_stdout():
        application.initialize()
        window = MapWindow(
            subjects, Fonts.load(), state=state or ViewState(), light=light, size=size, follow=follow
        )
        application.run()
    if window.error is not None:
        raise window.error


@contextmanager
def _quiet_stdout() -> Iterator[None]:
    """Keep what the graphics engine says about itself off the standard output."""
    sys.stdout.flush()
    kept = os.dup(1)
    try:
        with Path(os.devnull).open("wb") as nowhere:
            os.dup2(nowhere.fileno(), 1)
        yield
    finally:
        sys.stdout.flush()
        os.dup2(kept, 1)
        os.close(kept)
