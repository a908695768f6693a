"""What can be wrong with a sequence, and with one of its frames."""

from __future__ import annotations

from typing import Literal


class SequenceError(ValueError):
    """A sequence that cannot be used as given; the message names the file, the rule and the fix."""


class FrameError(SequenceError):
    """One frame that cannot be used, while its neighbours may be fine.

    Parameters
    ----------
    message : str
        What is wrong, with the file it lies in.
    kind : {"image", "pose"}
        "image": a file is missing, damaged or of the wrong type. "pose": the frame was recorded, but its
        pose is not finite or not rigid, as where tracking was lost.
    number : int or None
        Frame number in the source, where known.
    """

    def __init__(
        self, message: str, *, kind: Literal["image", "pose"] = "image", number: int | None = None
    ) -> None:
        super().__init__(message)
        self.kind: Literal["image", "pose"] = kind
        self.number = number
