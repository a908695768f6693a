"""How a student is judged while it learns: its figures and its picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dvemap.metrics import metrics_of
from dvemap.training_config import TrainConfig, ValidationConfig
from dvemap.training_data import open_source
from dvemap.training_panel import draw_training_panel
from dvemap.training_teacher import FileSource, mean_weights, targets_if_any, text_weights
from dvemap.training_watch import FIGURES
from mapping import make_class_list

if TYPE_CHECKING:
    import numpy.typing as npt
    from lightning_fabric import Fabric

    from student.data.teacher_targets import TeacherTargets
    from student.networks.dveformer import DVEFormer
    from student.preprocessing import DepthStatistics
    from student.training.validation import Readers, Validator


@dataclass(frozen=True, eq=False)
class Examination:
    """Images that a student does not learn from, and what reads labels off its embeddings.

    Attributes
    ----------
    config : ValidationConfig
    source : FileSource
    taught : FileSource
        First data set of the mixture, which the probe is fitted on.
    targets : TeacherTargets or None
        None where the teacher did not see the images.
    readers : dict of str to ndarray
        Rows (K, D) of each decoder that does not depend on the student.
    size : tuple of int
        Height and width that the network sees.
    statistics : DepthStatistics
    """

    config: ValidationConfig
    source: FileSource
    taught: FileSource
    targets: TeacherTargets | None
    readers: Readers
    size: tuple[int, int]
    statistics: DepthStatistics

    @classmethod
    def open(cls, config: TrainConfig, taught: FileSource, statistics: DepthStatistics) -> Examination | None:
        """Open the validation data, None where there is to be no validation.

        Parameters
        ----------
        config : TrainConfig
        taught : FileSource
            First data set of the mixture.
        statistics : DepthStatistics
            Of the mixture.

        Raises
        ------
        ValueError, OSError
            If the data cannot be used, have other classes, or the teacher did not see what is asked for.
        """
        validation = config.validation
        if validation is None:
            return None
        source = open_source(validation.data)
        if (validation.means or validation.probe) and source.class_names != taught.class_names:
            raise ValueError(
                f"validation.data: {validation.data.path} has {len(source.class_names)} classes, "
                f"{config.data[0].path}, the first data set, {len(taught.class_names)} others, whose visual "
                "means and probe say nothing of them; read both with the same classes, or set "
                "validation.means=false and validation.probe=0"
            )
        targets = targets_if_any(source, config.teacher)
        if validation.best == "loss" and targets is None:
            raise ValueError(
                f"validation.best: loss needs the teacher's files of all samples of {validation.data.path}"
            )
        readers = {"text": text_weights(source, config.teacher)}
        if validation.means:
            readers["means"] = mean_weights(taught, config.teacher, readers["text"])
        size = validation.size or config.augment.size
        return cls(validation, source, taught, targets, readers, size, statistics)

    def readers_of(self, fabric: Fabric, network: DVEFormer) -> Readers:
        """Return all decoders for a network, its probe among them; all processes share the work."""
        if not self.config.probe:
            return self.readers
        from student.probing.network_probe import fit_network_probe

        validator = self._validator(fabric, self.taught)
        probe = fit_network_probe(fabric, network, validator, self.taught, self.config.probe)
        return {**self.readers, "probe": probe}

    def judge(self, fabric: Fabric, network: DVEFormer, readers: Readers) -> dict[str, float]:
        """Return the figures of a network by their names; all processes share the work."""
        judged = self._validator(fabric, self.source).judge(network, readers)
        figures = {}
        for name, square in judged.confusions.items():
            confusion = np.concatenate([square, np.zeros((len(square), 1), np.int64)], axis=1)
            figures[name] = metrics_of(confusion).miou
        if judged.loss is not None:
            figures["validation_loss"] = judged.loss
        return figures

    def draw(
        self, fabric: Fabric, network: DVEFormer, readers: Readers, title: str, figures: dict[str, float]
    ) -> npt.NDArray[np.uint8]:
        """Draw what a network makes of some of the images, evenly spread; one process does it alone."""
        count = min(self.config.panels, len(self.source))
        chosen = [len(self.source) * k // count for k in range(count)]
        validator = self._validator(fabric, self.source)
        glimpses = [validator.look(network, i, readers) for i in chosen]
        said = ", ".join(f"{FIGURES[name]} {value:.3f}" for name, value in figures.items())
        return draw_training_panel(
            glimpses, make_class_list("validation", self.source.class_names), title, said
        )

    def is_better(self, row: dict[str, Any], best: float | None) -> bool:
        """Say whether an epoch's figure is there and beats the best before."""
        value = row.get(self.figure)
        if value is None or not np.isfinite(value):
            return False
        return best is None or (value < best if self.config.best == "loss" else value > best)

    @property
    def figure(self) -> str:
        """Name of the figure that the best student is best at."""
        return "validation_loss" if self.config.best == "loss" else self.config.best

    def _validator(self, fabric: Fabric, source: FileSource) -> Validator:
        from student.training.validation import Validator

        return Validator(fabric, source, self.size, self.statistics, self.targets)
