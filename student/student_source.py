"""What a user names a student by: a file, a folder, or a name of the weights catalogue."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Final

from student.errors import EncoderError
from student.shipped import shipped
from student.student_folder import FILE_NAME

SUFFIXES: Final = (".pth", ".pt", ".safetensors", ".gz", ".tgz")


def find_source(source: str | Path) -> Path:
    """Return the checkpoint or the exported folder that is meant.

    Parameters
    ----------
    source
        A student that comes with the package (`home`; ./home is a folder), a checkpoint, a folder with
        student.json, or a name of the weights catalogue (`dvemap weights list`).

    Raises
    ------
    EncoderError
        It is none of these, or its weights are not in the cache; the message says how to get them.
    """
    if str(source) in (known := shipped()):
        return known[str(source)]
    path = Path(source)
    if path.is_dir():
        if (path / FILE_NAME).is_file():
            return path
        raise EncoderError(
            f"{path} is no encoder folder: it must hold {FILE_NAME}, as dvemap engine onnx writes it, or an "
            "ONNX network and encoder.json"
        )
    if path.is_file():
        return path
    name = str(source)
    if os.sep in name or name.lower().endswith(SUFFIXES):
        raise EncoderError(f"{name}: no such file or directory")
    return _find_weights(name)


def _find_weights(name: str) -> Path:
    from student import weights
    from student.checkpoints.kind import Kind

    known = [entry.name for entry in weights.CATALOGUE.values() if entry.kind is Kind.STUDENT]
    if name in known:
        found = weights.find(name)
        if found is None:
            raise EncoderError(
                f"the weights of {name} are not in {weights.weights_folder()}; fetch them with: dvemap "
                f"weights pull {name}, or take them from a file with: dvemap weights import FILE"
            )
        return found
    if name in weights.CATALOGUE:
        raise EncoderError(f"{name} is a {weights.CATALOGUE[name].kind.value}, no student")
    known = [*shipped(), *known]
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"the known ones are {', '.join(known)}"
    raise EncoderError(f"there is no checkpoint, exported folder or published student {name!r}; {hint}")
