"""Writing sequences: `.sens` files and the exported ScanNet layout."""

from __future__ import annotations

import os
import shutil
import zlib
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix
from sequences.errors import SequenceError
from sequences.frame import Frame
from sequences.images import decode_color, encode_jpeg, encode_png
from sequences.recording import Recording, Shot, record, to_millimetres
from sequences.sens_format import COLOR_ENCODINGS, SensHeader, pack_frame
from sequences.sequence import Sequence, Size, regular_timestamps


def write_sens(
    path: str | Path,
    source: Sequence | Iterable[Frame],
    *,
    color: str | None = None,
    depth: str = "zlib_ushort",
    depth_scale: float = 1000.0,
) -> int:
    """Write a `.sens` file.

    Colour bytes that already have the wanted encoding are copied unchanged, depth is lossless, poses are
    rounded to float32 as the format has it. The file appears under its name only when it is complete.

    Parameters
    ----------
    path : str or pathlib.Path
        File to write; replaced if it exists.
    source : Sequence or iterable of Frame
        What to write. Frames are numbered anew from 0; a pose that cannot be used is written as -inf.
    color : {"jpeg", "png", "raw"} or None
        Encoding of colour; None = that of the first frame.
    depth : {"zlib_ushort", "raw_ushort"}
        Encoding of depth.
    depth_scale : float
        Units per metre for frames; a sequence keeps its own.

    Returns
    -------
    int
        Number of frames written.

    Raises
    ------
    ValueError
        If an encoding is not one of the above.
    SequenceError
        If there is no frame, or a time lies before 0 s.
    FrameError
        If an image of the source cannot be read; nothing is written then.
    """
    if color not in (None, "jpeg", "png", "raw"):
        raise ValueError(f"color must be jpeg, png or raw, got {color!r}")
    if depth not in ("zlib_ushort", "raw_ushort"):
        raise ValueError(f"depth must be zlib_ushort or raw_ushort, got {depth!r}")
    path = Path(path)
    recording = record(source, depth_scale)
    partial = path.with_name(path.name + ".partial")
    try:
        with partial.open("wb") as file:
            count = 0
            for shot in recording.shots:
                if count == 0:
                    color = color or (shot.encoding if shot.encoding in COLOR_ENCODINGS.values() else "png")
                    file.write(_header(recording, color, depth, 0).pack())
                data = shot.depth.astype("<u2").tobytes()
                data = zlib.compress(data) if depth == "zlib_ushort" else data
                colored = _encoded(shot, color or "png", recording.color_size)
                if shot.timestamp < 0:
                    raise SequenceError(
                        f"{path}: .sens files store times >= 0 s, frame {shot.number} has {shot.timestamp}; "
                        "shift all times, or write the exported ScanNet layout instead"
                    )
                file.write(pack_frame(shot.pose, round(shot.timestamp * 1e6), colored, data))
                file.write(colored)
                file.write(data)
                count += 1
            file.write(bytes(8))  # no IMU frames
            file.seek(0)
            file.write(_header(recording, color or "png", depth, count).pack())
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return count


def write_scannet(
    folder: str | Path,
    source: Sequence | Iterable[Frame],
    *,
    exact_poses: bool = True,
    depth_scale: float = 1000.0,
) -> int:
    """Write the exported ScanNet layout, with labels and their names where the source was opened with them.

    Colour files are copied unchanged (raw colour becomes PNG), depth is millimetres: lossless if the source's
    is. Frames keep their numbers. `timestamps.txt` is added unless the times are the 30 Hz that the layout
    implies.

    Parameters
    ----------
    folder : str or pathlib.Path
        Folder to make; must not exist or be empty.
    source : Sequence or iterable of Frame
        What to write. A pose that cannot be used is written as -inf.
    exact_poses : bool
        Print poses so that they read back to the same numbers, rather than with six decimals as the official
        exporter does.
    depth_scale : float
        Units per metre in which depth of frames is rounded first; a sequence has its own.

    Returns
    -------
    int
        Number of frames written.

    Raises
    ------
    FileExistsError
        If the folder holds something.
    FrameError
        If an image of the source cannot be read; nothing is written then.
    """
    folder = Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise FileExistsError(f"{folder} exists and is not an empty folder")
    recording = record(source, depth_scale)
    partial = folder.with_name(folder.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        for name in ("color", "depth", "pose", "intrinsic"):
            (partial / name).mkdir(parents=True)
        _write_cameras(partial / "intrinsic", recording)
        numbers, times = [], []
        for shot in recording.shots:
            _write_shot(partial, shot, recording, exact_poses)
            numbers.append(shot.number)
            times.append(shot.timestamp)
        if not np.array_equal(times, regular_timestamps(np.array(numbers, np.int64))):
            lines = (f"{number} {time!r}\n" for number, time in zip(numbers, times, strict=True))
            (partial / "timestamps.txt").write_text("".join(lines))
        if recording.label_names:
            lines = (f"{number}\t{name}\n" for number, name in sorted(recording.label_names.items()))
            (partial / "label_names.txt").write_text("".join(lines), encoding="utf-8")
        if folder.exists():
            folder.rmdir()
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return len(numbers)


def _header(recording: Recording, color: str, depth: str, frames: int) -> SensHeader:
    T_color_depth = np.eye(4) if recording.T_color_depth is None else recording.T_color_depth
    return SensHeader(
        name=recording.name,
        color_intrinsics=recording.color_intrinsics,
        color_extrinsics=T_color_depth,
        depth_intrinsics=recording.intrinsics,
        depth_extrinsics=np.eye(4),
        color_encoding=color,
        depth_encoding=depth,
        color_size=recording.color_size,
        depth_size=recording.depth_size,
        depth_shift=recording.depth_scale,
        frames=frames,
    )


def _encoded(shot: Shot, encoding: str, size: Size) -> bytes:
    """Colour of a shot in the wanted encoding; its own bytes where it has it."""
    if shot.encoding == encoding:
        return shot.color
    rgb: npt.NDArray[np.uint8]
    if shot.encoding == "raw":
        rgb = np.frombuffer(shot.color, np.uint8).reshape(*size, 3)
    else:
        rgb = decode_color(shot.color, f"frame {shot.number} (colour)")
    if encoding == "raw":
        return rgb.tobytes()
    return encode_jpeg(rgb) if encoding == "jpeg" else encode_png(rgb)


def _write_shot(folder: Path, shot: Shot, recording: Recording, exact: bool) -> None:
    encoding = shot.encoding if shot.encoding in ("jpeg", "png") else "png"
    suffix = {"jpeg": "jpg", "png": "png"}[encoding]
    color = _encoded(shot, encoding, recording.color_size)
    (folder / "color" / f"{shot.number}.{suffix}").write_bytes(color)
    depth = to_millimetres(shot.depth, recording.depth_scale)
    (folder / "depth" / f"{shot.number}.png").write_bytes(encode_png(depth))
    (folder / "pose" / f"{shot.number}.txt").write_text(_matrix_text(shot.pose, exact))
    for name, ids in (("label-filt", shot.label), ("instance-filt", shot.instance)):
        if ids is not None:
            (folder / name).mkdir(exist_ok=True)
            (folder / name / f"{shot.number}.png").write_bytes(encode_png(ids))


def _write_cameras(folder: Path, recording: Recording) -> None:
    """Intrinsics, and extrinsics whose common frame is the depth camera, as its poses are written."""
    T_color_depth = np.eye(4) if recording.T_color_depth is None else recording.T_color_depth
    for camera, K, T in (
        ("color", recording.color_intrinsics, T_color_depth),
        ("depth", recording.intrinsics, np.eye(4)),
    ):
        full = np.eye(4)
        full[:3, :3] = K
        (folder / f"intrinsic_{camera}.txt").write_text(_matrix_text(full, exact=True))
        (folder / f"extrinsic_{camera}.txt").write_text(_matrix_text(T, exact=True))


def _matrix_text(matrix: Matrix, exact: bool) -> str:
    """Rows of a matrix as text; exact: the shortest digits that read back to the same float64."""
    rows = ([repr(value) if exact else f"{value:f}" for value in row] for row in matrix.tolist())
    return "".join(" ".join(row) + "\n" for row in rows)
