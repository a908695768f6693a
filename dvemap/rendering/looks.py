"""What a map can be shown as: colour, depth, normals, labels, heat, principal components, confidence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from dvemap.heat import heat_rgb
from dvemap.rendering.drawing import Paint, Style
from mapping import Answer, ClassList, VoxelMap, color, confidence
from mapping.keys import NEIGHBOUR_DELTAS
from mapping.rendering import Camera, Scene, Traced, principal_colors
from viewer.colors import depth_colors, heat_colors, overlay_heat
from viewer.scene.paint import heat_scale

Picture = npt.NDArray[np.uint8]
Int64 = npt.NDArray[np.int64]

NO_LABEL: Final = (168, 168, 164)
_CHUNK: Final = 16_384


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """What colours mean: from one text to another."""

    low: str
    colors: Picture
    high: str


@dataclass(frozen=True, slots=True, eq=False)
class Legend:
    """Names of colours and their shares of the map, the largest first."""

    entries: list[tuple[str, tuple[int, int, int], float]]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A way to show a map.

    Attributes
    ----------
    title : str
    paint : callable
        See `drawing.draw`.
    style : Style
    key : Scale or Legend or None
        What its colours mean, where they need words.
    """

    title: str
    paint: Paint
    style: Style
    key: Scale | Legend | None = None


def color_look(voxel_map: VoxelMap) -> Look:
    """Show the colours that the camera saw."""
    return Look("Colour", _of_cells(color(voxel_map)), Style(0.35, smooth=True))


def label_look(scene: Scene, labels: Int64, classes: ClassList) -> Look:
    """Show class colours.

    A cell without a label, mostly noise before a surface, is shown with that of its heaviest neighbour.

    Parameters
    ----------
    scene : Scene
    labels : (n,) int64
        By row of the map, 0 for none.
    classes : ClassList
    """
    labels, rows = _borrowed(scene, labels), scene.rows
    table = np.where((labels > 0)[:, None], classes.colors_of(labels), np.array(NO_LABEL, np.uint8))
    ids, counts = np.unique(labels[rows], return_counts=True)
    name_of = dict(zip(classes.ids.tolist(), classes.names, strict=True))
    entries = [
        (
            name_of.get(int(label), "(no label)"),
            _triple(classes.colors_of(label) if label else np.array(NO_LABEL)),
            float(count / len(rows)),
        )
        for label, count in sorted(zip(ids, counts, strict=True), key=lambda pair: -pair[1])
    ]
    return Look(f"Labels: {classes.name}", _of_cells(table), Style(0.45), Legend(entries))


def _borrowed(scene: Scene, labels: Int64) -> Int64:
    """Give cells without a label that of the heaviest of their 26 neighbours which has one."""
    filled, voxel_map = labels.copy(), scene.map
    bare = scene.rows[labels[scene.rows] == 0]
    for start in range(0, len(bare), _CHUNK):
        part = bare[start : start + _CHUNK]
        near = voxel_map.rows_of(voxel_map.key[part, None] + NEIGHBOUR_DELTAS)
        weight = np.where((near >= 0) & (labels[near] > 0), voxel_map.weight[near], 0)
        best = np.take_along_axis(near, weight.argmax(axis=1)[:, None], axis=1)[:, 0]
        filled[part] = np.where(weight.any(axis=1), labels[best], 0)
    return filled


def heat_look(voxel_map: VoxelMap, answer: Answer, text: str) -> Look:
    """Show how relevant cells are to a text: hot over the greyed map."""
    heat = heat_scale(answer)
    low, high = heat.low, heat.high
    steps = np.linspace(low, high, 96)
    ramp = overlay_heat(np.full((96, 3), 150, np.uint8), steps, low, high)
    table = heat_rgb(voxel_map, answer, np.arange(len(voxel_map)))
    scale = Scale(f"{max(low, 0):.2f}", ramp, f"{high:.2f}")
    return Look(f"“{text}”", _of_cells(table), Style(0.45, smooth=True), scale)


def principal_look(voxel_map: VoxelMap) -> Look:
    """Show embeddings: what means alike looks alike."""
    return Look("Embedding, principal components", _of_cells(principal_colors(voxel_map)), Style(0.45))


def confidence_look(voxel_map: VoxelMap) -> Look:
    """Show how well the observations of each cell's embedding agree.

    Raises
    ------
    ValueError
        If the map has no embeddings.
    """
    if voxel_map.code_dim == 0:
        raise ValueError(
            "the map holds no embeddings (it was fused without an encoder), so none to be sure of"
        )
    values = np.where(voxel_map.code_weight > 0, confidence(voxel_map), np.nan)
    known = values[np.isfinite(values)]
    low = float(np.floor(10 * np.percentile(known, 2)) / 10) if len(known) else 0.0
    low = min(low, 0.9)
    scale = Scale(f"{low:.1f}", heat_colors(np.linspace(0, 1, 96)), "1.0")
    return Look("Confidence", _of_cells(heat_colors(values, low, 1.0)), Style(0.3), scale)


def normal_look() -> Look:
    """Show normals: x, y and z of the world as red, green and blue."""
    return Look("Normals", lambda traced: 127.5 + 127.5 * traced.normals(), Style(0.0))


def depth_look(near: float, far: float) -> Look:
    """Show depth, metres, from pale yellow near to dark violet far."""

    def paint(traced: Traced) -> npt.NDArray[np.float32]:
        share = (traced.median_depth() - near) / max(far - near, 1e-3)
        return depth_colors(np.clip(share, 0, 1)).astype(np.float32)

    ramp = depth_colors(np.linspace(0, 1, 96))
    return Look("Depth", paint, Style(0.0), Scale(f"{near:.1f}", ramp, f"{far:.1f} m"))


def depth_range(scene: Scene, cameras: Sequence[Camera]) -> tuple[float, float]:
    """Return the nearest and the farthest planar depth, metres, that some of the cameras see."""
    some = [camera.resized(32 / max(camera.size)) for camera in cameras[:: max(1, len(cameras) // 24)]]
    depths = [
        scene.trace(camera.intrinsics, camera.T_world_camera, camera.size).median_depth() for camera in some
    ]
    seen = np.concatenate([depth[depth > 0] for depth in depths])
    low, high = np.percentile(seen, [1, 99]) if len(seen) else (0.0, 1.0)
    return float(low), float(high)


def _of_cells(colors: Picture) -> Paint:
    table = np.ascontiguousarray(colors, np.float32)
    return lambda traced: traced.blend(table)


def _triple(rgb: npt.NDArray[np.generic]) -> tuple[int, int, int]:
    red, green, blue = (int(value) for value in rgb)
    return red, green, blue
