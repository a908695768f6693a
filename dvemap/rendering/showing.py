"""What `dvemap render` shows: the looks that were asked for, side by side, from any camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from dvemap.labelling import classifier_for
from dvemap.provenance import up_of
from dvemap.questions import answers, refuse_empty
from dvemap.rendering.annotation import MARKED, mark_hits
from dvemap.rendering.choices import Show
from dvemap.rendering.drawing import draw
from dvemap.rendering.layout import Layout
from dvemap.rendering.looks import (
    Look,
    Scale,
    color_look,
    confidence_look,
    depth_look,
    depth_range,
    heat_look,
    label_look,
    normal_look,
    principal_look,
)
from dvemap.rendering.sheet import Tile, beside
from mapping import Answer, Hit, VoxelMap, class_list, label_cells, load, read_header
from mapping.rendering import Camera, Scene


@dataclass(frozen=True)
class Wanted:
    """What to show, and what that takes.

    Attributes
    ----------
    shows : sequence of Show
    text, negatives
        Of the heat.
    boxes : bool
        Whether its hits get boxes.
    classes, probe, means
        Of the labels; see `classifier_for`.
    """

    shows: Sequence[Show]
    text: str | None = None
    negatives: Sequence[str] = ()
    boxes: bool = False
    classes: str | None = None
    probe: Path | None = None
    means: Path | None = None
    text_encoder: str | None = None


class Showing:
    """A map with the looks that were asked for.

    Parameters
    ----------
    voxel_map : VoxelMap
    wanted : Wanted
    up : (3,) float64, optional
        Roughly the direction against gravity.
    samples : int
        Rays of a pixel at an edge, 1 to 5.
    threads : int

    Attributes
    ----------
    scene : Scene
    layout : Layout
    hits : list of Hit
        Of the text, best first.

    Raises
    ------
    ValueError
        If something cannot be shown of this map.
    """

    def __init__(
        self,
        voxel_map: VoxelMap,
        wanted: Wanted,
        up: npt.NDArray[np.float64] | None = None,
        *,
        samples: int = 5,
        threads: int = 2,
    ) -> None:
        self.scene = Scene(voxel_map)
        self.layout = Layout.of(self.scene, up)
        self._answer = None if wanted.text is None else _ask(voxel_map, wanted, threads)
        self.hits: list[Hit] = [] if self._answer is None else self._answer.hits
        self._wanted, self._samples, self._threads = wanted, samples, threads
        self._looks = {show: self._look(show) for show in wanted.shows if show is not Show.depth}

    def picture(self, camera: Camera, opened: bool, depths: tuple[float, float]) -> npt.NDArray[np.uint8]:
        """Draw all looks from a camera, side by side, (H, W, 3) uint8 RGB.

        Parameters
        ----------
        camera : Camera
        opened : bool
            Whether to look through the ceiling, and through walls from behind.
        depths : tuple of float
            The ends of the scale of depth, metres; see `depth_span`.
        """
        hidden = self.layout.hidden_from(camera.position) if opened else None
        tiles = []
        for show in self._wanted.shows:
            look = depth_look(*depths) if show is Show.depth else self._looks[show]
            drawn = draw(
                self.scene,
                camera,
                look.paint,
                look.style,
                up=self.layout.up,
                hidden=hidden,
                samples=self._samples,
                threads=self._threads,
            )
            if self._wanted.boxes:
                mark_hits(drawn, self.hits[:MARKED], self.scene.cell_size / 2)
            scale = look.key if isinstance(look.key, Scale) else None
            tiles.append(Tile(drawn.picture, look.title, scale))
        return beside(tiles)

    def depth_span(self, cameras: Sequence[Camera]) -> tuple[float, float]:
        """Return a scale of depth, metres, that suits all cameras."""
        return depth_range(self.scene, cameras) if Show.depth in self._wanted.shows else (0.0, 1.0)

    def _look(self, show: Show) -> Look:
        voxel_map, wanted = self.scene.map, self._wanted
        if show is Show.labels:
            classifier, names = classifier_for(
                voxel_map,
                None if wanted.classes is None else class_list(wanted.classes),
                probe=wanted.probe,
                means=wanted.means,
                text_encoder=wanted.text_encoder,
            )
            return label_look(self.scene, label_cells(voxel_map, classifier).label, names)
        if show is Show.heat:
            if self._answer is None or wanted.text is None:
                raise ValueError("heat needs a text to be relevant to")
            return heat_look(voxel_map, self._answer, wanted.text)
        if show is Show.normals:
            return normal_look()
        if show is Show.pca:
            return principal_look(voxel_map)
        return confidence_look(voxel_map) if show is Show.confidence else color_look(voxel_map)


def open_showing(path: Path, wanted: Wanted, *, samples: int, threads: int) -> Showing:
    """Load a map to show it; see `Showing`."""
    voxel_map = load(path)
    refuse_empty(voxel_map)
    return Showing(voxel_map, wanted, up_of(read_header(path).provenance), samples=samples, threads=threads)


def _ask(voxel_map: VoxelMap, wanted: Wanted, threads: int) -> Answer:
    texts = [wanted.text or ""]
    return next(
        answers(
            voxel_map, texts, negatives=wanted.negatives, text_encoder=wanted.text_encoder, threads=threads
        )
    )
