"""Which files were verified before, so that a query does not read two gigabytes to hash them again."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path

import platformdirs

from mapping.atomic import atomic_write


def is_verified(path: Path, stat: os.stat_result, header_sha256: str) -> bool:
    """Return whether exactly this version of the file was verified, or written by us."""
    try:
        return bool(json.loads(_record(path).read_text()) == _version(stat, header_sha256))
    except (OSError, ValueError):
        return False


def remember_verified(path: Path, stat: os.stat_result, header_sha256: str) -> None:
    """Note that this version of the file is intact. A cache that cannot be written is no error."""
    record = _record(path)
    with suppress(OSError):
        record.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write(record) as file:
            file.write(json.dumps(_version(stat, header_sha256)).encode())


def _version(stat: os.stat_result, header_sha256: str) -> dict[str, int | str]:
    """Any write changes one of these; st_ctime_ns even where a tool sets the modification time back."""
    return {
        "size": stat.st_size,
        "modified": stat.st_mtime_ns,
        "changed": stat.st_ctime_ns,
        "inode": stat.st_ino,
        "device": stat.st_dev,
        "header_sha256": header_sha256,
    }


def _record(path: Path) -> Path:
    name = hashlib.sha256(os.fsencode(path.resolve())).hexdigest()
    return cache_folder() / "verified" / f"{name[:32]}.json"


def cache_folder() -> Path:
    """Return the user's cache folder of dvemap; the environment variable DVEMAP_CACHE overrides it."""
    chosen = os.environ.get("DVEMAP_CACHE")
    return Path(chosen) if chosen else platformdirs.user_cache_path("dvemap")
