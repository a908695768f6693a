"""Data sets in the layout of the NICR packages, read from their files alone."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

import numpy as np
import numpy.typing as npt

from student.data.classes import class_set
from student.data.errors import DatasetError
from student.data.images import read_color, read_numbers
from student.data.nicr_layout import LAYOUTS, Layout
from student.data.sample import Sample
from student.preprocessing import DepthStatistics, depth_statistics
from student.teacher.creation_meta import META_FILE, read_additional

SUNRGBD_RANGE_MM = 8000
"""Farther depth of SUN RGB-D is none; in-painted depth is cut there."""


class NicrSource:
    """One split of NYUv2, SUN RGB-D, ScanNet, Hypersim or ADE20K as the NICR packages prepare it.

    Parameters
    ----------
    root
        The folder with the lists of samples.
    dataset
        Name in `LAYOUTS`.
    split
        One of the data set's; its training split if absent.
    classes
        Number of classes, where the data set comes with several; the usual one if absent.
    stride
        Every n-th sample. Of scannet and hypersim the list `<split>_every_<n>th.txt` says which.
    depth
        "raw", "refined" (in-painted) or the name of an estimator, whose images are in `depth_<name>`; the
        usual one if absent: "raw", and the recipe's estimator for ade20k.

    Attributes
    ----------
    name : str
        The data set.
    root : Path
    split : str
    spectrum : str
        What names of teacher files say for the number of classes: "40", or "None" where there is but one.

    Raises
    ------
    DatasetError
        There is no such split, list, folder or kind of depth.
    """

    def __init__(
        self,
        root: str | Path,
        dataset: str,
        split: str | None = None,
        *,
        classes: int | None = None,
        stride: int = 1,
        depth: str | None = None,
    ) -> None:
        layout = LAYOUTS[_one_of(dataset, LAYOUTS, "data sets in NICR layout")]
        self.name, self.root = dataset, Path(root)
        labelled = f"{self.root}: splits of {dataset} with labels"
        self.split = _one_of(split or layout.splits[0], layout.splits, labelled)
        if classes is not None and classes not in layout.classes:
            raise DatasetError(
                f"{self.root}: {dataset} can be read with {_listed(layout.classes)} classes, got {classes}"
            )
        count = classes or next(iter(layout.classes))
        known = class_set(layout.classes[count])
        self.class_names, self.things = known.names, known.things
        self.spectrum = "None" if layout.one_spectrum else str(count)
        self._names = _read_list(self.root, self.split, stride, layout)
        self._depth = depth or next(iter(layout.depth))
        self._folders = {
            "rgb": "rgb",
            "depth": layout.depth.get(self._depth, f"depth_{self._depth}"),
            "semantic": layout.semantic.format(count),
            "instance": layout.instance,
        }
        self._check_folders()

    @property
    def depth_statistics(self) -> DepthStatistics:
        """Those of the data set; of estimated depth, those in `creation_meta.json`, else NYUv2's."""
        if self._depth in ("raw", "refined"):
            return depth_statistics(LAYOUTS[self.name].statistics)
        return _estimated_statistics(self.root, self._depth, self.split) or depth_statistics("nyuv2")

    def __len__(self) -> int:
        """Number of samples."""
        return len(self._names)

    def sample_name(self, i: int) -> str:
        """Return the path of the i-th sample in each folder, without extension."""
        return self._names[i]

    def sample(self, i: int) -> Sample:
        """Read the i-th sample.

        Raises
        ------
        DatasetError
            A file cannot be used.
        OSError
            A file cannot be read.
        """
        rgb = read_color(self._file("rgb", i, LAYOUTS[self.name].rgb))
        semantic, instance = self.labels(i), self._instance(i)
        for what, image in (("semantic", semantic), ("instance", instance)):
            if image.shape != rgb.shape[:2]:
                raise DatasetError(
                    f"{self._file(what, i)}: expected the size of the colour image, "
                    f"{rgb.shape[0]}x{rgb.shape[1]}, got {image.shape[0]}x{image.shape[1]}"
                )
        return Sample(f"{self.name} {self._names[i]}", rgb, self._metres(i), semantic, instance)

    def labels(self, i: int) -> npt.NDArray[np.uint16]:
        """Read the label image of the i-th sample alone: (H, W), class 1 to K, 0 = void.

        Raises
        ------
        DatasetError
            It holds something else.
        OSError
            It cannot be read.
        """
        file = self._file("semantic", i)
        semantic = read_numbers(file)
        if (highest := int(semantic.max())) > len(self.class_names):
            raise DatasetError(
                f"{file}: has class {highest}, but {self.name} is read with {len(self.class_names)}; give "
                "the number of classes that it was prepared with"
            )
        return semantic

    def _instance(self, i: int) -> npt.NDArray[np.uint16]:
        file = self._file("instance", i)
        if self.name != "hypersim":
            return read_numbers(file)
        channels = read_numbers(file, channels=3)  # class, high byte, low byte
        return channels[..., 1] * np.uint16(256) + channels[..., 2]

    def _metres(self, i: int) -> npt.NDArray[np.float32]:
        raw = read_numbers(self._file("depth", i))
        if self.name == "sunrgbd" and self._depth in ("raw", "refined"):
            raw >>= 3  # the lowest bits hold no depth
            raw[raw > SUNRGBD_RANGE_MM] = 0 if self._depth == "raw" else SUNRGBD_RANGE_MM
        return raw.astype(np.float32) / np.float32(1000)

    def _file(self, what: str, i: int, suffix: str = ".png") -> Path:
        return self.root / self.split / self._folders[what] / f"{self._names[i]}{suffix}"

    def _check_folders(self) -> None:
        base = self.root / self.split
        for what, name in self._folders.items():
            if (base / name).is_dir():
                continue
            if what == "depth":
                there = sorted(path.name for path in base.glob("depth*") if path.is_dir())
                raise DatasetError(
                    f"{base / name}: no such folder; depth is in {_listed(there)}; estimate it with "
                    f"`dvemap teach {self.root} --depth large`"
                )
            raise DatasetError(
                f"{base / name}: no such folder; expected the layout of the NICR packages for {self.name}"
            )


def _read_list(root: Path, split: str, stride: int, layout: Layout) -> list[str]:
    """Return the names of the samples of a split."""
    if stride < 1:
        raise DatasetError(f"{root}: stride must be >= 1, got {stride}")
    thinned = layout.thinned and stride > 1
    file = root / (f"{split}_every_{stride}th.txt" if thinned else f"{split}.txt")
    if not file.is_file():
        lists = sorted(path.name for path in root.glob("*.txt"))
        raise DatasetError(f"{file}: no such list of samples; lists there: {_listed(lists)}")
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    names = [line for line in lines if line][:: 1 if thinned else stride]
    if not names:
        raise DatasetError(f"{file}: expected one sample a line, got none")
    return names


def _estimated_statistics(root: Path, estimator: str, split: str) -> DepthStatistics | None:
    """Return what was noted of the depth estimated for the training split, or None."""
    noted = read_additional(root).get("auxiliary_depth_stats") or {}
    if estimator not in noted:
        return None
    training = split.replace("valid", "train").replace("test", "train")
    try:
        found = noted[estimator][training]
        return DepthStatistics(estimator, float(found["mean"]) / 1000, float(found["std"]) / 1000)
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(
            f"{root / META_FILE}: expected mean and std of {estimator} for {training}, got {error!r}"
        ) from None


def _one_of(word: str, choices: Iterable[str], what: str) -> str:
    known = list(choices)
    if word in known:
        return word
    near = get_close_matches(word, known, n=1, cutoff=0.4)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise DatasetError(f"{what} are {_listed(known)}, got {word!r}{hint}")


def _listed(items: Iterable[object]) -> str:
    return ", ".join(map(str, items)) or "none"
