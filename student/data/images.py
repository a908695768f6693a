"""Image files of data sets: colour, and numbers of 8 or 16 bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from student.data.errors import DatasetError

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"


def read_color(path: Path) -> npt.NDArray[np.uint8]:
    """Read a colour image, (H, W, 3) uint8 RGB; a grey one gets three equal channels.

    Raises
    ------
    DatasetError
        The file is truncated or no image.
    OSError
        It cannot be read.
    """
    # Labels lie on the pixels as they are stored: a rotation noted in the file must not be applied.
    bgr = _decode(path, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    return cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)


def read_numbers(path: Path, channels: int = 1) -> npt.NDArray[np.uint16]:
    """Read a depth, label or instance image.

    Parameters
    ----------
    path
        A PNG file of 8 or 16 bits.
    channels
        How many it must have.

    Returns
    -------
    (H, W) uint16, or (H, W, channels) in the order red, green, blue.

    Raises
    ------
    DatasetError
        The file is truncated, no image, or of another kind.
    OSError
        It cannot be read.
    """
    image = _decode(path, cv2.IMREAD_UNCHANGED)
    found = 1 if image.ndim == 2 else image.shape[2]
    if image.dtype not in (np.uint8, np.uint16) or found != channels:
        raise DatasetError(
            f"{path}: expected an image of 8 or 16 bits with {channels} channel(s), got {image.dtype} with "
            f"{found}; a coloured picture of labels or depth cannot be used"
        )
    return (image[..., ::-1] if channels == 3 else image).astype(np.uint16)


def _decode(path: Path, flags: int) -> npt.NDArray[Any]:
    data = path.read_bytes()
    # OpenCV fills what a truncated file lacks and says nothing: look for the end marker.
    whole = {_PNG: b"IEND" in data[-64:], _JPEG: data.rfind(b"\xff\xd9") >= len(data) // 2}
    if any(data.startswith(magic) and not complete for magic, complete in whole.items()):
        raise DatasetError(f"{path}: the file is truncated ({len(data)} bytes); copy it again")
    image: npt.NDArray[Any] | None = cv2.imdecode(np.frombuffer(data, np.uint8), flags) if data else None
    if image is None:
        raise DatasetError(f"{path}: the file is damaged or no image ({len(data)} bytes); copy it again")
    return image
