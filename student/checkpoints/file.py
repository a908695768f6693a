"""Files that weights come in: PyTorch, safetensors, and tar archives of either.

What a file is follows from its bytes, never from its ending. Nothing is unpacked to the disk, and no code
that a file may hold is run.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import tarfile
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

from student.errors import CheckpointError

_HEAD: Final = 1024
_ARCHIVES: Final = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00")
_TORCH_BEFORE_ZIP: Final = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e"
_MAX_MEMBER: Final = 4 * 2**30
_MAX_READ: Final = 2**20
_EXPECTED: Final = "expected a .pth or .safetensors file, or a .tar.gz that holds one"
_CUT_OFF: Final = "it is cut off or damaged; download it again"


@dataclass(frozen=True, slots=True, eq=False)
class CheckpointFile:
    """What a file of weights holds.

    Attributes
    ----------
    name : str
        What messages call it: its path, with the member of an archive in brackets.
    content : Any
        What was saved: usually a dict, of tensors or of such dicts.
    metadata : dict of str to str
        What a safetensors file says of itself.
    """

    name: str
    content: Any
    metadata: dict[str, str] = field(default_factory=dict)


def read_checkpoint_file(path: str | Path) -> CheckpointFile:
    """Read a file of weights.

    Parameters
    ----------
    path
        A PyTorch or safetensors file, or a tar archive (gzip, bzip2, xz, plain) with one of them in it.

    Raises
    ------
    CheckpointError
        The file holds no weights, is cut off, or needs code to be read; the message says what it seems to be.
    OSError
        The file cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not _is_archive(head):
            return _parse(str(path), head, path)
    name, content = read_checkpoint_bytes(path)
    return parse_checkpoint(name, content)


def read_checkpoint_bytes(path: str | Path) -> tuple[str, bytes]:
    """Return the name and the bytes of a file of weights, or of the one that an archive holds.

    Raises
    ------
    CheckpointError
        An archive is damaged or does not hold exactly one such file.
    OSError
        The file cannot be read.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
        file.seek(0)
        if not _is_archive(head):
            return str(path), file.read()
        try:
            member, content = _only_member(path, file)
        except (CheckpointError, MemoryError):
            raise
        except Exception as error:  # tar, gzip, zlib, bz2 and lzma faults share no other base
            if isinstance(error, OSError) and error.errno is not None:
                raise
            if isinstance(error, tarfile.ReadError) and "end of data" not in str(error):
                raise CheckpointError(f"{path} is no readable checkpoint: {_EXPECTED}") from error
            raise CheckpointError(f"{path} is no readable archive ({error}): {_CUT_OFF}") from error
    return f"{path} ({member})", content


def parse_checkpoint(name: str, content: bytes) -> CheckpointFile:
    """Read the bytes of a PyTorch or safetensors file; see `read_checkpoint_file`."""
    return _parse(name, content[:_HEAD], content)


def read_notes(path: str | Path) -> dict[str, str]:
    """Return what a safetensors file says of itself, without reading its weights; of other files nothing.

    Raises
    ------
    CheckpointError
        The file is damaged.
    OSError
        The file cannot be opened.
    """
    path = Path(path)
    with path.open("rb") as file:
        head = file.read(_HEAD)
        if not _is_safetensors(head):
            return {}
        rest = file.read(max(0, 8 + int.from_bytes(head[:8], "little") - len(head)))
    try:
        notes = _notes_of(head + rest)
    except (ValueError, TypeError) as error:
        raise CheckpointError(f"{path} is no readable checkpoint ({error}): {_CUT_OFF}") from error
    return notes


def file_ending(content: bytes) -> str:
    """Return the ending that a file of weights should have."""
    return ".safetensors" if _is_safetensors(content[:_HEAD]) else ".pth"


def _only_member(path: Path, file: IO[bytes]) -> tuple[str, bytes]:
    """Return the one member of an archive that holds weights; links and devices are left alone."""
    found: tuple[str, bytes] | None = None
    names = []
    with tarfile.open(fileobj=file, mode="r:*") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isreg() else None
            if stream is None:
                continue
            names.append(member.name)
            head = stream.read(_HEAD)
            if not _is_weights(head):
                continue
            if found is not None:
                raise CheckpointError(
                    f"{path} holds several checkpoints, {found[0]} and {member.name}; unpack it and name one"
                )
            if member.size > _MAX_MEMBER:
                raise CheckpointError(
                    f"{path}: {member.name} has {member.size:,} bytes, more than the {_MAX_MEMBER:,} "
                    "that are read from an archive; unpack it"
                )
            found = member.name, head + stream.read()
        while archive.fileobj is not None and archive.fileobj.read(_MAX_READ):
            pass  # to the end, where the checksum is
    if found is None:
        raise CheckpointError(
            f"{path} is an archive without a checkpoint, got {', '.join(names[:4]) or 'nothing'}; {_EXPECTED}"
        )
    return found


def _parse(name: str, head: bytes, source: Path | bytes) -> CheckpointFile:
    if not _is_weights(head):
        raise CheckpointError(f"{name} is no readable checkpoint: it seems to be {_what(head)}; {_EXPECTED}")
    try:
        if _is_safetensors(head):
            return CheckpointFile(name, *_read_safetensors(source))
        if head.startswith(b"PK"):
            _check_zip(name, source)
        return CheckpointFile(name, _read_torch(source))
    except (CheckpointError, MemoryError):
        raise
    except OSError as error:
        if error.errno is not None:
            raise
        raise CheckpointError(f"{name} is no readable checkpoint ({error}): {_CUT_OFF}") from error
    except Exception as error:  # zip, pickle and safetensors faults share no other base
        refused = re.search(r"GLOBAL ([\w.]+)", str(error))
        if refused is not None:
            raise CheckpointError(
                f"{name} is no readable checkpoint: it holds {refused[1]}, which only code could load; save "
                "its state dict, tensors and numbers alone"
            ) from error
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"{name} is no readable checkpoint ({reason}): {_CUT_OFF}") from error


def _read_safetensors(source: Path | bytes) -> tuple[dict[str, Any], dict[str, str]]:
    from safetensors import safe_open
    from safetensors.torch import load

    if isinstance(source, Path):
        with safe_open(source, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata()
    else:
        tensors = load(source)
        metadata = _notes_of(source)
    # Copies, aligned as torch aligns: where a tensor lies decides the last bit of what is computed with it.
    return {name: tensor.clone() for name, tensor in tensors.items()}, dict(metadata or {})


def _notes_of(content: bytes) -> dict[str, str]:
    """Return the notes in the header of a safetensors file."""
    header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    return dict(header.get("__metadata__") or {})


def _read_torch(source: Path | bytes) -> Any:
    import torch

    file = source if isinstance(source, Path) else io.BytesIO(source)
    with torch.serialization.safe_globals(_logged()):
        return torch.load(file, map_location="cpu", weights_only=True)


def _logged() -> list[Any]:
    """Return what trainers log beside the weights: the options of their command, NumPy numbers and arrays."""
    import numpy as np

    number: Any = np.float64(0).__reduce__()
    array: Any = np.zeros(0).__reduce__()
    makers = [
        (made[0], f"numpy.{core}.multiarray.{made[0].__name__}")
        for made in (number, array)
        for core in ("core", "_core")
    ]
    kinds = [type(np.dtype(kind)) for kind in (np.bool_, np.int32, np.int64, np.float32, np.float64)]
    return [argparse.Namespace, *makers, np.ndarray, np.dtype, *kinds]


def _check_zip(name: str, source: Path | bytes) -> None:
    """Raise unless a zip archive is one that PyTorch saved a state in."""
    try:
        with zipfile.ZipFile(source if isinstance(source, Path) else io.BytesIO(source)) as archive:
            names = archive.namelist()
            damaged = archive.testzip()  # torch.load does not compare checksums
    except zipfile.BadZipFile as error:
        raise CheckpointError(f"{name} is no readable checkpoint: {_CUT_OFF}") from error
    if any(entry.endswith("/constants.pkl") for entry in names):
        what = "a TorchScript program, whose state dict must be saved by itself"
    elif any(entry.endswith("data.pkl") for entry in names):
        if damaged is not None:
            raise CheckpointError(f"{name} is no readable checkpoint (checksum of {damaged}): {_CUT_OFF}")
        return
    elif names and all(entry.endswith(".npy") for entry in names):
        what = "a NumPy .npz file"
    else:
        what = f"a zip archive of {', '.join(names[:3]) or 'nothing'}"
    raise CheckpointError(f"{name} is no readable checkpoint: it seems to be {what}; {_EXPECTED}")


def _is_archive(head: bytes) -> bool:
    return head.startswith(_ARCHIVES) or head[257:262] == b"ustar"


def _is_weights(head: bytes) -> bool:
    return head.startswith((b"PK\x03\x04", _TORCH_BEFORE_ZIP)) or _is_safetensors(head)


def _is_safetensors(head: bytes) -> bool:
    return head[8:9] == b"{" and 2 <= int.from_bytes(head[:8], "little") <= 100_000_000


def _what(head: bytes) -> str:
    """Say what a file is whose first bytes are no checkpoint's."""
    if not head:
        return "empty"
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<!doctype html", b"<html", b"<head")):
        title = re.search(rb"<title>\s*(.*?)\s*</title>", head, re.IGNORECASE | re.DOTALL)
        named = f" titled {title[1].decode(errors='replace')!r}" if title else ""
        return f"a web page{named}, as Google Drive sends for a download to confirm or over its quota"
    if head.startswith(b"version https://git-lfs"):
        return "a Git LFS pointer in place of the file; fetch it with git lfs pull"
    if head[:1] == b"\x08" and head[2:3] in b"\x12\x1a\x22\x2a\x32\x3a\x42" and len(head) > 3:
        return "an ONNX model"
    if head.startswith(b"\x80"):
        return "a Python pickle, which could run code"
    for magic, what in (
        (b"\x89HDF", "an HDF5 file"),
        (b"\x93NUMPY", "a NumPy .npy file"),
        (b"\x89PNG", "a PNG picture"),
        (b"\xff\xd8\xff", "a JPEG picture"),
        (b"%PDF", "a PDF document"),
    ):
        if head.startswith(magic):
            return what
    if all(byte >= 32 or byte in b"\t\r\n\f" for byte in head):
        return f"a text file that begins {head[:24].decode(errors='replace')!r}"
    return f"an unknown binary file that begins {head[:8].hex(' ')}"
