"""Fetching published weights: resumable, checked before they count, safe against a second process."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from student.errors import CheckpointError
from student.weights.catalogue import official
from student.weights.official import OfficialFile
from student.weights.store import StoredFile, find, store, stored, weights_folder

Progress = Callable[[int, int | None], None]

TIMEOUT: Final = (20.0, 60.0)
"""Seconds to wait for a connection, and for the next bytes."""

RETRIES: Final = 4
"""Fresh connections within one download, each of which goes on where the last one broke."""


def pull(name: str, *, url: str | None = None, progress: Progress | None = None) -> StoredFile:
    """Fetch a published file, unless it is here.

    What was fetched before an interruption is kept and gone on from. The file is checked, key by key, before
    it counts. A second process that pulls the same file waits for the first.

    Parameters
    ----------
    name
        From the catalogue.
    url
        An http(s) address of the same archive, or of the file of weights in it; by default it comes from
        where its authors publish it.
    progress
        Called with the bytes here and the bytes in all, None while they are unknown.

    Raises
    ------
    ValueError
        The name is unknown or the url is none.
    CheckpointError
        What came is not the published file, or nothing came, or the file must be fetched by hand.
    OSError
        The folder cannot be written.
    """
    from filelock import FileLock

    entry = official(name)
    if url is not None and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc):
        raise ValueError(f"url must begin with http:// or https:// and name a host, got {url!r}")
    source = entry.source if url is None else url
    weights_folder().mkdir(parents=True, exist_ok=True)
    with FileLock(weights_folder() / f"{name}.lock"):
        here = _intact(name)
        if here is not None:
            return here
        if entry.by_hand and url is None:
            raise CheckpointError(
                f"{name} has no address of its own: fetch {entry.member} with a browser from {entry.source} "
                "and run `dvemap weights import FILE`"
            )
        partial = weights_folder() / "partial" / name / hashlib.sha256(source.encode()).hexdigest()[:12]
        partial.mkdir(parents=True, exist_ok=True)
        resumed = any(partial.iterdir())
        try:
            record = _fetch(entry, source, partial, progress)
        except CheckpointError:
            if not resumed or any(partial.iterdir()):
                raise
            # The pieces did not fit: the server's file was replaced meanwhile. Once more, from the beginning.
            record = _fetch(entry, source, partial, progress)
        shutil.rmtree(partial.parent, ignore_errors=True)
        return record


def _intact(name: str) -> StoredFile | None:
    try:
        return stored(name) if find(name) is not None else None
    except CheckpointError:  # changed: fetch it again
        return None


def _fetch(entry: OfficialFile, source: str, partial: Path, progress: Progress | None) -> StoredFile:
    """Download into a folder, check, store; what is complete, right or wrong, does not stay in the folder."""
    whole = partial / "download"
    _download(source, whole, progress)
    try:
        return store(whole, entry, source=source)
    except CheckpointError as error:
        raise CheckpointError(f"{source} gave no {entry.name}: {error}") from error
    finally:
        whole.unlink(missing_ok=True)


def _download(source: str, path: Path, progress: Progress | None) -> None:
    """Download a file, going on from what is there of it.

    gdown fetches from Google Drive, through its pages that ask for confirmation, and from any other server.
    """
    import gdown
    import requests
    from gdown.exceptions import DownloadError, FileURLRetrievalError

    def fetch() -> None:
        gdown.download(
            url=source,
            output=str(path),
            quiet=True,
            use_cookies=False,
            resume=True,
            progress=progress,
            timeout=TIMEOUT,
            retries=RETRIES,
        )

    try:
        try:
            fetch()
        except DownloadError as error:
            if "byte range" not in str(error):
                raise
            shutil.rmtree(path.parent)  # this server cannot go on, only begin
            path.parent.mkdir()
            fetch()
    except FileURLRetrievalError as error:
        reason = " ".join(str(error).split())
        raise CheckpointError(
            f"{source} gave no file: {reason} If it is over its quota, try again in a day, or fetch it with "
            "a browser and run `dvemap weights import FILE`"
        ) from error
    except (DownloadError, requests.RequestException) as error:
        kept = (
            "; what came is kept, the same command goes on from there" if any(path.parent.iterdir()) else ""
        )
        raise CheckpointError(f"{source} could not be fetched: {_reason(error)}{kept}") from error


def _reason(error: Exception) -> str:
    """Return what the system said, where a connection failed, else the first line of an error."""
    root: BaseException = error
    while root.__cause__ or root.__context__:
        root = root.__cause__ or root.__context__ or root
    if isinstance(root, OSError) and root.strerror:
        return f"no connection ({root.strerror})"
    return str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
