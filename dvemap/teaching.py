"""Teachers and the data sets that they teach: what is found, who looks at it, and where the files go."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from dvemap.interrupts import Interrupts
from dvemap.sequence_source import SequenceSource
from dvemap.training_data import NICR, DataConfig, open_source
from student.data.errors import DatasetError
from student.data.nicr import NicrSource
from student.data.nicr_layout import LAYOUTS
from student.targets import CLASS_STEP
from student.teacher.auxiliary import TEXTS_FILE, AuxiliaryFolder
from student.teacher.creation_meta import note_run, read_additional

if TYPE_CHECKING:
    from dvemap.console import Output
    from student.teacher.captions import Captions
    from student.teacher.depth_run import Estimated
    from student.teacher.run import Taught
    from student.teacher.teacher import Teacher

OBJECTS_FILE = "objects.json"
SEQUENCE_SPLIT = "auxiliary"
"""Folder of teacher files in that of sequences, which have no splits of their own."""

Format = Literal["nicr-nyuv2", "nicr-sunrgbd", "nicr-scannet", "nicr-hypersim", "nicr-ade20k", "sequence"]


@dataclass(frozen=True)
class Material:
    """A data set to be taught.

    Attributes
    ----------
    path : Path
    format : str
        As `DataConfig.format`.
    splits : tuple of str or None
        None: all of it, of sequences.
    classes : int or None
        Kind of labels, where there are several.
    stride : int
        Every n-th sample.
    depth : str or None
        Folder of depth images of sequences, where it is another than the usual.
    """

    path: Path
    format: Format
    splits: tuple[str | None, ...]
    classes: int | None = None
    stride: int = 1
    depth: str | None = None

    def open(self, split: str | None) -> NicrSource | SequenceSource:
        """Open the samples of a split, with any depth that is there: teachers look at colour and labels."""
        entry = DataConfig(
            path=self.path,
            format=self.format,
            split=split,
            classes=self.classes,
            stride=self.stride,
            depth=self._any_depth(split),
        )
        return open_source(entry)

    def _any_depth(self, split: str | None) -> str | None:
        """Name the usual depth, else one that was estimated; None where there is none to choose."""
        if self.format == "sequence" or split is None:
            return self.depth
        modes = LAYOUTS[self.format.removeprefix(NICR)].depth
        there = sorted(path.name for path in (self.path / split).glob("depth*"))
        usual = next((mode for mode, folder in modes.items() if folder in there), None)
        return usual or next((name.removeprefix("depth_") for name in there if "__" in name), None)


def find_material(
    path: Path, format: str | None, splits: tuple[str, ...], classes: int | None, stride: int
) -> Material:
    """Say what a folder is: the format by its files and name, and all splits, where they are not given.

    Raises
    ------
    ValueError
        If the format is unknown, or the folder does not tell it.
    OSError
        If there is nothing at the path.
    """
    kinds = [*(NICR + name for name in LAYOUTS), "sequence"]
    if format is not None and format not in kinds:
        raise ValueError(f"--format must be one of {', '.join(kinds)}, got {format!r}")
    kind = cast(Format, format or format_of(path))
    if splits or kind == "sequence":
        return Material(path, kind, splits or (None,), classes, stride)
    known = LAYOUTS[kind.removeprefix(NICR)].splits
    there = tuple(split for split in known if (path / split / "rgb").is_dir())
    if not there:
        raise DatasetError(f"{path}: has none of the splits of {kind.removeprefix(NICR)}: {', '.join(known)}")
    return Material(path, kind, there, classes, stride)


def auxiliary_folder(source: NicrSource | SequenceSource, estimator: str) -> AuxiliaryFolder:
    """Return where a teacher's files of a data set lie.

    Of data in NICR layout that is where the NICR tools have them. Of sequences it is a folder `auxiliary` in
    the one that was opened, and the number of classes is always named, since it decides which segments are.
    """
    if isinstance(source, NicrSource):
        return AuxiliaryFolder(source.root, source.split, source.spectrum, estimator)
    return AuxiliaryFolder(source.root, SEQUENCE_SPLIT, str(len(source.class_names)), estimator)


def teach_material(
    material: Material,
    make_teacher: Callable[[NicrSource | SequenceSource], Teacher],
    out: Output,
    *,
    overwrite: bool = False,
) -> dict[str, Taught]:
    """Let a teacher write its files for each split, and note in the data set that they are there.

    Parameters
    ----------
    material : Material
    make_teacher : callable
        Makes the teacher of a data set; called once.
    out : Output
        Shows what happens.
    overwrite : bool
        Write finished samples anew.

    Returns
    -------
    dict of str to Taught
        By split.
    """
    from student.teacher.run import teach

    teacher: Teacher | None = None
    made: dict[str, Taught] = {}
    for split in material.splits:
        source = material.open(split)
        name = split or SEQUENCE_SPLIT
        with out.progress(f"teaching {name}", len(source)) as bar, Interrupts() as interrupts:
            bar.say(f"{material.path}: {material.format}, {_described(source, split)}")
            if teacher is None:
                teacher = make_teacher(source)
                bar.say(f"teacher: {teacher.estimator}")
            folder = auxiliary_folder(source, teacher.estimator)
            watch = _watch(bar, interrupts)
            made[name] = teach(source, teacher, folder, overwrite=overwrite, progress=watch)
        note_run(
            material.path,
            f"dvemap teach {material.path}",
            image_embedding_estimators=[teacher.estimator],
            panoptic_embedding_estimators=[teacher.estimator],
            panoptic_embedding_void_label=0,
            panoptic_embedding_semantic_n_classes=[len(source.class_names)],
            panoptic_embedding_max_instances_per_category=CLASS_STEP,
            semantic_class_name_embeddings=TEXTS_FILE,
        )
    return made


def estimate_material(
    material: Material, model: str, device: str | None, out: Output, *, overwrite: bool = False
) -> dict[str, Estimated]:
    """Estimate the depth of each split of data in NICR layout, and note its statistics there."""
    from student.teacher.depth import DepthEstimator
    from student.teacher.depth_run import estimate_depths, list_samples

    suffix = LAYOUTS[material.format.removeprefix(NICR)].rgb
    splits = [split for split in material.splits if split is not None]
    names = {split: list_samples(material.path, split, material.stride) for split in splits}
    estimator = DepthEstimator(model, device)
    made: dict[str, Estimated] = {}
    for split, listed in names.items():
        with out.progress(f"depth of {split}", len(listed)) as bar, Interrupts() as interrupts:
            bar.say(f"{material.path}: {material.format}, {split}, {len(listed):,} images")
            bar.say(f"depth: {estimator.estimator}")
            watch = _watch(bar, interrupts)
            made[split] = estimate_depths(
                material.path, split, listed, suffix, estimator, overwrite=overwrite, progress=watch
            )
    noted = read_additional(material.path).get("auxiliary_depth_stats") or {}
    found = {split: run.statistics for split, run in made.items() if run.statistics}
    note_run(
        material.path,
        f"dvemap teach {material.path} --depth {model}",
        depth_estimators=[estimator.estimator],
        depth_stats={**noted, estimator.estimator: {**noted.get(estimator.estimator, {}), **found}},
    )
    return made


def objects_captions(path: Path) -> Captions:
    """Return what generated scenes say of their objects, by folder of the scene; empty where none does."""
    files = [file for depth in ("", "*/", "*/*/") for file in sorted(path.glob(f"{depth}{OBJECTS_FILE}"))]
    captions = {}
    for file in files:
        try:
            said = {int(thing["instance"]): str(thing["caption"]) for thing in json.loads(file.read_text())}
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{file}: expected objects with instance and caption, got {error!r}") from None
        captions[file.parent.relative_to(path).as_posix()] = said
    return captions


def check_faults(runs: dict[str, Any]) -> None:
    """Raise ValueError where samples of a run could not be used."""
    faults = [f"{split}: {fault}" for split, run in runs.items() for fault in run.faults]
    if faults:
        raise ValueError(
            f"{len(faults)} sample(s) could not be used, the others are written; the first, {faults[0]}"
        )


def format_of(path: Path) -> str:
    """Say in which format a folder is: "sequence" (or a folder of such), or "nicr-..." by files and name.

    Raises
    ------
    DatasetError
        If it is in NICR layout, but its name does not say of which data set.
    OSError
        If there is nothing at the path.
    """
    path.stat()
    splits = {split for layout in LAYOUTS.values() for split in layout.splits}
    if not any((path / split / "rgb").is_dir() for split in splits):
        return "sequence"
    plain = path.resolve().name.lower().replace("-", "").replace("_", "")
    named = [name for name in LAYOUTS if name in plain]
    if len(named) != 1:
        kinds = ", ".join(NICR + name for name in LAYOUTS)
        raise DatasetError(
            f"{path}: which data set in NICR layout is it? Say so with --format, one of {kinds}"
        )
    return NICR + named[0]


def _described(source: NicrSource | SequenceSource, split: str | None) -> str:
    part = "" if split is None else f"{split}, "
    return f"{part}{len(source):,} samples, {len(source.class_names)} classes"


def _watch(bar: Any, interrupts: Interrupts) -> Callable[[int, int], None]:
    def watch(done: int, total: int) -> None:
        bar.update(done, total=total)
        if interrupts.asked and done < total:
            raise KeyboardInterrupt

    return watch
