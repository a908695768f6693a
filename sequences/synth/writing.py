"""The files of a sequence: exported ScanNet layout with labels, instances, captions and how it was made."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from ..errors import SequenceError
from .compose import Composition
from .kinds import vocabulary
from .render import Camera, Picture

VERSION: Final = 1  # of the generator: raised whenever a seed gives another sequence
MARK: Final = "dvemap synth"


def write_scene(
    folder: Path,
    composition: Composition,
    listed: Collection[int],
    camera: Camera,
    seed: int,
    arguments: dict[str, Any],
    frames: int,
) -> None:
    """Write everything but the frames into an empty folder, and make their folders.

    Parameters
    ----------
    folder : Path
    composition : Composition
    listed : collection of int
        The instances that objects.json holds.
    camera : Camera
    seed : int
    arguments : dict
        What the scene was asked for with.
    frames : int
        How many there will be.
    """
    for name in ("color", "depth", "pose", "intrinsic", "label-filt", "instance-filt"):
        (folder / name).mkdir()
    K = np.eye(4)
    K[:3, :3] = camera.K
    for image in ("color", "depth"):
        _write_matrix(folder / "intrinsic" / f"intrinsic_{image}.txt", K)
        _write_matrix(folder / "intrinsic" / f"extrinsic_{image}.txt", np.eye(4))
    names = "".join(f"{i}\t{name}\n" for i, name in sorted(vocabulary().items()))
    (folder / "label_names.txt").write_text(names, encoding="utf-8")
    objects = [i.to_dict() for i in composition.instances if i.instance in listed]
    (folder / "objects.json").write_text(json.dumps(objects, indent=1) + "\n", encoding="utf-8")
    rooms = [
        {
            "type": r.type,
            "low": [round(r.x0, 4), round(r.y0, 4), 0.0],
            "high": [round(r.x1, 4), round(r.y1, 4), round(composition.plan.height, 4)],
        }
        for r in composition.plan.rooms
    ]
    record = {
        "generator": MARK,
        "version": VERSION,
        "seed": seed,
        "arguments": arguments,
        "frames": frames,
        "rooms": rooms,
        "massage_chair": any(i.label == "massage chair" for i in composition.instances),
        "daylight": round(composition.daylight, 4),
    }
    (folder / "scene.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read_record(folder: Path) -> dict[str, Any] | None:
    """What `write_scene` noted in a folder's scene.json; None where that is missing or somebody else's."""
    try:
        record = json.loads((folder / "scene.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("generator") == MARK else None


def refuse_file(out: Path) -> None:
    """Raise SequenceError if an output folder is a file."""
    if out.exists() and not out.is_dir():
        raise SequenceError(f"{out}: the output must be a folder, but this is a file; choose another path")


def write_frame(
    folder: Path,
    index: int,
    picture: Picture,
    depth: npt.NDArray[np.uint16],
    instance: npt.NDArray[np.uint8],
    T_world_camera: npt.NDArray[np.float64],
) -> None:
    """Write the images and the pose of one frame."""
    rgb = np.ascontiguousarray(picture.rgb[..., ::-1])
    _write_image(folder / "color" / f"{index}.jpg", rgb, [cv2.IMWRITE_JPEG_QUALITY, 95])
    _write_image(folder / "depth" / f"{index}.png", depth, [cv2.IMWRITE_PNG_COMPRESSION, 2])
    _write_image(folder / "label-filt" / f"{index}.png", picture.kind, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    _write_image(folder / "instance-filt" / f"{index}.png", instance, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    _write_matrix(folder / "pose" / f"{index}.txt", T_world_camera)


def _write_image(path: Path, image: npt.NDArray[Any], options: list[int]) -> None:
    """Encode, then write through Python, which raises OSError where OpenCV would only return False."""
    path.write_bytes(cv2.imencode(path.suffix, image, options)[1].tobytes())


def _write_matrix(path: Path, matrix: npt.NDArray[np.float64]) -> None:
    """Write 4 x 4 numbers so that reading them back gives the same floats."""
    path.write_text("".join(" ".join(repr(float(x)) for x in row) + "\n" for row in matrix), encoding="ascii")
