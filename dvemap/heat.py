"""The heat of an answer on the map, and as a point cloud."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from mapping import Answer, VoxelMap, color, confidence, mean, solid_rows
from viewer import overlay_heat, write_ply
from viewer.scene.paint import heat_scale


def heat_rgb(voxel_map: VoxelMap, answer: Answer, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the colours of rows (n, 3) uint8: their own in grey, hot above the threshold of the answer."""
    scale = heat_scale(answer)
    return overlay_heat(color(voxel_map, rows), answer.relevancy[rows], scale.low, scale.high)


def write_heat_ply(path: Path, voxel_map: VoxelMap, answer: Answer) -> None:
    """Write the occupied cells as a PLY: hot where relevant, with relevancy and rank of the hit."""
    rows = solid_rows(voxel_map)
    rank = np.zeros(len(voxel_map), np.uint16)
    for hit in answer.hits:
        rank[hit.rows] = min(hit.rank, np.iinfo(np.uint16).max)
    write_ply(
        path,
        mean(voxel_map, rows),
        colors=heat_rgb(voxel_map, answer, rows),
        properties={
            "relevancy": answer.relevancy[rows].astype(np.float32),
            "cosine": answer.similarity[rows].astype(np.float32),
            "confidence": confidence(voxel_map, rows),
            "hit": rank[rows],
        },
    )
