"""PLY point clouds: a point a cell, with all that is known of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.exporting.cells import Gaussians, Progress, gaussians, shown_rows, silent
from mapping import WEIGHT_ONE, VoxelMap, confidence, covariance, evidence, holds_surface, occupied
from viewer import write_ply

_ENTRIES = {"cov_xx": (0, 0), "cov_xy": (0, 1), "cov_xz": (0, 2), "cov_yy": (1, 1), "cov_yz": (1, 2),
            "cov_zz": (2, 2)}  # fmt: skip


def write_points(
    voxel_map: VoxelMap, path: Path, *, surface: bool = False, progress: Progress = silent
) -> int:
    """Write the occupied cells of a map as a binary PLY point cloud.

    Each point is the mean of its cell, with

    - `red`, `green`, `blue`: mean colour
    - `nx`, `ny`, `nz`: unit normal, facing free space
    - `cov_xx` ... `cov_zz`: covariance of the points of the cell, m^2
    - `linearity`, `planarity`, `scatter`: shape features in [0, 1] that add up to 1
    - `weight`: pixels' worth of observation
    - `hits`, `misses`: frames that saw a surface in the cell, and frames that saw through it
    - `occupancy`: probability in [0, 1]
    - `surface`: 1, or 0 for the noise around one; see `mapping.holds_surface`
    - `first_seen`, `last_seen`: seconds
    - `confidence`: agreement of its embeddings in [0, 1], where the map has any.

    Parameters
    ----------
    voxel_map : VoxelMap
    path : Path
    surface : bool
        Leave out the skirt of noise around surfaces.
    progress : callable, optional
        Told the cells that are done, and all.

    Returns
    -------
    int
        Points written.

    Raises
    ------
    ValueError
        If the map has no occupied cell.
    """
    rows = shown_rows(voxel_map, surface=surface)
    cells = gaussians(voxel_map, rows, progress)
    write_ply(path, cells.mean, colors=cells.color, properties=_properties(voxel_map, rows, cells))
    return len(rows)


def _properties(
    voxel_map: VoxelMap, rows: npt.NDArray[np.int64], cells: Gaussians
) -> dict[str, npt.NDArray[Any]]:
    sigma = covariance(voxel_map, rows).astype(np.float32)
    l1, l2, l3 = cells.variance.T
    largest = np.where(l3 > 0, l3, 1)
    hits, misses = evidence(voxel_map, rows)
    known = {
        **dict(zip(("nx", "ny", "nz"), cells.normal.T, strict=True)),
        **{name: sigma[:, i, j] for name, (i, j) in _ENTRIES.items()},
        "linearity": (l3 - l2) / largest,
        "planarity": (l2 - l1) / largest,
        "scatter": np.where(l3 > 0, l1 / largest, 1).astype(np.float32),
        "weight": (voxel_map.weight[rows] / WEIGHT_ONE).astype(np.float32),
        "hits": hits,
        "misses": misses,
        "occupancy": occupied(voxel_map, rows).astype(np.float32),
        "surface": holds_surface(voxel_map)[rows].astype(np.uint8),
        "first_seen": voxel_map.first_seen[rows] * 1e-9,
        "last_seen": voxel_map.last_seen[rows] * 1e-9,
    }
    if voxel_map.code_dim:
        known["confidence"] = confidence(voxel_map, rows)
    return known
