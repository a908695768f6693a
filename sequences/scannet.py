"""Exported ScanNet layout: a folder each for colour, depth and poses, one numbered file a frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from sequences.camera import Matrix, pose_faults, read_matrix, scale_intrinsics
from sequences.errors import SequenceError
from sequences.files import COLOR_SUFFIXES, FileSequence, FrameFiles, numbered_files, peek_sizes, read_poses
from sequences.labels import find_label_folders, read_label_names
from sequences.options import Options
from sequences.sequence import Rig, Sequence, Track, regular_timestamps
from sequences.text import read_text

_COLOR_FILE = r"(\d+)\.(?:jpe?g|png)"
_PNG_FILE = r"(\d+)\.png"


class ScannetSequence(FileSequence):
    """`color/N.jpg`, `depth/N.png`, `pose/N.txt`, `intrinsic/*.txt`; optionally label and instance images.

    Poses are of the depth camera. Where the extrinsics differ, T_color_depth = extrinsic_color @
    inv(extrinsic_depth). Another depth folder than "depth" holds depth registered to the colour images, whose
    camera then serves both; "depth_x" goes with the poses in "pose_x" where there are such. A file
    `timestamps.txt` ("number seconds" lines) overrides the 30 Hz that the layout implies.
    """

    format = "scannet"
    layout = (
        "scannet: folders color/ (N.jpg), depth/ (N.png), pose/ (N.txt) and intrinsic/, also below frames/"
    )

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether there are folders of colour, depth and poses."""
        return find_root(path, options) is not None

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open the folder; lists it and reads the poses, decodes no image."""
        root = find_root(path, options)
        if root is None:
            raise SequenceError(
                f"{path}: expected the folders color, {options.depth_folder} and "
                f"{_pose_folder(path, options)}"
            )
        chosen = _list_frames(root, path, options)
        numbers = np.array([file.number for file in chosen], np.int64)
        pose_folder = root / _pose_folder(root, options)
        pose_files = numbered_files(pose_folder, r"(\d+)\.txt")
        poses, problems = read_poses(
            [pose_files.get(n) or pose_folder / f"{n}.txt" for n in numbers.tolist()]
        )
        track = Track(numbers, _read_timestamps(root, numbers), poses, problems)
        rig, notes = _read_rig(root, path, chosen, options)
        name = (root.resolve().parent if root.name == "frames" else root.resolve()).name
        return cls(path, options, name=name, rig=rig, track=track, files=chosen, notes=notes)

    @property
    def label_names(self) -> dict[int, str]:
        """Label id -> name from `label_names.txt` or ScanNet's table, else empty."""
        return read_label_names(self.path)


def find_root(path: Path, options: Options) -> Path | None:
    """The folder that holds the images: `path`, or `path`/frames as NICE-SLAM lays it out; None without."""
    for root in (path, path / "frames"):
        parts = ["color", _pose_folder(root, options)]
        if not options.depth_optional:
            parts.append(options.depth_folder)
        if all((root / part).is_dir() for part in parts):
            return root
    return None


def _pose_folder(root: Path, options: Options) -> str:
    if options.pose_folder is not None:
        return options.pose_folder
    twin = _twin(options)
    return twin if (root / twin).is_dir() else "pose"


def _twin(options: Options) -> str:
    """The pose folder that goes with a depth folder by its name."""
    return options.depth_folder.replace("depth", "pose", 1)


def _list_frames(root: Path, path: Path, options: Options) -> list[FrameFiles]:
    """Selected ones of the frames with a colour or a depth image; what one lacks shows when it is read."""
    color = numbered_files(root / "color", _COLOR_FILE)
    depth_folder = root / options.depth_folder
    has_depth = not options.depth_optional or depth_folder.is_dir()
    depth = numbered_files(depth_folder, _PNG_FILE)
    if not color or (has_depth and not depth):
        empty = root / (options.depth_folder if color else "color")
        wanted = "N.png" if color else f"N{', N'.join(COLOR_SUFFIXES)}"
        raise SequenceError(f"{empty}: no images; expected files {wanted} with N the frame number")
    folders = find_label_folders(root) if options.labels else (None, None)
    labels, instances = ({} if f is None else numbered_files(f, _PNG_FILE) for f in folders)
    suffix = next(iter(color.values())).suffix
    found = sorted(color.keys() | depth.keys())
    return [
        FrameFiles(
            number,
            color=color.get(number) or root / "color" / f"{number}{suffix}",
            depth=(depth.get(number) or depth_folder / f"{number}.png") if has_depth else None,
            label=folders[0] and (labels.get(number) or folders[0] / f"{number}.png"),
            instance=folders[1] and (instances.get(number) or folders[1] / f"{number}.png"),
        )
        for number in (found[k] for k in options.select(len(found), path))
    ]


def _read_rig(
    root: Path, path: Path, files: list[FrameFiles], options: Options
) -> tuple[Rig, tuple[str, ...]]:
    depth_size, color_size = peek_sizes(path, files)
    color_K, depth_K = (_read_optional(root, f"intrinsic_{camera}.txt") for camera in ("color", "depth"))
    has_depth = files[0].depth is not None
    notes: tuple[str, ...] = ()
    T_color_depth = None
    if has_depth and options.depth_folder != "depth":
        depth_K = None if color_K is None else scale_intrinsics(color_K[:3, :3], color_size, depth_size)
        notes = (f"{options.depth_folder} is registered to the colour images: one camera serves both",)
        twin = _twin(options)
        if _pose_folder(root, options) != twin and (root / twin).is_dir():
            notes += (f"{twin} holds the poses for {options.depth_folder}: use --pose-folder {twin}",)
    else:
        if not has_depth or (depth_K is None and color_size == depth_size):
            depth_K = color_K
        T_color_depth, notes = relative_extrinsics(
            _read_optional(root, "extrinsic_color.txt"), _read_optional(root, "extrinsic_depth.txt")
        )
    rig = Rig(
        depth_size=depth_size,
        color_size=color_size,
        depth_scale=1000.0,
        depth_intrinsics=None if depth_K is None else depth_K[:3, :3],
        color_intrinsics=None if color_K is None else color_K[:3, :3],
        T_color_depth=T_color_depth,
        has_depth=has_depth,
    )
    return rig, notes


def relative_extrinsics(color: Matrix | None, depth: Matrix | None) -> tuple[Matrix | None, tuple[str, ...]]:
    """T_color_depth from ScanNet's extrinsics, each from a common frame to its camera.

    Parameters
    ----------
    color, depth : numpy.ndarray or None
        (4, 4); None = identity.

    Returns
    -------
    T_color_depth : numpy.ndarray or None
        (4, 4) float64; None where it is the identity.
    notes : tuple of str
        What was ignored: some exports hold zeros here.
    """
    color = np.eye(4) if color is None else color
    depth = np.eye(4) if depth is None else depth
    if pose_faults(np.stack([color, depth])):
        return None, ("the extrinsics are not rigid motions: ignored, one place is taken for both cameras",)
    T: Matrix = color if np.array_equal(depth, np.eye(4)) else color @ np.linalg.inv(depth)
    return (None if np.allclose(T, np.eye(4), rtol=0, atol=1e-6) else T), ()


def _read_optional(root: Path, name: str) -> Matrix | None:
    for file in (root / "intrinsic" / name, root / name, root.parent / "intrinsic" / name):
        if file.is_file():
            return read_matrix(file)
    return None


def _read_timestamps(root: Path, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    path = root / "timestamps.txt"
    if not path.is_file():
        return regular_timestamps(numbers)
    lines = read_text(path).splitlines()
    try:
        pairs = (line.split() for line in lines if line.strip())
        seconds = {int(number): float(time) for number, time in pairs}
        return np.array([seconds[int(number)] for number in numbers])
    except (ValueError, KeyError) as error:
        raise SequenceError(
            f"{path}: expected one line 'number seconds' for every frame: {error!r}; correct or remove it"
        ) from error
