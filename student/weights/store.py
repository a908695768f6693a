"""The folder of published weights on this computer.

Of each there is NAME.json, written last: it says which file belongs to the name, its size and its SHA-256, so
that what is half-written or was changed later never passes for the weights.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import pydantic
from pydantic import BaseModel, ConfigDict

from student.atomic_file import atomic_file
from student.checkpoints.file import file_ending, parse_checkpoint, read_checkpoint_bytes
from student.disk_cache import cache_folder, file_sha256
from student.errors import CheckpointError
from student.weights.catalogue import official
from student.weights.official import OfficialFile


class StoredFile(BaseModel):
    """What NAME.json says."""

    model_config = ConfigDict(frozen=True)

    name: str
    file: str
    bytes: int
    sha256: str
    source: str
    added: str

    @property
    def path(self) -> Path:
        """Where the weights lie."""
        return weights_folder() / self.file


def weights_folder() -> Path:
    """Return the folder of the weights, in the cache folder of dvemap."""
    return cache_folder() / "weights"


def stored(name: str) -> StoredFile | None:
    """Return what is known of weights that are here, without reading them; None if they are not.

    Raises
    ------
    ValueError
        No published file has that name.
    """
    entry = official(name)
    try:
        record = StoredFile.model_validate_json(_record(entry).read_bytes())
        complete = record.path.stat().st_size == record.bytes
    except (OSError, pydantic.ValidationError):
        return None
    return record if complete else None


def find(name: str) -> Path | None:
    """Return the weights of a published file, None if they are not here.

    They are compared with the SHA-256 that was recorded when they came; they are read for that once,
    and again only after the file was touched.

    Raises
    ------
    ValueError
        No published file has that name.
    CheckpointError
        The weights are not what they were.
    """
    record = stored(name)
    if record is None:
        return None
    found = file_sha256(record.path)
    if found != record.sha256:
        raise CheckpointError(
            f"{record.path} has changed since it came: its SHA-256 must be {record.sha256}, got {found}; "
            f"delete it and run `dvemap weights pull {name}` or `dvemap weights import`"
        )
    return record.path


def import_file(path: str | Path, *, name: str | None = None) -> StoredFile:
    """Copy a published file that was fetched by other means into the folder.

    Parameters
    ----------
    path
        The archive as it is published, or the file of weights in it.
    name
        Which one it is, where its content does not tell.

    Raises
    ------
    CheckpointError
        It is no published file, not the named one, or could be several.
    ValueError
        The name is unknown.
    OSError
        A file cannot be read or written.
    """
    entry = None if name is None else official(name)
    return store(Path(path), entry, source=str(Path(path).resolve()))


def store(path: Path, entry: OfficialFile | None, *, source: str) -> StoredFile:
    """Check a file of weights and copy it into the folder; it is read once.

    Parameters
    ----------
    path
        An archive or the file of weights itself.
    entry
        What it must be; None to recognise it.
    source
        Where it came from, for the record.

    Raises
    ------
    CheckpointError
        It is not what it must be.
    OSError
        A file cannot be read or written.
    """
    from student.weights.matching import check_content, match

    called, content = read_checkpoint_bytes(path)
    file = parse_checkpoint(called, content)
    if entry is None:
        entry = match(file)
    else:
        check_content(file, entry)
    sha256 = hashlib.sha256(content).hexdigest()
    if entry.sha256 not in (None, sha256):
        raise CheckpointError(f"{called} must have SHA-256 {entry.sha256} to be {entry.name}, got {sha256}")
    record = StoredFile(
        name=entry.name,
        file=f"{entry.name}-{sha256[:8]}{file_ending(content)}",
        bytes=len(content),
        sha256=sha256,
        source=source,
        added=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    before = stored(entry.name)
    record.path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(record.path) as temporary:
        temporary.write_bytes(content)
    with atomic_file(_record(entry)) as temporary:
        temporary.write_text(record.model_dump_json(indent=2) + "\n", encoding="utf-8")
    if before is not None and before.file != record.file:
        before.path.unlink(missing_ok=True)
    return record


def _record(entry: OfficialFile) -> Path:
    return weights_folder() / f"{entry.name}.json"
