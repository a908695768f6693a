"""A published file: where it is, what must be in it, under which terms."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from student.checkpoints.kind import Kind

DRIVE: Final = "https://drive.google.com/uc?id="
"""What stands before the id of a file on Google Drive."""


@dataclass(frozen=True, slots=True)
class Licence:
    """The terms of some weights.

    Attributes
    ----------
    name : str
        As SPDX calls it; "none stated" where their authors say nothing.
    text : str
        A line about it.
    homepage : str
        Of the project.
    """

    name: str
    text: str
    homepage: str


@dataclass(frozen=True, slots=True)
class OfficialFile:
    """A published file.

    Attributes
    ----------
    name : str
        What users call it.
    what : str
        One line about it.
    kind : Kind
    variant : str or None
        The network that it is, or whose embeddings it reads.
    source : str
        Address of the file of weights, or of an archive with it; `by_hand` of the folder that it lies in.
    member : str
        The file of weights: its path in the archive, or its own name.
    licence : Licence
    classes : int or None
        Of a probe or a segmentation network.
    max_depth : float or None
        The farthest that a metric depth network can say, metres.
    sha256 : str or None
        Of the file of weights, where it is known.
    by_hand : bool
        Whether the file has no address of its own, so that people fetch it with a browser.
    """

    name: str
    what: str
    kind: Kind
    variant: str | None
    source: str
    member: str
    licence: Licence
    classes: int | None = None
    max_depth: float | None = None
    sha256: str | None = None
    by_hand: bool = False

    @property
    def drive_id(self) -> str | None:
        """The id on Google Drive; None where it is published elsewhere."""
        return self.source.removeprefix(DRIVE) if self.source.startswith(DRIVE) else None
