"""The published weights that dvemap knows by name: one list a project, put together."""

from __future__ import annotations

import difflib
from typing import Final

from student.shipped import shipped
from student.weights import depth_files, dformer_files, dveformer_files
from student.weights.official import OfficialFile

EMBEDDING_DIM: Final = 768

CATALOGUE: Final[dict[str, OfficialFile]] = {
    file.name: file for file in (*dveformer_files.FILES, *dformer_files.FILES, *depth_files.FILES)
}


def official(name: str) -> OfficialFile:
    """Return a published file by its name.

    Raises
    ------
    ValueError
        There is none of that name; the message says what was probably meant.
    """
    if name in shipped():
        raise ValueError(f"{name} comes with dvemap: there is nothing to fetch or import; use it by its name")
    if name not in CATALOGUE:
        near = difflib.get_close_matches(name, CATALOGUE, n=1, cutoff=0.5)
        hint = f", did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"no published weights {name!r}{hint}; `dvemap weights list` names them all")
    return CATALOGUE[name]
