"""A training set: many scenes of independent random views, written by several processes, resumable."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final

import numpy as np

from ..errors import SequenceError
from .compose import ROOM_TYPES, compose, stream
from .depth_sensors import SENSORS
from .render import Camera, render
from .variation import draw_variation
from .views import ViewFinder
from .writing import read_record, refuse_file, write_frame, write_scene

FRAMES: Final = 50  # a scene, unless said otherwise
KINDS: Final = {  # share of each kind of scene
    "flat": 0.40,
    "living": 0.16,
    "bedroom": 0.12,
    "kitchen": 0.14,
    "study": 0.12,
    "bathroom": 0.03,
    "hall": 0.03,
}
USUAL: Final = 0.25  # share of scenes with the usual look whatever the strength of variation
FIELD: Final = (50.0, 75.0)  # horizontal field of view, degrees
PARTIAL: Final = ".partial"  # folder of scenes that are being written

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TrainingSet:
    """What a training set consists of; the same values give the same bytes.

    Parameters
    ----------
    scenes : int
        At least 1.
    frames : int
        Of each scene, at least 1.
    seed : int
        Of the first scene, not negative; the others follow. A set with overlapping seeds repeats scenes.
    kind : str
        "mixed" for flats and single rooms of all types, or a kind that `compose` knows.
    width, height : int
        Pixels of all images.
    noise : bool
        Whether depth is that of a camera; otherwise it is exact to the millimetre.
    vary : float
        Greatest strength of the variation of looks, 0 to 1; 0 is the usual look.
    """

    scenes: int
    frames: int = FRAMES
    seed: int = 0
    kind: str = "mixed"
    width: int = 320
    height: int = 240
    noise: bool = True
    vary: float = 0.0

    def __post_init__(self) -> None:
        for name, least in (("scenes", 1), ("frames", 1), ("seed", 0), ("width", 16), ("height", 16)):
            if (value := getattr(self, name)) < least:
                raise ValueError(f"{name} must be >= {least}, got {value}")
        if not 0 <= self.vary <= 1:
            raise ValueError(f"vary must be within 0 and 1, got {self.vary}")
        if self.kind not in (known := ("mixed", "flat", "room", *ROOM_TYPES)):
            raise ValueError(f"kind must be one of {', '.join(known)}, got {self.kind!r}")

    def arguments(self) -> dict[str, Any]:
        """What every scene of the set is written with, as noted in its scene.json."""
        return {name: value for name, value in asdict(self).items() if name not in ("scenes", "seed")}


@dataclass(frozen=True, slots=True)
class TrainingSetSummary:
    """What was written.

    Parameters
    ----------
    path : Path
    scenes, kept : int
        Of the whole set, and those of them that an earlier run had left complete.
    frames : int
        Of the whole set.
    seconds : float
        Wall clock.
    """

    path: Path
    scenes: int
    kept: int
    frames: int
    seconds: float


def generate_training_set(
    out: str | Path, what: TrainingSet, *, workers: int = 2, progress: Progress | None = None
) -> TrainingSetSummary:
    """Write a folder 00000, 00001, ... of scenes in exported ScanNet layout.

    Every instance that a scene holds is listed in its objects.json, has its number wherever it is seen, and a
    caption. Scenes that are complete are kept, so a run that was stopped in any way goes on when it is
    repeated, and a larger `scenes` extends a set; every scene is renamed into place when it is whole.

    Parameters
    ----------
    out : path
        A folder; must be new, empty, or hold scenes of the same arguments, and what was made of them.
    what : TrainingSet
    workers : int
        Processes; the result does not depend on it.
    progress : callable, optional
        Called with the number of frames there are, and of all frames.

    Raises
    ------
    ValueError
        If an argument is out of range.
    SequenceError
        If `out` holds anything else.
    OSError
        If it cannot be written.
    """
    out = Path(out)
    if workers < 1:
        raise ValueError(f"workers must be >= 1, got {workers}")
    start = time.perf_counter()
    missing = _missing(out, what)
    partial = out / PARTIAL
    shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
    partial.mkdir(parents=True)
    done = kept = what.scenes - len(missing)
    if progress is not None:
        progress(done * what.frames, what.scenes * what.frames)
    try:
        for _ in _written(out, what, missing, min(workers, len(missing))):
            done += 1
            if progress is not None:
                progress(done * what.frames, what.scenes * what.frames)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return TrainingSetSummary(out, what.scenes, kept, what.scenes * what.frames, time.perf_counter() - start)


def write_training_scene(out: Path, what: TrainingSet, number: int, stopped: Callable[[], bool]) -> bool:
    """Write one scene of a set; return False where it was stopped before it was whole."""
    if stopped():
        return False
    seed = what.seed + number
    rng = stream(seed, "training scene")
    kind = what.kind
    if kind == "mixed":
        kind = str(rng.choice(list(KINDS), p=list(KINDS.values())))
    crowd = max(float(rng.uniform(-0.4, 1.0)), 0.0)
    strength = 0.0 if rng.random() < USUAL else what.vary * float(rng.uniform(0.1, 1.0))
    look = draw_variation(stream(seed, "look"), strength, crowd)
    composition = compose(seed, kind, workers=1, variation=look, draft=True)
    sensor = SENSORS[look.sensor if what.noise else "exact"](stream(seed, "depth sensor"))
    field = np.radians(rng.uniform(*FIELD))
    camera = Camera(what.width, what.height, float(what.width / 2 / np.tan(field / 2)))
    finder = ViewFinder(composition, field)
    folder = out / PARTIAL / _name(number)
    folder.mkdir()
    listed = range(1, len(composition.instances) + 1)
    write_scene(folder, composition, listed, camera, seed, what.arguments(), what.frames)
    for index in range(what.frames):
        if stopped():
            return False
        T = finder.draw(stream(seed, "view", index))
        film = look.film(stream(seed, "film", index))
        picture = render(composition.scene, camera, T, stream(seed, "sensor", index), film, samples=2)
        depth = sensor.measure(composition.scene, picture, camera, stream(seed, "depth", index))
        write_frame(folder, index, picture, depth, picture.instance.astype(np.uint8), T)
    folder.rename(out / _name(number))
    return True


def _name(number: int) -> str:
    return f"{number:05d}"


def _missing(out: Path, what: TrainingSet) -> list[int]:
    """Scenes of a set that are not there yet; raises where something else is."""
    refuse_file(out)
    if not out.exists():
        return list(range(what.scenes))
    others = sorted(path for path in out.iterdir() if path.name != PARTIAL)
    scenes = [path for path in others if path.name.isdecimal()]  # beside them may be what teachers wrote
    for path in scenes or others:
        record = read_record(path)
        if record is None or not path.name.isdecimal():
            raise SequenceError(
                f"{path}: not a scene that dvemap synth wrote for a training set; choose another folder"
            )
        asked = {"seed": what.seed + int(path.name), **what.arguments()}
        there = {"seed": record.get("seed"), **dict(record.get("arguments", {}))}
        if there != asked:
            different = sorted(k for k in {*there, *asked} if there.get(k) != asked.get(k))
            told = ", ".join(f"{k} {there.get(k)} instead of {asked.get(k)}" for k in different)
            raise SequenceError(
                f"{path}: was written with {told}; repeat its arguments or choose another folder"
            )
    return [n for n in range(what.scenes) if not (out / _name(n)).exists()]


def _written(out: Path, what: TrainingSet, missing: Iterable[int], workers: int) -> Iterator[int]:
    """Write scenes, yielding the number of each that is done; the first error or interrupt stops all."""
    if workers <= 1:
        for number in missing:
            write_training_scene(out, what, number, lambda: False)
            yield number
        return
    left = iter(missing)
    with _processes(workers) as pool:
        waiting: set[Future[int]] = set()
        while True:
            for number in left:
                waiting.add(pool.submit(_write_in_process, out, what, number))
                if len(waiting) >= 2 * workers:
                    break
            if not waiting:
                return
            finished, waiting = wait(waiting, return_when=FIRST_COMPLETED)
            for future in finished:
                yield future.result()


@contextmanager
def _processes(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool whose processes stop between two frames when this context ends, and with their parent."""
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    pool = ProcessPoolExecutor(workers, context, _start, (stop,))
    try:
        yield pool
    except BrokenProcessPool:
        raise OSError(
            "a process that renders was killed, perhaps for want of memory; repeat with fewer workers"
        ) from None
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)


_stop: Event | None = None  # of this process, where it is one of a pool


def _start(stop: Event) -> None:
    """Prepare a process of the pool: Ctrl-C is its parent's business, and it ends when its parent does."""
    global _stop
    _stop = stop
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _write_in_process(out: Path, what: TrainingSet, number: int) -> int:
    assert _stop is not None
    write_training_scene(out, what, number, _stop.is_set)
    return number
