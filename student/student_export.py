"""Checkpoints exported to ONNX folders, once for each way of running them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import numpy.typing as npt

from student.disk_cache import cache_folder
from student.errors import EncoderError
from student.export_options import ExportOptions as ExportOptions
from student.student_folder import EXPORTER, FILE_NAME, Precision
from student.trained_student import TrainedStudent

if TYPE_CHECKING:
    from student.checkpoints import Checkpoint

Images = Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]
"""Frames resized to the input size: rgb (H, W, 3) uint8 and depth (H, W) float32 metres."""

OFFICIAL_DIMENSION: Final = 768
OFFICIAL_SPACE: Final = "alphaclip-l14-336-grit-20m"
OFFICIAL_TEXT_ENCODER: Final = "openclip:ViT-L-14-336-quickgelu/openai"


def export_checkpoint(
    checkpoint: Path | TrainedStudent,
    folder: Path | None = None,
    options: ExportOptions | None = None,
    *,
    calibration: Images = (),
    note: Callable[[str], None] = lambda text: None,
) -> Path:
    """Export a checkpoint to an ONNX folder.

    Parameters
    ----------
    checkpoint
        The file, perhaps opened already.
    folder
        Where to; by default a place in the cache that belongs to the checkpoint and the options, where an
        earlier export is used again.
    options
        How it will be run; by default as its file says.
    calibration
        Frames that int8 is calibrated on.
    note
        Told what takes time.

    Returns
    -------
    The folder.

    Raises
    ------
    CheckpointError
        The file holds no student.
    EncoderError
        int8 without calibration, or a graph that does not return what torch returns.
    """
    trained = TrainedStudent(checkpoint) if isinstance(checkpoint, Path) else checkpoint
    options = options or trained.options()
    if options.precision == "int8" and not calibration:
        raise EncoderError(
            "int8 must be calibrated on real frames; export it with: dvemap engine onnx CHECKPOINT -o FOLDER "
            "--precision int8 --calibrate SEQUENCE, and give the folder as encoder"
        )
    target = folder or _cached(trained, options)
    if folder is None and (target / FILE_NAME).is_file():
        return target
    from student.onnx_export import export_student

    opened, sha256 = trained.checkpoint, trained.sha256
    note(f"exporting {trained.path.name} to ONNX, once; it is kept in {target}")
    export_student(
        opened.build(),
        target,
        size=options.size,
        statistics=options.depth,
        stride=options.stride,
        name=space_name(opened, sha256),
        text_encoder=text_encoder_of(opened),
        precision=cast(Precision, options.precision),
        calibration=calibration,
        checkpoint_sha256=sha256,
    )
    return target


def space_name(checkpoint: Checkpoint, sha256: str) -> str:
    """Name the space of a checkpoint's codes.

    Codes of a linear head mean something to that head alone, so the name holds the checkpoint's hash. Codes
    that are embeddings lie in the space that the network was trained for.
    """
    config = checkpoint.config
    if config.linear_head:
        return f"{checkpoint.variant or 'student'}-{sha256[:8]}"
    official = OFFICIAL_SPACE if config.embedding_dim == OFFICIAL_DIMENSION else f"student-{sha256[:8]}"
    return checkpoint.metadata.get("space", official)


def text_encoder_of(checkpoint: Checkpoint) -> str | None:
    """Return the text encoder of a checkpoint's embeddings, None where it has none that is known."""
    official = OFFICIAL_TEXT_ENCODER if checkpoint.config.embedding_dim == OFFICIAL_DIMENSION else None
    return checkpoint.metadata.get("text_encoder", official)


def _cached(trained: TrainedStudent, options: ExportOptions) -> Path:
    parts = {
        "checkpoint": trained.sha256,
        **asdict(options),
        "statistics": asdict(options.depth),
        "official": [OFFICIAL_SPACE, OFFICIAL_TEXT_ENCODER],
        "exporter": EXPORTER,
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    height, width = options.size
    return cache_folder() / "engines" / f"onnx-{options.precision}-{height}x{width}-{key}"
