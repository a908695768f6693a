"""Targets from the files of a teacher."""

from __future__ import annotations

from collections.abc import Mapping

from student.data.errors import DatasetError
from student.data.sample import Sample, Source
from student.targets import TargetTable, build_targets, panoptic_segments
from student.teacher.auxiliary import AuxiliaryFolder
from student.visual_means import ALPHA


class TeacherTargets:
    """Makes the targets of samples from what a teacher wrote about them.

    Parameters
    ----------
    folders
        The teacher's files of each source of which targets will be asked for.
    alpha
        Share of the image's embedding that is taken off each segment's.

    Raises
    ------
    DatasetError
        A sample has no files of the teacher.
    """

    def __init__(self, folders: Mapping[Source, AuxiliaryFolder], *, alpha: float = ALPHA) -> None:
        self._folders, self._alpha = dict(folders), alpha
        for source, folder in self._folders.items():
            names = [source.sample_name(i) for i in range(len(source))]
            missing = [name for name in names if not folder.has(name)]
            if missing:
                option = "--alpha-clip FILE" if "alpha_clip" in folder.estimator else "--text-encoder NAME"
                raise DatasetError(
                    f"{source.name}: {len(missing)} of its {len(names)} samples have no embeddings of the "
                    f"teacher {folder.estimator}, such as {folder.segments_file(missing[0])}; make them with "
                    f"`dvemap teach {folder.root} {option}`"
                )

    def __call__(self, source: Source, i: int, sample: Sample) -> TargetTable:
        """Return the targets of the i-th sample of a source.

        Raises
        ------
        DatasetError
            The teacher saw other label images.
        TeacherError
            Its files are damaged.
        """
        folder = self._folders[source]
        seen = folder.read(source.sample_name(i))
        ids, _ = panoptic_segments(sample.semantic, sample.instance, source.things)
        try:
            return build_targets(ids, seen.segments, seen.image, self._alpha)
        except ValueError as error:
            raise DatasetError(f"{folder.segments_file(source.sample_name(i))}: {error}") from None
