"""A sequence: posed RGB-D frames of one source, decoded only when asked for."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import numpy as np
import numpy.typing as npt

from sequences.camera import (
    POSE_CONVENTIONS,
    Matrix,
    check_intrinsics,
    format_intrinsics,
    parse_intrinsics,
    pose_faults,
    scale_intrinsics,
    to_camera_to_world,
)
from sequences.errors import FrameError, SequenceError
from sequences.frame import Frame
from sequences.images import decode_color, depth_to_metres
from sequences.options import Options

Size = tuple[int, int]
Pixel = TypeVar("Pixel", np.uint8, np.uint16)


@dataclass(frozen=True, slots=True)
class Rig:
    """What a source says about its two cameras; None = it does not say."""

    depth_size: Size
    color_size: Size
    depth_scale: float
    depth_intrinsics: Matrix | None = None
    color_intrinsics: Matrix | None = None
    T_color_depth: Matrix | None = None
    has_depth: bool = True


@dataclass(frozen=True, slots=True)
class Track:
    """What a source says about its selected frames, one entry a frame."""

    numbers: npt.NDArray[np.int64]  # frame numbers in the source
    timestamps: npt.NDArray[np.float64]  # seconds
    poses: Matrix  # (n, 4, 4) as stored; NaN where there is none
    problems: dict[int, str]  # row -> why its pose could not be read


def regular_timestamps(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Times of frames recorded at 30 Hz, in seconds, on whole microseconds as `.sens` files store them."""
    times: npt.NDArray[np.float64] = np.rint(numbers * (1e6 / 30)) / 1e6
    return times


class Sequence(ABC):
    """Posed RGB-D frames: lazy, random access, of known length.

    Readers subclass it and say how the bytes of one frame are found. `sequence[i]` decodes the
    i-th selected frame or raises `FrameError`; it may be called from several threads.

    Attributes
    ----------
    path : pathlib.Path
        What was opened.
    name : str
        Name of the scene.
    format : str
        Name of the format, as `open_sequence(format=...)` takes it.
    intrinsics, color_intrinsics : numpy.ndarray
        (3, 3) float64, camera matrices of the depth and of the colour images.
    depth_size, color_size : tuple of int
        (height, width) in pixels.
    depth_scale : float
        Units of the depth images per metre.
    pose_convention : str
        How the stored poses are read.
    T_color_depth : numpy.ndarray or None
        (4, 4), depth-camera to colour-camera coordinates; None = one and the same camera.
    has_depth : bool
        Whether the source brings depth; the depth of its frames is 0 everywhere if not.
    estimated : bool
        Whether depth is estimated from colour, in metres and in the view of the colour images: then no option
        can change its unit, and --intrinsics are those of the source's images.
    poses : numpy.ndarray
        (n, 4, 4) float64, T_world_camera of the selected frames, NaN where unusable.
    notes : tuple of str
        What the reader wants the user to know.
    """

    format: str
    layout: ClassVar[str]  # what lies on disk, in words, for the error that no format fits
    estimated: ClassVar[bool] = False

    def __init__(
        self,
        path: Path,
        options: Options,
        *,
        name: str,
        rig: Rig,
        track: Track,
        notes: tuple[str, ...] = (),
    ) -> None:
        self.path, self.name, self.options, self.notes = path, name, options, notes
        self.depth_size, self.color_size, self.T_color_depth = (
            rig.depth_size,
            rig.color_size,
            rig.T_color_depth,
        )
        self.has_depth = rig.has_depth
        self.depth_scale = rig.depth_scale if options.depth_scale is None else float(options.depth_scale)
        self.intrinsics, self.color_intrinsics = _resolve_intrinsics(path, rig, options)
        self.pose_convention = options.pose_convention or POSE_CONVENTIONS[0]
        self._numbers, self._timestamps, self._stored_poses = track.numbers, track.timestamps, track.poses
        if not np.isfinite(track.timestamps).all():
            row = int(np.isfinite(track.timestamps).argmin())
            raise SequenceError(
                f"{path}: frame {track.numbers[row]} must have a finite time in seconds, got "
                f"{track.timestamps[row]}; correct the file of times"
            )
        self._problems = pose_faults(track.poses) | track.problems
        self.poses = self.poses_as(self.pose_convention)

    @classmethod
    @abstractmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether what lies at `path` has this format's layout; looks at names only."""

    @classmethod
    @abstractmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open what lies at `path` as this format."""

    @abstractmethod
    def color_bytes(self, i: int) -> tuple[str, bytes]:
        """Colour of the i-th frame as stored: "jpeg", "png" or "raw" (RGB bytes), and the bytes."""

    @abstractmethod
    def depth_raw(self, i: int) -> npt.NDArray[np.uint16]:
        """Depth of the i-th frame as stored: (h, w) uint16 in units of 1 / `depth_scale` metres."""

    def label_ids(self, i: int) -> tuple[npt.NDArray[np.uint16] | None, npt.NDArray[np.uint16] | None]:
        """Label and instance image of the i-th frame, None where the source has none."""
        return None, None

    @property
    def label_names(self) -> dict[int, str]:
        """Label id -> name, where the source says."""
        return {}

    def describe(self, i: int, part: str = "") -> str:
        """What error messages call the i-th frame, or its "colour", "depth" or "pose"."""
        return f"{self.path}: frame {self.source_index(i)}" + (f" ({part})" if part else "")

    def __len__(self) -> int:
        return len(self._numbers)

    def __iter__(self) -> Iterator[Frame]:
        return (self[i] for i in range(len(self)))

    def __getitem__(self, i: int) -> Frame:
        return self.frame(i)

    def frame(self, i: int, *, depth: bool = True) -> Frame:
        """The i-th selected frame; with `depth` = False its depth image is not read, and 0 everywhere."""
        i = self._position(i)
        try:
            pose = self.pose(i)
            rgb = self._rgb(i)
            raw = self.depth_raw(i) if depth else np.zeros(self.depth_size, np.uint16)
            metres = depth_to_metres(self._checked(i, raw, self.depth_size, "depth"), self.depth_scale)
            label, instance = self.label_ids(i) if self.options.labels else (None, None)
        except FrameError as error:
            error.number = self.source_index(i)
            raise
        except OSError as error:
            raise FrameError(
                f"{self.describe(i)} cannot be read: {error}", number=self.source_index(i)
            ) from error
        return Frame(
            rgb=rgb,
            depth=metres,
            intrinsics=self.intrinsics,
            color_intrinsics=self.color_intrinsics,
            T_world_camera=pose,
            timestamp=self.timestamp(i),
            index=self.source_index(i),
            label=label,
            instance=instance,
            T_color_depth=self.T_color_depth,
        )

    def source_index(self, i: int) -> int:
        """Frame number in the source of the i-th selected frame."""
        return int(self._numbers[self._position(i)])

    def timestamp(self, i: int) -> float:
        """Time of the i-th selected frame in seconds."""
        return float(self._timestamps[self._position(i)])

    def pose(self, i: int) -> Matrix:
        """T_world_camera (4, 4) of the i-th selected frame; raises FrameError where it cannot be used."""
        i = self._position(i)
        if i in self._problems:
            raise FrameError(
                f"{self.describe(i, 'pose')}: {self._problems[i]}", kind="pose", number=self.source_index(i)
            )
        pose: Matrix = self.poses[i]
        return pose

    def poses_as(self, convention: str) -> Matrix:
        """Stored poses read by another convention: T_world_camera (n, 4, 4), NaN where unusable."""
        poses = np.full_like(self._stored_poses, np.nan)
        usable = self.usable
        poses[usable] = to_camera_to_world(self._stored_poses[usable], convention)
        return poses

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """(n,) bool, which selected frames have a pose that can be used."""
        mask = np.ones(len(self), np.bool_)
        mask[list(self._problems)] = False
        return mask

    def stored_pose(self, i: int) -> Matrix:
        """T_world_camera (4, 4) of the i-th frame; all -inf, as in ScanNet, where there is none."""
        return np.full((4, 4), -np.inf) if i in self._problems else self.poses[i]

    def fingerprint(self) -> str:
        """SHA-256 over what decides the frames except their pixels: format, numbers, poses, cameras, options.

        The same data at another path have the same fingerprint.
        """
        digest = hashlib.sha256()
        words = (
            self.format,
            len(self),
            self.depth_size,
            self.color_size,
            self.depth_scale,
            self.options.labels,
        )
        digest.update(repr((*words, self.options.depth_folder)).encode())
        arrays: list[npt.NDArray[Any]] = [
            self._numbers,
            self._timestamps,
            self.intrinsics,
            self.color_intrinsics,
        ]
        arrays.append(np.eye(4) if self.T_color_depth is None else self.T_color_depth)
        arrays.append(np.nan_to_num(self.poses, nan=-1e300))  # NaN has many bit patterns
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def _position(self, i: int) -> int:
        n = len(self._numbers)
        if not -n <= i < n:
            raise IndexError(f"frame {i} of a sequence of {n} frames")
        return int(i) % n

    def _rgb(self, i: int) -> npt.NDArray[np.uint8]:
        encoding, data = self.color_bytes(i)
        if encoding == "raw":
            height, width = self.color_size
            if len(data) != height * width * 3:
                raise FrameError(
                    f"{self.describe(i, 'colour')}: raw {width}x{height} RGB takes "
                    f"{height * width * 3} bytes, got {len(data)}"
                )
            return np.frombuffer(data, np.uint8).reshape(height, width, 3)
        return self._checked(i, decode_color(data, self.describe(i, "colour")), self.color_size, "colour")

    def _checked(self, i: int, image: npt.NDArray[Pixel], size: Size, what: str) -> npt.NDArray[Pixel]:
        if image.shape[:2] != size:
            raise FrameError(
                f"{self.describe(i, what)}: the image is {image.shape[1]}x{image.shape[0]}, expected "
                f"{size[1]}x{size[0]} as the rest of the sequence"
            )
        return image


def _resolve_intrinsics(path: Path, rig: Rig, options: Options) -> tuple[Matrix, Matrix]:
    """Camera matrices of depth and colour from what the source and the user say; the user's win."""
    depth, color = rig.depth_intrinsics, rig.color_intrinsics
    if options.intrinsics is not None:
        depth, size = parse_intrinsics(options.intrinsics)
        if size is not None and size != rig.depth_size:
            raise SequenceError(wrong_size_message(path, depth, size, rig.depth_size))
        if not rig.has_depth or (rig.T_color_depth is None and rig.color_size == rig.depth_size):
            color = depth  # images of one size and place share a camera
    if depth is None:
        raise SequenceError(
            f"{path}: the source does not say the intrinsics of its {rig.depth_size[1]}x{rig.depth_size[0]} "
            f"{'depth' if rig.has_depth else 'colour'} images; give --intrinsics fx,fy,cx,cy"
        )
    if color is None:
        color = scale_intrinsics(depth, rig.depth_size, rig.color_size)
    check_intrinsics(depth, f"{path}: depth intrinsics")
    check_intrinsics(color, f"{path}: colour intrinsics")
    return depth, color


def wrong_size_message(path: Path, K: Matrix, declared: Size, found: Size) -> str:
    """Error text for intrinsics `K` declared for images of another size than the `found` one."""
    scaled = format_intrinsics(scale_intrinsics(K, declared, found))
    return (
        f"{path}: the intrinsics are for images of {declared[1]}x{declared[0]}, the images are "
        f"{found[1]}x{found[0]}; if they show the same view, give --intrinsics {scaled}"
    )
