"""Recordings for the Rerun viewer (https://rerun.io), which shows the map as it grew."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dvemap.exporting.cells import SIGMAS, Progress, gaussians, shown_rows, silent
from dvemap.exporting.level import level_axes
from mapping import VoxelMap, atomic_write

TIMELINE: Final = "first seen"
_STEPS: Final = 64
MOST_ELLIPSOIDS: Final = 250_000  # the viewer draws each as a mesh of its own


def write_recording(
    voxel_map: VoxelMap,
    path: Path,
    *,
    up: npt.NDArray[np.float64] | None = None,
    sigmas: float = SIGMAS,
    surface: bool = False,
    progress: Progress = silent,
) -> tuple[int, int]:
    """Write the occupied cells of a map as a Rerun recording.

    Points and ellipsoids have a tab each. On the timeline "first seen" cells appear in up to 64 steps, each
    of them an entity.

    Parameters
    ----------
    voxel_map : VoxelMap
    path : Path
    up : ndarray, optional
        (3,) roughly the direction against gravity; guessed if None.
    sigmas : float
        Radius of an ellipsoid, in standard deviations.
    surface : bool
        Leave out the skirt of noise around surfaces.
    progress : callable, optional
        Told the cells that are done, and all.

    Returns
    -------
    tuple of int
        Cells and steps. More than `MOST_ELLIPSOIDS` cells get no ellipsoids.

    Raises
    ------
    ValueError
        If the Rerun SDK is not installed or the map has no occupied cell.
    """
    rr, blueprint = _sdk()
    rows = shown_rows(voxel_map, surface=surface)
    rows = rows[np.argsort(voxel_map.first_seen[rows], kind="stable")]
    cells = gaussians(voxel_map, rows, progress)
    since = voxel_map.first_seen[rows] - voxel_map.first_seen[rows[0]]
    layers = ["cells"] + ["ellipsoids"] * (len(rows) <= MOST_ELLIPSOIDS)
    views = [
        blueprint.Spatial3DView(name=layer, origin="map", contents=f"map/{layer}/**") for layer in layers
    ]
    recording = rr.RecordingStream("dvemap")
    steps = np.array_split(np.arange(len(rows)), min(_STEPS, len(np.unique(since))))
    with atomic_write(path) as file:
        recording.save(file.name, default_blueprint=blueprint.Blueprint(blueprint.Tabs(*views)))
        recording.log("map", _view_coordinates(rr, level_axes(voxel_map, rows, up)[2]), static=True)
        for number, part in enumerate(steps):
            recording.set_time(TIMELINE, duration=np.timedelta64(int(since[part[0]]), "ns"))
            place, color = cells.mean[part].astype(np.float32), cells.color[part]
            points = rr.Points3D(place, colors=color, radii=voxel_map.cell_size / 2)
            recording.log(f"map/cells/{number:02}", points)
            if len(layers) > 1:
                shapes = rr.Ellipsoids3D(
                    centers=place,
                    half_sizes=sigmas * cells.sigma[part],
                    quaternions=np.roll(cells.quaternion[part], -1, axis=1),  # x, y, z, w
                    colors=color,
                    fill_mode=rr.components.FillMode.Solid,
                )
                recording.log(f"map/ellipsoids/{number:02}", shapes)
        recording.disconnect()  # writes what is left
    return len(rows), len(steps)


def _sdk() -> tuple[Any, Any]:
    try:
        import rerun
        import rerun.blueprint
    except ImportError:
        raise ValueError(
            "this export needs the Rerun SDK; install it with: pip install 'dvemap[rerun]'"
        ) from None
    return rerun, rerun.blueprint


def _view_coordinates(rr: Any, up: npt.NDArray[np.float64]) -> Any:
    """Name the world axis nearest to up."""
    axis = int(np.abs(up).argmax())
    return getattr(rr.ViewCoordinates, f"RIGHT_HAND_{'XYZ'[axis]}_{'UP' if up[axis] > 0 else 'DOWN'}")
