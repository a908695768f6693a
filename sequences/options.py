"""How a sequence is to be read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sequences.camera import POSE_CONVENTIONS, IntrinsicsLike
from sequences.errors import SequenceError


@dataclass(frozen=True, slots=True)
class Options:
    """How a source is to be read; None = as its format says. See `sequences.open_sequence`."""

    start: int = 0
    stop: int | None = None
    stride: int = 1
    depth_scale: float | None = None
    intrinsics: IntrinsicsLike | None = None
    pose_convention: str | None = None
    labels: bool = False
    depth_folder: str = "depth"
    pose_folder: str | None = None
    max_time_difference: float = 0.02
    depth_optional: bool = False

    def __post_init__(self) -> None:
        if self.start < 0:
            raise ValueError(f"start must be >= 0, got {self.start}")
        if self.stop is not None and self.stop < 0:
            raise ValueError(f"stop must be >= 0, got {self.stop}")
        if self.stride < 1:
            raise ValueError(f"stride must be >= 1, got {self.stride}")
        if self.depth_scale is not None and not 0 < self.depth_scale < float("inf"):
            raise ValueError(f"depth_scale must be > 0 units per metre, got {self.depth_scale}")
        if self.pose_convention is not None and self.pose_convention not in POSE_CONVENTIONS:
            raise ValueError(
                f"pose_convention must be one of {', '.join(POSE_CONVENTIONS)}, got {self.pose_convention!r}"
            )
        if not self.max_time_difference >= 0:
            raise ValueError(f"max_time_difference must be >= 0 s, got {self.max_time_difference}")

    def select(self, count: int, path: Path) -> range:
        """Positions of the frames to use out of `count`; raises SequenceError if there are none."""
        chosen = range(self.start, count if self.stop is None else min(self.stop, count), self.stride)
        if not chosen:
            stop = "the end" if self.stop is None else self.stop
            raise SequenceError(
                f"{path}: no frames from {self.start} to {stop}; the sequence has {count} frames"
            )
        return chosen
