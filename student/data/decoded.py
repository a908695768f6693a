"""Images and targets of a training set, decoded once and read from a memory-mapped file afterwards.

To decode a labelled image and to find the targets of its pixels takes a processor 5 ms, not much less than a
small network takes to learn from it. What is kept is what was decoded, bit for bit.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from filelock import FileLock

from student.data.sample import Sample, Source, Targets
from student.targets import TargetTable

FORMAT: Final = 1
"""Of what is kept; folders of another one are not opened."""

IMAGES: Final = "images.bin"
ENTRIES: Final = "entries.npy"
VECTORS: Final = "vectors.npy"

_ENTRY: Final = np.dtype(
    [
        ("at", np.int64),
        ("size", np.int32, 2),
        ("depth_size", np.int32, 2),
        ("millimetres", np.bool_),
        ("targets", np.int32),
    ]
)
_ALIGNED: Final = 8  # bytes


class DecodedImages:
    """What `decode` wrote.

    Parameters
    ----------
    folder
        Where it is.
    sources
        The sources that it was made of.

    Raises
    ------
    OSError
        The folder is gone or cannot be read.
    """

    def __init__(self, folder: Path, sources: Sequence[Source]) -> None:
        self._sources = tuple(sources)
        self._first = list(accumulate(map(len, sources), initial=0))
        self._entries = np.load(folder / ENTRIES)
        self._vectors = np.load(folder / VECTORS)
        self._path = folder / IMAGES
        self._bytes = np.memmap(self._path, np.uint8, "r")

    def __getstate__(self) -> dict[str, Any]:
        """Leave the images out where a process is started anew: it maps the file itself."""
        return {name: value for name, value in vars(self).items() if name != "_bytes"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._bytes = np.memmap(self._path, np.uint8, "r")

    def __call__(self, source: int, i: int) -> tuple[Sample, TargetTable]:
        """Return the i-th sample of a source, its labels left out (all 0), and its targets."""
        entry = self._entries[self._first[source] + i]
        (height, width), depth_size = entry["size"].tolist(), entry["depth_size"].tolist()
        kinds = [
            (np.uint8, (height, width, 3)),
            (np.uint16 if entry["millimetres"] else np.float32, depth_size),
            (np.uint16, (height, width)),
            (np.int32, (int(entry["targets"]),)),
        ]
        arrays: list[npt.NDArray[Any]] = []
        at = int(entry["at"])
        for kind, shape in kinds:
            end = at + int(np.prod(shape)) * np.dtype(kind).itemsize
            arrays.append(self._bytes[at:end].view(kind).reshape(shape))
            at = end + -end % _ALIGNED
        rgb, depth, index, vectors = arrays
        if entry["millimetres"]:
            depth = _metres(depth)
        none = np.broadcast_to(np.uint16(0), (height, width))
        whose = self._sources[source]
        sample = Sample(f"{whose.name} {whose.sample_name(i)}", rgb, depth, none, none)
        return sample, TargetTable(self._vectors[vectors], index.astype(np.int32))


def decode(
    folder: Path,
    sources: Sequence[Source],
    targets: Targets,
    identity: Mapping[str, Any],
    progress: Callable[[int, int], None],
) -> DecodedImages:
    """Decode all samples of some sources, or open what an earlier call with the same identity has decoded.

    Parameters
    ----------
    folder
        Gets a folder for each identity.
    sources, targets
        What to decode.
    identity
        All that decides what there is to decode, as JSON can write it.
    progress
        Told how many samples are decoded, of how many; what it raises ends the call, and nothing is left.

    Raises
    ------
    DatasetError
        A sample cannot be used.
    OSError
        A file cannot be read or written.
    """
    told = json.dumps({"format": FORMAT, **identity}, sort_keys=True)
    name = hashlib.sha256(told.encode()).hexdigest()[:16]
    ready, partial = folder / name, folder / f".{name}.partial"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / f".{name}.lock"):  # of several processes one decodes, the others wait for it
        shutil.rmtree(partial, ignore_errors=True)  # of a process that was killed
        if not ready.is_dir():
            partial.mkdir()
            try:
                _write(partial, sources, targets, progress)
                partial.rename(ready)
            finally:
                shutil.rmtree(partial, ignore_errors=True)
    return DecodedImages(ready, sources)


def _write(
    folder: Path, sources: Sequence[Source], targets: Targets, progress: Callable[[int, int], None]
) -> None:
    numbers: dict[bytes, int] = {}
    vectors: list[npt.NDArray[np.float32]] = []
    entries = np.zeros(sum(map(len, sources)), _ENTRY)
    with (folder / IMAGES).open("wb") as file:
        samples = ((source, i) for source in sources for i in range(len(source)))
        for row, (source, i) in enumerate(samples):
            progress(row, len(entries))
            sample = source.sample(i)
            table = targets(source, i, sample)
            for vector in table.lut:
                if numbers.setdefault(vector.tobytes(), len(vectors)) == len(vectors):
                    vectors.append(vector)
            used = np.array([numbers[vector.tobytes()] for vector in table.lut], np.int32)
            whole = _millimetres(sample.depth)
            depth = sample.depth.astype(np.float32) if whole is None else whole
            at = file.tell()
            for array in (sample.rgb, depth, table.index.astype(np.uint16), used):
                _append(file, array)
            size, depth_size = sample.rgb.shape[:2], sample.depth.shape
            entries[row] = (at, size, depth_size, whole is not None, len(used))
        file.flush()
        os.fsync(file.fileno())
    np.save(folder / ENTRIES, entries)
    np.save(folder / VECTORS, np.stack(vectors) if vectors else np.zeros((0, 1), np.float32))
    progress(len(entries), len(entries))


def _append(file: BinaryIO, array: npt.NDArray[Any]) -> None:
    content = np.ascontiguousarray(array).tobytes()
    file.write(content + bytes(-len(content) % _ALIGNED))


def _metres(millimetres: npt.NDArray[np.uint16]) -> npt.NDArray[np.float32]:
    metres: npt.NDArray[np.float32] = np.divide(millimetres, np.float32(1000), dtype=np.float32)
    return metres


def _millimetres(depth: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16] | None:
    """Return depth in whole millimetres, None where that would change it."""
    whole = np.rint(np.clip(depth * np.float32(1000), 0, 65535)).astype(np.uint16)
    return whole if np.array_equal(_metres(whole), depth) else None
