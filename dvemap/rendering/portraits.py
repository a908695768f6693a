"""The pictures that commands make of a map without being told how: `--picture`, and the demonstration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.provenance import up_of
from dvemap.questions import refuse_empty
from dvemap.rendering.annotation import MARKED, mark_hits
from dvemap.rendering.drawing import Drawn, draw
from dvemap.rendering.layout import Layout
from dvemap.rendering.looks import Legend, Look, Scale, color_look, heat_look, label_look
from dvemap.rendering.sheet import LARGE, SMALL, Tile, sheet
from dvemap.rendering.viewpoints import closeup, overview, plan, standing
from mapping import Answer, ClassList, VoxelMap, load, read_header
from mapping.rendering import Camera, Scene
from viewer import save_picture


class Portrait:
    """A map about to be drawn; keeps what several pictures share.

    Parameters
    ----------
    voxel_map : VoxelMap
    up : (3,) float64, optional
        Roughly the direction against gravity.
    threads : int
    """

    def __init__(
        self, voxel_map: VoxelMap, up: npt.NDArray[np.float64] | None = None, *, threads: int = 2
    ) -> None:
        self.map = voxel_map
        self.scene = Scene(voxel_map)
        self.layout = Layout.of(self.scene, up)
        self._threads = threads
        self._standing: Camera | None = None

    def write_colors(self, path: Path, title: str) -> None:
        """Write the map in its colours: from above at a slant, from eye level, and as a plan."""
        look = color_look(self.map)
        above = Tile(self._outside(look, overview(self.layout, LARGE)).picture, "From above, opened")
        ground = Tile(self._outside(look, plan(self.layout, SMALL)).picture, "Plan")
        inside = [Tile(drawn.picture, "At eye level") for drawn in self._inside(look)]
        save_picture(path, sheet(title, self._words(), above, [*inside, ground]))

    def write_labels(self, path: Path, title: str, labels: npt.NDArray[np.int64], classes: ClassList) -> None:
        """Write the map in class colours: from above, and from eye level with the colours beside."""
        look = label_look(self.scene, labels, classes)
        above = Tile(self._outside(look, overview(self.layout, LARGE)).picture, "From above, opened")
        inside = [Tile(drawn.picture, "At eye level") for drawn in self._inside(look)]
        inside += [Tile(drawn.picture, "The same in colour") for drawn in self._inside(color_look(self.map))]
        key = look.key if isinstance(look.key, Legend) else None
        save_picture(path, sheet(title, f"{classes.name} · {self._words()}", above, inside, key))

    def write_answer(self, path: Path, answer: Answer, text: str) -> None:
        """Write how relevant the map is to a text: from above, and the best hit from eye level."""
        look = heat_look(self.map, answer, text)
        scale = look.key if isinstance(look.key, Scale) else None
        marked = answer.hits[:MARKED]
        camera = overview(self.layout, LARGE, marked[0].rows if marked else None)
        drawn = self._outside(look, camera, [hit.rows for hit in marked])
        pad = self.map.cell_size / 2
        mark_hits(drawn, marked, pad)
        above = Tile(drawn.picture, "Relevancy from above, opened", scale)
        small: list[Tile] = []
        if answer.hits:
            best = answer.hits[0]
            place_to_stand = closeup(self.layout, best.rows, SMALL)
            for view, caption in ((look, "The best hit"), (color_look(self.map), "The same in colour")):
                if place_to_stand is not None:
                    near = self._draw(view, place_to_stand)
                    mark_hits(near, [best], pad)
                    small.append(Tile(near.picture, caption))
            place = ", ".join(f"{value:.2f}" for value in best.center)
            words = f"best hit at ({place}) m, score {best.score:.2f}, confidence {best.confidence:.2f}"
            others = len(answer.hits) - 1
            words += f", and {others} more" if others else ""
        else:
            small += [Tile(drawn.picture, "At eye level") for drawn in self._inside(look)]
            words = f"no hit: {answer.reason}"
        save_picture(path, sheet(f"“{text}”", words, above, small))

    def _outside(self, look: Look, camera: Camera, always: Sequence[npt.NDArray[np.int64]] = ()) -> Drawn:
        """Draw the opened map; the rows `always` are shown whichever way they look."""
        hidden = self.layout.hidden_from(camera.position)
        for rows in always:
            hidden[rows] = False
        return self._draw(look, camera, hidden=hidden)

    def _inside(self, look: Look) -> list[Drawn]:
        """Draw the view from eye level, if there is free space to stand in."""
        if self._standing is None:
            self._standing = standing(self.layout, SMALL)
        return [] if self._standing is None else [self._draw(look, self._standing)]

    def _draw(self, look: Look, camera: Camera, **options: Any) -> Drawn:
        return draw(
            self.scene, camera, look.paint, look.style, up=self.layout.up, threads=self._threads, **options
        )

    def _words(self) -> str:
        points = self.layout.points[self.layout.main]
        axes = np.stack([self.layout.along, self.layout.across, self.layout.up])
        length, width, height = np.ptp(points @ axes.T, axis=0) if len(points) else np.zeros(3)
        cells = f"{len(self.scene.rows):,} cells of {self.map.cell_size * 100:g} cm"
        return f"{cells}, {length:.1f} x {width:.1f} x {height:.1f} m"


def draw_map(picture: Path, map_path: Path) -> None:
    """Write a picture of a map file in its colours.

    Raises
    ------
    ValueError
        If the map has no cells.
    """
    voxel_map = load(map_path)
    refuse_empty(voxel_map)
    Portrait(voxel_map, up_of(read_header(map_path).provenance)).write_colors(picture, map_path.stem)
