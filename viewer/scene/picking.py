"""Which cell a ray from the camera meets first."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


def pick(
    centers: npt.NDArray[np.float32],
    cell_size: float,
    origin: npt.ArrayLike,
    direction: npt.ArrayLike,
    drawn: npt.NDArray[np.bool_] | None = None,
) -> int | None:
    """Find the cell that a ray enters first.

    Parameters
    ----------
    centers
        (m, 3) float32 centres of the cells, metres.
    cell_size
        Their edge, metres.
    origin, direction
        (3,) metres; the direction has any length.
    drawn
        (m, 6) bool, the sides of each cell that exist, in the order of `viewer.scene.cubes.SIDES`; a ray
        passes through the others. All by default.

    Returns
    -------
    int or None
        Which of the cells; None if the ray meets none.
    """
    if not len(centers):
        return None
    start, way = np.asarray(origin, np.float32), _without_zeros(direction)
    near = _near(centers, cell_size, start, way)
    middle = centers[near] - start
    enter = (middle - np.sign(way) * np.float32(cell_size / 2)) / way
    leave = (middle + np.sign(way) * np.float32(cell_size / 2)) / way
    axis = enter.argmax(axis=1)
    first = enter.max(axis=1)
    hit = (first <= leave.min(axis=1)) & (first > 0)
    if drawn is not None:
        side = 2 * axis + (way[axis] < 0)  # a ray towards -x enters through the +x side
        hit &= drawn[near, side]
    met = np.flatnonzero(hit)
    return int(near[met[first[met].argmin()]]) if len(met) else None


def _without_zeros(direction: npt.ArrayLike) -> npt.NDArray[np.float32]:
    way = np.asarray(direction, np.float64)
    way = way / np.linalg.norm(way)
    return np.where(np.abs(way) < 1e-9, 1e-9, way).astype(np.float32)


def _near(
    centers: npt.NDArray[np.float32],
    cell_size: float,
    origin: npt.NDArray[np.float32],
    direction: npt.NDArray[np.float32],
) -> npt.NDArray[np.int64]:
    """Return the cells whose middle lies within half a diagonal of the ray; all others cannot be met."""
    offset: npt.NDArray[Any] = centers - origin
    along = offset @ direction
    away = np.einsum("ij,ij->i", offset, offset) - along**2
    reach = 0.87 * cell_size
    return np.flatnonzero((away < 2 * reach**2 + 1e-4) & (along > -reach))  # generous: float32
