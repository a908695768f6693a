"""Pictures of a map without a display: every cell a small shaded cube, seen from far away.

Under a parallel projection all cells look alike, so one cube is drawn once as a stamp, which then is put down
at every cell with a depth buffer. NumPy alone; some 100,000 cells take about a second.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import cv2
import numpy as np
import numpy.typing as npt

from mapping.atomic import atomic_write
from viewer.upright import estimate_up, main_part, near_walls, wall_direction, without_ceiling

View = Literal["corner", "top"]
_BACKGROUND: Final = 238
_ELEVATION: Final = {"corner": np.deg2rad(48), "top": np.deg2rad(89.9)}
_MARGIN: Final = 0.04


def snapshot(
    points: npt.NDArray[np.floating[Any]],
    colors: npt.NDArray[np.uint8],
    cell_size: float,
    *,
    size: tuple[int, int] = (800, 1600),
    up: npt.ArrayLike | None = None,
    views: tuple[View, ...] = ("corner", "top"),
) -> npt.NDArray[np.uint8]:
    """Draw a map, its views side by side, without the ceiling and without what stands in the way.

    Parameters
    ----------
    points
        (n, 3) metres, world axes; a point anywhere in a cell stands for the cell.
    colors
        (n, 3) uint8 RGB.
    cell_size
        Edge of a cell, metres.
    size
        Height and width of the picture, pixels.
    up
        (3,) roughly the direction against gravity, made exact from the points; guessed if None.
    views
        "corner" looks down at 48 degrees, "top" from above.

    Returns
    -------
    (*size, 3) uint8 RGB.

    Raises
    ------
    ValueError
        Shapes do not fit, or the picture has no room for its views.
    """
    if points.ndim != 2 or points.shape[1] != 3 or colors.shape != points.shape or colors.dtype != np.uint8:
        raise ValueError(
            "points must be (n, 3) and colors (n, 3) uint8, "
            f"got {points.shape} and {colors.shape} {colors.dtype}"
        )
    if not cell_size > 0:
        raise ValueError(f"cell_size must be > 0 m, got {cell_size}")
    height, width = size
    if not views or height < 16 or width // len(views) < 16:
        raise ValueError(f"size must be at least 16 pixels for each of {len(views)} views, got {size}")
    picture = np.full((height, width, 3), _BACKGROUND, np.uint8)
    if len(points) == 0:
        return picture
    main = main_part(points, cell_size)
    points, colors = points[main], colors[main]
    vertical = estimate_up(points, cell_size, up)
    keep = without_ceiling(points @ vertical)
    cells, colors = (np.floor(points[keep] / cell_size) + 0.5) * cell_size, colors[keep]
    edges = np.linspace(0, width, len(views) + 1).astype(int)
    for view, left, right in zip(views, edges[:-1], edges[1:], strict=True):
        axes = _axes(cells, cell_size, vertical, view)
        shown = np.ones(len(cells), bool)
        if view == "corner":
            ground = np.stack([cells @ axes[0], cells @ np.cross(vertical, axes[0])], axis=1)
            away = np.array([0.0, 1.0]) * np.sign(np.cross(vertical, axes[0]) @ axes[2])
            shown = ~near_walls(ground, cells @ vertical, -away, cell_size)
        picture[:, left:right] = _draw(cells[shown], colors[shown], cell_size, axes, height, right - left)
    return picture


def save_picture(path: str | Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write an RGB picture as PNG or JPEG, by the ending of `path`.

    Raises
    ------
    ValueError
        The ending is neither.
    OSError
        The file cannot be written.
    """
    path = Path(path)
    if path.suffix.lower() not in (".png", ".jpg", ".jpeg"):
        raise ValueError(f"a picture must end in .png or .jpg, got {path}")
    encoded = cv2.imencode(path.suffix.lower(), picture[..., ::-1])[1]
    with atomic_write(path) as file:
        file.write(encoded.tobytes())


def _axes(
    cells: npt.NDArray[np.float64], cell_size: float, up: npt.NDArray[np.float64], view: View
) -> npt.NDArray[np.float64]:
    """Return the axes of the picture in the world: right, down, away; (3, 3) rows.

    Seen from the top, walls lie along the sides of the picture; the corner view is turned by 35 degrees. Of
    the corners and sides to look from, that one is taken from which high things lie behind low ones.
    """
    level = np.cross(up, np.eye(3)[np.abs(up).argmin()])
    level /= np.linalg.norm(level)
    basis = np.stack([level, np.cross(up, level)])
    along = wall_direction(cells @ basis.T, cell_size) @ basis
    across = np.cross(up, along)
    turns = np.deg2rad([35, 125, 215, 305] if view == "corner" else [0, 180])
    rights = np.cos(turns)[:, None] * along + np.sin(turns)[:, None] * across
    heights = cells @ up
    toward_high = (heights - heights.mean()) @ cells
    right = max(rights, key=lambda candidate: float(np.cross(up, candidate) @ toward_high))
    forward = np.cross(up, right)
    away = np.cos(_ELEVATION[view]) * forward - np.sin(_ELEVATION[view]) * up
    return np.stack([right, np.cross(away, right), away])


@dataclass(frozen=True, slots=True, eq=False)
class _Stamp:
    """How a cell looks: pixel offsets, depth relative to the middle, brightness."""

    down: npt.NDArray[np.int64]
    right: npt.NDArray[np.int64]
    depth: npt.NDArray[np.float32]
    light: npt.NDArray[np.float32]


def _stamp(edge: float, axes: npt.NDArray[np.float64]) -> _Stamp:
    """Cast parallel rays at a cube of `edge` pixels whose sides lie along the world's axes."""
    radius = int(np.ceil(edge * 0.87)) + 1
    down, right = np.mgrid[-radius : radius + 1, -radius : radius + 1].reshape(2, -1)
    origin = right[:, None] * axes[0] + down[:, None] * axes[1]
    away = np.where(np.abs(axes[2]) < 1e-6, 1e-6, axes[2])
    enter = (-np.sign(away) * edge / 2 - origin) / away
    leave = (np.sign(away) * edge / 2 - origin) / away
    face = enter.argmax(axis=1)
    depth = enter.max(axis=1)
    hit = depth <= leave.min(axis=1)
    hit[(down == 0) & (right == 0)] = True  # a cell is at least one pixel
    # Light falls over the viewer's shoulder; the three visible faces differ.
    facing = np.abs(away) @ np.eye(3)
    light = 0.62 + 0.38 * facing / facing.max()
    return _Stamp(down[hit], right[hit], depth[hit].astype(np.float32), light[face[hit]].astype(np.float32))


def _draw(
    cells: npt.NDArray[np.float64],
    colors: npt.NDArray[np.uint8],
    cell_size: float,
    axes: npt.NDArray[np.float64],
    height: int,
    width: int,
) -> npt.NDArray[np.uint8]:
    """Draw cells under a parallel projection, fitted into the picture."""
    if len(cells) == 0:
        return np.full((height, width, 3), _BACKGROUND, np.uint8)
    seen = cells @ axes.T
    low, high = seen.min(axis=0) - cell_size, seen.max(axis=0) + cell_size
    fit = (1 - 2 * _MARGIN) * min(width / (high[0] - low[0]), height / (high[1] - low[1]))
    finer = 2 if len(cells) * (2 * fit * cell_size) ** 2 < 4e7 else 1  # drawn twice as large, then averaged
    scale = fit * finer
    middle = np.array([width, height]) * finer / 2
    at = np.rint((seen[:, :2] - (low[:2] + high[:2]) / 2) * scale + middle).astype(np.int64)
    depth = (seen[:, 2] * scale).astype(np.float32)
    stamp = _stamp(scale * cell_size + 1, axes)  # positions are rounded: one pixel more leaves no gaps

    pad = int(np.abs(np.concatenate([stamp.down, stamp.right])).max()) + 1
    rows, columns = height * finer + 2 * pad, width * finer + 2 * pad
    nearest = np.full(rows * columns, np.inf, np.float32)
    owner = np.full(rows * columns, -1, np.int64)
    light = np.zeros(rows * columns, np.float32)
    order = np.argsort(
        -depth, kind="stable"
    )  # far to near: of two cells at a pixel the nearer is written last
    start = ((at[:, 1] + pad) * columns + at[:, 0] + pad)[order]
    depth = depth[order]
    for down, right, inward, brightness in zip(
        stamp.down, stamp.right, stamp.depth, stamp.light, strict=True
    ):
        pixel = start + (down * columns + right)
        front = depth + inward
        wins = np.flatnonzero(front < nearest[pixel])
        pixel = pixel[wins]
        nearest[pixel] = front[wins]
        owner[pixel] = order[wins]
        light[pixel] = brightness
    inner = (slice(pad, rows - pad), slice(pad, columns - pad))
    owner, light = owner.reshape(rows, columns)[inner], light.reshape(rows, columns)[inner]
    light = light * _crevices(nearest.reshape(rows, columns)[inner], scale * cell_size)
    image = np.where(owner[..., None] >= 0, colors[owner] * light[..., None], _BACKGROUND)
    image = image.reshape(height, finer, width, finer, 3).mean(axis=(1, 3))
    drawn: npt.NDArray[np.uint8] = np.rint(np.clip(image, 0, 255)).astype(np.uint8)
    return drawn


def _crevices(depth: npt.NDArray[np.float32], cell: float) -> npt.NDArray[np.float32]:
    """Darken pixels whose neighbours are nearer: edges and corners stand out (eye-dome lighting)."""
    reach = max(1, round(cell))
    deeper = np.zeros_like(depth)
    known = np.where(np.isfinite(depth), depth, np.float32(1e9))
    for axis in (0, 1):
        for shift in (-reach, reach):
            step = (known - np.roll(known, shift, axis)) / cell
            deeper += np.clip(step - 1.2, 0, 6)
    light: npt.NDArray[np.float32] = np.exp(-0.05 * deeper).astype(np.float32)
    return light
