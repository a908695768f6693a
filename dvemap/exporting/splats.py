"""Gaussian splats, as 3D Gaussian Splatting (Kerbl et al., SIGGRAPH 2023) keeps them in a PLY."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np

from dvemap.exporting.cells import SIGMAS, Progress, gaussians, shown_rows, silent
from mapping import VoxelMap, log_odds
from viewer import write_ply

_Y00: Final = 0.28209479177387814  # the constant spherical harmonic, 1 / (2 sqrt(pi))
_HIGHER: Final = 45  # coefficients of degrees 1 to 3; the reference viewer reads no file without them
_MOST_OPAQUE: Final = 8.0  # logit; more is 1.0 in half floats, which some viewers store


def write_splats(
    voxel_map: VoxelMap,
    path: Path,
    *,
    sigmas: float = SIGMAS,
    surface: bool = False,
    progress: Progress = silent,
) -> int:
    """Write the occupied cells of a map as Gaussian splats.

    The file has the 62 numbers of the reference implementation in their order: `x y z`, `nx ny nz`, colour as
    `f_dc_0..2` (and 45 zeros for the directional rest), `opacity` as a logit, which is the cell's log-odds
    of being occupied, `scale_0..2` as natural logarithms of metres, `rot_0..3` as quaternion w, x, y, z.

    Parameters
    ----------
    voxel_map : VoxelMap
    path : Path
    sigmas : float
        Standard deviations of a splat in those of its cell.
    surface : bool
        Leave out the skirt of noise around surfaces.
    progress : callable, optional
        Told the cells that are done, and all.

    Returns
    -------
    int
        Splats written.

    Raises
    ------
    ValueError
        If `sigmas` is not > 0 or the map has no occupied cell.
    """
    if not sigmas > 0:
        raise ValueError(f"sigmas must be > 0, got {sigmas}")
    rows = shown_rows(voxel_map, surface=surface)
    cells = gaussians(voxel_map, rows, progress)
    odds = log_odds(voxel_map, rows)
    opacity = np.where(odds == 0, _MOST_OPAQUE, np.minimum(odds, _MOST_OPAQUE))  # 0: never counted
    zero = np.zeros(len(rows), np.float32)
    properties = {
        **dict(zip(("nx", "ny", "nz"), cells.normal.T, strict=True)),
        **{f"f_dc_{k}": ((cells.color[:, k] / 255 - 0.5) / _Y00).astype(np.float32) for k in range(3)},
        **{f"f_rest_{k}": zero for k in range(_HIGHER)},
        "opacity": opacity.astype(np.float32),
        **{f"scale_{k}": np.log(sigmas * cells.sigma[:, k]) for k in range(3)},
        **{f"rot_{k}": column for k, column in enumerate(cells.quaternion.T)},
    }
    write_ply(path, cells.mean, properties=properties)
    return len(rows)
