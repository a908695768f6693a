"""How a checkpoint is run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from student.preprocessing import DepthStatistics, Preprocessing, depth_statistics
from student.student_folder import Precision

PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class ExportOptions:
    """How a checkpoint is run.

    Attributes
    ----------
    size : tuple of int
        Height and width that the network sees, multiples of 32.
    statistics : str or DepthStatistics
        What depth is normalised with, or its name.
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
    statistics: str | DepthStatistics = "nyuv2"
    precision: str = "fp32"
    stride: int = 4

    def __post_init__(self) -> None:
        """Check once, where options are made."""
        Preprocessing(self.size)
        _ = self.depth
        if self.precision not in PRECISIONS:
            raise ValueError(
                f"precision of an ONNX graph must be one of {', '.join(PRECISIONS)}, got {self.precision!r}"
            )

    @property
    def depth(self) -> DepthStatistics:
        """What depth is normalised with."""
        named = self.statistics
        return named if isinstance(named, DepthStatistics) else depth_statistics(named)
