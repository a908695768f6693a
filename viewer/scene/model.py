"""A map as the window knows it: what was computed of it, and the drawing that a state asks for.

Everything here may take a while, and is called from the window's worker, never from its event loop.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import numpy.typing as npt

import mapping
from mapping import Answer, Classifier, ClassList, VoxelMap, at_threshold
from mapping.rendering.principal import principal_colors
from viewer.scene import cubes, paint
from viewer.scene.cloud import Cloud, cloud_of
from viewer.scene.drawing import Drawing, Entry, Part
from viewer.scene.ellipsoids import ellipsoids, sample_of
from viewer.scene.lines import NOTHING, Lines, box, frustum, joined, polyline
from viewer.scene.state import ViewState
from viewer.scene.subject import Subject

CUBES_UP_TO: Final = 250_000
"""Cells that are drawn as cubes at most; more are drawn as points, which are ten times cheaper."""

COARSE_FROM: Final = 300_000
"""Points from which a coarse part stands in while the camera moves."""

_COARSE_POINTS: Final = 120_000
_TAGS: Final = 8
_SAME_UP: Final = 1.2  # growth of a map up to which its up direction is not made out anew

Colors = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
_Places = tuple[tuple[bytes, bool], list[tuple[Part, npt.NDArray[np.int64]]], npt.NDArray[np.float32] | None]


class MapModel:
    """What is known of a map; the slow parts are computed on first use.

    Parameters
    ----------
    subject : Subject
    """

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.answer: Answer | None = None
        self._asked: tuple[str, tuple[str, ...]] | None = None
        self._faces: tuple[bytes, list[cubes.Faces]] | None = None
        self._places: _Places | None = None
        self.refined = False
        self._up: npt.NDArray[np.float64] | None = None
        self._up_of = 0
        self._generation = 0

    @property
    def map(self) -> VoxelMap:
        """The map itself."""
        return self.subject.map

    @cached_property
    def cloud(self) -> Cloud:
        """The cells that are drawn."""
        if self._up is not None and len(self.map) < _SAME_UP * self._up_of:
            return cloud_of(self.map, self._up, exact_up=True)
        cloud = cloud_of(self.map, self.subject.up)
        self._up, self._up_of = cloud.up, len(self.map)
        return cloud

    @cached_property
    def classes(self) -> tuple[Classifier, ClassList]:
        """What names cells."""
        return self.subject.classify(self.map)

    @cached_property
    def labels(self) -> npt.NDArray[np.int64]:
        """(m,) int64 class of each cell of the cloud, 0 for none."""
        return mapping.label_cells(self.map, self.classes[0]).label[self.cloud.rows]

    @cached_property
    def _pca(self) -> Colors:
        return principal_colors(self.map)[self.cloud.rows]

    def warm(self) -> None:
        """Get ready for the first question."""
        self.subject.warm(self.map)

    def refine(self) -> bool:
        """Find what makes points look better but takes too long for the first view; whether it was needed."""
        if self.refined or len(self.cloud) <= CUBES_UP_TO:
            return False
        self.refined = len(self.cloud.normals) > 0
        return self.refined

    def replace(self, subject: Subject) -> None:
        """Go on with a newer state of the same map; what was computed of the old one is dropped."""
        self.subject = subject
        self._generation += 1
        self.answer, self._asked, self._faces, self._places = None, None, None, None
        self.refined = False
        for name in ("cloud", "labels", "_pca"):
            self.__dict__.pop(name, None)

    def drawing(self, state: ViewState) -> Drawing:
        """Make what a window shows.

        Raises
        ------
        ValueError
            If the map cannot be shown that way, for example because it has no embeddings.
        """
        cloud = self.cloud
        colors, scale = self._colors(state)
        shown = self._shown(state)
        answer = self.answer if state.mode == "text" else None
        hits = answer.hits if answer is not None else []
        boxed = hits if state.boxes else []
        note = answer.reason if answer is not None else ""
        if state.mode == "ellipsoids":
            kind, parts, sides, note = "ellipsoids", *self._ellipsoids(colors, shown)
        elif int(shown.sum()) <= CUBES_UP_TO:
            kind, (parts, sides) = "cubes", self._cubes(colors, shown)
        else:
            kind, parts, sides = "points", self._points(colors, shown), None
        hidden = state.hidden if state.mode == "labels" else None
        low, high = _box_of(cloud, shown)
        margin = 0.6 * cloud.cell_size
        return Drawing(
            mode=state.mode,
            kind=kind,  # type: ignore[arg-type]
            layout=(self._generation, self.refined, kind, state.cut, hidden),
            cloud=cloud,
            shown=shown,
            sides=sides,
            parts=parts,
            low=low,
            high=high,
            boxes=joined([box(hit.center, hit.extent, margin) for hit in boxed[1:]]),
            best=joined([box(hit.center, hit.extent, margin) for hit in boxed[:1]]),
            trail=self._trail() if state.trail else NOTHING,
            tags=[(_above(hit.center, hit.extent, cloud.up), tag_of(hit)) for hit in boxed[:_TAGS]],
            hits=hits,
            legend=self._legend() if state.mode == "labels" else [],
            scale=scale,
            note=note,
        )

    def ask(self, state: ViewState) -> None:
        """Answer the text of a state, unless that is what was answered last; the threshold may differ.

        Raises
        ------
        ValueError
            If the map cannot be asked in words.
        """
        asked = (state.text, state.negatives)
        if self.answer is None or self._asked != asked:
            self.answer = self.subject.ask(self.map, state.text, state.negatives, state.threshold)
            self._asked = asked
        elif state.threshold is not None and state.threshold != self.answer.threshold:
            self.answer = at_threshold(self.map, self.answer, state.threshold)

    def _colors(self, state: ViewState) -> tuple[Colors, paint.Scale | None]:
        cloud = self.cloud
        if state.mode == "text" and state.text:
            self.ask(state)
            assert self.answer is not None
            return paint.text_heat(cloud, self.answer)
        if state.mode == "labels":
            return self.classes[1].colors_of(self.labels), None
        if state.mode == "pca":
            return self._pca, None
        if state.mode == "confidence":
            return paint.confidence(cloud)
        if state.mode == "normals":
            return paint.normal_colors(cloud), None
        if state.mode == "occupancy":
            return paint.occupancy(cloud)
        return cloud.colors, None

    def _shown(self, state: ViewState) -> Mask:
        cloud = self.cloud
        shown: Mask = np.ones(len(cloud), bool)
        if state.cut < 1:
            shown &= cloud.heights <= state.cut * cloud.ceiling
        if state.mode == "labels" and state.hidden:
            shown &= ~np.isin(self.labels, list(state.hidden))
        return shown

    def _cubes(self, colors: Colors, shown: Mask) -> tuple[list[Part], Mask]:
        cloud = self.cloud
        stamp = np.packbits(shown).tobytes()
        if self._faces is None or self._faces[0] != stamp:
            self._faces = stamp, cubes.visible_faces(cloud.key, cloud.free, shown)
        sides = np.zeros((len(cloud), 6), bool)
        parts = []
        for faces in self._faces[1]:
            sides[faces.cell, faces.side] = True
            parts.append(
                Part(
                    faces.name,
                    (faces.side,) if faces.front is None else (faces.side, faces.front),
                    cubes.positions(cloud.key, faces, cloud.cell_size),
                    cubes.corner_colors(colors, faces, cloud.up),
                    cubes.triangles(len(faces.cell)),
                )
            )
        return parts, sides

    def _points(self, colors: Colors, shown: Mask) -> list[Part]:
        places, light = self._point_places(shown)
        shares = colors.astype(np.float32)
        shares *= np.float32(1 / 255)
        if light is not None:
            shares *= light[:, None]
        parts = [replace(part, colors=shares[cells]) for part, cells in places]
        total = sum(len(part.positions) for part in parts)
        if total <= COARSE_FROM:
            return parts
        step = -(-total // _COARSE_POINTS)
        return parts + [_coarse(part, step) for part in parts]

    def _point_places(
        self, shown: Mask
    ) -> tuple[list[tuple[Part, npt.NDArray[np.int64]]], npt.NDArray[np.float32] | None]:
        """Return parts without colours and their cells, and the light on all cells; again where it can."""
        cloud = self.cloud
        stamp = np.packbits(shown).tobytes(), self.refined
        if self._places is None or self._places[0] != stamp:
            light = None
            if self.refined:
                light = np.float32(0.87) + np.float32(0.13) * (cloud.normals @ cloud.up.astype(np.float32))
            made = [
                (Part(f"points {name}", sides, cloud.points[some], cloud.points[:0]), some)
                for name, sides, some in self._by_front(np.flatnonzero(shown))
            ]
            self._places = stamp, made, light
        return self._places[1:]

    def _by_front(
        self, cells: npt.NDArray[np.int64]
    ) -> list[tuple[str, tuple[int, ...], npt.NDArray[np.int64]]]:
        """Split cells by the side they look to, as far as it is known: name, that side, cells."""
        if self.refined:
            front = (self.cloud.normals[cells] @ cubes.DIRECTIONS.T).argmax(axis=1)
        elif len(self.cloud) <= CUBES_UP_TO:
            front = cubes.fronts(self.cloud.free[cells])
        else:
            front = np.full(len(cells), len(cubes.SIDES))
        groups = [(name, (side,), cells[front == side]) for side, name in enumerate(cubes.SIDES)]
        return [group for group in [*groups, ("all", (), cells[front == len(cubes.SIDES)])] if len(group[2])]

    def _ellipsoids(self, colors: Colors, shown: Mask) -> tuple[list[Part], None, str]:
        cloud = self.cloud
        cells = np.flatnonzero(shown)
        chosen = cells[sample_of(len(cells))]
        parts = [
            Part(f"ellipsoids {name}", sides, *ellipsoids(self.map, cloud.rows[some], colors[some], cloud.up))
            for name, sides, some in self._by_front(chosen)
        ]
        few = f"{len(chosen):,} of {len(cells):,} ellipsoids" if len(chosen) < len(cells) else ""
        return parts, None, few

    def _legend(self) -> list[Entry]:
        names = self.classes[1]
        ids, counts = np.unique(self.labels, return_counts=True)
        name_of = dict(zip(names.ids.tolist(), names.names, strict=True))
        entries = [
            Entry(int(i), name_of.get(int(i), "(no label)"), int(n), _triple(names.colors_of(i)))
            for i, n in zip(ids, counts, strict=True)
        ]
        return sorted(entries, key=lambda entry: -entry.count)

    def _trail(self) -> Lines:
        poses = self.subject.trajectory
        if poses is None or not len(poses):
            return NOTHING
        known = poses[np.isfinite(poses).all(axis=(1, 2))]
        some = known[:: max(1, len(known) // 12)]
        size = 4 * self.map.cell_size
        return joined([polyline(poses[:, :3, 3]), *(frustum(pose, size) for pose in some)])


def _coarse(part: Part, step: int) -> Part:
    """Every `step`-th point of a part, for while the camera moves."""
    return replace(
        part,
        name=f"coarse {part.name}",
        positions=part.positions[::step],
        colors=part.colors[::step],
        share=1 / step,
        coarse=True,
    )


def tag_of(hit: mapping.Hit) -> str:
    """What is written at a hit: its rank and its score."""
    return f"{hit.rank}  {hit.score:.2f}"


def _above(center: Any, extent: Any, up: npt.NDArray[np.float64]) -> tuple[float, float, float]:
    """Return the middle of the top of a box."""
    x, y, z = (np.asarray(center) + up * (np.abs(up) @ np.asarray(extent)) / 2).tolist()
    return x, y, z


def _box_of(cloud: Cloud, shown: Mask) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    points = cloud.points[shown]
    if not len(points):
        return cloud.bounds
    low, high = np.percentile(points[:: max(1, len(points) // 200_000)], [0.2, 99.8], axis=0)
    return low.astype(np.float64), high.astype(np.float64)


def _triple(values: Any) -> tuple[int, int, int]:
    r, g, b = np.asarray(values).tolist()
    return r, g, b
