"""7-Scenes as distributed: `frame-NNNNNN.color.png`, `.depth.png` and `.pose.txt` in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from sequences.camera import intrinsic_matrix
from sequences.errors import SequenceError
from sequences.files import FileSequence, FrameFiles, numbered_files, peek_sizes, read_poses
from sequences.options import Options
from sequences.sequence import Rig, Sequence, Track, regular_timestamps

_FILE = r"frame-(\d+)\.{}\.png"


class SevenScenesSequence(FileSequence):
    """One sequence of a 7-Scenes scene; depth in millimetres, poses of the depth camera.

    Colour and depth are not registered, and the data set states one nominal depth camera only (f = 585 px,
    centre 320, 240). The colour camera used here, with its place beside the depth camera, was estimated from
    depth edges against image edges of the scene RedKitchen.
    """

    format = "7scenes"
    layout = "7scenes: frame-NNNNNN.color.png, .depth.png and .pose.txt, also in one folder seq-NN"

    DEPTH_INTRINSICS = intrinsic_matrix(585.0, 585.0, 320.0, 240.0)
    COLOR_INTRINSICS = intrinsic_matrix(525.9, 525.9, 323.2, 236.3)
    COLOR_FROM_DEPTH = (-0.0333, 0.0044, 0.0)  # metres

    @classmethod
    def detect(cls, path: Path, options: Options) -> bool:
        """Whether there are numbered depth frames, or folders of such; colour frames where depth may miss."""
        return bool(_sequence_folders(path, options))

    @classmethod
    def open(cls, path: Path, options: Options) -> Sequence:
        """Open one sequence; a scene with several is refused, as each is a walk of its own."""
        folders = _sequence_folders(path, options)
        if len(folders) != 1:
            names = ", ".join(folder.name for folder in folders) or "none"
            raise SequenceError(
                f"{path}: expected one 7-Scenes sequence, found {names}; open one, for example {path}/seq-01"
            )
        root = folders[0]
        depth = numbered_files(root, _FILE.format("depth"))
        found = sorted({*numbered_files(root, _FILE.format("color")), *depth})
        chosen = [
            FrameFiles(
                number,
                root / f"frame-{number:06d}.color.png",
                root / f"frame-{number:06d}.depth.png" if depth else None,
            )
            for number in (found[k] for k in options.select(len(found), path))
        ]
        numbers = np.array([file.number for file in chosen], np.int64)
        poses, problems = read_poses([root / f"frame-{number:06d}.pose.txt" for number in numbers])
        T_color_depth = np.eye(4)
        T_color_depth[:3, 3] = cls.COLOR_FROM_DEPTH
        depth_size, color_size = peek_sizes(path, chosen)
        if (depth_size, color_size) != ((480, 640), (480, 640)) and options.intrinsics is None:
            raise SequenceError(
                f"{path}: 7-Scenes images are 640x480, these are {color_size[1]}x{color_size[0]} (colour) "
                f"and {depth_size[1]}x{depth_size[0]} (depth); give --intrinsics "
                "fx,fy,cx,cy of the depth images"
            )
        resolved = root.resolve()
        return cls(
            path,
            options,
            name=f"{resolved.parent.name}-{resolved.name}"
            if resolved.name.startswith("seq-")
            else resolved.name,
            rig=Rig(
                depth_size=depth_size,
                color_size=color_size,
                depth_scale=1000.0,
                depth_intrinsics=cls.DEPTH_INTRINSICS,
                color_intrinsics=cls.COLOR_INTRINSICS,
                T_color_depth=T_color_depth,
                has_depth=bool(depth),
            ),
            track=Track(numbers, regular_timestamps(numbers), poses, problems),
            files=chosen,
        )


def _sequence_folders(path: Path, options: Options) -> list[Path]:
    """`path` itself if it holds frames, else its folders seq-NN that do."""
    if not path.is_dir():
        return []
    folders = [path, *sorted(folder for folder in path.glob("seq-*") if folder.is_dir())]
    shown = "color" if options.depth_optional else "depth"
    found = [folder for folder in folders if next(folder.glob(f"frame-*.{shown}.png"), None)]
    return found[:1] if found[:1] == [path] else found
