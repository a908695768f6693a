"""`dvemap teach --depth`: depth that data lack, written where their readers look for it."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dvemap.frame_depth import FrameDepth
from dvemap.interrupts import Interrupts
from dvemap.sequence_source import find_sequences
from dvemap.teaching import Material, estimate_material
from sequences import FrameError, Sequence, open_sequence, prefetch
from sequences.camera import Matrix
from sequences.options import Options
from sequences.recording import to_units
from sequences.scannet import find_root

if TYPE_CHECKING:
    from dvemap.console import Output
    from student.teacher.depth import DepthEstimator
    from student.teacher.depth_run import Estimated

_SCALE = 1000.0


def estimate_depth(
    material: Material, model: str, device: str | None, out: "Output", *, overwrite: bool = False
) -> "tuple[Material, dict[str, Estimated]]":
    """Estimate the depth of data in NICR layout, or of RGB-only sequences in exported ScanNet layout.

    A sequence gets a folder depth_NAME of registered depth and, where its poses are of a depth camera beside
    the colour camera, pose_NAME.

    Parameters
    ----------
    material : Material
    model : str
        See `student.teacher.depth.DepthEstimator`.
    device : str or None
    out : Output
        Shows what happens.
    overwrite : bool
        Write finished images anew.

    Returns
    -------
    material : Material
        With the depth that it now has.
    runs : dict of str to Estimated
        By split or sequence.

    Raises
    ------
    ValueError
        If a sequence has depth, or is of another format.
    """
    if material.format != "sequence":
        return material, estimate_material(material, model, device, out, overwrite=overwrite)
    from student.teacher.depth import DepthEstimator

    sequences = [
        _open_without_depth(folder, material.stride)
        for split in material.splits
        for folder in find_sequences(material.path, split, Options(depth_optional=True))
    ]
    estimator = DepthEstimator(model, device)
    runs = {
        str(sequence.path): _estimate_sequence(sequence, estimator, out, overwrite) for sequence in sequences
    }
    return replace(material, depth=f"depth_{estimator.estimator}"), runs


def _open_without_depth(folder: Path, stride: int) -> Sequence:
    sequence = open_sequence(folder, stride=stride, depth_optional=True)
    if sequence.has_depth:
        raise ValueError(
            f"{folder}: a sequence has depth; --depth is for RGB-only sequences and data in NICR layout"
        )
    if sequence.format != "scannet":
        raise ValueError(
            f"{folder}: depth is estimated beside exported ScanNet layout (color/, pose/), this is "
            f"{sequence.format}"
        )
    return sequence


def _estimate_sequence(
    sequence: Sequence, estimator: "DepthEstimator", out: "Output", overwrite: bool
) -> "Estimated":
    """Write the depth of the frames of a sequence that have a pose."""
    from student.teacher.depth import write_depth
    from student.teacher.depth_run import Estimated

    root = find_root(sequence.path, sequence.options) or sequence.path
    depth = FrameDepth(estimator.metres)
    usable = [int(i) for i in np.flatnonzero(sequence.usable)]
    files = {i: root / f"depth_{estimator.estimator}" / f"{sequence.source_index(i)}.png" for i in usable}
    todo = [i for i in usable if overwrite or not files[i].is_file()]
    made, started = Estimated(kept=len(usable) - len(todo)), time.perf_counter()
    if sequence.T_color_depth is not None:  # first: depth without its poses would be read with others
        T_depth_color = np.linalg.inv(sequence.T_color_depth).astype(np.float64)
        _write_poses(sequence, T_depth_color, root / f"pose_{estimator.estimator}")
    with (
        out.progress(f"depth of {sequence.name}", len(usable)) as bar,
        Interrupts() as interrupts,
        closing(prefetch(sequence, todo)) as frames,
    ):
        bar.say(f"{sequence.path}: {len(usable)} frames, {depth.about}")
        for done, (i, frame) in enumerate(frames, start=made.kept + 1):
            if interrupts.asked:
                raise KeyboardInterrupt
            if isinstance(frame, FrameError):
                made.faults.append(str(frame))
            else:
                write_depth(files[i], to_units(depth.metres(frame.rgb), _SCALE))
                made.samples += 1
            bar.update(done)
    made.seconds = time.perf_counter() - started
    return made


def _write_poses(sequence: Sequence, T_depth_color: Matrix, folder: Path) -> None:
    """Write the poses of the colour camera, which registered depth goes with."""
    folder.mkdir(exist_ok=True)
    for i in np.flatnonzero(sequence.usable):
        T_world_color = sequence.pose(int(i)) @ T_depth_color
        np.savetxt(folder / f"{sequence.source_index(int(i))}.txt", T_world_color, fmt="%.9g")
