"""Output paths, checked before the work whose result they are to hold."""

import os
from pathlib import Path


def check_output(path: Path | None, *endings: str) -> None:
    """Raise if a file cannot be written at a path.

    Parameters
    ----------
    path : Path or None
        The file to make or replace; None passes.
    *endings : str
        Allowed file name endings; any, if none is given.

    Raises
    ------
    ValueError
        If the path is a folder, its folder is missing or closed, or its ending does not fit.
    """
    if path is None:
        return
    if path.is_dir():
        raise ValueError(f"{path}: expected a file to write, got a folder; name a file in it")
    if not path.parent.is_dir():
        raise ValueError(f"{path}: there is no folder {path.parent}; make it first or write elsewhere")
    if not os.access(path.parent, os.W_OK):
        raise ValueError(f"{path}: the folder {path.parent} is not writable; write elsewhere")
    if endings and path.suffix.lower() not in endings:
        raise ValueError(f"{path}: expected a name ending in {' or '.join(endings)}")


def check_picture(path: Path | None) -> None:
    """Raise if a picture cannot be written at a path; see `check_output`."""
    check_output(path, ".png", ".jpg")
