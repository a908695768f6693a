"""Drawing a scene: what it looks like, lit so that shapes read, before a light background."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from mapping.kernels import render_light as light
from mapping.query import in_blocks
from mapping.rendering import Camera, Scene, Traced, TraceOptions

Float32 = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]
Paint = Callable[[Traced], Float32]

AROUND: Final = ((0.14, 0.36), (-0.36, 0.14), (0.36, -0.14), (-0.14, -0.36))
"""Where rays pass beside the middle of a pixel that needs more of them."""

SOLID: Final = 0.05
"""Likelihood from which on a Gaussian is opaque in pictures: no gaps between the cells of a wall."""

SKY: Final = np.array([[246, 247, 249], [222, 226, 231]], np.float32)
"""The background, at the top and at the bottom."""

CREVICES: Final = 0.35
"""Metres around a point that may shade it."""

_TURNS: Final = np.arange(24) * 2.399963
_WAYS: Final = np.sqrt((np.arange(24) + 0.5) / 24)[:, None] * np.stack(
    [np.cos(_TURNS), np.sin(_TURNS)], axis=1
)


@dataclass(frozen=True, slots=True, eq=False)
class Style:
    """How what is drawn is lit.

    Attributes
    ----------
    contrast : float
        Of the light, 0 to 1; colours of a camera bring light of their own, others need more; 0: no light.
    smooth : bool
        Whether cells of one surface melt into each other.
    """

    contrast: float = 0.35
    smooth: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A picture (H, W, 3) uint8 RGB, and the depth (H, W) float32 of its points in metres, 0 for none."""

    picture: Picture
    depth: Float32
    camera: Camera


def draw(
    scene: Scene,
    camera: Camera,
    paint: Paint,
    style: Style,
    *,
    up: npt.NDArray[np.float64],
    hidden: npt.NDArray[np.bool_] | None = None,
    samples: int = 5,
    threads: int = 2,
) -> Drawn:
    """Draw a scene.

    Parameters
    ----------
    scene : Scene
    camera : Camera
    paint : callable
        Gives the colours (H, W, 3) float32 RGB, 0 to 255, of what was traced; NaN where there is nothing.
    style : Style
    up : (3,) float64
        Where the light comes from, roughly.
    hidden : (n,) bool, optional
        Cells to look through.
    samples : int
        Rays of a pixel at an edge, 1 to 5.
    threads : int

    Returns
    -------
    Drawn
    """
    K, T = camera.intrinsics, camera.T_world_camera
    options = TraceOptions(full=SOLID, hidden=hidden, threads=threads)
    traced = scene.trace(K, T, camera.size, **options)
    color, opacity = np.nan_to_num(paint(traced)), traced.opacity[..., None]
    normal = np.nan_to_num(traced.normals()) @ T[:3, :3].astype(np.float32)
    depth = traced.median_depth()
    mixed = np.concatenate([color * opacity, opacity], axis=2)
    if samples > 1:
        v, u = np.nonzero(_edges(mixed, depth, normal))
        total = mixed[v, u]
        for right, down in AROUND[: samples - 1]:
            x, y = (u + right - K[0, 2]) / K[0, 0], (v + down - K[1, 2]) / K[1, 1]
            more = scene.trace_rays(x, y, T, **options)
            opacity = more.opacity[0, :, None]
            total += np.concatenate([np.nan_to_num(paint(more)[0]) * opacity, opacity], axis=1)
        mixed[v, u] = total / samples
    color = mixed[..., :3] / np.maximum(mixed[..., 3:], 1e-6)
    opacity = 1 - (1 - mixed[..., 3:]) ** 2  # what few frames have seen is no glass
    if style.contrast:
        color = _lit(scene, camera, color, normal, depth, up, style, threads)
    sky = SKY[0] + (SKY[1] - SKY[0]) * np.linspace(0, 1, len(depth), dtype=np.float32)[:, None, None]
    picture: Picture = np.rint(np.clip(color * opacity + sky * (1 - opacity), 0, 255)).astype(np.uint8)
    return Drawn(picture, depth, camera)


def _edges(mixed: Float32, depth: Float32, normal: Float32) -> npt.NDArray[np.bool_]:
    """Mark pixels that differ from one beside them so much that more rays will show."""
    edge = np.zeros(depth.shape, bool)
    for here, there in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        differs = np.abs(mixed[here] - mixed[there]).max(axis=2) > 24
        differs |= np.abs(mixed[here][..., 3] - mixed[there][..., 3]) > 0.08
        differs |= np.abs(depth[here] - depth[there]) > 0.03 * depth[here]
        differs |= np.einsum("ijk,ijk->ij", normal[here], normal[there]) < 0.8
        differs &= (depth[here] > 0) | (depth[there] > 0)
        edge[here] |= differs
        edge[there] |= differs
    return edge


def _lit(
    scene: Scene,
    camera: Camera,
    color: Float32,
    normal: Float32,
    depth: Float32,
    up: npt.NDArray[np.float64],
    style: Style,
    threads: int,
) -> Float32:
    """Light colours (H, W, 3) by their normals, camera axes, and by what stands around."""
    height, width = camera.size
    K = camera.intrinsics
    column, line = (np.arange(width) - K[0, 2]) / K[0, 0], (np.arange(height) - K[1, 2]) / K[1, 1]
    normal = _unit(normal)
    cell = scene.cell_size

    def softened(values: Float32, reach: float, steps: int) -> Float32:
        out = np.empty_like(values)
        arguments = depth, normal, column, line, reach * cell * float(K[0, 0]), 0.5 * cell, steps, out
        in_blocks(lambda a, b: light.soften(values, *arguments, a, b), height, threads, 16)
        return out

    normal = _unit(softened(normal, 1.0, 2))
    if style.smooth:
        color = softened(color, 0.7, 3)
    dim = np.empty_like(depth)
    arguments = depth, normal, column, line, float(K[0, 0]), CREVICES, _WAYS, dim
    in_blocks(lambda a, b: light.occlusion(*arguments, a, b), height, threads, 16)
    dim = softened(dim[..., None], 1.0, 2)[..., 0]

    above = camera.T_world_camera[:3, :3].T @ up
    lamp = _unit((above + np.array([-0.45, 0.1, -0.5])).astype(np.float32))
    facing = np.clip(normal @ lamp, -0.3, 1)
    shade = 1.05 + style.contrast * (facing - 0.62) - dim * (0.35 + 0.5 * style.contrast)
    return np.asarray(color * np.clip(shade, 0.25, 1.25)[..., None], np.float32)


def _unit(vectors: Float32) -> Float32:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.ascontiguousarray(vectors / np.maximum(length, 1e-6), np.float32)
