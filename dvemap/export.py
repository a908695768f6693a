"""Maps for other programs."""

from pathlib import Path

import numpy as np

from dvemap.heat import solid_rows
from mapping import WEIGHT_ONE, VoxelMap, color, confidence, covariance, eigen, holds_surface, mean, occupied
from viewer import write_ply


def write_cells(voxel_map: VoxelMap, path: Path) -> int:
    """Write the occupied cells of a map as a binary PLY point cloud.

    Each point is the mean of its cell, with colour, normal (`nx`, `ny`, `nz`: the direction of least
    spread, either sign), `weight` (pixels' worth of observation), `occupancy` in [0, 1],
    `surface` (1, or 0 for the noise around one; see `mapping.holds_surface`) and, where the map
    has codes, `confidence` in [0, 1].

    Parameters
    ----------
    voxel_map : VoxelMap
    path : Path

    Returns
    -------
    int
        Points written.
    """
    rows = solid_rows(voxel_map)
    normals = eigen(covariance(voxel_map, rows))[1][:, :, 0].astype(np.float32)
    properties = {
        name: np.ascontiguousarray(normals[:, axis]) for axis, name in enumerate(("nx", "ny", "nz"))
    }
    properties["weight"] = (voxel_map.weight[rows] / WEIGHT_ONE).astype(np.float32)
    properties["surface"] = holds_surface(voxel_map)[rows].astype(np.uint8)
    properties["occupancy"] = occupied(voxel_map, rows).astype(np.float32)
    if voxel_map.code_dim:
        properties["confidence"] = confidence(voxel_map, rows)
    write_ply(path, mean(voxel_map, rows), colors=color(voxel_map, rows), properties=properties)
    return len(rows)
