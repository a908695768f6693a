"""A growing map from the process that fuses it to the process that shows it, through a folder.

The fusing side writes what changed whenever it is due, and never waits for the other; the time that takes is
kept to a small share of its own, and what was not read yet to a few parts. The watching side reads what there
is, and deletes it.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file, save_file

from mapping import FusionSettings, VoxelMap
from mapping.changes import Changes, Follower, Watch

SHARE: Final = 0.025
"""Most of the fusing process's time that publishing takes."""

_LEAST_SECONDS: Final = 0.4  # between two publications
_MOST_UNREAD: Final = 2  # parts that lie there before the next one waits: the memory for them is not endless
_FIRST, _LAST = "map.json", "finished.json"
_FIELDS: Final = Changes.__slots__


class Publisher:
    """Publishes a map as it grows.

    Parameters
    ----------
    folder : Path
        Empty; for this alone.
    watched : callable
        Says whether anybody still looks.
    """

    def __init__(self, folder: Path, watched: Callable[[], bool] = lambda: True) -> None:
        self.folder = folder
        self.published = 0
        self.seconds = 0.0
        self._watched = watched
        self._watch = Watch()
        self._poses: list[npt.NDArray[np.float64]] = []
        self._due = time.monotonic()

    def __call__(self, voxel_map: VoxelMap, T_world_camera: npt.NDArray[np.float64]) -> None:
        """Take note of a frame that was fused, and publish if that is due."""
        self._poses.append(np.array(T_world_camera, np.float64))
        if time.monotonic() >= self._due and self._watched() and self._unread() < _MOST_UNREAD:
            self.publish(voxel_map)

    def publish(self, voxel_map: VoxelMap) -> None:
        """Write what changed since the last time."""
        started = time.monotonic()
        changes = self._watch.changes(voxel_map)
        tensors = {name: np.ascontiguousarray(getattr(changes, name)) for name in _FIELDS}
        tensors["poses"] = np.array(self._poses, np.float64).reshape(-1, 4, 4)
        if not self.published:
            _write_json(self.folder / _FIRST, _about(voxel_map))
            if voxel_map.head is not None:
                tensors["head"] = voxel_map.head
        part = self.folder / f"{self.published:06d}.part"
        save_file(tensors, part)
        part.rename(part.with_suffix(".safetensors"))
        self._poses = []
        self.published += 1
        ended = time.monotonic()
        self.seconds += ended - started
        self._due = ended + max(_LEAST_SECONDS, (ended - started) / SHARE)

    def _unread(self) -> int:
        return sum(1 for _ in self.folder.glob("*.safetensors"))

    def finish(self, path: Path | None) -> None:
        """Say that the map is complete, and in which file it lies."""
        _write_json(self.folder / _LAST, {"map": None if path is None else str(path.resolve())})


@dataclass(frozen=True, slots=True, eq=False)
class Growth:
    """A state of a growing map.

    Attributes
    ----------
    map : VoxelMap
        Valid until the next state is asked for.
    poses : (n, 4, 4) float64
        Of the frames in it, T_world_camera.
    """

    map: VoxelMap
    poses: npt.NDArray[np.float64]


class Subscriber:
    """Reads what a `Publisher` wrote.

    Parameters
    ----------
    folder : Path
        The publisher's.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._copy: Follower | None = None
        self._poses: list[npt.NDArray[np.float64]] = []

    def next(self) -> Growth | None:
        """Return the newest state, None if there is none newer than the last."""
        parts = sorted(self.folder.glob("*.safetensors"))
        for part in parts:
            tensors = load_file(part)
            part.unlink()
            if self._copy is None:
                self._copy = self._begin(tensors.get("head"))
            self._copy.apply(Changes(**{name: tensors[name] for name in _FIELDS}))
            self._poses.append(tensors["poses"])
        if not parts or self._copy is None:
            return None
        return Growth(self._copy.map(), np.concatenate(self._poses))

    def _begin(self, head: npt.NDArray[np.float32] | None) -> Follower:
        about: dict[str, Any] = json.loads((self.folder / _FIRST).read_text(encoding="utf-8"))
        settings = FusionSettings(**about.pop("settings"))
        return Follower(**about, head=head, settings=settings)

    @property
    def complete(self) -> bool:
        """Whether the map grows no more."""
        return (self.folder / _LAST).exists()

    @property
    def finished(self) -> bool:
        """Whether the map is complete and all of it was read."""
        return self.complete and not any(self.folder.glob("*.safetensors"))

    def final_path(self) -> Path | None:
        """Return the file of the complete map; None if there is none."""
        path = json.loads((self.folder / _LAST).read_text(encoding="utf-8"))["map"]
        return None if path is None else Path(path)


def _about(voxel_map: VoxelMap) -> dict[str, Any]:
    return {
        "cell_size": voxel_map.cell_size,
        "code_dim": voxel_map.code_dim,
        "code_scale": voxel_map.code_scale,
        "space": voxel_map.space,
        "settings": voxel_map.settings.to_dict(),
    }


def _write_json(path: Path, values: dict[str, Any]) -> None:
    part = path.with_suffix(".part")
    part.write_text(json.dumps(values), encoding="utf-8")
    part.rename(path)
