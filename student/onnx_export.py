"""A trained student written as an ONNX graph that takes images and returns codes."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from student.code_scale import code_scale, sample_frame
from student.errors import EncoderError
from student.preprocessing import DepthStatistics
from student.student_folder import FILE_NAME, FolderStatistics, Precision, StudentFolder

if TYPE_CHECKING:
    from student.inference.codes_network import CodesNetwork
    from student.networks.dveformer import DVEFormer

Frames = Iterable[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]
Progress = Callable[[int, int], None]

MODEL: Final = "model.onnx"
HEAD: Final = "head.npy"
_ENDS: Final = ("tmp", "old")

TOLERANCE: Final = {"fp32": 1e-3, "fp16": 3e-2, "int8": 0.5}
"""Largest relative RMS difference to torch at which a graph counts as right; int8 is measured, not proved."""


def export_student(
    student: DVEFormer,
    folder: str | Path,
    *,
    name: str,
    statistics: DepthStatistics,
    size: tuple[int, int] = (480, 640),
    stride: int = 4,
    text_encoder: str | None = None,
    precision: Precision = "fp32",
    calibration: Frames = (),
    checkpoint_sha256: str = "",
    progress: Progress | None = None,
) -> StudentFolder:
    """Write a student as a folder of `model.onnx`, `student.json` and, for codes with a head, `head.npy`.

    The folder appears whole, after ONNX Runtime has returned what torch returns; an earlier export is
    replaced.

    Parameters
    ----------
    student
        Trained; on the CPU.
    folder
        Where to.
    name
        Of the embedding space.
    statistics
        Of the depth that the network was trained on.
    size
        Height and width of the images, multiples of 32.
    stride
        Pixels a code (`student.inference.codes_network.CodesNetwork`).
    text_encoder
        Whose vectors compare with the embeddings.
    precision
        fp32 and fp16 use standard operations alone. int8 is for the CPU: it multiplies integers with an
        operation of ONNX Runtime, at full speed and accuracy where the processor has VNNI.
    calibration
        Frames of the given size, rgb (H, W, 3) uint8 and depth (H, W) float32 metres, from which int8 learns
        the range of every feature; also used to check the graph.
    checkpoint_sha256
        Of the file of the weights.
    progress
        Called with frames done and frames in all while int8 is calibrated.

    Returns
    -------
    StudentFolder

    Raises
    ------
    ValueError
        Size, stride or precision are not possible.
    EncoderError
        int8 without calibration, a folder that holds something else, or a graph that does not return what
        torch returns.
    """
    import torch

    from student.inference.codes_network import CodesNetwork
    from student.inference.onnx_graph import write_model
    from student.quantise import quantise

    if precision not in TOLERANCE:
        raise ValueError(f"precision must be one of {', '.join(TOLERANCE)}, got {precision!r}")
    frames = list(calibration)
    if precision == "int8" and not frames:
        raise EncoderError("int8 must be calibrated on real frames, got none")
    folder = Path(folder)
    check_target(folder)  # before minutes of work
    with torch.inference_mode():
        network = CodesNetwork(student, size, statistics, stride).eval()
        integers = quantise(network, frames, progress=progress) if precision == "int8" else None
        model = write_model(network, half=precision == "fp16", integers=integers)
        tests = frames[:1] or [sample_frame(size)]
        _check(network, model, tests, TOLERANCE[precision], folder)
    described = StudentFolder(
        name=name,
        size=size,
        stride=stride,
        code_dim=network.code_dim,
        embedding_dim=student.config.embedding_dim,
        text_encoder=text_encoder,
        code_scale=code_scale(student),
        statistics=FolderStatistics(name=statistics.name, mean=statistics.mean, std=statistics.std),
        precision=precision,
        model=MODEL,
        head=None if network.head is None else HEAD,
        checkpoint_sha256=checkpoint_sha256,
    )
    with _whole_folder(folder) as place:
        (place / MODEL).write_bytes(model.SerializeToString())
        if network.head is not None:
            np.save(place / HEAD, network.head)
        (place / FILE_NAME).write_text(described.model_dump_json(indent=2) + "\n", encoding="utf-8")
    return described


def check_target(folder: Path) -> None:
    """Raise unless a folder can be made, or replaced without the loss of anything but an earlier export.

    Raises
    ------
    EncoderError
        It is a file, or holds something else.
    """
    if not folder.exists():
        return
    if not folder.is_dir():
        raise EncoderError(f"{folder} is a file; choose another name for the exported student")
    strange = sorted(file.name for file in folder.iterdir() if file.name not in (FILE_NAME, MODEL, HEAD))
    if strange:
        raise EncoderError(f"{folder} holds {strange[0]}, which would be lost; choose another folder")


def _check(network: CodesNetwork, model: Any, frames: Frames, tolerance: float, folder: Path) -> None:
    """Run the graph on a frame and its mirror image, and compare with torch."""
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        rgb, depth = (np.stack([image, image[:, ::-1]]) for image in next(iter(frames)))
        got = session.run(["codes"], {"rgb": rgb, "depth": depth})[0].astype(np.float32)
    except Exception as error:  # ONNX Runtime raises its own types, which share no other base
        raise EncoderError(f"{folder}: ONNX Runtime cannot run the exported graph: {error}") from error
    wanted: npt.NDArray[np.float32] = network(torch.from_numpy(rgb), torch.from_numpy(depth)).float().numpy()
    difference = float(np.linalg.norm(got - wanted) / np.linalg.norm(wanted))
    if got.shape != wanted.shape or not difference < tolerance:
        raise EncoderError(
            f"{folder}: under ONNX Runtime {onnxruntime.__version__} the graph must return torch's codes "
            f"(relative RMS below {tolerance:g}), got {difference:.3g}; nothing was written"
        )


@contextmanager
def _whole_folder(folder: Path) -> Iterator[Path]:
    """Make or replace a folder only when all of it is written."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    temporary, old = (folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.{end}") for end in _ENDS)
    temporary.mkdir()
    try:
        yield temporary
        for path in temporary.iterdir():
            with path.open("rb") as written:
                os.fsync(written.fileno())
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
