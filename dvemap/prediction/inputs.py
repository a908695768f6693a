"""The two image files of `dvemap predict`, with words for what may be wrong with them."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from sequences import FrameError
from sequences.images import decode_color, decode_depth, depth_to_metres, image_encoding

ASPECT_TOLERANCE = 0.02
FARTHEST = 50.0  # metres; a frame whose median is beyond was read in the wrong unit
NEAREST = 0.05


@dataclass(frozen=True)
class Images:
    """A colour and a depth image of one view.

    Attributes
    ----------
    rgb : (H, W, 3) uint8
    depth : (h, w) float32, metres, 0 = invalid
    notes : list of str
        What the user should know of them.
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    notes: list[str]


def read_images(rgb_path: Path, depth_path: Path, depth_scale: float = 1000.0) -> Images:
    """Read a frame from two files.

    Parameters
    ----------
    rgb_path : Path
        JPEG or PNG of 8 bits. Grey is repeated over the channels, with a note.
    depth_path : Path
        PNG of 16 bits and one channel.
    depth_scale : float
        Units of the depth image per metre.

    Returns
    -------
    Images

    Raises
    ------
    ValueError
        If a file is none of these, the two do not show the same view, or the unit cannot be right.
    OSError
        If a file cannot be read.
    """
    if not 0 < depth_scale < float("inf"):
        raise ValueError(f"--depth-scale must be > 0 units per metre, got {depth_scale}")
    rgb_data, depth_data = rgb_path.read_bytes(), depth_path.read_bytes()
    notes: list[str] = []
    rgb = _read_rgb(rgb_data, rgb_path, depth_path, notes)
    depth = depth_to_metres(decode_depth(depth_data, str(depth_path)), depth_scale)
    aspects = rgb.shape[1] / rgb.shape[0], depth.shape[1] / depth.shape[0]
    if abs(aspects[0] / aspects[1] - 1) > ASPECT_TOLERANCE:
        raise ValueError(
            f"{depth_path}: is {_size(depth)}, but {rgb_path} is {_size(rgb)}; both must show the same view, "
            "edge to edge, with one aspect; register the depth to the colour image, or crop one of them"
        )
    valid = depth[depth > 0]
    if not valid.size:
        raise ValueError(f"{depth_path}: no pixel has a depth (all are 0 or 65535); give another frame")
    middle = float(np.median(valid))
    if not NEAREST < middle < FARTHEST:
        raise ValueError(
            f"{depth_path}: with {depth_scale:g} units per metre its median is {middle:.3g} m; give the "
            "right unit with --depth-scale (millimetres 1000, TUM 5000, Replica 6553.5)"
        )
    return Images(rgb, depth, notes)


def _read_rgb(data: bytes, path: Path, depth_path: Path, notes: list[str]) -> npt.NDArray[np.uint8]:
    rgb = decode_color(data, str(path))  # says what is wrong with damaged files
    if image_encoding(data) == "jpeg":
        return rgb
    raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    if raw is None:
        raise FrameError(f"{path}: cannot be decoded; the file is damaged or not an image")
    channels = 1 if raw.ndim == 2 else raw.shape[2]
    if raw.dtype != np.uint8:
        if channels == 1:
            order = "" if depth_path == path else f": dvemap predict {depth_path} {path}"
            raise ValueError(
                f"{path}: expected a colour image, got {8 * raw.dtype.itemsize} bits in one channel, as "
                f"depth images have; the colour image comes first{order}"
            )
        raise ValueError(
            f"{path}: colour must have 8 bits a channel, got {8 * raw.dtype.itemsize}; "
            f"convert it (ImageMagick: convert {path.name} -depth 8 rgb8.png)"
        )
    if channels == 4 and (raw[..., 3] < 255).any():
        raise ValueError(f"{path}: has transparent pixels, whose colour is unknown; remove the alpha channel")
    if channels == 1 or (rgb == rgb[..., :1]).all():
        notes.append(f"{path}: is grey; networks were trained on colour")
    return rgb


def _size(image: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
