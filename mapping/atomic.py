"""Files that appear whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

_HOST = re.sub(r"\W", "_", socket.gethostname())


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a file that replaces `path` only when all of it is on the disk.

    The bytes go to a hidden file in the same folder, which is synced and then renamed. Whatever goes wrong
    before the rename (a full disk, an exception, Ctrl-C), that file is removed and the old `path` stays as it
    was. What a killed process left behind is removed by the next write to the same path on the same host.

    Parameters
    ----------
    path
        The file to make or replace. A symbolic link is followed.

    Yields
    ------
    BinaryIO
        The hidden file, open for writing and seeking.

    Raises
    ------
    OSError
        As the system reports it; it names `path` where the system named no file. A folder, a device or a pipe
        is refused before anything is written.
    """
    path = path.resolve()
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if path.exists() and not path.is_file():
        raise FileExistsError(errno.EEXIST, "exists and is no regular file", str(path))
    _remove_leftovers(path)
    temporary = path.with_name(f".{path.name}.{_HOST}-{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename is None:
            error.filename = str(path)
        raise
    _sync_folder(path.parent)


def _remove_leftovers(path: Path) -> None:
    """Delete hidden files of earlier writes to `path` whose process on this host is dead."""
    pattern = re.compile(re.escape(f".{path.name}.{_HOST}-") + r"(\d+)-[0-9a-f]{8}\.tmp")
    for sibling in path.parent.iterdir():
        found = pattern.fullmatch(sibling.name)
        if found and not _is_alive(int(found[1])):
            sibling.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    if os.name == "nt":  # where signal 0 is Ctrl-C
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # it exists and belongs to somebody else
        return True
    return True


def _sync_folder(folder: Path) -> None:
    """Make a rename durable; file systems that cannot sync a folder are left alone."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
