"""Where teachers' files lie: the layout of the NICR packages, so that their tools and ours read both's.

    <root>/<split>/panoptic_<spectrum>_embedding_<estimator>/<sample>.npz     key = panoptic id, value (1, D)
    <root>/<split>/image_embedding_<estimator>/<sample>.npz                   key arr_0, value (1, D)
    <root>/auxiliary_meta/semantic_class_name_embeddings.npy                  pickled, see `pickled_npy`

Vectors are float32 and keep the length that the network gave them.
"""

from __future__ import annotations

import io
import json
import shutil
import time
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from student.atomic_file import atomic_file
from student.teacher.errors import TeacherError
from student.teacher.pickled_npy import Texts, read_text_tables, write_text_tables
from student.teacher.teacher import SegmentEmbeddings

META_FOLDER: Final = "auxiliary_meta"
TEXTS_FILE: Final = f"{META_FOLDER}/semantic_class_name_embeddings.npy"
PROMPT: Final = "a detailed photo of a {}"
"""What class names are embedded in; the NICR tools look vectors up by the whole prompt."""

_WRITING: Final = 60.0  # seconds that no file takes to be written
_AGAIN: Final = "remove it and let the teacher write it again"


@dataclass(frozen=True, slots=True)
class AuxiliaryFolder:
    """The files of one teacher for one split of a data set.

    Attributes
    ----------
    root : Path
        Of the data set.
    split : str
        Folder in it.
    spectrum : str
        Number of classes that the segments are made from, or "None" where a data set comes with one only.
    estimator : str
        The teacher.
    """

    root: Path
    split: str
    spectrum: str
    estimator: str

    @property
    def table(self) -> str:
        """Name of its table in the file of text embeddings."""
        return f"semantic_{self.spectrum}_embedding_{self.estimator}"

    def segments_file(self, name: str) -> Path:
        """Return where the embeddings of a sample's segments are."""
        return self._file(f"panoptic_{self.spectrum}_embedding_{self.estimator}", name)

    def image_file(self, name: str) -> Path:
        """Return where the embedding of a whole sample is."""
        return self._file(f"image_embedding_{self.estimator}", name)

    def has(self, name: str) -> bool:
        """Say whether a sample is finished."""
        return self.segments_file(name).is_file() and self.image_file(name).is_file()

    def write(self, name: str, embeddings: SegmentEmbeddings) -> None:
        """Write the files of a sample, each whole or not at all."""
        segments = {str(segment): vector[None] for segment, vector in embeddings.segments.items()}
        _write_npz(self.segments_file(name), segments)
        _write_npz(self.image_file(name), {"arr_0": embeddings.image[None]})

    def read(self, name: str) -> SegmentEmbeddings:
        """Read the files of a sample.

        Raises
        ------
        TeacherError
            A file is missing, damaged or holds something else.
        """
        image_file, segments_file = self.image_file(name), self.segments_file(name)
        image = _read_npz(image_file).get("arr_0")
        if image is None:
            raise TeacherError(f"{image_file}: expected an array arr_0, got none; {_AGAIN}")
        segments = {}
        for key, vector in _read_npz(segments_file).items():
            if not key.isdecimal() or vector.shape != image.shape:
                raise TeacherError(
                    f"{segments_file}: expected panoptic ids with vectors of {len(image)} numbers, got "
                    f"{key!r} with {len(vector)}; {_AGAIN}"
                )
            segments[int(key)] = vector
        return SegmentEmbeddings(image, segments)

    def write_texts(self, texts: Texts) -> None:
        """Add embeddings of texts to its table; other tables stay as they are."""
        file = self.root / TEXTS_FILE
        file.parent.mkdir(parents=True, exist_ok=True)
        tables = read_text_tables(file) if file.is_file() else {}
        tables[self.table] = tables.get(self.table, {}) | texts
        write_text_tables(file, tables)

    def read_texts(self) -> Texts:
        """Read the embeddings of texts, by prompt.

        Raises
        ------
        TeacherError
            The file is missing, damaged or has no such table.
        """
        file = self.root / TEXTS_FILE
        if not file.is_file():
            raise TeacherError(f"{file}: no such file; let the teacher write it with `dvemap teach`")
        tables = read_text_tables(file)
        if self.table not in tables:
            raise TeacherError(f"{file}: has no table {self.table}, only {', '.join(tables) or 'none'}")
        return tables[self.table]

    def remove_remains(self) -> None:
        """Remove what a run that was killed had begun to write; what is being written now is let be."""
        for file in (self.segments_file(""), self.image_file("")):
            for remain in file.parent.rglob(".*.npz.*.tmp"):
                with suppress(FileNotFoundError):
                    if time.time() - remain.stat().st_mtime > _WRITING:
                        remain.unlink()

    def check_identity(self, identity: Mapping[str, str]) -> None:
        """Raise TeacherError where an earlier run wrote this folder with another teacher of its name."""
        changed = self._changed(identity)
        if changed:
            raise TeacherError(
                f"{self.segments_file('').parent}: holds embeddings of {self.estimator} with another "
                f"{' and '.join(changed)}; write all of them again with --overwrite, or remove the folder"
            )

    def make_room(self, identity: Mapping[str, str], names: Iterable[str]) -> None:
        """Remove the files of samples; where they are another teacher's, those of all samples."""
        if self._changed(identity):
            for file in (self.segments_file(""), self.image_file("")):
                shutil.rmtree(file.parent, ignore_errors=True)
        for name in names:
            self.segments_file(name).unlink(missing_ok=True)
            self.image_file(name).unlink(missing_ok=True)

    def write_identity(self, identity: Mapping[str, str]) -> None:
        """Note what teacher writes this folder."""
        self._identity_file.parent.mkdir(parents=True, exist_ok=True)
        with atomic_file(self._identity_file) as temporary:
            temporary.write_text(json.dumps(dict(identity), indent=2) + "\n", encoding="utf-8")

    def _changed(self, identity: Mapping[str, str]) -> list[str]:
        """Name what of a teacher's identity differs from that of an earlier run."""
        if not self._identity_file.is_file():
            return []
        try:
            earlier = dict(json.loads(self._identity_file.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise TeacherError(f"{self._identity_file} is damaged ({error}); remove it") from None
        return sorted(key for key in earlier.keys() | identity if earlier.get(key) != identity.get(key))

    @property
    def _identity_file(self) -> Path:
        return self.root / META_FOLDER / f"{self.split}_{self.spectrum}_{self.estimator}.json"

    def _file(self, folder: str, name: str) -> Path:
        return self.root / self.split / folder / f"{name}.npz"


def _write_npz(path: Path, arrays: Mapping[str, npt.NDArray[np.float32]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def _read_npz(path: Path) -> dict[str, npt.NDArray[np.float32]]:
    """Read vectors (D,) or (1, D), finite."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise TeacherError(f"{path}: no such file; let the teacher write it with `dvemap teach`") from None
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {key: np.asarray(file[key], np.float32) for key in file.files}
    except (ValueError, EOFError, KeyError, OSError, zipfile.BadZipFile, zlib.error, AttributeError) as error:
        raise TeacherError(f"{path} is no readable .npz file ({error}); {_AGAIN}") from None
    vectors = {key: array.reshape(-1) for key, array in arrays.items()}
    for key, array in arrays.items():
        if array.ndim not in (1, 2) or array.shape[:-1] not in ((), (1,)) or not np.isfinite(array).all():
            raise TeacherError(f"{path}: {key} must be one finite vector, got {array.shape}; {_AGAIN}")
    return vectors
