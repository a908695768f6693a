"""The binary layout of ScanNet's `.sens` files, version 4: little endian, no padding.

Header, then for each frame a fixed part and its two payloads, then the number of IMU frames (0 here; some
files end without it). Matrices are 4x4 float32 in row-major order; intrinsics lie in their upper left corner.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix

VERSION = 4
COLOR_ENCODINGS = {-1: "unknown", 0: "raw", 1: "png", 2: "jpeg"}
DEPTH_ENCODINGS = {-1: "unknown", 0: "raw_ushort", 1: "zlib_ushort", 2: "occi_ushort"}

_PREFIX = struct.Struct("<IQ")  # version, length of the name
_FIELDS = struct.Struct("<ii4IfQ")  # encodings, colour w h, depth w h, depth shift, number of frames
_SIZES = struct.Struct("<4Q")  # timestamps of colour and depth, sizes of colour and depth
_MATRIX_BYTES = 64
FRAME_BYTES = _MATRIX_BYTES + _SIZES.size
_MAX_NAME = 4096
_MAX_SIDE = 32768
_MAX_FRAMES = 1_000_000


@dataclass(frozen=True, slots=True)
class SensHeader:
    """Header of a `.sens` file; image sizes are (height, width), the shift is in units per metre."""

    name: str
    color_intrinsics: Matrix
    color_extrinsics: Matrix
    depth_intrinsics: Matrix
    depth_extrinsics: Matrix
    color_encoding: str
    depth_encoding: str
    color_size: tuple[int, int]
    depth_size: tuple[int, int]
    depth_shift: float
    frames: int

    def pack(self) -> bytes:
        """Bytes of the header."""
        name = self.name.encode()
        matrices = (
            self.color_intrinsics,
            self.color_extrinsics,
            self.depth_intrinsics,
            self.depth_extrinsics,
        )
        return b"".join(
            [
                _PREFIX.pack(VERSION, len(name)),
                name,
                *(matrix_bytes(matrix) for matrix in matrices),
                _FIELDS.pack(
                    _code(COLOR_ENCODINGS, self.color_encoding),
                    _code(DEPTH_ENCODINGS, self.depth_encoding),
                    *self.color_size[::-1],
                    *self.depth_size[::-1],
                    self.depth_shift,
                    self.frames,
                ),
            ]
        )

    @classmethod
    def unpack(cls, data: bytes) -> tuple[SensHeader, int]:
        """Header, and its length, from the beginning of a file; raises ValueError that says what is wrong."""
        if len(data) < _PREFIX.size:
            raise ValueError(f"the file ends within its header ({len(data)} bytes)")
        version, length = _PREFIX.unpack_from(data)
        if version != VERSION:
            raise ValueError(f"expected .sens version {VERSION}, got {version}; is it a .sens file?")
        if length > _MAX_NAME:
            raise ValueError(f"the header is damaged: a sensor name of {length} bytes")
        end = _PREFIX.size + length + 4 * _MATRIX_BYTES + _FIELDS.size
        if len(data) < end:
            raise ValueError(f"the file ends within its header ({len(data)} bytes of {end})")
        at = _PREFIX.size + length
        matrices = np.frombuffer(data, "<f4", 64, at).reshape(4, 4, 4).astype(np.float64)
        color, depth, cw, ch, dw, dh, shift, frames = _FIELDS.unpack_from(data, at + 4 * _MATRIX_BYTES)
        if color not in COLOR_ENCODINGS or depth not in DEPTH_ENCODINGS:
            raise ValueError(f"the header is damaged: colour encoding {color}, depth encoding {depth}")
        if not all(0 < side <= _MAX_SIDE for side in (cw, ch, dw, dh)):
            raise ValueError(f"the header is damaged: colour {cw}x{ch}, depth {dw}x{dh} pixels")
        if not 0 < shift < float("inf"):
            raise ValueError(f"the header is damaged: depth shift {shift}, expected > 0 units per metre")
        if frames > _MAX_FRAMES:
            raise ValueError(f"the header is damaged: {frames} frames")
        header = cls(
            name=data[_PREFIX.size : at].decode(errors="replace"),
            color_intrinsics=matrices[0],
            color_extrinsics=matrices[1],
            depth_intrinsics=matrices[2],
            depth_extrinsics=matrices[3],
            color_encoding=COLOR_ENCODINGS[color],
            depth_encoding=DEPTH_ENCODINGS[depth],
            color_size=(ch, cw),
            depth_size=(dh, dw),
            depth_shift=shift,
            frames=frames,
        )
        return header, end


def pack_frame(pose: Matrix, timestamp_us: int, color: bytes, depth: bytes) -> bytes:
    """Fixed part of a frame: pose, the time of both images in microseconds, sizes of the payloads."""
    return matrix_bytes(pose) + _SIZES.pack(timestamp_us, timestamp_us, len(color), len(depth))


def unpack_frame(data: bytes) -> tuple[npt.NDArray[np.float32], int, int, int, int]:
    """Pose (16,) float32; of colour and depth the timestamps in microseconds and the sizes in bytes."""
    return np.frombuffer(data, "<f4", 16), *_SIZES.unpack_from(data, _MATRIX_BYTES)


def matrix_bytes(matrix: Matrix) -> bytes:
    """(4, 4) matrix as stored; a (3, 3) camera matrix is put into the corner of a (4, 4) identity."""
    full = np.eye(4)
    full[: len(matrix), : len(matrix)] = matrix
    return full.astype("<f4").tobytes()


def _code(encodings: dict[int, str], name: str) -> int:
    return next(code for code, encoding in encodings.items() if encoding == name)
