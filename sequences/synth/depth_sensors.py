"""Kinds of depth cameras: what each makes of exact depth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from .depth_noise import exact_depth, kinect_depth
from .render import Camera, Picture
from .scene import Floats32, Scene

Floats = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class DepthSensor:
    """How a depth camera errs, on top of what structured light does where that is asked for.

    Parameters
    ----------
    structured : bool
        Whether depth is that of a structured-light camera (`depth_noise.kinect_depth`).
    noise : float
        Standard deviation as a share of depth, of neighbours together.
    grain : float
        The same, of each pixel alone.
    flying : float
        Share of pixels at edges that lie between what is before and behind.
    step : float
        Metres at 1 m between values that can be told apart; grows with the square of depth.
    dark, shiny : float
        How likely black, or glossy and mirroring, surfaces return nothing.
    patches : float
        Share of the picture that is missing in patches, for no reason.
    farthest : float
        Metres.
    scale : float
        Factor on all depth, of a bad calibration.
    """

    structured: bool = False
    noise: float = 0.0
    grain: float = 0.0
    flying: float = 0.0
    step: float = 0.0
    dark: float = 0.0
    shiny: float = 0.0
    patches: float = 0.0
    farthest: float = 65.0
    scale: float = 1.0

    def measure(
        self, scene: Scene, picture: Picture, camera: Camera, rng: np.random.Generator
    ) -> npt.NDArray[np.uint16]:
        """Measure depth: (h, w) uint16 millimetres, 0 where nothing came back."""
        if self.structured:
            z = kinect_depth(picture.depth, picture.cosine, camera.focal, rng) / np.float32(1000)
        else:
            z = exact_depth(picture.depth) / np.float32(1000)
        if self == DepthSensor(structured=self.structured):
            return np.round(z * 1000).astype(np.uint16)
        seen, shape = z > 0, z.shape
        if self.flying > 0:
            z = np.where(seen, self._flying(z, rng), 0)
        if self.noise > 0 or self.grain > 0:
            wave = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 3.0) * np.float32(10.6)
            z = z * (1 + self.noise * wave + self.grain * rng.standard_normal(shape, dtype=np.float32))
        if self.step > 0:
            q = 1 / np.maximum(z, 0.05) / self.step
            z = 1 / (np.maximum(np.round(q), 1) * self.step)
        lost = (picture.depth > self.farthest) | (
            rng.random(shape, dtype=np.float32) < self._gone(scene, picture)
        )
        if self.patches > 0:
            cloud = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), 9.0)
            lost |= cloud > np.quantile(cloud, 1 - self.patches)
        z = np.where(seen & ~lost, z * self.scale, 0)
        return np.round(np.clip(z, 0, 65) * 1000).astype(np.uint16)

    def _flying(self, z: Floats, rng: np.random.Generator) -> Floats:
        near, far = minimum_filter(z, 3), maximum_filter(z, 3)
        edge = (far - near > 0.06 * z) & (rng.random(z.shape, dtype=np.float32) < self.flying)
        t = rng.random(z.shape, dtype=np.float32)
        return np.where(edge & (near > 0), near + t * (far - near), z)

    def _gone(self, scene: Scene, picture: Picture) -> Floats32:
        """Probability that a surface returns nothing: patches of it at a time where it is shiny."""
        rgb = (scene.part_rgb[picture.part] + scene.part_rgb2[picture.part]).mean(-1) / 2
        gloss, mirror = scene.part_looks[picture.part, 1], scene.part_looks[picture.part, 2]
        facing = np.clip(picture.cosine, 0.1, 1)
        gone = self.dark * np.clip(1 - rgb / 0.03, 0, 1) / facing**0.5
        gone += self.shiny * np.clip(0.6 * gloss + 4 * mirror, 0, 1) * (1.2 - facing)
        return np.asarray(np.clip(gone, 0, 1), np.float32)


def _flight(rng: np.random.Generator) -> DepthSensor:
    return DepthSensor(
        noise=rng.uniform(0.001, 0.006),
        grain=rng.uniform(0.001, 0.008),
        flying=rng.uniform(0.2, 0.9),
        dark=rng.uniform(0, 1),
        shiny=rng.uniform(0, 0.8),
        farthest=rng.uniform(4, 8),
    )


def _coarse(rng: np.random.Generator) -> DepthSensor:
    return DepthSensor(step=rng.uniform(0.004, 0.03), noise=rng.uniform(0, 0.006), farthest=rng.uniform(4, 8))


def _broken(rng: np.random.Generator) -> DepthSensor:
    """Structured light that loses much, as the first Kinect in a flat with windows and lacquer."""
    return DepthSensor(
        structured=True,
        noise=rng.uniform(0, 0.006),
        flying=rng.uniform(0, 0.3),
        dark=rng.uniform(0.3, 1),
        shiny=rng.uniform(0.2, 1),
        patches=rng.uniform(0, 0.08),
        farthest=rng.uniform(4, 8),
        scale=rng.normal(1, 0.01),
    )


SENSORS: Final[dict[str, Callable[[np.random.Generator], DepthSensor]]] = {
    "exact": lambda rng: DepthSensor(),
    "kinect": lambda rng: DepthSensor(structured=True),
    "flight": _flight,
    "coarse": _coarse,
    "broken": _broken,
}
