"""Films: pictures one after the other in an MP4 file."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mapping import atomic_write

Picture = npt.NDArray[np.uint8]


def write_film(path: Path, pictures: Iterable[Picture], fps: float) -> int:
    """Write pictures as an MP4 film (MPEG-4 part 2), whole or not at all.

    Parameters
    ----------
    path : Path
    pictures : iterable of (H, W, 3) uint8 RGB
        All of one size; odd sides lose their last line, as the codec wants even ones.
    fps : float
        Pictures a second.

    Returns
    -------
    int
        How many there were.

    Raises
    ------
    ValueError
        If there is none, or OpenCV cannot write films.
    OSError
        If not all of them could be written, as on a full disk, of which OpenCV says nothing.
    """
    count, film = 0, None
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "film.mp4"
        try:
            for picture in pictures:
                height, width = (side - side % 2 for side in picture.shape[:2])
                if film is None:
                    film = cv2.VideoWriter(str(made), cv2.VideoWriter.fourcc(*"mp4v"), fps, (width, height))
                    if not film.isOpened():
                        raise ValueError(f"{path}: this OpenCV cannot write MP4 films; write a .png instead")
                film.write(np.ascontiguousarray(picture[:height, :width, ::-1]))
                count += 1
        finally:
            if film is not None:
                film.release()
        if count == 0:
            raise ValueError(f"{path}: a film needs at least one picture, got none")
        whole = max(0, int(cv2.VideoCapture(str(made)).get(cv2.CAP_PROP_FRAME_COUNT)))
        if whole != count:
            raise OSError(
                f"{path}: {whole} of {count} pictures could be written; is the disk of {folder} full?"
            )
        with made.open("rb") as source, atomic_write(path) as file:
            shutil.copyfileobj(source, file)
    return count
