"""The formats of `dvemap export`: what each is called, takes, writes and is opened with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dvemap.console import Output
from dvemap.exporting.cells import Progress
from dvemap.exporting.ellipsoids import Mesh, write_ellipsoids
from dvemap.exporting.fields import write_fields
from dvemap.exporting.floor_plan import write_floor_plan
from dvemap.exporting.glb import write_glb
from dvemap.exporting.openlex3d import FILES, check_folder, write_openlex3d
from dvemap.exporting.points import write_points
from dvemap.exporting.recording import MOST_ELLIPSOIDS, write_recording
from dvemap.exporting.scannet import TEST_SCENES, write_predictions
from dvemap.exporting.splats import write_splats
from dvemap.outputs import check_output
from dvemap.provenance import up_of
from mapping import load, read_header

Options = Mapping[str, Any]
"""What the user set, by the names of `write_...`'s parameters."""


@dataclass(frozen=True)
class Job:
    """One export.

    Attributes
    ----------
    maps
        One map file; `scannet` takes several.
    output
        File or folder to make.
    options
        Those that the user set.
    out
        Where progress is shown.
    """

    maps: Sequence[Path]
    output: Path
    options: Options
    out: Output

    @property
    def up(self) -> npt.NDArray[np.float64] | None:
        """(3,) direction against gravity, as far as the map file knows."""
        return up_of(read_header(self.maps[0]).provenance)

    @contextmanager
    def progress(self, doing: str) -> Iterator[Progress]:
        """Show a progress bar while the block runs."""
        with self.out.progress(doing, 0) as bar:
            yield lambda done, total: bar.update(done, total=total)

    def run(self, write: Callable[..., Any], doing: str = "reading cells", **more: Any) -> Any:
        """Open the map and write it with what the user set."""
        voxel_map = load(self.maps[0])
        with self.progress(doing) as progress:
            return write(voxel_map, self.output, progress=progress, **self.options, **more)


@dataclass(frozen=True)
class Written:
    """What an export made.

    Attributes
    ----------
    files
        The first is the one to open.
    facts
        Numbers for the closing table and for machines.
    notes
        Lines that the user should see.
    """

    files: list[Path]
    facts: dict[str, Any]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Format:
    """A format.

    Attributes
    ----------
    ending
        Of the default file name, after that of the map.
    endings
        What a file name may end in; none: a folder.
    options
        Names of the options it takes.
    opened_with
        The next thing to do with `{file}`.
    write
        Writes it.
    """

    ending: str
    endings: tuple[str, ...]
    options: frozenset[str]
    opened_with: str
    write: Callable[[Job], Written]

    def check(self, output: Path) -> None:
        """Raise ValueError if the output cannot be written; see `outputs.check_output`."""
        if self.endings:
            check_output(output, *self.endings)
        else:
            check_folder(output)


def _points(job: Job) -> Written:
    return Written([job.output], {"points": job.run(write_points)})


def _mesh(job: Job) -> Written:
    return Written([job.output], _size_of(job.run(write_ellipsoids)))


def _glb(job: Job) -> Written:
    return Written([job.output], _size_of(job.run(write_glb, up=job.up)))


def _size_of(mesh: Mesh) -> dict[str, Any]:
    return {"vertices": len(mesh.vertices), "triangles": len(mesh.faces)}


def _splats(job: Job) -> Written:
    return Written([job.output], {"splats": job.run(write_splats)})


def _rerun(job: Job) -> Written:
    cells, steps = job.run(write_recording, up=job.up)
    notes: tuple[str, ...] = ()
    if cells > MOST_ELLIPSOIDS:
        notes = (f"note: points alone, no ellipsoids, since there are more than {MOST_ELLIPSOIDS:,} cells",)
    return Written([job.output], {"cells": cells, "steps": steps}, notes)


def _openlex3d(job: Job) -> Written:
    points, dimension = job.run(write_openlex3d, "writing embeddings")
    return Written(
        [job.output, *(job.output / name for name in FILES)], {"points": points, "dimension": dimension}
    )


def _npz(job: Job) -> Written:
    arrays = job.run(write_fields, "writing rows")
    return Written([job.output], {"arrays": {name: list(shape) for name, shape in arrays.items()}})


def _ros_map(job: Job) -> Written:
    plan = job.run(write_floor_plan, "projecting", up=job.up)
    height, width = plan.shape
    facts = {
        "width": width,
        "height": height,
        "resolution": plan.resolution,
        "origin": list(plan.origin),
        "floor": round(plan.floor, 3),
        "occupied": plan.occupied,
        "free": plan.free,
        "unknown": width * height - plan.occupied - plan.free,
    }
    return Written(list(plan.files), facts)


def _scannet(job: Job) -> Written:
    with job.progress("labelling scenes") as progress:
        done = write_predictions(job.maps, job.output, progress=progress, **job.options)
    facts = {"scenes": len(done.scenes), "vertices": done.vertices, "coverage": round(done.coverage, 4)}
    notes: tuple[str, ...] = ()
    if job.output.suffix.lower() == ".zip" and len(done.scenes) != TEST_SCENES:
        notes = (
            f"note: a submission holds all {TEST_SCENES} scenes of the test split, scene0707_00 to "
            f"scene0806_00; this one has {len(done.scenes)}",
        )
    return Written([job.output], facts, notes)


_SHAPES = frozenset({"surface", "sigmas"})
_CLASSIFIER = frozenset({"mesh", "classes", "probe", "means", "text_encoder"})
_DRAW = "open3d draw {file}   (or MeshLab, CloudCompare, Blender)"

FORMATS: Final[dict[str, Format]] = {
    "ply": Format(".ply", (".ply",), frozenset({"surface"}), _DRAW, _points),
    "mesh": Format(".mesh.ply", (".ply",), _SHAPES, _DRAW, _mesh),
    "glb": Format(
        ".glb", (".glb",), _SHAPES, "open3d draw {file}   (or Blender, a browser, a game engine)", _glb
    ),
    "splats": Format(
        ".splats.ply",
        (".ply",),
        _SHAPES,
        "drop {file} on https://superspl.at/editor   (or any viewer of Gaussian splats)",
        _splats,
    ),
    "openlex3d": Format(
        ".openlex3d", (), frozenset({"surface"}), "ol3_evaluate ... evaluation.predictions_path={file}",
        _openlex3d,
    ),
    "scannet": Format(
        ".txt",
        (".txt", ".zip"),
        _CLASSIFIER,
        "upload a .zip of all test scenes at https://kaldir.vc.in.tum.de/scannet_benchmark",
        _scannet,
    ),
    "ros-map": Format(
        ".yaml",
        (".yaml",),
        frozenset({"band", "floor"}),
        "ros2 run nav2_map_server map_server --ros-args -p yaml_filename:={file}",
        _ros_map,
    ),
    "npz": Format(
        ".npz",
        (".npz",),
        frozenset(),
        "python -c 'import numpy, sys; print(numpy.load(sys.argv[1]).files)' {file}",
        _npz,
    ),
    "rerun": Format(".rrd", (".rrd",), _SHAPES, "rerun {file}", _rerun),
}  # fmt: skip
