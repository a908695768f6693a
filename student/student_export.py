"""Checkpoints exported to ONNX folders, once for each way of running them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import numpy as np
import numpy.typing as npt

from student.disk_cache import cache_folder, file_sha256
from student.errors import EncoderError
from student.preprocessing import Preprocessing, depth_statistics
from student.student_folder import EXPORTER, FILE_NAME, Precision

if TYPE_CHECKING:
    from student.checkpoints import Checkpoint

Images = Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]
"""Frames resized to the input size: rgb (H, W, 3) uint8 and depth (H, W) float32 metres."""

PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "fp16", "int8")
OFFICIAL_DIMENSION: Final = 768
OFFICIAL_SPACE: Final = "alphaclip-l14-336-grit-20m"
OFFICIAL_TEXT_ENCODER: Final = "openclip:ViT-L-14-336-quickgelu/openai"


@dataclass(frozen=True)
class ExportOptions:
    """How a checkpoint is run.

    Attributes
    ----------
    size : tuple of int
        Height and width that the network sees, multiples of 32.
    statistics : str
        Name of what depth is normalised with.
    precision : str
        fp32, fp16 or int8; int8 is calibrated on real frames.
    stride : int
        Pixels a code.

    Raises
    ------
    ValueError
        A value is not possible.
    """

    size: tuple[int, int] = (480, 640)
    statistics: str = "nyuv2"
    precision: str = "fp32"
    stride: int = 4

    def __post_init__(self) -> None:
        """Check once, where options are made."""
        Preprocessing(self.size)
        depth_statistics(self.statistics)
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"precision of an ONNX graph must be one of {', '.join(PRECISIONS)}, got {self.precision!r}"
            )


def export_checkpoint(
    checkpoint: Path,
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
        The file.
    folder
        Where to; by default a place in the cache that belongs to the checkpoint and the options, where an
        earlier export is used again.
    options
        How it will be run.
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
    options = options or ExportOptions()
    if options.precision == "int8" and not calibration:
        raise EncoderError(
            "int8 must be calibrated on real frames; export it with: dvemap engine onnx CHECKPOINT -o FOLDER "
            "--precision int8 --calibrate SEQUENCE, and give the folder as encoder"
        )
    target = folder or _cached(checkpoint, options)
    if folder is None and (target / FILE_NAME).is_file():
        return target
    from student.checkpoints import read_checkpoint
    from student.onnx_export import export_student

    opened = read_checkpoint(checkpoint)
    note(f"exporting {checkpoint.name} to ONNX, once; it is kept in {target}")
    sha256 = file_sha256(checkpoint)
    export_student(
        opened.build(),
        target,
        size=options.size,
        statistics=depth_statistics(options.statistics),
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


def _cached(checkpoint: Path, options: ExportOptions) -> Path:
    parts = {
        "checkpoint": file_sha256(checkpoint),
        **asdict(options),
        "statistics": asdict(depth_statistics(options.statistics)),
        "official": [OFFICIAL_SPACE, OFFICIAL_TEXT_ENCODER],
        "exporter": EXPORTER,
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]
    height, width = options.size
    return cache_folder() / "engines" / f"onnx-{options.precision}-{height}x{width}-{key}"
