"""What a structured-light depth camera makes of exact depth.

Axial noise follows C. V. Nguyen, S. Izadi, D. Lovell, "Modeling Kinect Sensor Noise for Improved 3D
Reconstruction and Tracking", 3DIMPVT 2012: sigma_z = 1.2 mm + 1.9 mm (z - 0.4)^2 with z in metres, sigma of
about 0.8 pixels sideways. It includes the steps of the disparity, so what is added to those is less.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

BASELINE: Final = 0.075  # metres between projector and camera
SUBPIXEL: Final = 1 / 8  # of a disparity, at 640 pixels of width
NEAREST: Final = 0.40  # metres
FARTHEST: Final = 8.0
LATERAL: Final = 0.8  # sigma in pixels, at 640 pixels of width
GRAZING: Final = 0.14  # cosine below which nothing comes back; up to twice of it less and less often


def axial_sigma(z: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Standard deviation of depth in metres at depth z, also in metres (Nguyen et al. 2012, eq. 2)."""
    return np.asarray(0.0012 + 0.0019 * (z - 0.4) ** 2, np.float32)


def disparity_step(z: npt.NDArray[np.float32], focal: float, width: int) -> npt.NDArray[np.float32]:
    """Metres between two neighbouring values that the sensor can tell at depth z."""
    f640 = focal * 640 / width
    return np.asarray(z * z * (SUBPIXEL / (f640 * BASELINE)), np.float32)


def exact_depth(depth: npt.NDArray[np.float32]) -> npt.NDArray[np.uint16]:
    """Depth in metres as whole millimetres, 0 = nothing there or beyond 65 m."""
    return np.where(depth < 65.0, np.round(depth * 1000), 0).astype(np.uint16)


def kinect_depth(
    depth: npt.NDArray[np.float32], cosine: npt.NDArray[np.float32], focal: float, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Make exact depth noisy.

    Parameters
    ----------
    depth : (h, w) float32
        Planar, metres, 0 = nothing there.
    cosine : (h, w) float32
        Of the angle between ray and surface normal.
    focal : float
        Pixels.
    rng : numpy.random.Generator

    Returns
    -------
    (h, w) uint16
        Millimetres, 0 = no measurement: too near or far, at grazing incidence, in the projector's shadow.
    """
    h, w = depth.shape
    # Sideways: edges are ragged because a pixel sees what is beside it. Neighbours share their shift.
    shift = rng.standard_normal((2, h, w), dtype=np.float32)
    sigma = LATERAL * w / 640
    rows = np.clip(np.arange(h)[:, None] + np.round(sigma * shift[0]).astype(np.int64), 0, h - 1)
    columns = np.clip(np.arange(w)[None] + np.round(sigma * shift[1]).astype(np.int64), 0, w - 1)
    seen, angle = depth[rows, columns], cosine[rows, columns]
    # Along the ray: correlated between neighbours, as the sensor matches windows of pixels.
    step = disparity_step(seen, focal, w)
    total = axial_sigma(seen)
    added = np.sqrt(np.maximum(total**2 - step**2 / 12, (0.3 * total) ** 2))
    noise = rng.standard_normal((h, w), dtype=np.float32)
    smooth = gaussian_filter(noise, 0.7, mode="reflect")
    smooth /= 0.4188  # its standard deviation, so that one is left
    z = seen + added * (0.6 * noise + 0.8 * smooth) / 1.305
    safe = np.maximum(z, 0.05)
    scale = focal * 640 / w * BASELINE / SUBPIXEL
    z = scale / np.maximum(np.round(scale / safe), 1.0)
    keep = (seen >= NEAREST) & (z >= NEAREST) & (seen <= FARTHEST)
    keep &= angle > GRAZING * (1 + rng.random((h, w), dtype=np.float32))
    shadow = np.zeros((h, w), np.bool_)
    mark_shadow(depth, focal * BASELINE, shadow)
    return np.where(keep & ~shadow, np.round(z * 1000), 0).astype(np.uint16)


@numba.njit(cache=True, nogil=True)
def mark_shadow(depth: Any, fb: float, shadow: Any) -> None:
    """Mark pixels (h, w) that the projector cannot reach; `fb` = focal length x baseline, to the right.

    A pixel u with disparity d = fb / z is lit from the projector's column u - d. Going leftwards from the
    right, whatever has a column not left of all before it lies behind something nearer.
    """
    h, w = depth.shape
    for v in range(h):
        least = 1e9
        for u in range(w - 1, -1, -1):
            z = depth[v, u]
            if z <= 0:
                continue
            column = u - fb / z
            if column < least:
                least = column
            elif column > least + 1.0:
                shadow[v, u] = True
