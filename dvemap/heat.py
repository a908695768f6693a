"""The heat of an answer on the map: as a point cloud and as a picture."""

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from mapping import Answer, VoxelMap, color, confidence, mean, solid
from viewer import overlay_heat, save_picture, snapshot, write_ply

Direction = npt.NDArray[np.float64] | None


def solid_rows(voxel_map: VoxelMap) -> npt.NDArray[np.int64]:
    """Return the rows to show: those that hold something (see `mapping.solid`), with some weight."""
    return np.flatnonzero(solid(voxel_map) & (voxel_map.weight > 0))


def heat_rgb(voxel_map: VoxelMap, answer: Answer, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the colours of rows (n, 3) uint8: their own in grey, hot above the threshold of the answer."""
    high = max(float(answer.relevancy.max(initial=0.0)), answer.threshold + 1e-3)
    low = answer.threshold - 0.5 * (high - answer.threshold)
    return overlay_heat(color(voxel_map, rows), answer.relevancy[rows], low, high)


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


def write_heat_picture(
    path: Path, voxel_map: VoxelMap, answer: Answer, title: str, up: Direction = None
) -> None:
    """Write a PNG of the map seen from a corner and from above, coloured by relevancy."""
    rows = solid_rows(voxel_map)
    best = f"best hit at {_place(answer)}" if answer.hits else "no hit"
    write_map_picture(path, voxel_map, rows, heat_rgb(voxel_map, answer, rows), f'"{title}": {best}', up)


def write_map_picture(
    path: Path,
    voxel_map: VoxelMap,
    rows: npt.NDArray[np.int64],
    colors: npt.NDArray[np.uint8],
    title: str,
    up: Direction = None,
) -> None:
    """Write a titled PNG of some rows of a map in given colours (n, 3) uint8, `up` (3,) being up."""
    picture = snapshot(mean(voxel_map, rows), colors, voxel_map.cell_size, up=up)
    ascii_title = title.encode("ascii", "replace").decode()
    cv2.putText(picture, ascii_title, (24, 40), cv2.FONT_HERSHEY_DUPLEX, 0.9, (30, 30, 30), 1, cv2.LINE_AA)
    save_picture(path, picture)


def _place(answer: Answer) -> str:
    return "({:.2f}, {:.2f}, {:.2f}) m".format(*answer.hits[0].center)
