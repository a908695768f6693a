"""How far the cell means of a map lie from the TSDF mesh that Open3D builds from the same frames.

    python tests/bench/tsdf_agreement.py SEQUENCE [--depth-folder ... --pose-folder ...]

Open3D's VoxelBlockGrid integrates the same depth with the same poses at 1 cm. The distance of cell means to
its mesh is measured for all occupied cells, for those that hold a surface (not only the noise
beside one), and once with each cell counted as often as it was observed.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import open3d as o3d

import dvemap
from mapping import holds_surface, mean, solid
from sequences import Sequence


def tsdf_mesh(sequence: Sequence, voxel: float, depth_max: float) -> o3d.t.geometry.TriangleMesh:
    """Integrate all frames into an Open3D TSDF and extract its mesh."""
    grid = o3d.t.geometry.VoxelBlockGrid(
        attr_names=("tsdf", "weight"),
        attr_dtypes=(o3d.core.float32, o3d.core.float32),
        attr_channels=((1,), (1,)),
        voxel_size=voxel,
        block_resolution=16,
        block_count=40_000,
    )
    for position in range(len(sequence)):
        frame = sequence[position]
        depth = o3d.t.geometry.Image(np.ascontiguousarray(frame.depth))
        intrinsics = o3d.core.Tensor(frame.intrinsics)
        extrinsics = o3d.core.Tensor(np.linalg.inv(frame.T_world_camera))
        blocks = grid.compute_unique_block_coordinates(depth, intrinsics, extrinsics, 1.0, depth_max, 8.0)
        grid.integrate(blocks, depth, intrinsics, extrinsics, 1.0, depth_max, 8.0)
    return grid.extract_triangle_mesh(weight_threshold=3.0)


def distances(points: npt.NDArray[np.float64], mesh: o3d.t.geometry.TriangleMesh) -> npt.NDArray[np.float32]:
    """Return the distance of each point (n, 3) to the mesh, metres."""
    scene = o3d.t.geometry.RaycastingScene()
    scene.add_triangles(mesh)
    found: npt.NDArray[np.float32] = scene.compute_distance(
        o3d.core.Tensor(points.astype(np.float32))
    ).numpy()
    return found


def main() -> None:
    """Build both, print the distances as JSON."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("sequence", type=Path)
    parser.add_argument("--depth-folder", default="depth")
    parser.add_argument("--pose-folder", default=None)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--cell-size", type=float, default=0.05)
    parser.add_argument("--tsdf-voxel", type=float, default=0.01)
    parser.add_argument("--depth-max", type=float, default=3.0)
    given = parser.parse_args()
    sequence = dvemap.open_sequence(
        given.sequence, stride=given.stride, depth_folder=given.depth_folder, pose_folder=given.pose_folder
    )
    result = dvemap.fuse(sequence, cell_size=given.cell_size, depth_max=given.depth_max, encoder="none")
    cells = result.map
    mesh = tsdf_mesh(sequence, given.tsdf_voxel, given.depth_max)
    report: dict[str, object] = {
        "frames": result.frames,
        "cells": len(cells),
        "mesh_vertices": len(mesh.vertex.positions),
    }
    apart = distances(mean(cells), mesh) * 1000
    seen = cells.occupancy.hits[cells.occupancy.rows_of(cells.key)]
    held, surface = solid(cells), holds_surface(cells)
    subsets = {
        "occupied": held,
        "surface": surface,
        "seen in >= 10 frames": held & (seen >= 10),
        "surface, seen in >= 10 frames": surface & (seen >= 10),
    }
    for name, chosen in subsets.items():
        report[name] = {
            "cells": int(chosen.sum()),
            "median_mm": round(float(np.median(apart[chosen])), 2),
            "p90_mm": round(float(np.percentile(apart[chosen], 90)), 2),
        }
    order = np.argsort(apart)
    share = np.cumsum(cells.weight[order]) / cells.weight.sum()
    report["weighted by observations"] = {
        "median_mm": round(float(apart[order][np.searchsorted(share, 0.5)]), 2)
    }
    print(json.dumps(report, indent=2))  # noqa: T201


if __name__ == "__main__":
    main()
