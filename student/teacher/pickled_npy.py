"""The one file of the NICR layout that is pickled: text embeddings, a dict of dicts of vectors in a `.npy`.

A pickle is a program. This reader runs none of it: of all names that a pickle may ask for, it knows the three
that NumPy's arrays are made of, and those it answers with classes of its own, which do nothing but keep what
they are given. What is not a dict of dicts of float vectors in the end is refused.
"""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from student.atomic_file import atomic_file
from student.teacher.errors import TeacherError

Texts = dict[str, npt.NDArray[np.float32]]
"""Prompts and their embeddings (D,), of any length."""

_FLOATS: Final = ("f2", "f4", "f8")
_MAGIC: Final = b"\x93NUMPY"


def read_text_tables(path: str | Path) -> dict[str, Texts]:
    """Read `{table: {prompt: vector}}` as `numpy.save` pickles it.

    Raises
    ------
    TeacherError
        The file holds anything else, or is damaged.
    OSError
        The file cannot be read.
    """
    content = Path(path).read_bytes()
    try:
        tables = _Reader(io.BytesIO(_pickle_of(content))).load().only_entry()
        return {_text(name): _texts(table) for name, table in tables.items()}
    except Exception as error:  # a damaged pickle fails in any way
        reason = error if isinstance(error, pickle.UnpicklingError | ValueError) else "something else"
        raise TeacherError(
            f"{path}: expected text embeddings, a pickled dict of dicts of float vectors, got {reason}; let "
            "the teacher write it again"
        ) from error


def write_text_tables(path: Path, tables: dict[str, Texts]) -> None:
    """Write tables as `numpy.save` pickles them, whole or not at all; its folder exists."""
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.save(file, np.array(tables, dtype=object), allow_pickle=True)


class _Dtype:
    """Stands for `numpy.dtype` in a pickle."""

    def __init__(self, name: str, *_: Any) -> None:
        self.name, self.order = name, "="

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self.order = state[1]


class _Array:
    """Stands for `numpy.ndarray` in a pickle."""

    def __init__(self, *_: Any) -> None:
        self.shape: tuple[int, ...] = ()
        self.dtype = _Dtype("")
        self.content: Any = None

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        _, self.shape, self.dtype, _, self.content = state

    def only_entry(self) -> Any:
        """Return what an array () of one object holds."""
        if self.shape != () or not isinstance(self.content, list) or len(self.content) != 1:
            raise ValueError("an array of several objects")
        return self.content[0]

    def vector(self) -> npt.NDArray[np.float32]:
        """Return an array (D,) or (1, D) of floats."""
        if self.dtype.name not in _FLOATS or self.dtype.order not in ("<", ">"):
            raise ValueError(f"an array of {self.dtype.order}{self.dtype.name}")
        values = np.frombuffer(self.content, self.dtype.order + self.dtype.name)
        if self.shape not in ((len(values),), (1, len(values))):
            raise ValueError(f"{len(values)} numbers for an array {self.shape}")
        return values.astype(np.float32)


class _Reader(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Answer the names that NumPy's arrays are pickled with."""
        known = {
            ("numpy", "dtype"): _Dtype,
            ("numpy", "ndarray"): _Array,
            ("numpy._core.multiarray", "_reconstruct"): _Array,
            ("numpy.core.multiarray", "_reconstruct"): _Array,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"{module}.{name}, which only code could load")
        return known[module, name]


def _pickle_of(content: bytes) -> bytes:
    """Return what follows the header of a `.npy` file of objects."""
    if not content.startswith(_MAGIC):
        raise ValueError("another kind of file")
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    if header(file)[2] != np.dtype(object):
        raise ValueError("an array of numbers")
    return file.read()


def _texts(table: dict[Any, Any]) -> Texts:
    return {_text(prompt): array.vector() for prompt, array in table.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"a key that is a {type(value).__name__}")
    return value
