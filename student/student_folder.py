"""student.json: what an exported student is, beside its ONNX graph and head."""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import pydantic
from pydantic import BaseModel, ConfigDict, Field

from student.errors import EncoderError

FILE_NAME: Final = "student.json"
EXPORTER: Final = 1
"""Version of the exporter: graphs of another one are exported again."""

Precision = Literal["fp32", "fp16", "int8"]


class FolderStatistics(BaseModel):
    """What depth is normalised with, inside the graph."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="data set")
    mean: float = Field(description="metres")
    std: float = Field(gt=0, description="metres")


class StudentFolder(BaseModel):
    """What student.json holds.

    The graph takes `rgb` (N, H, W, 3) uint8 and `depth` (N, H, W) float32 metres, 0 where there is none, and
    returns `codes` (N, H / stride, W / stride, C) float16.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    name: str = Field(min_length=1, description="name of the embedding space; maps of one name can be merged")
    size: tuple[int, int] = Field(description="height and width of the images, pixels")
    stride: int = Field(ge=1, description="pixels a code")
    code_dim: int = Field(ge=1, description="numbers of a code, C")
    embedding_dim: int = Field(ge=1, description="numbers of an embedding, D")
    text_encoder: str | None = Field(default=None, description="text encoder whose vectors compare")
    code_scale: float = Field(default=65536.0, gt=0, description="fixed-point steps of 1.0 in a sum of codes")
    statistics: FolderStatistics
    precision: Precision = Field(description="of weights and features")
    model: str = Field(default="model.onnx", description="file in this folder")
    head: str | None = Field(
        default=None, description="npy file in this folder: (D, C) float32; none: codes are unit embeddings"
    )
    checkpoint_sha256: str = Field(default="", description="of the file that the weights came from")
    exporter: int = Field(default=EXPORTER, description="version of the exporter")


def read_student_folder(path: str | Path) -> StudentFolder:
    """Read the student.json of a folder.

    Raises
    ------
    EncoderError
        There is none, it is wrong, or another version of the exporter wrote it.
    """
    file = Path(path) / FILE_NAME
    try:
        content = file.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise EncoderError(
            f"{path} is no exported student: it must hold {FILE_NAME} and an ONNX graph; make it with: "
            "dvemap engine onnx"
        ) from None
    try:
        folder = StudentFolder.model_validate_json(content)
    except pydantic.ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'content'}: {fault['msg']}" for fault in error.errors()
        )
        raise EncoderError(f"{file}: {faults}; export the student again with: dvemap engine onnx") from None
    if folder.exporter != EXPORTER:
        raise EncoderError(
            f"{file} was written by version {folder.exporter} of the exporter, this is version {EXPORTER}; "
            "export the student again with: dvemap engine onnx"
        )
    return folder


def read_head(path: str | Path, folder: StudentFolder) -> npt.NDArray[np.float32] | None:
    """Read the matrix A that turns codes into embeddings, embedding = A @ code.

    Returns
    -------
    (D, C) float32; None where codes are embeddings.

    Raises
    ------
    EncoderError
        The file is missing or is no such matrix.
    """
    if folder.head is None:
        return None
    file = Path(path) / folder.head
    try:
        head = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise EncoderError(
            f"{file} is no readable npy file ({error}); export the student again with: dvemap engine onnx"
        ) from None
    wanted = (folder.embedding_dim, folder.code_dim)
    if head.shape != wanted or head.dtype != np.float32 or not np.isfinite(head).all():
        raise EncoderError(f"{file} must be {wanted} finite float32, got {head.shape} {head.dtype}")
    return np.ascontiguousarray(head)
