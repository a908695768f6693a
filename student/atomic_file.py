"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_file(path: Path) -> Iterator[Path]:
    """Make or replace a file only when all of it is on the disk.

    Parameters
    ----------
    path
        The file; its folder exists.

    Yields
    ------
    Path
        Where to write: a hidden file in the same folder, synced and renamed to `path` when the block ends,
        removed if it fails.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        with temporary.open("rb") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
