"""The walk of a hand-held camera that sees every thing."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from .compose import Composition, Instance
from .free_space import Cell
from .render import Camera, look
from .shapes import Floats

STRIDE: Final = 0.14  # metres between frames of a steady walk
TURN: Final = np.radians(13)  # between frames of a steady turn
SEEN: Final = 7  # pixels of a 112 x 84 picture in which a thing counts as seen; some 60 at 320 x 240
SAME_LOOK: Final = np.cos(np.radians(20))  # things closer together are looked at in one go
NEAR: Final = 0.8
FAR: Final = 3.4  # metres from which a thing is looked at
ROUNDS: Final = 4

Poses = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Stop:
    """A place to stand at and what to look at from there."""

    cell: Cell
    targets: tuple[int, ...]


def plan_walk(
    composition: Composition, rng: np.random.Generator, frames: int | None = None, workers: int = 2
) -> tuple[Poses, set[int]]:
    """Plan the poses of all frames.

    Parameters
    ----------
    composition : Composition
    rng : numpy.random.Generator
    frames : int, optional
        Number of frames; by default as many as a steady walk takes.
    workers : int
        Threads; the result does not depend on it.

    Returns
    -------
    T_world_camera : (n, 4, 4) float64
        OpenCV axes.
    seen : set of int
        The instances that some frame shows well: all, unless `frames` is too small or a thing is hidden.
    """
    score, cells = _scores(composition)
    wanted = [i for i in range(score.shape[1]) if score[:, i].max() > 0]
    ruled_out = np.zeros(score.shape, bool)
    hand = rng.integers(2**31)
    stops = [*_overviews(composition, cells), *_cover(score, wanted)]
    poses, seen = np.empty((0, 4, 4)), set[int]()
    for _ in range(ROUNDS):
        ordered, ways = _order(composition, [_Stop(cells[c], t) for c, t in stops])
        again = _film(composition, ordered, ways, np.random.default_rng(hand), frames)
        found, clear = _seen(composition, again, workers)
        if frames is None:
            again = again[clear]  # a frame that shows a wall from too near tells nothing
        if not len(poses) or len(found) > len(seen):
            poses, seen = again, found
        missing = [i for i in wanted if composition.instances[i].instance not in found]
        if not missing or frames is not None:
            break
        for i in missing:  # look at each from a place of its own, another one every round
            place = int(np.argmax(np.where(ruled_out[:, i], -1, score[:, i])))
            ruled_out[place, i] = True
            stops.append((place, (i,)))
    return poses, seen


def _scores(composition: Composition) -> tuple[Floats, list[Cell]]:
    """How well each instance is seen from each of a grid of standing places, (places, instances) >= 0."""
    scene, free = composition.scene, composition.free
    main = free.main()
    cells = [(int(i), int(j)) for i, j in np.argwhere(main) if i % 3 == 0 and j % 3 == 0]
    if not cells:
        cells = [(int(i), int(j)) for i, j in np.argwhere(main)]
    eyes = np.array([[*free.place(c), 1.45] for c in cells])
    part = scene.vertex_part
    instance = scene.part_instance[part]
    score = np.zeros((len(cells), len(composition.instances)))
    for column, thing in enumerate(composition.instances):
        rows = np.flatnonzero(instance == thing.instance)
        rows = rows[:: max(len(rows) // 30, 1)]
        points, normals = scene.vertices[rows] + 4e-3 * scene.normals[rows], scene.normals[rows]
        size = float(np.linalg.norm(thing.high - thing.low))
        middle = (thing.low + thing.high) / 2
        distance = np.linalg.norm(eyes - middle, axis=1)
        places = np.flatnonzero((distance > NEAR) & (distance < FAR + 0.4 * size))
        if not len(places):
            continue
        ray = (eyes[places, None, :] - points[None]).astype(np.float32)
        length = np.linalg.norm(ray, axis=2)
        ray /= length[..., None]
        facing = np.einsum("ijk,jk->ij", ray, normals) > 0.15
        start = np.broadcast_to(points[None], ray.shape).reshape(-1, 3)
        hidden = scene.blocked(np.ascontiguousarray(start), ray.reshape(-1, 3), length.ravel() - 0.02)
        visible = (facing & ~hidden.reshape(length.shape)).mean(1)
        wished = 1.1 + 0.8 * min(size, 1.8)  # large things are looked at from further away
        score[places, column] = visible * np.exp(-(((distance[places] - wished) / 1.2) ** 2))
    return score, cells


def _cover(score: Floats, wanted: Sequence[int]) -> list[tuple[int, tuple[int, ...]]]:
    """Few places from which every instance is seen almost as well as from its best place (greedy)."""
    good = score >= 0.5 * np.maximum(score.max(0), 1e-9)
    left = set(wanted)
    stops = []
    while left:
        columns = sorted(left)
        place = int(np.argmax(good[:, columns].sum(1) + 0.01 * score[:, columns].sum(1)))
        targets = tuple(c for c in columns if good[place, c])
        if not targets:
            break
        stops.append((place, targets))
        left -= set(targets)
    return stops


def _overviews(composition: Composition, cells: Sequence[Cell]) -> list[tuple[int, tuple[int, ...]]]:
    """The most open place of every room, from which to look all around."""
    room = np.array([composition.free.room[c] for c in cells])
    open_ = composition.free.clearance()
    width = np.array([open_[c] for c in cells])
    return [
        (int(np.argmax(np.where(room == k, width, -1))), ())
        for k in range(len(composition.plan.rooms))
        if (room == k).any()
    ]


def _order(composition: Composition, stops: Sequence[_Stop]) -> tuple[list[_Stop], list[list[Cell]]]:
    """Order the stops: nearest neighbour, improved by reversing stretches; with the ways between them."""
    length, paths = composition.free.ways([s.cell for s in stops])
    n = len(stops)
    tour, left = [0], set(range(1, n))
    while left:
        tour.append(min(left, key=lambda j: (length[tour[-1], j], j)))
        left.remove(tour[-1])
    for _ in range(3):
        for i in range(1, n - 1):
            for j in range(i + 1, n):
                old = length[tour[i - 1], tour[i]] + (length[tour[j], tour[j + 1]] if j + 1 < n else 0.0)
                new = length[tour[i - 1], tour[j]] + (length[tour[i], tour[j + 1]] if j + 1 < n else 0.0)
                if new < old - 1e-9:
                    tour[i : j + 1] = tour[i : j + 1][::-1]
    return [stops[k] for k in tour], [paths[a][b] for a, b in itertools.pairwise(tour)]


def _film(
    composition: Composition,
    stops: Sequence[_Stop],
    ways: Sequence[Sequence[Cell]],
    rng: np.random.Generator,
    frames: int | None,
) -> Poses:
    """Poses of all frames: walk, stop, look around, with a hand that is not quite steady."""
    eye, gaze = [np.empty((0, 2))], [np.empty((0, 3))]
    last = np.array([1.0, 0.0, -0.2])
    for k, stop in enumerate(stops):
        here = composition.free.place(stop.cell)
        stand = np.array([*here, 1.45])
        aims = [_aim(composition.instances[t], stand) for t in stop.targets]
        if not aims:  # a look around
            angle = np.arctan2(last[1], last[0]) + np.arange(1, 9) * 2 * np.pi / 8
            aims = [np.array([np.cos(a), np.sin(a), -0.25]) / np.hypot(1, 0.25) for a in angle]
        looked: list[Floats] = []
        start = last
        for aim in sorted(aims, key=lambda a: _turned(start, a)):
            if any(aim @ other > SAME_LOOK for other in looked):
                continue
            looked.append(aim)
            sweep = _sweep(last, aim)
            gaze.append(np.concatenate([sweep, [aim]]) if stop.targets else sweep)
            eye.append(np.repeat(here[None], len(gaze[-1]), 0))
            last = aim
        if k < len(ways) and len(ways[k]) > 1:
            path = _smooth(np.array([composition.free.place(c) for c in ways[k]]))
            ahead = np.diff(path, axis=0, append=path[-1:])
            ahead[-1] = ahead[-2]
            ahead = gaussian_filter1d(ahead, 3, axis=0, mode="nearest")
            ahead /= np.linalg.norm(ahead, axis=1, keepdims=True) + 1e-9
            forward = np.column_stack([ahead, np.full(len(ahead), -0.28)])
            turn = _sweep(last, forward[0])
            if len(turn) > 6:  # do not turn on the spot for long: the head follows while walking
                turn = turn[::2]
            eye += [np.repeat(path[:1], len(turn), 0), path]
            gaze += [turn, forward]
            last = forward[-1]
    positions, directions = np.concatenate(eye), np.concatenate(gaze)
    positions = gaussian_filter1d(positions, 1.2, axis=0, mode="nearest")
    directions = gaussian_filter1d(directions, 0.8, axis=0, mode="nearest")
    if frames is not None:
        at = np.linspace(0, len(positions) - 1, frames)
        nearest = np.round(at).astype(int)
        positions, directions = positions[nearest], directions[nearest]
    return _hand_held(positions, directions, rng)


def _hand_held(positions: Floats, directions: Floats, rng: np.random.Generator) -> Poses:
    n = len(positions)

    def drift(sigma: float, smooth: float) -> Floats:
        noise = gaussian_filter1d(rng.standard_normal(n + 200), smooth)[100 : 100 + n]
        return np.asarray(noise * sigma * np.sqrt(2 * smooth * np.sqrt(np.pi)))

    height = np.clip(1.45 + drift(0.09, 25) + 0.015 * np.sin(1.9 * np.arange(n)) + drift(0.006, 1), 1.2, 1.7)
    d = directions / np.linalg.norm(directions, axis=1, keepdims=True)
    d = d + np.stack([drift(0.015, 2), drift(0.015, 2), drift(0.015, 2)], 1)
    roll = drift(0.03, 6)
    sway = np.stack([drift(0.006, 1), drift(0.006, 1)], 1)
    poses = np.tile(np.eye(4), (n, 1, 1))
    for k in range(n):
        z = d[k] / np.linalg.norm(d[k])
        z[2] = np.clip(z[2], -0.80, 0.62)
        z /= np.linalg.norm(z)
        x = np.cross(z, [0, 0, 1.0])
        x /= np.linalg.norm(x)
        y = np.cross(z, x)
        c, s = np.cos(roll[k]), np.sin(roll[k])
        poses[k, :3, :3] = np.stack([c * x + s * y, -s * x + c * y, z], 1)
        poses[k, :3, 3] = (*(positions[k] + sway[k]), height[k])
    return poses


def _aim(thing: Instance, eye: Floats) -> Floats:
    d = (thing.low + thing.high) / 2 - eye
    return np.asarray(d / np.linalg.norm(d))


def _turned(a: Floats, b: Floats) -> float:
    """Angle from a to b to the left, from 0 to 2 pi, so that a look around goes one way."""
    return float((np.arctan2(b[1], b[0]) - np.arctan2(a[1], a[0]) + 0.2) % (2 * np.pi))


def _sweep(start: Floats, end: Floats) -> Floats:
    """Directions between two, TURN apart, turning about the vertical the short way, without the start."""
    a0, a1 = np.arctan2(start[1], start[0]), np.arctan2(end[1], end[0])
    e0, e1 = (np.arctan2(v[2], np.hypot(v[0], v[1])) for v in (start, end))
    da = (a1 - a0 + np.pi) % (2 * np.pi) - np.pi
    n = max(int(np.ceil(max(abs(da), abs(e1 - e0)) / TURN)), 1)
    t = np.arange(1, n + 1) / n
    a, e = a0 + t * da, e0 + t * (e1 - e0)
    return np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], 1)


def _smooth(path: Floats) -> Floats:
    """Round the corners of a way through cells and space its points a stride apart."""
    step = np.linalg.norm(np.diff(path, axis=0), axis=1)
    s = np.concatenate([[0], np.cumsum(step)])
    fine = np.linspace(0, s[-1], max(int(s[-1] / 0.02), 2))
    dense = np.stack([np.interp(fine, s, path[:, k]) for k in (0, 1)], 1)
    dense = gaussian_filter1d(dense, 6, axis=0, mode="nearest")
    n = max(int(np.ceil(s[-1] / STRIDE)), 1) + 1
    return np.stack([np.interp(np.linspace(0, s[-1], n), fine, dense[:, k]) for k in (0, 1)], 1)


def _seen(composition: Composition, poses: Poses, workers: int) -> tuple[set[int], npt.NDArray[np.bool_]]:
    """Instances with enough pixels in some coarse picture, and which pictures are far enough from things."""
    camera = Camera(112, 84, 101.0)

    def count(T: Poses) -> tuple[npt.NDArray[np.int64], bool]:
        instance, depth = look(composition.scene, camera, T)
        good = (depth > 0.45) & (depth < 4.5)
        clear = bool(good.mean() > 0.3)
        counts = np.bincount(instance[good], minlength=len(composition.instances) + 1)
        return counts if clear else np.zeros_like(counts), clear

    with ThreadPoolExecutor(workers) as pool:
        counts, clear = zip(*pool.map(count, poses), strict=True)
    most = np.max(counts, axis=0)
    return {int(i) for i in np.flatnonzero(most >= SEEN) if i > 0}, np.array(clear)
