"""Pictures as files."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mapping.atomic import atomic_write


def save_picture(path: str | Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write an RGB picture as PNG or JPEG, by the ending of `path`.

    Raises
    ------
    ValueError
        The ending is neither.
    OSError
        The file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ValueError(f"a picture must end in .png or .jpg, got {path}")
    encoded = cv2.imencode(path.suffix.lower(), picture[..., ::-1])[1]
    with atomic_write(path) as file:
        file.write(encoded.tobytes())
