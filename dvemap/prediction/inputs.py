"""The image files of `dvemap predict` and `dvemap depth`, with words for what may be wrong with them."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
import numpy.typing as npt

from sequences import FrameError
from sequences.images import decode_color, decode_depth, depth_to_metres, image_encoding

if TYPE_CHECKING:
    from dvemap.frame_depth import FrameDepth

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
    metric : bool
        Whether depth is in metres; else it is grey from 0 to 255, dark = near, and all of it is valid.
    """

    rgb: npt.NDArray[np.uint8]
    depth: npt.NDArray[np.float32]
    notes: list[str]
    metric: bool = True


def read_images(
    rgb_path: Path, depth_path: Path, depth_scale: float = 1000.0, *, grey: bool = False
) -> Images:
    """Read a frame from two files.

    Parameters
    ----------
    rgb_path : Path
        JPEG or PNG of 8 bits. Grey is repeated over the channels, with a note.
    depth_path : Path
        PNG of 16 bits and one channel.
    depth_scale : float
        Units of the depth image per metre.
    grey : bool
        Whether the depth image may be relative, too: grey of 8 bits, dark = near.

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
    levels = _grey_levels(depth_data) if grey else None
    if levels is None:
        depth = depth_to_metres(decode_depth(depth_data, str(depth_path)), depth_scale)
    else:
        depth = levels
    aspects = rgb.shape[1] / rgb.shape[0], depth.shape[1] / depth.shape[0]
    if abs(aspects[0] / aspects[1] - 1) > ASPECT_TOLERANCE:
        raise ValueError(
            f"{depth_path}: is {_size(depth)}, but {rgb_path} is {_size(rgb)}; both must show the same view, "
            "edge to edge, with one aspect; register the depth to the colour image, or crop one of them"
        )
    if levels is not None:
        return Images(rgb, depth, notes, metric=False)
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


def read_color(rgb_path: Path) -> tuple[npt.NDArray[np.uint8], list[str]]:
    """Read a colour image alone, (H, W, 3) uint8, and what the user should know of it; see `read_images`."""
    notes: list[str] = []
    return _read_rgb(rgb_path.read_bytes(), rgb_path, rgb_path, notes), notes


def estimate_images(
    rgb_path: Path, depth_path: Path | None, depth: "FrameDepth", depth_scale: float = 1000.0
) -> Images:
    """Read a colour image and estimate its depth, fitted to the depth image where there is one.

    Parameters
    ----------
    rgb_path, depth_path, depth_scale
        As of `read_images`; the depth image may be sparse.
    depth : FrameDepth
        Estimates it.

    Raises
    ------
    ValueError
        As of `read_images`; or the estimator gives relative depth that cannot be fitted.
    OSError
        If a file cannot be read.
    """
    if depth_path is None:
        depth.refuse_without_scale(str(rgb_path))
        rgb, notes = read_color(rgb_path)
        return Images(rgb, depth.metres(rgb), notes)
    images = read_images(rgb_path, depth_path, depth_scale)
    size = depth.size((images.rgb.shape[0], images.rgb.shape[1]))
    measured = resized_measured(images.depth, size)
    try:
        metres = depth.metres(images.rgb, measured)
    except ValueError as error:
        raise ValueError(f"{depth_path}: {error}") from error
    unused = [] if depth.needs_measured else [f"{depth_path}: is not used, estimates in metres replace it"]
    return Images(images.rgb, metres, [*images.notes, *unused])


def resized_measured(depth: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Bring sparse depth (h, w) of a view to another size; measured pixels go to where they lie there."""
    if depth.shape == size:
        return depth
    row, column = np.nonzero(depth)
    resized = np.zeros(size, np.float32)
    height, width = depth.shape  # the middle of a pixel stays where it is
    at = (2 * row + 1) * size[0] // (2 * height), (2 * column + 1) * size[1] // (2 * width)
    resized[at] = depth[row, column]
    return resized


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


def _grey_levels(data: bytes) -> npt.NDArray[np.float32] | None:
    """Return the grey of an image of 8 bits, whose channels are one or alike; None of any other."""
    raw = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    if raw is None or raw.dtype != np.uint8:
        return None
    colors = raw[..., None] if raw.ndim == 2 else raw[..., :3]
    return colors[..., 0].astype(np.float32) if (colors == colors[..., :1]).all() else None


def _size(image: npt.NDArray[np.uint8] | npt.NDArray[np.float32]) -> str:
    return f"{image.shape[1]}x{image.shape[0]}"
