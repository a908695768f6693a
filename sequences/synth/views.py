"""Views for training: a camera anywhere in the free space that looks at any thing, each frame anew.

A walk shows what lies on its way again and again; here things that are rare or small are looked at as often
as large common ones, from the heights of a robot, a child and an adult.
"""

from __future__ import annotations

import itertools
from typing import Final

import numpy as np
import numpy.typing as npt

from .compose import Composition, Instance
from .kinds import STRUCTURE
from .render import Camera, look
from .shapes import Floats

HEIGHTS: Final = ((0.12, 0.25, 0.5), (0.38, 0.5, 1.2), (0.50, 1.2, 1.9))  # share, lowest, highest metres
NEAREST: Final = 0.5
FARTHEST: Final = 4.5  # metres between the camera and what it looks at
STROLLS: Final = 0.2  # share of views that look ahead, as while walking, at nothing in particular
ROLL: Final = np.radians(10)
TRIES: Final = 30
GLANCE: Final = (64, 48)  # pixels of the quick look that a view is judged by
CLEAR: Final = 8  # of these pixels, with which a thing counts


class ViewFinder:
    """Draws poses of single views of a composition.

    Parameters
    ----------
    composition : Composition
    field : float
        Horizontal field of view, radians.
    """

    def __init__(self, composition: Composition, field: float) -> None:
        self._composition, self._field = composition, field
        free, scene = composition.free, composition.scene
        self._eyes = np.array([free.place((int(i), int(j))) for i, j in np.argwhere(free.main())])
        instance = scene.part_instance[scene.vertex_part]
        order = np.argsort(instance, kind="stable")
        edges = np.searchsorted(instance[order], np.arange(len(composition.instances) + 2))
        self._rows = [order[a:b] for a, b in itertools.pairwise(edges[1:])]
        kinds = np.array([i.kind for i in composition.instances])
        weight = np.array([1 / (kinds == k).sum() for k in kinds])  # every kind as often as any other
        built = np.isin(kinds, list(STRUCTURE.values()))
        weight[built] *= 0.25
        self._movable = np.concatenate([[False], ~built])
        self._weight = weight / weight.sum()
        width, height = GLANCE
        self._glance = Camera(width, height, width / 2 / np.tan(field / 2))

    def draw(self, rng: np.random.Generator) -> npt.NDArray[np.float64]:
        """Draw a view: T_world_camera (4, 4), OpenCV axes.

        It shows one to four things from far enough, or is the last of `TRIES` draws.
        """
        wished = int(rng.integers(1, 5))
        for attempt in range(TRIES):
            height = _height(rng)
            if rng.random() < STROLLS or attempt == TRIES - 1:
                eye = np.array([*self._eyes[rng.integers(len(self._eyes))], height])
                gaze = _direction(rng.uniform(-np.pi, np.pi), rng.normal(-0.25, 0.15))
            else:
                which = int(rng.choice(len(self._weight), p=self._weight))
                found = self._eye_for(rng, which, height)
                if found is None:
                    continue
                eye, aim = found
                d = aim - eye
                up = np.arctan2(d[2], np.hypot(d[0], d[1]))
                off = 0.3 * self._field * np.clip(rng.standard_normal(2), -1.2, 1.2)
                gaze = _direction(np.arctan2(d[1], d[0]) + off[0] / max(np.cos(up), 0.3), up + 0.7 * off[1])
            T = _pose(eye, gaze, float(np.clip(0.45 * rng.standard_normal(), -1, 1)) * ROLL)
            if self._shows(T, wished if attempt < TRIES // 2 else 1):
                break
        return T

    def _eye_for(self, rng: np.random.Generator, which: int, height: float) -> tuple[Floats, Floats] | None:
        """Where to stand so that some of a thing is seen, and a point of it to aim at."""
        thing, rows = self._composition.instances[which], self._rows[which]
        scene = self._composition.scene
        aim = (thing.low + thing.high) / 2
        wished = _distance(rng, thing)
        level = abs(height - aim[2])
        away = np.hypot(*(self._eyes - aim[:2]).T)
        near = np.flatnonzero(np.abs(np.hypot(away, level) - wished) < 0.15 * wished + 0.05)
        if not len(near):
            near = np.flatnonzero(np.hypot(away, level) < FARTHEST)
        if not len(near) or not len(rows):
            return None
        sample = rng.choice(rows, 12)
        points = scene.vertices[sample] + 4e-3 * scene.normals[sample]
        for place in rng.choice(near, 4):
            eye = np.array([*self._eyes[place], height])
            ray = (eye - points).astype(np.float32)
            length = np.linalg.norm(ray, axis=1)
            ray /= length[:, None]
            facing = np.einsum("ij,ij->i", ray, scene.normals[sample]) > 0.1
            hidden = scene.blocked(np.ascontiguousarray(points), ray, length - 0.02)
            seen = facing & ~hidden
            if seen.sum() >= 3:
                return eye, 0.5 * aim + 0.5 * points[seen].mean(0)
        return None

    def _shows(self, T: npt.NDArray[np.float64], wished: int) -> bool:
        """Whether a view is clear of what is right before it and shows so many things."""
        instance, depth = look(self._composition.scene, self._glance, T)
        if (depth < 0.15).mean() > 0.02 or (depth < 0.4).mean() > 0.25:
            return False
        pixels = np.bincount(instance.ravel(), minlength=len(self._movable))
        return int((self._movable & (pixels >= CLEAR)).sum()) >= wished


def _height(rng: np.random.Generator) -> float:
    shares = np.array([s for s, _, _ in HEIGHTS])
    _, low, high = HEIGHTS[int(rng.choice(len(HEIGHTS), p=shares / shares.sum()))]
    return float(rng.uniform(low, high))


def _distance(rng: np.random.Generator, thing: Instance) -> float:
    """Metres from which to look at a thing: small things from near by."""
    size = float(np.linalg.norm(thing.high - thing.low))
    low = max(NEAREST, 0.5 * min(size, 2.5))
    return float(np.exp(rng.uniform(np.log(low), np.log(max(min(FARTHEST, 9 * size), 1.4 * low)))))


def _direction(turn: float, up: float) -> Floats:
    up = float(np.clip(up, -1.2, 0.8))
    return np.array([np.cos(up) * np.cos(turn), np.cos(up) * np.sin(turn), np.sin(up)])


def _pose(eye: Floats, gaze: Floats, roll: float) -> npt.NDArray[np.float64]:
    x = np.cross(gaze, [0, 0, 1.0])
    x /= np.linalg.norm(x)
    y = np.cross(gaze, x)
    c, s = np.cos(roll), np.sin(roll)
    T = np.eye(4)
    T[:3, :3] = np.stack([c * x + s * y, -s * x + c * y, gaze], 1)
    T[:3, 3] = eye
    return T
