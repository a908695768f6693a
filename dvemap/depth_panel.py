"""The picture of an estimated depth: image, depth, and a scale."""

import numpy as np
import numpy.typing as npt

from dvemap.lettering import FAINT, write
from dvemap.prediction.panel import (
    FRAME,
    HEADER,
    MARGIN,
    PAPER,
    TILE,
    TITLE,
    Picture,
    Tile,
    compose,
    depth_picture,
    pixels,
    resized,
)
from viewer.colors import depth_colors

BAR = 18  # pixels, width of the scale
ASIDE = 96  # of the scale with its numbers
_STEPS = (0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)  # metres between marks
_MARKS = 8


def draw_depth(
    rgb: Picture, depth: npt.NDArray[np.float32], *, metric: bool, title: str, subtitle: str
) -> Picture:
    """Draw an image beside its depth, near pale and far dark, with a scale.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    depth : (h, w) float32
        Metres, 0 = none; or, where not `metric`, inverse depth of unknown scale.
    metric : bool
    title, subtitle : str
        Above both.

    Returns
    -------
    (height, width, 3) uint8 RGB.
    """
    size = max(1, round(TILE * rgb.shape[0] / rgb.shape[1])), TILE
    far_away = depth if metric else depth.max() - depth + 1e-6 * max(1.0, float(np.ptp(depth)))
    valid = far_away[far_away > 0]
    near, far = (float(end) for end in np.percentile(valid, (1, 99))) if valid.size else (0.0, 1.0)
    far = max(far, near + 1e-3)
    tiles = [
        Tile(f"Colour, {pixels(rgb)}", resized(rgb, size)),
        Tile(f"Depth, {pixels(depth)}", depth_picture(far_away, size, near, far)),
    ]
    panel = compose(tiles, [], size, title, subtitle)
    aside = np.full((len(panel), ASIDE, 3), PAPER, np.uint8)
    top = MARGIN + TITLE + HEADER
    _draw_scale(aside, (top, top + size[0]), marks(near, far) if metric else None, near, far)
    return np.concatenate([panel, aside], axis=1)


def marks(near: float, far: float) -> list[float]:
    """Return the round depths between two, at most eight, that a scale names."""
    step = next((step for step in _STEPS if (far - near) / step <= _MARKS - 1), _STEPS[-1])
    first, last = int(np.ceil(near / step)), int(np.floor(far / step))
    return [k * step for k in range(first, last + 1)][:_MARKS] or [near]


def _draw_scale(
    aside: Picture, rows: tuple[int, int], named: list[float] | None, near: float, far: float
) -> None:
    """Draw the colours from near, above, to far, and what some of them stand for."""
    top, bottom = rows
    aside[top - 1 : bottom + 1, : BAR + 2] = FRAME
    share = np.linspace(0, 1, bottom - top)
    aside[top:bottom, 1 : BAR + 1] = depth_colors(share)[:, None]
    if named is None:
        write(aside, "near", (BAR + 8, top + 12), 15, color=FAINT)
        write(aside, "far", (BAR + 8, bottom - 2), 15, color=FAINT)
        return
    for k, depth in enumerate(named):
        row = top + round((depth - near) / (far - near) * (bottom - top - 1))
        aside[row, BAR + 2 : BAR + 7] = FAINT
        unit = " m" if k == len(named) - 1 else ""
        write(aside, f"{depth:.3g}{unit}", (BAR + 11, min(max(row + 5, top + 11), bottom)), 15, color=FAINT)
