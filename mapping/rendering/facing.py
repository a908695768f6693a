"""Which side of a cell's surface is open: seen from behind, walls and ceilings can be looked through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from mapping.keys import NEIGHBOUR_DELTAS
from mapping.space import OFF_SURFACE, state_at

if TYPE_CHECKING:
    from mapping.rendering.scene import Scene

FREE: Final = -1  # of `state_at`

PASSES: Final = 2
"""How far unsure cells look for neighbours, in cells."""


def open_side(scene: Scene) -> npt.NDArray[np.float32]:
    """Find the side of each cell's surface from which frames saw it: the one where rays crossed free space.

    Parameters
    ----------
    scene
        Of a map with occupancy.

    Returns
    -------
    (n, 3) float32 by row of the map: unit normals toward the open side. Cells that are not flat, or open on
    both sides or none, take the side of their neighbours; zero where these have none, and for cells that are
    not shown.
    """
    voxel_map, normal = scene.map, scene.normal
    order = np.argsort(voxel_map.key[scene.rows])  # what lies together is looked up together
    rows, points = scene.rows[order], scene.means[order]
    normal, flat = normal[order], scene.flat[order]
    ahead, behind = (
        sum(
            state_at(voxel_map, points + side * step * scene.cell_size * normal) == FREE
            for step in OFF_SURFACE
        )
        for side in (1, -1)
    )
    outward = np.zeros((len(voxel_map), 3), np.float32)
    outward[rows] = (flat * np.sign(ahead - behind))[:, None] * normal
    for _ in range(PASSES):
        unsure = rows[~outward[rows].any(axis=1)]
        near = voxel_map.rows_of(voxel_map.key[unsure, None] + NEIGHBOUR_DELTAS)
        around = np.where((near >= 0)[..., None], outward[near], 0).sum(axis=1)
        length = np.linalg.norm(around, axis=1, keepdims=True)
        outward[unsure] = np.where(length > 0.5, around / np.maximum(length, 0.5), 0)
    return outward
