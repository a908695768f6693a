"""Compiled ends of the picture: rays into the world before it, and bytes out of light after it."""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
import numpy.typing as npt

_TONE_STEPS: Final = 1500


def _tone_curve() -> npt.NDArray[np.uint8]:
    """SRGB byte for (i / _TONE_STEPS)^2 linear light, bent softly towards white."""
    x = (np.arange(3 * _TONE_STEPS) / _TONE_STEPS) ** 2
    x = x * (1.0 + 0.22 * x) / (1.0 + 0.72 * x)
    y = np.where(x < 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    return np.clip(np.round(255 * y), 0, 255).astype(np.uint8)


_TONE = _tone_curve()

jit = numba.njit(cache=True, nogil=True, error_model="numpy")


@jit
def develop(linear: Any, gain: float, grain: Any, out: Any) -> None:
    """Turn linear colours (n, 3) into sRGB bytes; `grain` (n, 3) ~ N(0, 1) becomes sensor noise."""
    for i in range(linear.shape[0]):
        for c in range(3):
            x = linear[i, c] * gain
            x = x + grain[i, c] * (0.0025 + 0.009 * np.sqrt(max(x, 0.0)))
            out[i, c] = _TONE[min(int(np.sqrt(max(x, 0.0)) * _TONE_STEPS), len(_TONE) - 1)]


@jit
def to_world(inside: Any, T_world_camera: Any, origins: Any, directions: Any) -> None:
    """Turn directions (n, 3) in the camera's axes into `origins` and `directions` (n, 3) in the world."""
    T = T_world_camera
    for i in range(len(inside)):
        x, y, z = inside[i, 0], inside[i, 1], inside[i, 2]
        for c in range(3):
            directions[i, c] = T[c, 0] * x + T[c, 1] * y + T[c, 2] * z
            origins[i, c] = T[c, 3]
