"""What `dvemap engine` does: export a student to ONNX, build its TensorRT engine."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.console import Output, quantity
from dvemap.options import parse_size
from sequences import FrameError, open_sequence
from sequences import Sequence as RgbdSequence
from student import EncoderError
from student.onnx_export import check_target
from student.preprocessing import Preprocessing
from student.shipped import shipped
from student.student_export import ExportOptions, export_checkpoint
from student.student_folder import StudentFolder, read_student_folder
from student.student_source import find_source
from student.trained_student import TrainedStudent

Images = list[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]


@dataclass(frozen=True)
class Made:
    """Rows for people, a record for machines, and the folder that was exported."""

    rows: list[tuple[str, object]]
    record: dict[str, Any]
    folder: Path


def export_onnx(
    student: str,
    folder: Path | None,
    options: ExportOptions,
    *,
    calibrate: Path | None,
    frames: int,
    out: Output,
) -> Made:
    """Export a student, calibrated on the frames of a sequence where it is to be int8.

    Parameters
    ----------
    student : str
        A checkpoint or the name of a published student.
    folder : Path or None
        Where to; None for the cache.
    options : ExportOptions
    calibrate : Path or None
        The sequence, for int8.
    frames : int
        How many of its frames, evenly spread.
    out : Output

    Returns
    -------
    Made

    Raises
    ------
    ValueError
        If there is no such student or sequence, or the options do not fit each other.
    """
    checkpoint = find_source(student)
    if checkpoint.is_dir():
        whose = (
            "it comes along as an ONNX folder"
            if student in shipped()
            else "name the checkpoint it was made from"
        )
        raise EncoderError(f"{student} is exported already; {whose}")
    if (options.precision == "int8") != (calibrate is not None):
        raise ValueError(
            "int8 and a sequence to calibrate on belong together: --precision int8 --calibrate S"
        )
    if options.precision == "int8" and folder is None:
        raise ValueError("an int8 folder depends on the frames it is calibrated on; name it with --output")
    if folder is not None:
        check_target(folder)
    images: Images = []
    if calibrate is not None:
        sequence = open_sequence(calibrate)
        images = resized_frames(sequence, options.size, spread(frames, len(sequence)))
        out.say(f"calibration: {len(images)} frames of {calibrate}")
    made = export_checkpoint(checkpoint, folder, options, calibration=images, note=out.say)
    return _described(made, read_student_folder(made))


def build_tensorrt(student: str, options: ExportOptions | None, best: int, most: int, out: Output) -> Made:
    """Build the TensorRT engine of a student for this GPU.

    Parameters
    ----------
    student : str
        A checkpoint, the name of a published student, or an exported folder.
    options : ExportOptions
        Of the export that precedes it; a folder has its own.
    best, most : int
        Batch size that it is tuned for, and the largest.
    out : Output

    Returns
    -------
    Made

    Raises
    ------
    ValueError
        If there is no such student, or TensorRT or a GPU is missing.
    """
    from student.runtimes.tensorrt_engine import BatchProfile, build_engine, require_device

    profile = BatchProfile(1, best, most)
    folder = find_source(student)
    require_device()  # before minutes of exporting
    if folder.is_file():
        folder = export_checkpoint(folder, options=options, note=out.say)
    with out.progress("building", 1) as bar:
        engine = build_engine(
            folder, profile, progress=lambda done, total, what: bar.update(done, what, total)
        )
    made = _described(folder, read_student_folder(folder))
    rows = [
        ("engine", f"{engine} ({quantity(engine.stat().st_size)})"),
        ("batch", f"1 to {most}"),
        *made.rows,
    ]
    return Made(rows, made.record | {"engine": str(engine), "batch": [1, best, most]}, folder)


def spread(count: int, length: int, beside: Collection[int] = ()) -> list[int]:
    """Return positions in a sequence, evenly spread, none of which is taken already.

    Parameters
    ----------
    count : int
        How many, at most.
    length : int
        Of the sequence.
    beside : collection of int
        Positions that are taken.
    """
    free = [position for position in range(length) if position not in beside]
    return [free[place] for place in np.unique(np.linspace(0, len(free) - 1, count).astype(int)) if free]


def resized_frames(sequence: RgbdSequence, size: tuple[int, int], positions: Iterable[int]) -> Images:
    """Return frames as a student sees them; unreadable ones are left out.

    Parameters
    ----------
    sequence : Sequence
    size : tuple of int
        Height and width.
    positions : iterable of int
        Which frames.

    Returns
    -------
    list of (rgb (H, W, 3) uint8, depth (H, W) float32 metres)

    Raises
    ------
    ValueError
        If no frame can be read.
    """
    preprocessing = Preprocessing(size)
    images: Images = []
    reason = "it is empty"
    for position in positions:
        try:
            frame = sequence[position]
        except FrameError as error:
            reason = str(error)
            continue
        images.append(preprocessing.resize(frame.rgb_on_depth(), frame.depth))
    if not images:
        raise ValueError(f"{sequence.path}: no frame can be used: {reason}")
    return images


def make_options(
    student: str, size: str | None, statistics: str | None, precision: str, stride: int
) -> ExportOptions:
    """Make options from the words of a command line; those left out are the student's own.

    Raises
    ------
    ValueError
        If there is no such student, or an option is not possible.
    """
    shown = None if size is None else parse_size(size)
    wishes: dict[str, Any] = {
        "size": shown,
        "statistics": statistics,
        "precision": precision,
        "stride": stride,
    }
    path = find_source(student)
    if path.is_dir():  # it has its own, and its own precision
        return ExportOptions()
    return TrainedStudent(path).options(**wishes)


def _described(folder: Path, config: StudentFolder) -> Made:
    model = folder / config.model
    height, width = config.size
    rows: list[tuple[str, object]] = [
        ("folder", folder),
        ("model", f"{quantity(model.stat().st_size)}, {config.precision}"),
        ("input", f"{height}x{width}, depth statistics {config.statistics.name}"),
        (
            "codes",
            f"{config.code_dim} numbers every {config.stride} pixels, of {config.embedding_dim}-d embeddings",
        ),
        ("space", config.name),
    ]
    record = {"folder": str(folder), "bytes": model.stat().st_size, **config.model_dump(mode="json")}
    return Made(rows, record, folder)
