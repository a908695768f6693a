"""A safetensors file that is written in one pass, checksummed and read in place.

The layout is that of the safetensors library: an eight-byte length, a JSON header, the tensors one after the
other. Ours adds, as plain metadata, a SHA-256 of each tensor and one of the header itself, and writes from
iterators of chunks, so that tensors larger than the free memory can be saved.
"""

from __future__ import annotations

import hashlib
import json
import math
import mmap
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from mapping.atomic import atomic_write

_DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "I64": np.dtype("<i8"),
    "I32": np.dtype("<i4"),
    "F32": np.dtype("<f4"),
    "F16": np.dtype("<f2"),
    "I8": np.dtype("i1"),
}
_CODES: Final = {dtype: code for code, dtype in _DTYPES.items()}
_ALIGNMENT: Final = 64
_LONGEST_HEADER: Final = 100_000_000  # the limit of the safetensors library
_NO_HASH: Final = "0" * 64
_HASH_CHUNK: Final = 1 << 24


class MapFileError(ValueError):
    """A map file that cannot be used; it names the file, what was expected, what came and the fix."""


@dataclass(frozen=True, slots=True)
class Tensor:
    """A tensor to be written: type, shape, and its rows as chunks that are drawn when their turn comes."""

    dtype: npt.DTypeLike
    shape: tuple[int, ...]
    chunks: Iterable[npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Entry:
    """A tensor in a file: dtype, shape, and the bytes [start, stop) counted from the start of the file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    start: int
    stop: int


def write_tensors(path: Path, kind: str, metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
    """Write a checksummed safetensors file atomically.

    Parameters
    ----------
    path
        The file to make or replace.
    kind
        What the file holds; the first word of its header, by which `TensorFile` knows it.
    metadata
        Text by name.
    tensors
        Tensors by name. Wide types come first in the file, so that each is aligned to its own size; among
        equal widths the given order holds, and chunks are drawn in that order.

    Raises
    ------
    OSError
        The disk is full, the folder is missing and so on; the old file is untouched.
    ValueError
        Chunks do not add up to the declared shape.
    """
    order = sorted(tensors, key=lambda name: -np.dtype(tensors[name].dtype).itemsize)
    hashes = dict.fromkeys(order, _NO_HASH)
    with atomic_write(path) as file:
        header = _header(kind, metadata, tensors, hashes)
        file.write(header)
        for name in order:
            tensor, digest, written = tensors[name], hashlib.sha256(), 0
            for chunk in tensor.chunks:
                rows = np.ascontiguousarray(chunk, _little(tensor.dtype))
                raw = rows.reshape(-1).view(np.uint8).data
                digest.update(raw)
                file.write(raw)
                written += raw.nbytes
            hashes[name] = digest.hexdigest()
            if written != _size(tensor):
                raise ValueError(f"tensor {name}: {_size(tensor)} bytes were declared, got {written}")
        file.seek(0)
        header = _header(kind, metadata, tensors, hashes)
        file.write(header.replace(_NO_HASH.encode(), hashlib.sha256(header).hexdigest().encode(), 1))


def _header(
    kind: str, metadata: Mapping[str, str], tensors: Mapping[str, Tensor], hashes: Mapping[str, str]
) -> bytes:
    """Build length and JSON, padded so that the tensors start aligned, in the order of `hashes`."""
    notes = {"format": kind, "header_sha256": _NO_HASH, "sha256": json.dumps(hashes), **metadata}
    header: dict[str, Any] = {"__metadata__": notes}
    offset = 0
    for name in hashes:
        tensor = tensors[name]
        stop = offset + _size(tensor)
        header[name] = {
            "dtype": _CODES[_little(tensor.dtype)],
            "shape": list(tensor.shape),
            "data_offsets": [offset, stop],
        }
        offset = stop
    text = json.dumps(header, separators=(",", ":")).encode("ascii")
    text += b" " * (-(8 + len(text)) % _ALIGNMENT)
    return len(text).to_bytes(8, "little") + text


def _little(dtype: npt.DTypeLike) -> np.dtype[Any]:
    return np.dtype(dtype).newbyteorder("<")


def _size(tensor: Tensor) -> int:
    return math.prod(tensor.shape) * np.dtype(tensor.dtype).itemsize


class TensorFile:
    """A checksummed safetensors file, memory-mapped.

    Opening it checks the header and the size of the file; the tensors are read when they are touched.

    Parameters
    ----------
    path
        The file.
    kind
        What the file must hold.

    Attributes
    ----------
    metadata : dict of str to str
    entries : dict of str to Entry
    stat : os.stat_result
        Of the file that is mapped, which a later rename may have replaced under the same path.
    header_sha256 : str
        Names the content: it covers the header and through it the hash of each tensor.

    Raises
    ------
    MapFileError
        The file is something else, truncated, or its header is damaged.
    OSError
        The file cannot be opened.
    """

    def __init__(self, path: Path, kind: str) -> None:
        self.path = path
        with path.open("rb") as file:
            self.stat = os.fstat(file.fileno())
            magic = f'{{"__metadata__":{{"format":"{kind}",'.encode()
            start = file.read(8 + len(magic))
            if start[8:] != magic:
                raise MapFileError(
                    f"{path} is not a {kind} file, or its first bytes are damaged "
                    f"(expected {magic!r} at byte 8, got {start[8:40]!r}); `dvemap fuse` writes such files"
                )
            length = int.from_bytes(start[:8], "little")
            if length > _LONGEST_HEADER:
                raise self._damaged(f"it claims to be {length} bytes long")
            if self.stat.st_size < 8 + length:
                raise self._truncated(8 + length)
            self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        raw = self._map[: 8 + length]
        try:
            header = json.loads(raw[8:])
            self.metadata: dict[str, str] = header.pop("__metadata__")
            self.header_sha256 = self.metadata["header_sha256"]
            unhashed = raw.replace(self.header_sha256.encode(), _NO_HASH.encode(), 1)
            found = hashlib.sha256(unhashed).hexdigest()
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(str(error)) from error
        if found != self.header_sha256:
            raise self._damaged(f"its SHA-256 should be {self.header_sha256}, got {found}")
        self.entries = self._entries(header, 8 + length)
        end = max((entry.stop for entry in self.entries.values()), default=8 + length)
        if self.stat.st_size < end:
            raise self._truncated(end)
        if self.stat.st_size > end:
            raise MapFileError(f"{path} should have {end} bytes, got {self.stat.st_size}; copy it again")

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """Return a tensor as a read-only view of the file."""
        entry = self.entries[name]
        if entry.start == entry.stop:
            view: npt.NDArray[Any] = np.empty(entry.shape, entry.dtype)
            view.flags.writeable = False
            return view
        count = (entry.stop - entry.start) // entry.dtype.itemsize
        return np.frombuffer(self._map, entry.dtype, count, entry.start).reshape(entry.shape)

    def damaged(self) -> list[str]:
        """Read everything and name the tensors whose bytes are not those that were written."""
        hashes: dict[str, str] = json.loads(self.metadata["sha256"])
        body = memoryview(self._map)
        damaged = []
        for name, entry in self.entries.items():
            digest = hashlib.sha256()
            for start in range(entry.start, entry.stop, _HASH_CHUNK):
                digest.update(body[start : min(start + _HASH_CHUNK, entry.stop)])
            if digest.hexdigest() != hashes.get(name):
                damaged.append(name)
        return damaged

    def _entries(self, header: Any, body: int) -> dict[str, Entry]:
        """Read the table of tensors; each must start where the one before it ends."""
        entries: dict[str, Entry] = {}
        start = body
        try:
            for name, fields in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
                dtype, shape = _DTYPES[fields["dtype"]], tuple(int(n) for n in fields["shape"])
                stop = start + math.prod(shape) * dtype.itemsize
                if min(shape, default=0) < 0 or fields["data_offsets"] != [start - body, stop - body]:
                    raise ValueError(f"tensor {name} of shape {list(shape)} does not fit its place")
                entries[name] = Entry(dtype, shape, start, stop)
                start = stop
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise self._damaged(str(error)) from error
        return entries

    def _damaged(self, what: str) -> MapFileError:
        return MapFileError(f"the header of {self.path} is damaged: {what}; copy or make the file again")

    def _truncated(self, size: int) -> MapFileError:
        return MapFileError(
            f"{self.path} is truncated: it should have {size} bytes, got {self.stat.st_size}; "
            "copy or make it again"
        )
