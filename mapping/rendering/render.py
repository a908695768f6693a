"""One call from a map and a camera to pictures as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from mapping.rendering.principal import principal_colors
from mapping.rendering.scene import Scene

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

Channel = Literal["color", "depth", "normals", "labels", "heat", "pca", "confidence"]

CHANNELS: Final = ("color", "depth", "normals", "labels", "heat", "pca", "confidence")


def render(
    voxel_map: VoxelMap | Scene,
    intrinsics: npt.ArrayLike,
    T_world_camera: npt.ArrayLike,
    size: tuple[int, int],
    *,
    channels: Sequence[Channel] = ("color", "depth"),
    labels: npt.NDArray[np.int64] | None = None,
    heat: npt.NDArray[np.floating[Any]] | None = None,
    threads: int = 2,
) -> dict[str, npt.NDArray[Any]]:
    """Render a map as a camera would see it.

    The rays are followed once; every channel is read from what they meet.

    Parameters
    ----------
    voxel_map
        A map, or the `Scene` of one, which is ready at once: make one to render more than one picture.
    intrinsics
        (3, 3) pinhole matrix, pixels; the middle of the upper left pixel is (0, 0).
    T_world_camera
        (4, 4) rigid pose, OpenCV axes, metres.
    size
        Height and width of the pictures.
    channels
        What to render.
    labels
        (n,) int64 by row of the map, 0 for none, such as `label_cells(...).label`.
    heat
        (n,) by row of the map, such as `Answer.relevancy`.
    threads
        Threads that share the picture; it does not depend on them.

    Returns
    -------
    dict of str to ndarray
        "opacity" (H, W) float32, the share of a pixel's light that comes from cells, always, and of what was
        asked for: "color" (H, W, 3) uint8 RGB, before black; "depth" (H, W) float32 planar depth in metres, 0
        for nothing; "normals" (H, W, 3) float32 unit normals toward the camera, world axes, NaN for nothing;
        "labels" (H, W) int64, 0 for none; "heat" and "confidence" (H, W) float32, NaN for nothing; "pca"
        (H, W, 3) uint8 RGB, before black.

    Raises
    ------
    ValueError
        If a channel is unknown or lacks what it shows, or the camera is none.

    Examples
    --------
    >>> pictures = render(room, intrinsics, T_world_camera, (240, 320))  # doctest: +SKIP
    """
    given = {"labels": labels, "heat": heat}
    scene = voxel_map if isinstance(voxel_map, Scene) else Scene(voxel_map)
    for channel in channels:
        if channel not in CHANNELS:
            raise ValueError(f"channels must be of {', '.join(CHANNELS)}, got {channel!r}")
        if channel in given:
            values = given[channel]
            if values is None or values.shape != (len(scene.map),):
                got = "none" if values is None else values.shape
                raise ValueError(
                    f"channel {channel!r} needs {channel} ({len(scene.map)},), one a cell, got {got}"
                )
    traced = scene.trace(intrinsics, T_world_camera, size, threads=threads)
    pictures: dict[str, npt.NDArray[Any]] = {"opacity": traced.opacity}
    for channel in channels:
        if channel == "color":
            pictures[channel] = _bytes(traced.color())
        elif channel == "depth":
            pictures[channel] = traced.median_depth()
        elif channel == "normals":
            pictures[channel] = traced.normals()
        elif channel == "labels" and labels is not None:
            pictures[channel] = traced.vote(labels)
        elif channel == "heat" and heat is not None:
            pictures[channel] = traced.blend(heat)
        elif channel == "pca":
            pictures[channel] = _bytes(traced.blend(principal_colors(scene.map)))
        elif channel == "confidence":
            pictures[channel] = traced.confidence()
    return pictures


def _bytes(colors: npt.NDArray[np.float32]) -> npt.NDArray[np.uint8]:
    return np.rint(np.nan_to_num(colors)).astype(np.uint8)
