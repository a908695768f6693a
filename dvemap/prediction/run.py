"""Predictions on files: of one frame, or of the frames of a sequence into a folder, resumable."""

import json
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dvemap.estimated_depth import EstimatedSequence
from dvemap.interrupts import Interrupts
from dvemap.prediction.look import Look
from dvemap.prediction.panel import draw_panel
from dvemap.prediction.predictor import Codes, CodeSource, Prediction, Predictor, write_npz
from mapping import atomic_write
from sequences import Frame, FrameError, Sequence, prefetch
from viewer import save_picture

FITTED = 8  # first frames that the colours of a sequence are fitted to
ENOUGH = 32768  # codes of each of them
RUN_FILE, LOOK_FILE = "predict.json", "look.npz"


@dataclass
class Predicted:
    """What a run over a sequence made.

    Attributes
    ----------
    files : list of Path
        What was written.
    frames : int
        Frames of this run.
    kept : int
        Frames that an earlier run had written.
    skipped : list of str
        Why other frames could not be used.
    shares : dict
        Mean share of the pixels of each class, over the frames of this run.
    """

    files: list[Path] = field(default_factory=list)
    frames: int = 0
    kept: int = 0
    skipped: list[str] = field(default_factory=list)
    shares: dict[str, float] = field(default_factory=dict)


def predict_sequence(
    sequence: Sequence,
    frames: CodeSource,
    predictor: Predictor,
    folder: Path,
    *,
    npz: bool = False,
    overwrite: bool = False,
    watch: Callable[[int], None] | None = None,
) -> Predicted:
    """Predict every frame of a sequence into a folder: NNNNNN.png, and NNNNNN.npz where wanted.

    Frames that an earlier run of the same settings has written stay as they are. Colours of embeddings and
    depths are fitted to the first frames, kept in the folder, and shared by all.

    Parameters
    ----------
    sequence : Sequence
    frames : CodeSource
        Gives the codes.
    predictor : Predictor
        What to read from them.
    folder : Path
        Made if it is missing.
    npz : bool
        Whether to write the numbers too.
    overwrite : bool
        Write all frames anew.
    watch : callable, optional
        Told the number of frames that are done.

    Returns
    -------
    Predicted

    Raises
    ------
    ValueError
        If the folder holds frames of other settings, or no frame can be used.
    """
    look_file, run_file = folder / LOOK_FILE, folder / RUN_FILE
    folder.mkdir(parents=True, exist_ok=True)
    names = [f"{sequence.source_index(i):06d}" for i in range(len(sequence))]
    endings = (".npz", ".png") if npz else (".png",)
    there = [all((folder / f"{name}{ending}").is_file() for ending in endings) for name in names]
    identity = {"encoder": frames.identity, "sequence": _source(sequence), **predictor.identity}
    earlier = _read_json(run_file)
    strange = any(there) if earlier is None else earlier != json.loads(json.dumps(identity))
    if strange and not overwrite:
        raise ValueError(
            f"{folder}: holds predictions of another sequence, encoder or question; write elsewhere, or "
            "replace them with --overwrite"
        )
    look = _read_look(look_file) if earlier is not None and not overwrite else None
    if look is None:
        look = _fit(sequence, frames, predictor)
        overwrite = True  # what lies here was drawn with other colours
    if overwrite:  # all at once: what goes on after an interruption would take the rest for its own
        _remove_frames(folder, set(names), every=earlier is not None)
        look.save(look_file)
    with atomic_write(run_file) as file:
        file.write(json.dumps(identity, indent=2).encode())
    made = Predicted()
    open_frames = [i for i in range(len(names)) if overwrite or not there[i]]
    made.kept = done = len(names) - len(open_frames)
    with Interrupts() as interrupts, closing(prefetch(sequence, open_frames)) as decoded:
        for i, frame in decoded:
            if interrupts.asked:
                raise KeyboardInterrupt
            if isinstance(frame, FrameError):
                made.skipped.append(str(frame))
            else:
                rgb = frame.rgb_on_depth()
                prediction = predictor.predict(codes_of(frames, frame, rgb), _size(rgb))
                path = folder / f"{names[i]}.png"
                title = f"{sequence.name}, frame {frame.index}"
                made.files += write_prediction(
                    path, rgb, frame.depth, prediction, predictor, look, title=title, npz=npz
                )
                made.frames += 1
                for name, share in _shares(prediction, predictor).items():
                    made.shares[name] = made.shares.get(name, 0.0) + share
            done += 1
            if watch is not None:
                watch(done)
    ranked = sorted(made.shares.items(), key=lambda entry: -entry[1])
    made.shares = {name: total / made.frames for name, total in ranked}
    if made.skipped and not made.frames and not made.kept:
        raise ValueError(f"{sequence.path}: no frame can be used; the first: {made.skipped[0]}")
    return made


def write_prediction(
    path: Path,
    rgb: npt.NDArray[np.uint8],
    depth: npt.NDArray[np.float32],
    prediction: Prediction,
    predictor: Predictor,
    look: Look,
    *,
    title: str,
    npz: bool = False,
    metric: bool = True,
) -> list[Path]:
    """Write the panel of a frame, before it its numbers where wanted, and return the files."""
    space = predictor.space
    what = "posteriors of {} classes" if predictor.closed else "embeddings of {} numbers"
    subtitle = f"{space.name}: {what.format(space.dimension)}"
    if space.head is not None:
        subtitle += f" from codes of {space.code_dim}"
    panel = draw_panel(rgb, depth, prediction, predictor, look, title=title, subtitle=subtitle, metric=metric)
    numbers = [path.with_suffix(".npz")] if npz else []
    for file in numbers:
        write_npz(file, prediction, predictor)
    save_picture(path, panel)  # last: a frame with a picture is done
    return [*numbers, path]


def _fit(sequence: Sequence, frames: CodeSource, predictor: Predictor) -> Look:
    """Encode the first frames that can be used, for their colours."""
    codes, depths, reasons = [], [], []
    with closing(prefetch(sequence)) as decoded:
        for _, frame in decoded:
            if isinstance(frame, FrameError):
                reasons.append(str(frame))
                continue
            codes.append(_thinned(codes_of(frames, frame, frame.rgb_on_depth())))
            depths.append(frame.depth)
            if len(codes) == FITTED:
                break
    if not codes:
        raise ValueError(f"{sequence.path}: no frame can be used; the first: {reasons[0]}")
    return Look.fit(codes, depths, predictor.space.head)


def _remove_frames(folder: Path, names: set[str], *, every: bool) -> None:
    """Delete the predictions of some frames, or of every frame: runs over other parts of the sequence."""
    for file in folder.iterdir():
        ours = file.stem in names or (every and len(file.stem) >= 6 and file.stem.isdecimal())
        if ours and file.suffix in (".png", ".npz"):
            file.unlink()


def _source(sequence: Sequence) -> list[Any]:
    """Return what a sequence is, whichever of its frames are taken and wherever it lies."""
    sizes = [*sequence.color_size, *sequence.depth_size]
    estimated = [sequence.depth.identity] if isinstance(sequence, EstimatedSequence) else []
    return [sequence.name, sequence.format, sizes, sequence.depth_scale, *estimated]


def codes_of(frames: CodeSource, frame: Frame, rgb: npt.NDArray[np.uint8]) -> Codes:
    """Return the codes of a frame, by an encoder that has a space."""
    return cast(Codes, frames.encode_frame(frame, rgb)[0])


def _thinned(codes: Codes) -> Codes:
    """Return enough codes of an image to fit colours to; those of every pixel would fill the memory."""
    step = max(1, round((codes.shape[0] * codes.shape[1] / ENOUGH) ** 0.5))
    return codes[::step, ::step].copy()


def _shares(prediction: Prediction, predictor: Predictor) -> dict[str, float]:
    return {} if predictor.labeller is None else prediction.shares(predictor.labeller.classes)


def _size(image: npt.NDArray[Any]) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


def _read_json(path: Path) -> dict[str, Any] | None:
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record


def _read_look(path: Path) -> Look | None:
    try:
        return Look.load(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None
