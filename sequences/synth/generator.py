"""Write a synthetic sequence: exported ScanNet layout with labels, instances and ground truth."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from ..errors import SequenceError
from .camera_path import plan_walk
from .compose import Composition, compose, stream
from .depth_sensors import SENSORS
from .ground_truth import SeenVertices
from .render import Camera, render
from .variation import Variation, draw_variation
from .writing import read_record, refuse_file, write_frame, write_scene

FOCAL: Final = 0.902  # of the width: 58 degrees


@dataclass(frozen=True, slots=True)
class SynthSummary:
    """What was written.

    Parameters
    ----------
    path : Path
    seed, frames : int
    kind : str
        As asked for.
    rooms : tuple of str
        What each room is for.
    objects : int
        Entries of objects.json.
    kinds : int
        Different kinds among them.
    massage_chair : bool
    vertices : int
        Of the ground-truth mesh.
    build_seconds, render_seconds : float
        Wall clock of making the scene and the walk, and of the frames.
    """

    path: Path
    seed: int
    frames: int
    kind: str
    rooms: tuple[str, ...]
    objects: int
    kinds: int
    massage_chair: bool
    vertices: int
    build_seconds: float
    render_seconds: float

    @property
    def frames_per_second(self) -> float:
        """Rendered and written frames a second."""
        return self.frames / max(self.render_seconds, 1e-9)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return {**asdict(self), "path": str(self.path), "frames_per_second": self.frames_per_second}


def generate(
    out: str | Path,
    seed: int,
    *,
    kind: str = "flat",
    frames: int | None = None,
    width: int = 320,
    height: int = 240,
    noise: bool = True,
    vary: float = 0.0,
    workers: int = 2,
    progress: Callable[[int, int], None] | None = None,
) -> SynthSummary:
    """Generate a furnished scene and a walk through it, and write them as a sequence.

    The same arguments give the same bytes, whatever `workers` is. Everything is written next to `out` and
    renamed at the end, so `out` is complete or not there.

    Parameters
    ----------
    out : path
        A folder; must be new, empty, or an earlier output of this function, which is then replaced.
    seed : int
        Not negative.
    kind : {"flat", "room", "living", "bedroom", "kitchen", "study", "bathroom", "hall"}
        Several rooms, one room of a type that the seed decides, or one of that type.
    frames : int, optional
        By default as many as a steady walk needs to see everything. With fewer, things that no frame shows
        well are left out of objects.json and of the instance images.
    width, height : int
        Pixels of all images.
    noise : bool
        Whether depth is that of a structured-light camera, or the camera of a varied look; otherwise it is
        exact to the millimetre.
    vary : float
        Strength of the variation of looks, 0 to 1; see `variation`.
    workers : int
        Threads.
    progress : callable, optional
        Called with the number of frames done and of all frames.

    Raises
    ------
    ValueError
        If an argument is out of range.
    SequenceError
        If `out` holds anything but an earlier output.
    OSError
        If it cannot be written.
    """
    out = Path(out)
    for name, value, least in (
        ("width", width, 16),
        ("height", height, 16),
        ("workers", workers, 1),
        ("frames", frames, 1),
    ):
        if value is not None and value < least:
            raise ValueError(f"{name} must be >= {least}, got {value}")
    if not 0 <= vary <= 1:
        raise ValueError(f"vary must be within 0 and 1, got {vary}")
    _refuse_foreign(out)
    start = time.perf_counter()
    look = draw_variation(stream(max(seed, 0), "look"), vary)
    composition = compose(seed, kind, workers, variation=look)
    poses, seen = plan_walk(composition, stream(seed, "walk"), frames, workers)
    built = time.perf_counter()
    partial = out.parent / f".{out.name}.partial"
    if partial.exists():  # of a run that was killed
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    try:
        camera = Camera(width, height, FOCAL * width)
        arguments: dict[str, Any] = {
            "kind": kind,
            "frames": frames,
            "width": width,
            "height": height,
            "noise": noise,
        }
        arguments |= {"vary": vary} if vary else {}
        write_scene(partial, composition, seen, camera, seed, arguments, len(poses))
        writer = _FrameWriter(partial, composition, camera, poses, seen, seed, look, noise)
        _run(writer.write, len(poses), workers, progress)
        vertices = writer.vertices.write(partial / "mesh.labels.ply")
        _replace(out, partial)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    listed = [i for i in composition.instances if i.instance in seen]
    return SynthSummary(
        path=out,
        seed=seed,
        frames=len(poses),
        kind=kind,
        rooms=tuple(r.type for r in composition.plan.rooms),
        objects=len(listed),
        kinds=len({i.label for i in listed}),
        massage_chair=any(i.label == "massage chair" for i in listed),
        vertices=vertices,
        build_seconds=built - start,
        render_seconds=time.perf_counter() - built,
    )


class _FrameWriter:
    """Renders and writes one frame at a time, in any order and from any thread."""

    def __init__(
        self,
        folder: Path,
        composition: Composition,
        camera: Camera,
        poses: npt.NDArray[np.float64],
        seen: set[int],
        seed: int,
        look: Variation,
        noise: bool,
    ) -> None:
        self._folder, self._scene, self._camera, self._poses = folder, composition.scene, camera, poses
        self._seed, self._look = seed, look
        self._sensor = SENSORS[look.sensor if noise else "exact"](stream(seed, "depth sensor"))
        self._listed = np.zeros(len(composition.instances) + 1, np.uint8)
        for i in seen:
            self._listed[i] = i
        self.vertices = SeenVertices(composition.scene)

    def write(self, index: int) -> None:
        T, camera = self._poses[index], self._camera
        film = self._look.film(stream(self._seed, "film", index))
        picture = render(self._scene, camera, T, stream(self._seed, "sensor", index), film)
        depth = self._sensor.measure(self._scene, picture, camera, stream(self._seed, "depth", index))
        self.vertices.add(picture, camera, T)
        write_frame(self._folder, index, picture, depth, self._listed[picture.instance], T)


def _run(
    work: Callable[[int], None], frames: int, workers: int, progress: Callable[[int, int], None] | None
) -> None:
    """Do all frames in threads; the first error or interrupt stops everything."""
    waiting: set[Future[None]] = set()
    done = 0
    with ThreadPoolExecutor(workers, "synth") as pool:
        try:
            for index in range(frames):
                waiting.add(pool.submit(work, index))
                while len(waiting) >= 4 * workers or (index == frames - 1 and waiting):
                    finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
                    for future in finished:
                        future.result()
                        done += 1
                        if progress is not None:
                            progress(done, frames)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _refuse_foreign(out: Path) -> None:
    refuse_file(out)
    if out.exists() and any(out.iterdir()) and read_record(out) is None:
        raise SequenceError(
            f"{out}: not empty and not written by dvemap synth, so it is left alone; choose another folder"
        )


def _replace(out: Path, partial: Path) -> None:
    """Put the finished folder in place of `out`, which is empty, an earlier output, or not there."""
    if not out.exists():
        partial.rename(out)
        return
    old = out.parent / f".{out.name}.old"
    if old.exists():
        shutil.rmtree(old)
    out.rename(old)
    partial.rename(out)
    shutil.rmtree(old)
