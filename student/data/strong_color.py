"""What cameras do to colour: exposure, white balance, blur, noise, compression."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from student.data.augment_config import StrongAugmentConfig

Color = npt.NDArray[np.uint8]


def spoil_color(rgb: Color, rng: np.random.Generator, config: StrongAugmentConfig) -> Color:
    """Apply each effect with its chance, in the order in which a camera has them.

    Parameters
    ----------
    rgb
        (H, W, 3) uint8; is not changed.
    rng
        Source of all chance.
    config
        Chances and limits.
    """
    if rng.random() < config.color:
        rgb = _develop(rgb, rng, config.color_strength)
    if rng.random() < config.blur:
        rgb = _blur(rgb, rng, config.blur_radius)
    if rng.random() < config.noise:
        rgb = _add_noise(rgb, rng, config.noise_level)
    if rng.random() < config.jpeg:
        rgb = _compress(rgb, int(rng.integers(config.jpeg_quality, 96)))
    return rgb


def _develop(rgb: Color, rng: np.random.Generator, strength: float) -> Color:
    """Change saturation, then by a curve a channel white balance, gamma, contrast and brightness."""
    saturation, contrast, gamma = 1 + rng.uniform(-strength, strength, 3)
    gains = 1 + rng.uniform(-strength, strength, 3) / 2
    offset = rng.uniform(-strength, strength) / 2
    grey = cv2.cvtColor(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    mixed = cv2.addWeighted(rgb, saturation, grey, 1 - saturation, 0)
    level = np.linspace(0, 1, 256)[:, None]
    curves = ((level * gains) ** gamma - 0.5) * contrast + 0.5 + offset
    table = np.rint(np.clip(curves, 0, 1) * 255).astype(np.uint8)
    return cv2.LUT(mixed, table[None]).astype(np.uint8, copy=False)


def _blur(rgb: Color, rng: np.random.Generator, radius: float) -> Color:
    """Blur as a lens out of focus does, or a camera that moves in a straight line."""
    size = rng.uniform(0.3, 1) * radius
    if rng.random() < 0.5:
        return cv2.GaussianBlur(rgb, (0, 0), size).astype(np.uint8, copy=False)
    reach = max(1, round(size))
    angle = rng.uniform(0, np.pi)
    x, y = round(reach * np.cos(angle)), round(reach * np.sin(angle))
    kernel = np.zeros((2 * reach + 1, 2 * reach + 1), np.float32)
    cv2.line(kernel, (reach - x, reach - y), (reach + x, reach + y), 1)
    return cv2.filter2D(rgb, -1, kernel / kernel.sum()).astype(np.uint8, copy=False)


def _add_noise(rgb: Color, rng: np.random.Generator, level: float) -> Color:
    """Add noise, half of it to all channels alike."""
    noise = _noise(rng, rgb.shape)
    noise += _noise(rng, (*rgb.shape[:2], 1))
    noise *= np.float32(rng.uniform(0, level) / np.sqrt(2))
    noise += rgb
    return cv2.convertScaleAbs(np.maximum(noise, 0, out=noise)).astype(np.uint8, copy=False)


def _noise(rng: np.random.Generator, shape: tuple[int, ...]) -> npt.NDArray[np.float32]:
    """Draw sums of two bytes, brought to mean 0 and deviation 1: near to normal, three times as fast."""
    first, second = np.frombuffer(rng.bytes(2 * int(np.prod(shape))), np.uint8).reshape(2, *shape)
    total: npt.NDArray[np.float32] = np.add(first, second, dtype=np.float32)
    total -= np.float32(255)
    total *= np.float32(1 / np.sqrt((256**2 - 1) / 6))
    return total


def _compress(rgb: Color, quality: int) -> Color:
    """Write and read as JPEG; the order of the channels matters to its colours, hence BGR."""
    bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: npt.NDArray[Any] | None = cv2.imdecode(data, cv2.IMREAD_COLOR)
    if decoded is None:  # for the type checker: OpenCV reads what it wrote
        raise ValueError("OpenCV cannot read a JPEG image that it wrote")
    return cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
