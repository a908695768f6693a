"""A run that writes the depth of images, and can be gone on with."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dvemap.depth_inputs import DEPTH, VIEW, ColorInput, SparseDepth
from dvemap.depth_panel import draw_depth
from dvemap.frame_depth import FrameDepth
from dvemap.interrupts import Interrupts
from dvemap.prediction.inputs import resized_measured
from mapping import atomic_write
from sequences.images import encode_png
from sequences.recording import to_units
from viewer import save_picture

RUN_FILE = "depth.json"
_IMAGES = "images"  # in it: the bytes of each image's file, by name
_MILLIMETRES = 1000.0


@dataclass
class DepthMade:
    """What a run made.

    Attributes
    ----------
    files : list of Path
        What was written.
    images, kept : int
        Images of this run, and those that an earlier run had finished.
    faults : list of str
        Why other images could not be used.
    seconds : float
        Wall time.
    """

    files: list[Path] = field(default_factory=list)
    images: int = 0
    kept: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


def estimate_all(
    inputs: list[ColorInput],
    depth: FrameDepth,
    folder: Path,
    *,
    sparse: SparseDepth | None = None,
    relative: bool = False,
    overwrite: bool = False,
    watch: Callable[[int], None] = lambda done: None,
) -> DepthMade:
    """Write NAME.depth.png (uint16, millimetres, 0 = none or beyond 65 m) and NAME.view.png of each image.

    What an earlier run of the same settings has written of the same image stays as it is.

    Parameters
    ----------
    inputs : list of ColorInput
    depth : FrameDepth
        Estimates it.
    folder : Path
        Made if it is missing.
    sparse : SparseDepth, optional
        What it is fitted to.
    relative : bool
        Draw relative depth as it is, and write no millimetres.
    overwrite : bool
        Write finished images anew.
    watch : callable
        Told the number of images that are done.

    Returns
    -------
    DepthMade

    Raises
    ------
    ValueError
        If the folder holds depth of other settings.
    OSError
        If a file cannot be read or written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    settings = {**depth.identity, "relative": relative, **({} if sparse is None else sparse.identity)}
    _prepare(folder, settings, inputs, overwrite)
    made, started = DepthMade(), time.perf_counter()
    endings = (VIEW,) if relative else (DEPTH, VIEW)
    with Interrupts() as interrupts:
        for done, entry in enumerate(inputs, start=1):
            if interrupts.asked:
                raise KeyboardInterrupt
            files = [folder / f"{entry.name}{ending}" for ending in endings]
            if all(file.is_file() for file in files):
                made.kept += 1
            else:
                try:
                    _write_one(entry, depth, files, sparse, relative)
                except ValueError as error:
                    made.faults.append(str(error))
                else:
                    made.images += 1
                    made.files += files
            watch(done)
    made.seconds = time.perf_counter() - started
    return made


def _write_one(
    entry: ColorInput, depth: FrameDepth, files: list[Path], sparse: SparseDepth | None, relative: bool
) -> None:
    rgb = entry.read()
    if relative:
        shown = depth.estimate(rgb)
    else:
        measured = None
        if sparse is not None:
            measured = resized_measured(sparse.read(entry.name), depth.size((rgb.shape[0], rgb.shape[1])))
        try:
            shown = depth.metres(rgb, measured)
        except ValueError as error:
            raise ValueError(f"{entry.name}: {error}") from error
        with atomic_write(files[0]) as file:
            file.write(encode_png(to_units(shown, _MILLIMETRES)))
    subtitle = depth.estimator.name + (": relative depth, without a scale" if relative else "")
    view = draw_depth(rgb, shown, metric=not relative, title=entry.name, subtitle=subtitle)
    save_picture(files[-1], view)  # last: an image with a view is done


def _prepare(folder: Path, settings: dict[str, Any], inputs: list[ColorInput], overwrite: bool) -> None:
    """Note in a folder what depth it holds, and remove what is of other images, or is to be replaced.

    All at once: what goes on after an interruption would take the rest for its own.

    Raises
    ------
    ValueError
        If it holds depth of other settings that is not to be replaced.
    """
    earlier = _read_note(folder / RUN_FILE)
    former = {} if earlier is None else earlier.pop(_IMAGES, {})
    results = [file for file in folder.iterdir() if file.name.endswith((DEPTH, VIEW))]
    others = bool(results) and earlier != settings
    if others and not overwrite:
        name = "an unknown estimator" if earlier is None else earlier.get("name")
        raise ValueError(
            f"{folder}: holds depth by {name} with other settings; write elsewhere, or replace it with "
            "--overwrite"
        )
    known = {} if others else former
    wanted = {entry.name: entry.bytes for entry in inputs}
    stale = {name for name, size in wanted.items() if overwrite or known.get(name) != size}
    for file in results:
        if file.name.removesuffix(DEPTH).removesuffix(VIEW) in stale or (others and earlier is not None):
            file.unlink()
    with atomic_write(folder / RUN_FILE) as note:
        note.write(json.dumps({**settings, _IMAGES: {**known, **wanted}}, indent=2).encode())


def _read_note(file: Path) -> dict[str, Any] | None:
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return note if isinstance(note, dict) else None
