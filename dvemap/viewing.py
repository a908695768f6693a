"""What the viewer needs to know of a map: where it was seen from, and who answers for it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

import mapping
from dvemap.config import FuseConfig
from dvemap.labelling import classifier_for
from dvemap.pipeline import open_source
from dvemap.provenance import up_of
from dvemap.questions import answers, text_encoder_of
from mapping import Answer, Classifier, ClassList, VoxelMap, class_list
from sequences import open_sequence
from viewer.scene.subject import Subject

Poses = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Words:
    """Who turns words into vectors, and cells into words, for all maps of a window.

    Attributes
    ----------
    classes : str or None
        The class list for the labels; see `classifier_for` for none.
    probe, means : Path or None
        What names the cells, instead of the names of the classes.
    text_encoder : str or None
        Refused unless it is the map's own.
    """

    classes: str | None = None
    probe: Path | None = None
    means: Path | None = None
    text_encoder: str | None = None

    def ask(
        self, voxel_map: VoxelMap, text: str, negatives: Sequence[str], threshold: float | None
    ) -> Answer:
        """Answer a text on a map."""
        return next(
            answers(
                voxel_map, [text], negatives=negatives, threshold=threshold, text_encoder=self.text_encoder
            )
        )

    def classify(self, voxel_map: VoxelMap) -> tuple[Classifier, ClassList]:
        """Return what names the cells of a map."""
        wanted = None if self.classes is None else class_list(self.classes)
        return classifier_for(
            voxel_map, wanted, probe=self.probe, means=self.means, text_encoder=self.text_encoder
        )

    def warm(self, voxel_map: VoxelMap) -> None:
        """Load the text encoder of a map, if it has one, before the first question."""
        if voxel_map.space.get("text_encoder") is not None and len(voxel_map):
            text_encoder_of(voxel_map, self.text_encoder).encode(["thing"])


def open_subject(
    path: Path, words: Words, *, sequence: Path | None = None, note: Callable[[str], None]
) -> Subject:
    """Open a map for the viewer.

    Parameters
    ----------
    path : Path
    words : Words
    sequence : Path, optional
        Where the way of the camera is read; by default the sequences the map says it was made of, as far as
        they are still there.
    note : callable
        Told what could not be found.

    Returns
    -------
    Subject
    """
    made = mapping.read_header(path).provenance
    voxel_map = mapping.load(path)
    poses = None if sequence is None else open_sequence(sequence, depth_optional=True).poses
    return Subject(
        name=path.name,
        map=voxel_map,
        ask=words.ask,
        classify=words.classify,
        warm=words.warm,
        up=up_of(made),
        trajectory=poses if poses is not None else _way_of_the_camera(made, note),
    )


def _way_of_the_camera(made: dict[str, Any], note: Callable[[str], None]) -> Poses | None:
    """Return the poses (n, 4, 4) of the sequences of a map, a gap between two; None if there are none."""
    ways: list[Poses] = []
    configs = made.get("config")
    for place, source in enumerate(made.get("sources", [])):
        folder = Path(source["path"])
        if not folder.exists():
            continue
        config = configs[place] if isinstance(configs, list) and place < len(configs) else configs
        try:
            settings = FuseConfig.model_validate(config) if isinstance(config, dict) else FuseConfig()
            ways += [open_source(folder, settings).poses, np.full((1, 4, 4), np.nan)]
        except (ValueError, OSError) as error:  # the map can be looked at without
            note(f"note: no camera path: {error}")
    return np.concatenate(ways) if ways else None
