"""A window that shows a map while it is fused: the process of the fusing, and that of the window."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

import mapping
from dvemap.viewing import Words
from mapping import VoxelMap
from viewer.display import check_display
from viewer.live import Publisher, Subscriber
from viewer.scene.subject import Subject

_MEMORY = Path("/dev/shm")  # no disk makes the fusing wait there
_ROOM = 1 << 28  # bytes: more than all that lies unread; containers often have less


class Following:
    """A map that another process fuses, as the viewer sees it.

    Parameters
    ----------
    folder : Path
        Where it is published.
    name : str
        What people call it.
    words : Words
    """

    def __init__(self, folder: Path, name: str, words: Words) -> None:
        self._subscriber, self._name, self._words = Subscriber(folder), name, words
        self._poses = np.zeros((0, 4, 4))
        self._over = False
        self._parent = os.getppid()

    @cached_property
    def first(self) -> Subject:
        """The map before the first frame."""
        return self._subject(VoxelMap())

    def __call__(self) -> Subject | None:
        """Return a newer state of the map, None if there is none.

        Raises
        ------
        OSError
            Once, if the process that fuses it has ended before the map was complete.
        """
        if self._over:
            return None
        grown = self._subscriber.next()
        if grown is not None:
            self._poses = grown.poses
            return self._subject(grown.map)
        if not self._subscriber.finished:
            if os.getppid() != self._parent:  # it was killed: nobody else can tidy up
                self._over = True
                shutil.rmtree(self._subscriber.folder, ignore_errors=True)
                raise ChildProcessError("fusing ended before the map was complete; this is what it had")
            return None
        self._over = True
        path = self._subscriber.final_path()
        return None if path is None else self._subject(mapping.load(path))

    @property
    def complete(self) -> bool:
        """Whether the map grows no more, but was not given whole yet."""
        return not self._over and self._subscriber.complete

    def _subject(self, voxel_map: VoxelMap) -> Subject:
        up = -self._poses[:, :3, 1].sum(axis=0)
        return Subject(
            name=self._name,
            map=voxel_map,
            ask=self._words.ask,
            classify=self._words.classify,
            warm=self._words.warm,
            up=up if np.linalg.norm(up) > 0 else None,
            trajectory=self._poses,
        )


@dataclass
class LiveWindow:
    """A window in a process of its own that shows a map as it grows.

    Attributes
    ----------
    publisher : Publisher
        What the fusing tells its map to.
    """

    publisher: Publisher
    process: subprocess.Popen[bytes]

    def finish(self, path: Path) -> None:
        """Show the complete map, and wait until the user closes the window."""
        self.publisher.finish(path)
        self.process.wait()


@contextmanager
def live_window(output: Path, text_encoder: str | None = None) -> Iterator[LiveWindow]:
    """Open a window on the map that will be written to `output`; it closes with the block.

    Parameters
    ----------
    output : Path
    text_encoder : str, optional
        Refused by the window unless it is the map's own.

    Raises
    ------
    DisplayError
        If no window can be opened here.
    """
    check_display()
    with tempfile.TemporaryDirectory(prefix="dvemap-live-", dir=_place()) as folder:
        command = [sys.executable, "-m", "dvemap", "view", "--follow", folder, str(output)]
        if text_encoder is not None:
            command += ["--text-encoder", text_encoder]
        process = subprocess.Popen(command)
        try:
            yield LiveWindow(Publisher(Path(folder), lambda: process.poll() is None), process)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()


def _place() -> Path | None:
    """Return where there is memory for what is published, None for the usual place of temporary files."""
    usable = _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free > _ROOM
    return _MEMORY if usable else None
