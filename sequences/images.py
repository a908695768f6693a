"""Image files in memory: colour, depth and label images to arrays and back, and sizes from headers alone."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from sequences.errors import FrameError

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8"
INVALID_DEPTH = 65535  # 7-Scenes and clipped data mark missing depth so, besides 0


def image_encoding(data: bytes) -> str:
    """Encoding of an image file by its first bytes: "jpeg", "png" or "unknown"."""
    if data.startswith(_JPEG):
        return "jpeg"
    return "png" if data.startswith(_PNG) else "unknown"


def image_size(data: bytes) -> tuple[int, int] | None:
    """Height and width from the header of a PNG or JPEG file, without decoding it.

    Parameters
    ----------
    data : bytes
        The file, or its beginning.

    Returns
    -------
    tuple of int or None
        (height, width) in pixels; None where the beginning does not tell.
    """
    if data.startswith(_PNG) and len(data) >= 24:
        return int.from_bytes(data[20:24], "big"), int.from_bytes(data[16:20], "big")
    if not data.startswith(_JPEG):
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        # Start-of-frame markers are C0..CF without DHT (C4), JPG (C8) and DAC (CC).
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return int.from_bytes(data[at + 5 : at + 7], "big"), int.from_bytes(data[at + 7 : at + 9], "big")
        at += 1 if marker == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def decode_color(data: bytes, name: str) -> npt.NDArray[np.uint8]:
    """Decode a colour image.

    Parameters
    ----------
    data : bytes
        A whole JPEG or PNG file (or another that OpenCV reads).
    name : str
        What error messages call it.

    Returns
    -------
    numpy.ndarray
        (H, W, 3) uint8, RGB.

    Raises
    ------
    FrameError
        If the file is truncated or not an image.
    """
    # An EXIF rotation would turn the image against its intrinsics.
    bgr = _decode(data, name, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def decode_depth(data: bytes, name: str) -> npt.NDArray[np.uint16]:
    """Decode a depth image in the units of its file.

    Parameters
    ----------
    data : bytes
        A whole 16-bit, single-channel PNG file.
    name : str
        What error messages call it.

    Returns
    -------
    numpy.ndarray
        (h, w) uint16.

    Raises
    ------
    FrameError
        If the file is damaged, or is not a 16-bit image of one channel.
    """
    raw = _decode(data, name, cv2.IMREAD_UNCHANGED)
    if raw.dtype != np.uint16 or raw.ndim != 2:
        channels = 1 if raw.ndim == 2 else raw.shape[2]
        raise FrameError(
            f"{name}: depth must be a 16-bit image of one channel, got {raw.dtype} with {channels} "
            "channel(s); a depth image made for looking at (colour-mapped, 8-bit) cannot be used"
        )
    return raw


def decode_labels(data: bytes, name: str) -> npt.NDArray[np.uint16]:
    """Decode a label or instance image: 8 or 16 bits, one channel.

    Parameters
    ----------
    data : bytes
        A whole PNG file.
    name : str
        What error messages call it.

    Returns
    -------
    numpy.ndarray
        (H, W) uint16 ids, 0 = void.

    Raises
    ------
    FrameError
        If the file is damaged or has several channels.
    """
    raw = _decode(data, name, cv2.IMREAD_UNCHANGED)
    if raw.ndim != 2 or raw.dtype not in (np.uint8, np.uint16):
        raise FrameError(
            f"{name}: labels must be an 8- or 16-bit image of one channel, got {raw.dtype} {raw.shape}; "
            "a palette or colour image cannot be used"
        )
    return raw.astype(np.uint16)


def depth_to_metres(raw: npt.NDArray[np.uint16], scale: float) -> npt.NDArray[np.float32]:
    """Depth in metres: value / scale in float32; 0 where the file says 0 or 65535.

    Parameters
    ----------
    raw : numpy.ndarray
        (h, w) uint16.
    scale : float
        Units per metre.

    Returns
    -------
    numpy.ndarray
        (h, w) float32, metres, 0 = invalid.
    """
    depth = raw.astype(np.float32)
    depth[raw == INVALID_DEPTH] = 0
    depth /= np.float32(scale)
    return depth


def encode_png(image: npt.NDArray[Any]) -> bytes:
    """Encode (H, W, 3) uint8 RGB, or (H, W) uint8 / uint16, as PNG; lossless."""
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".png", image)[1])


def encode_jpeg(rgb: npt.NDArray[np.uint8], quality: int = 95) -> bytes:
    """Encode (H, W, 3) uint8 RGB as JPEG."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    return bytes(cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])[1])


def _decode(data: bytes, name: str, flags: int) -> npt.NDArray[Any]:
    if not data:
        raise FrameError(f"{name}: the file is empty")
    # OpenCV fills the missing part of a truncated JPEG with grey and says nothing: look for the end marker.
    encoding = image_encoding(data)
    truncated = (encoding == "jpeg" and data.rfind(b"\xff\xd9") < len(data) // 2) or (
        encoding == "png" and b"IEND" not in data[-64:]
    )
    if truncated:
        raise FrameError(f"{name}: the {encoding} file is truncated ({len(data)} bytes); copy it again")
    try:
        image: npt.NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error as error:
        raise FrameError(f"{name}: cannot be decoded: {str(error).strip()}") from error
    if image is None:
        raise FrameError(f"{name}: cannot be decoded; the file is damaged or not an image")
    return image
