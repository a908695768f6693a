"""The pen that kinds of things are drawn with: primitives with materials, gathered into a `Thing`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from trimesh.transformations import euler_matrix

from . import shapes
from .materials import Material
from .shapes import Floats, Point, Surface

Span = float | tuple[float, float]  # a number w means (-w / 2, w / 2)


@dataclass(frozen=True, slots=True)
class Part:
    """One surface of one material.

    Parameters
    ----------
    surface : Surface
        In the thing's coordinates.
    material : Material
    T_part_thing : (4, 4) float64
        Into the frame that textures are drawn in: the primitive's own, centred.
    half : (3,) float64
        Half extents of the part in that frame, metres.
    """

    surface: Surface
    material: Material
    T_part_thing: Floats
    half: Floats


@dataclass(frozen=True, slots=True)
class Support:
    """Level rectangle to stand small things on: x0, x1, y0, y1, its height z and the room above, metres."""

    x0: float
    x1: float
    y0: float
    y1: float
    z: float
    headroom: float = 1.0


@dataclass(slots=True)
class Builder:
    """Collects the parts of one thing.

    A thing stands on z = 0 with its middle near x = y = 0, looks along -y, and has its back at +y. Things
    that hang on a wall have their back in the plane of largest y and their real height in z; things that hang
    from the ceiling have it at z = 0.

    Parameters
    ----------
    rng : numpy.random.Generator
        All variety comes from it.
    main : Material
        What the thing is mostly made of: the colour and material of its caption.
    spread : float
        How much wider than usual the ranges of measures are, as a share of their width.
    """

    rng: np.random.Generator
    main: Material
    spread: float = 0.0
    parts: list[Part] = field(default_factory=list)
    supports: list[Support] = field(default_factory=list)

    def uniform(self, low: float, high: float) -> float:
        """Draw a measure between `low` and `high`, or a little beyond where things vary more than usual."""
        beyond = self.spread * (high - low) / 2
        return float(self.rng.uniform(max(low - beyond, min(low, 0.0)), high + beyond))

    def chance(self, probability: float) -> bool:
        """Draw true with a probability."""
        return bool(self.rng.random() < probability)

    def add(
        self,
        surface: Surface,
        material: Material | None = None,
        at: Point = (0, 0, 0),
        tilt: float = 0.0,
        turn: float = 0.0,
        roll: float = 0.0,
    ) -> None:
        """Add a surface, rotated (degrees: roll about y, tilt about x, turn about z) and moved to `at`."""
        a, b, c = np.radians([roll, tilt, turn])
        T = np.asarray(euler_matrix(a, b, c, "syxz"), np.float64)  # type: ignore[no-untyped-call]
        T[:3, 3] = at
        self.place(surface, material, T)

    def place(self, surface: Surface, material: Material | None, T: Floats) -> None:
        """Add a surface under a (4, 4) rigid motion."""
        low, high = surface.vertices.min(0), surface.vertices.max(0)
        centred = np.asarray(np.linalg.inv(T), np.float64)
        centred[:3, 3] -= (low + high) / 2
        half = np.asarray(np.maximum((high - low) / 2, 1e-4), np.float64)
        self.parts.append(Part(surface.moved(T), material or self.main, centred, half))

    def box(
        self,
        x: Span,
        y: Span,
        z: Span,
        material: Material | None = None,
        r: float = 0.0,
        tilt: float = 0.0,
        turn: float = 0.0,
        roll: float = 0.0,
    ) -> None:
        """Add a box over three spans, with edges rounded by `r`, rotated about its centre."""
        size, centre = _spans(x, y, z)
        surface = shapes.rounded_box(size, r) if r > 0 else shapes.box(size)
        self.add(surface, material, centre, tilt, turn, roll)

    def cushion(
        self,
        x: Span,
        y: Span,
        z: Span,
        material: Material | None = None,
        tilt: float = 0.0,
        turn: float = 0.0,
    ) -> None:
        """Add a pillow over three spans, rotated about its centre; it is thin along its z."""
        size, centre = _spans(x, y, z)
        self.add(shapes.cushion(size), material, centre, tilt, turn)

    def lathe(
        self,
        profile: Sequence[Point],
        material: Material | None = None,
        at: Point = (0, 0, 0),
        tilt: float = 0.0,
        turn: float = 0.0,
        roll: float = 0.0,
    ) -> None:
        """Add a surface of revolution with (radius, z) from bottom to top."""
        self.add(shapes.lathe(profile), material, at, tilt, turn, roll)

    def rod(
        self,
        start: Point,
        end: Point,
        radius: float,
        material: Material | None = None,
        end_radius: float | None = None,
    ) -> None:
        """Add a closed cylinder or cone between two points."""
        length, T = _along(start, end)
        self.place(shapes.cylinder(radius, length, end_radius), material, T)

    def capsule(self, start: Point, end: Point, radius: float, material: Material | None = None) -> None:
        """Add a rod with round ends whose axis runs between two points."""
        length, T = _along(start, end)
        surface = shapes.capsule(radius, length + 2 * radius)
        T[:3, 3] -= radius * T[:3, 2]
        self.place(surface, material, T)

    def ball(
        self,
        centre: Point,
        radii: float | Point,
        material: Material | None = None,
        tilt: float = 0.0,
        turn: float = 0.0,
    ) -> None:
        """Add a sphere or an ellipsoid."""
        r = (radii, radii, radii) if isinstance(radii, (int, float)) else radii
        self.add(shapes.ellipsoid(r), material, centre, tilt, turn)

    def tube(
        self, points: Sequence[Point], radius: float, material: Material | None = None, closed: bool = False
    ) -> None:
        """Add a bent round tube."""
        self.add(shapes.tube(points, radius, closed), material)

    def prism(
        self,
        outline: Sequence[Point],
        height: float,
        material: Material | None = None,
        at: Point = (0, 0, 0),
        tilt: float = 0.0,
        turn: float = 0.0,
    ) -> None:
        """Add a counter-clockwise star-shaped outline (x, y), extruded upwards."""
        self.add(shapes.prism(outline, height), material, at, tilt, turn)

    def legs(
        self,
        x: Span,
        y: Span,
        height: float,
        radius: float,
        material: Material | None = None,
        splay: float = 0.0,
    ) -> None:
        """Add four round legs at the corners of a rectangle, their feet pushed out by `splay` metres."""
        (x0, x1), (y0, y1) = _span(x), _span(y)
        for px, py, sx, sy in ((x0, y0, -1, -1), (x1, y0, 1, -1), (x0, y1, -1, 1), (x1, y1, 1, 1)):
            self.rod((px + sx * splay, py + sy * splay, 0), (px, py, height), 0.75 * radius, material, radius)

    def support(self, x: Span, y: Span, z: float, headroom: float = 1.0) -> None:
        """Declare a level surface on which small things may stand."""
        self.supports.append(Support(*_span(x), *_span(y), z, headroom))


def _span(s: Span) -> tuple[float, float]:
    return s if isinstance(s, tuple) else (-s / 2, s / 2)


def _spans(x: Span, y: Span, z: Span) -> tuple[Floats, Floats]:
    ends = np.array([_span(x), _span(y), _span(z)], float)
    return ends[:, 1] - ends[:, 0], ends.mean(1)


def _along(start: Point, end: Point) -> tuple[float, Floats]:
    """Length of a segment and a motion that takes the z axis onto it."""
    a, b = np.asarray(start, float), np.asarray(end, float)
    length = float(np.linalg.norm(b - a))
    z = (b - a) / length
    x = np.cross([0.0, 1, 0] if abs(z[1]) < 0.9 else [1.0, 0, 0], z)
    x /= np.linalg.norm(x)
    T = np.eye(4)
    T[:3, :3] = np.stack([x, np.cross(z, x), z], 1)
    T[:3, 3] = a
    return length, T
