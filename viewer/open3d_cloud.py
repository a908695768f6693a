"""Maps as Open3D geometry."""

from __future__ import annotations

from typing import Any

from mapping import VoxelMap, color, covariance, mean, normals, solid_rows


def to_open3d(voxel_map: VoxelMap) -> Any:
    """Turn the occupied cells of a map into an Open3D point cloud.

    Parameters
    ----------
    voxel_map
        Any map; occupancy decides which cells count, where it was fused.

    Returns
    -------
    open3d.geometry.PointCloud
        n `points` (the means of the cells, metres), `colors` in [0, 1], `normals` facing free space, and
        `covariances` (3, 3), m^2.

    Raises
    ------
    OSError
        A system library that Open3D needs is missing; the message of the loader names it.

    Examples
    --------
    >>> import dvemap, open3d  # doctest: +SKIP
    >>> cloud = dvemap.to_open3d(dvemap.load("room.dvm"))  # doctest: +SKIP
    >>> floor, rows = cloud.segment_plane(0.03, 3, 1000)  # doctest: +SKIP
    >>> things = cloud.select_by_index(rows, invert=True)  # doctest: +SKIP
    >>> open3d.visualization.draw_geometries([things])  # doctest: +SKIP
    """
    import open3d

    rows = solid_rows(voxel_map)
    cloud = open3d.geometry.PointCloud()
    cloud.points = open3d.utility.Vector3dVector(mean(voxel_map, rows))
    cloud.colors = open3d.utility.Vector3dVector(color(voxel_map, rows) / 255)
    cloud.normals = open3d.utility.Vector3dVector(normals(voxel_map, rows))
    cloud.covariances = open3d.utility.Matrix3dVector(covariance(voxel_map, rows))
    return cloud
