"""Write a synthetic sequence: exported ScanNet layout with labels, instances and ground truth."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import SequenceError
from .camera_path import plan_walk
from .compose import Composition, compose, stream
from .depth_noise import exact_depth, kinect_depth
from .ground_truth import SeenVertices
from .kinds import vocabulary
from .render import Camera, render

VERSION: Final = 1  # of the generator: raised whenever a seed gives another sequence
FOCAL: Final = 0.902  # of the width: 58 degrees
MARK: Final = "dvemap synth"


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
        Whether depth is that of a structured-light camera; otherwise it is exact to the millimetre.
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
    _refuse_foreign(out)
    start = time.perf_counter()
    composition = compose(seed, kind, workers)
    poses, seen = plan_walk(composition, stream(seed, "walk"), frames, workers)
    built = time.perf_counter()
    partial = out.parent / f".{out.name}.partial"
    if partial.exists():  # of a run that was killed
        shutil.rmtree(partial)
    partial.mkdir(parents=True)
    try:
        camera = Camera(width, height, FOCAL * width)
        arguments = {"kind": kind, "frames": frames, "width": width, "height": height, "noise": noise}
        _write_scene(partial, composition, seen, camera, seed, arguments, len(poses))
        writer = _FrameWriter(partial, composition, camera, poses, seen, seed, noise)
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
        noise: bool,
    ) -> None:
        self._folder, self._scene, self._camera, self._poses = folder, composition.scene, camera, poses
        self._seed, self._noise = seed, noise
        self._listed = np.zeros(len(composition.instances) + 1, np.uint8)
        for i in seen:
            self._listed[i] = i
        self.vertices = SeenVertices(composition.scene)

    def write(self, index: int) -> None:
        T, camera = self._poses[index], self._camera
        picture = render(self._scene, camera, T, stream(self._seed, "sensor", index))
        if self._noise:
            depth = kinect_depth(
                picture.depth, picture.cosine, camera.focal, stream(self._seed, "depth", index)
            )
        else:
            depth = exact_depth(picture.depth)
        self.vertices.add(picture, camera, T)
        rgb = np.ascontiguousarray(picture.rgb[..., ::-1])
        self._image(f"color/{index}.jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 95])
        self._image(f"depth/{index}.png", depth, [cv2.IMWRITE_PNG_COMPRESSION, 2])
        self._image(f"label-filt/{index}.png", picture.kind, [cv2.IMWRITE_PNG_COMPRESSION, 3])
        self._image(
            f"instance-filt/{index}.png", self._listed[picture.instance], [cv2.IMWRITE_PNG_COMPRESSION, 3]
        )
        _write_matrix(self._folder / "pose" / f"{index}.txt", T)

    def _image(self, name: str, image: npt.NDArray[Any], options: list[int]) -> None:
        """Encode, then write through Python, which raises OSError where OpenCV would only return False."""
        path = self._folder / name
        path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


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


def _write_scene(
    folder: Path,
    composition: Composition,
    seen: set[int],
    camera: Camera,
    seed: int,
    arguments: dict[str, Any],
    frames: int,
) -> None:
    for name in ("color", "depth", "pose", "intrinsic", "label-filt", "instance-filt"):
        (folder / name).mkdir()
    K = np.eye(4)
    K[:3, :3] = camera.K
    for image in ("color", "depth"):
        _write_matrix(folder / "intrinsic" / f"intrinsic_{image}.txt", K)
        _write_matrix(folder / "intrinsic" / f"extrinsic_{image}.txt", np.eye(4))
    names = "".join(f"{i}\t{name}\n" for i, name in sorted(vocabulary().items()))
    (folder / "label_names.txt").write_text(names, encoding="utf-8")
    objects = [i.to_dict() for i in composition.instances if i.instance in seen]
    (folder / "objects.json").write_text(json.dumps(objects, indent=1) + "\n", encoding="utf-8")
    rooms = [
        {
            "type": r.type,
            "low": [round(r.x0, 4), round(r.y0, 4), 0.0],
            "high": [round(r.x1, 4), round(r.y1, 4), round(composition.plan.height, 4)],
        }
        for r in composition.plan.rooms
    ]
    record = {
        "generator": MARK,
        "version": VERSION,
        "seed": seed,
        "arguments": arguments,
        "frames": frames,
        "rooms": rooms,
        "massage_chair": any(i.label == "massage chair" for i in composition.instances),
        "daylight": round(composition.daylight, 4),
    }
    (folder / "scene.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _write_matrix(path: Path, matrix: npt.NDArray[np.float64]) -> None:
    """Write 4 x 4 numbers so that reading them back gives the same floats."""
    path.write_text("".join(" ".join(repr(float(x)) for x in row) + "\n" for row in matrix), encoding="ascii")


def _refuse_foreign(out: Path) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise SequenceError(f"{out}: the output must be a folder, but this is a file; choose another path")
    if not any(out.iterdir()):
        return
    try:
        mark = json.loads((out / "scene.json").read_text(encoding="utf-8")).get("generator")
    except (OSError, ValueError, AttributeError):
        mark = None
    if mark != MARK:
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
