"""Text files that may turn out to be something else."""

from __future__ import annotations

from pathlib import Path

from sequences.errors import SequenceError


def read_text(path: Path) -> str:
    """Read a text file.

    Raises
    ------
    SequenceError
        If it is not UTF-8 text: a binary or compressed file under this name.
    OSError
        If it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise SequenceError(
            f"{path}: expected UTF-8 text, got byte {error.object[error.start]:#04x} at position "
            f"{error.start}; is it compressed, or another file under this name?"
        ) from error
