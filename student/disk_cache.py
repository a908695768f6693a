"""Arrays kept on disk because making them again is slow."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import platformdirs

_HASH_BYTES: Final = 32


class DiskCache:
    """Arrays by key, one checksummed file each.

    Losing an entry costs time and nothing else: what is missing, damaged or unreadable is a miss, and a cache
    that cannot be written stays as it is. Several processes may share a folder.

    Parameters
    ----------
    folder
        Made when the first array is stored.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, key: str) -> npt.NDArray[Any] | None:
        """Return the array stored under `key`, or None."""
        try:
            content = self._path(key).read_bytes()
            if hashlib.sha256(content[_HASH_BYTES:]).digest() != content[:_HASH_BYTES]:
                return None
            array: npt.NDArray[Any] = np.load(io.BytesIO(content[_HASH_BYTES:]), allow_pickle=False)
        except (OSError, ValueError):
            return None
        return array

    def put(self, key: str, array: npt.NDArray[Any]) -> None:
        """Store an array; readers see all of it or nothing."""
        buffer = io.BytesIO()
        np.save(buffer, array, allow_pickle=False)
        content = buffer.getvalue()
        path = self._path(key)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.tmp")
        with suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                temporary.write_bytes(hashlib.sha256(content).digest() + content)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)

    def _path(self, key: str) -> Path:
        name = hashlib.sha256(key.encode()).hexdigest()
        return self.folder / name[:2] / name[2:40]


def cache_folder() -> Path:
    """Return the user's cache folder of dvemap; the environment variable DVEMAP_CACHE overrides it."""
    chosen = os.environ.get("DVEMAP_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("dvemap")


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file; it is read once for each version of the file.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    path = path.resolve()
    stat = path.stat()
    version = f"{path} {stat.st_size} {stat.st_mtime_ns} {stat.st_ctime_ns} {stat.st_ino}"
    cache = DiskCache(cache_folder() / "hashes")
    known = cache.get(version)
    if known is None:
        with path.open("rb") as file:
            known = np.frombuffer(hashlib.file_digest(file, "sha256").digest(), np.uint8)
        cache.put(version, known)
    return known.tobytes().hex()
