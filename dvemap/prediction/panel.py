"""The panel picture of a prediction: tiles of one size with titles and scales, and the names of labels."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from dvemap.lettering import BOLD, FAINT, text_width, write
from dvemap.prediction.look import Look
from dvemap.prediction.predictor import Labeller, Prediction, Predictor, Question
from viewer import overlay_heat
from viewer.colors import depth_colors

Picture = npt.NDArray[np.uint8]

TILE = 480  # pixels, width
MARGIN = 28
GAP = 20
HEADER = 34  # above a tile: its title and scale
TITLE = 64  # above all
ROW = 24  # of the legend
SIDEBAR = 270
SMALLEST = 0.0005  # share of a class that is still named
PAPER = 250
FRAME = 205  # a line around a tile, which may be as light as the paper
NO_DEPTH = (214, 214, 210)


@dataclass(frozen=True, eq=False)
class Tile:
    """One picture of the panel, with a title and perhaps a scale: colours (n, 3) from one text to another."""

    title: str
    picture: Picture
    scale: tuple[str, Picture, str] | None = None


def draw_panel(
    rgb: Picture,
    depth: npt.NDArray[np.float32],
    prediction: Prediction,
    predictor: Predictor,
    look: Look,
    *,
    title: str,
    subtitle: str,
    metric: bool = True,
) -> Picture:
    """Draw all that is known of a frame.

    Parameters
    ----------
    rgb : (H, W, 3) uint8
    depth : (h, w) float32
        Metres, 0 = invalid.
    prediction : Prediction
        Of the frame.
    predictor : Predictor
        What it was made with.
    look : Look
        Colours of the run.
    title, subtitle : str
        Above the tiles.
    metric : bool
        Whether depth is in metres; else it is grey, all of it valid.

    Returns
    -------
    (height, width, 3) uint8 RGB.
    """
    size = max(1, round(TILE * rgb.shape[0] / rgb.shape[1])), TILE
    shown = resized(rgb, size)
    near, far = (float(value) for value in look.depth)
    tiles = [
        Tile(f"Colour, {pixels(rgb)}", shown),
        Tile(
            f"Depth, {pixels(depth)}",
            depth_picture(depth if metric else depth + 1, size, near, far),
            (
                f"{near:.1f}" if metric else "near",
                depth_colors(np.linspace(0, 1, 64)),
                f"{far:.1f} m" if metric else "far",
            ),
        ),
        Tile(
            f"{'Posteriors' if predictor.closed else 'Embedding'}, {pixels(prediction.codes)}, "
            "principal components",
            look.colors(prediction.codes, size),
        ),
    ]
    legend: list[tuple[str, tuple[int, ...], float]] = []
    if prediction.label is not None and predictor.labeller is not None:
        tiles.append(_label_tile(prediction.label, predictor.labeller, shown))
        classes = predictor.labeller.classes
        color_of = dict(zip(classes.names, classes.colors.tolist(), strict=True))
        legend = [(name, tuple(color_of[name]), share) for name, share in prediction.shares(classes).items()]
    if prediction.heat is not None and predictor.question is not None:
        tiles.append(_heat_tile(prediction.heat, predictor.question, shown))
    return compose(tiles, legend, size, title, subtitle)


def compose(
    tiles: list[Tile],
    legend: list[tuple[str, tuple[int, ...], float]],
    size: tuple[int, int],
    title: str,
    subtitle: str,
) -> Picture:
    """Lay tiles out in rows; the legend takes the slot that is left, or else stands beside all rows."""
    columns = 2 if len(tiles) in (2, 4) else 3
    rows = -(-len(tiles) // columns)
    beside = SIDEBAR if legend and len(tiles) == rows * columns else 0
    inner = rows * (HEADER + size[0]) + (rows - 1) * GAP
    width = 2 * MARGIN + columns * (TILE + GAP) - GAP + beside
    panel = np.full((2 * MARGIN + TITLE + inner, width, 3), PAPER, np.uint8)
    write(panel, title, (MARGIN, MARGIN + 20), 25, weight=BOLD, width=width - 2 * MARGIN)
    write(panel, subtitle, (MARGIN, MARGIN + 46), 16, color=FAINT, width=width - 2 * MARGIN)
    x, y = MARGIN, MARGIN + TITLE
    for k, tile in enumerate(tiles):
        _place(
            panel,
            tile,
            x + k % columns * (TILE + GAP),
            y + k // columns * (HEADER + size[0] + GAP),
        )
    if beside:
        left = width - MARGIN - beside + GAP
        _write_legend(panel, legend, left, y + HEADER, beside - GAP, inner - HEADER)
    elif legend:
        left = width - MARGIN - TILE
        top = y + inner - size[0]
        _write_legend(panel, legend, left, top, TILE, size[0])
    return panel


def _place(panel: Picture, tile: Tile, x: int, y: int) -> None:
    baseline, room = y + HEADER - 12, TILE
    if tile.scale is not None:
        low, colors, high = tile.scale
        right = x + TILE - text_width(high, 15)
        left = right - 8 - 2 * len(colors)
        write(panel, high, (right, baseline), 15, color=FAINT)
        panel[baseline - 10 : baseline + 1, left : right - 8] = np.repeat(colors, 2, axis=0)
        write(panel, low, (left - 8, baseline), 15, color=FAINT, right=True)
        room = left - 8 - text_width(low, 15) - 16 - x
    write(panel, tile.title, (x, baseline), 17, width=room)
    top, bottom = y + HEADER, y + HEADER + tile.picture.shape[0]
    panel[top - 1 : bottom + 1, x - 1 : x + TILE + 1] = FRAME
    panel[top:bottom, x : x + TILE] = tile.picture


def _write_legend(
    panel: Picture,
    legend: list[tuple[str, tuple[int, ...], float]],
    x: int,
    y: int,
    width: int,
    height: int,
) -> None:
    """Write colours, names and shares of classes, the largest first, in columns."""
    lines = max(1, height // ROW)
    columns = max(1, min(-(-len(legend) // lines), width // 230))
    fits = min(lines * columns, 1 + sum(share >= SMALLEST for _, _, share in legend))
    shown = legend if len(legend) <= fits else legend[: fits - 1]
    across = min(width // columns, 300)
    for k, (name, color, share) in enumerate(shown):
        left, top = x + k // lines * across, y + k % lines * ROW
        panel[top + 2 : top + 18, left : left + 16] = color
        write(panel, _percent(share), (left + 82, top + 16), 15, color=FAINT, right=True)
        write(panel, name, (left + 94, top + 16), 15, width=across - 94 - 14)
    if len(shown) < len(legend):
        left, top = x + (fits - 1) // lines * across, y + (fits - 1) % lines * ROW
        rest = sum(share for _, _, share in legend[len(shown) :])
        write(
            panel,
            f"and {len(legend) - len(shown)} more, {_percent(rest)}",
            (left, top + 16),
            15,
            color=FAINT,
        )


def _label_tile(label: npt.NDArray[np.uint16], labeller: Labeller, shown: Picture) -> Tile:
    """Colour the labels; the light and dark of the image shows through, and where a label ends."""
    near = cv2.resize(label, shown.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    light = 0.72 + 0.28 * cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY)[..., None] / 255
    picture = np.rint(labeller.classes.colors_of(near) * light).astype(np.uint8)
    how = {
        "text": "text prompts",
        "probe": "a linear probe",
        "means": "visual means",
        "network": "the network",
    }[labeller.decoder]
    return Tile(f"Labels of {labeller.classes.name} by {how}", picture)


def _heat_tile(heat: npt.NDArray[np.float32], question: Question, shown: Picture) -> Tile:
    """Lay heat over the greyed image, where the text beats the negatives clearly."""
    low = question.rule.threshold - 0.5 * (1 - question.rule.threshold)
    fine = cv2.resize(heat, shown.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    picture = overlay_heat(shown.reshape(-1, 3), np.asarray(fine, np.float32).ravel(), low, 1.0).reshape(
        shown.shape
    )
    steps = np.linspace(low, 1, 48)
    ramp = overlay_heat(np.full((48, 3), 128, np.uint8), steps, low, 1.0)
    return Tile(f"“{question.text}”, best {heat.max():.2f}", picture, (f"{low:.2f}", ramp, "1.00"))


def depth_picture(depth: npt.NDArray[np.float32], size: tuple[int, int], near: float, far: float) -> Picture:
    """Colour depth (h, w) from near to far at a size; pixels without depth are grey."""
    rows, columns = (
        (np.arange(target) * length // target) for target, length in zip(size, depth.shape, strict=True)
    )
    small = depth[np.ix_(rows, columns)]
    share = np.clip((small - near) / max(far - near, 1e-3), 0, 1)
    return np.where((small > 0)[..., None], depth_colors(share), np.array(NO_DEPTH, np.uint8))


def resized(image: Picture, size: tuple[int, int]) -> Picture:
    """Bring an image (H, W, 3) to a size, smoothly."""
    smaller = size[0] < image.shape[0]
    how = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size[::-1], interpolation=how), np.uint8)


def pixels(image: npt.NDArray[np.generic]) -> str:
    """Write the size of an image as titles have it."""
    return f"{image.shape[1]}×{image.shape[0]}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %" if share >= SMALLEST else "< 0.1 %"
