"""A depth estimator's run over a split in NICR layout; resumable, each image whole on the disk."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from student.data.images import read_color, read_numbers
from student.teacher.depth import DepthEstimator, depth_file, depth_statistics_of, write_depth
from student.teacher.run import read_ahead


@dataclass
class Estimated:
    """What a run made.

    Attributes
    ----------
    samples : int
        Depth images written by this run.
    kept : int
        Those that an earlier run had written.
    faults : list of str
        Why others could not be used.
    statistics : dict of str to float
        Mean, std, min and max of all depth of the split, millimetres.
    seconds : float
        Of the images of this run.
    """

    samples: int = 0
    kept: int = 0
    faults: list[str] = field(default_factory=list)
    statistics: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0


def estimate_depths(
    root: Path,
    split: str,
    names: list[str],
    suffix: str,
    estimator: DepthEstimator,
    *,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> Estimated:
    """Write the estimated depth of the colour images of a split.

    Parameters
    ----------
    root, split
        Of the data set.
    names
        Its samples.
    suffix
        Of its colour images.
    estimator
        Estimates metres.
    overwrite
        Whether to write finished images anew.
    progress
        Told how many images are done, of how many; what it raises ends the run between two images.

    Raises
    ------
    OSError
        A file cannot be written.
    """
    files = [depth_file(root, split, estimator.estimator, name) for name in names]
    todo = [i for i, file in enumerate(files) if overwrite or not file.is_file()]
    made = Estimated(kept=len(names) - len(todo))
    start = time.perf_counter()

    def read(i: int) -> npt.NDArray[np.uint8]:
        return read_color(root / split / "rgb" / f"{names[i]}{suffix}")

    with closing(read_ahead(read, todo)) as readings:
        for done, (i, reading) in enumerate(readings, start=made.kept):
            if progress is not None:
                progress(done, len(names))
            try:
                rgb = reading.result()
            except (ValueError, OSError) as error:
                made.faults.append(f"{names[i]}: {error}")
                continue
            write_depth(files[i], estimator.estimate(rgb))
            made.samples += 1
    made.seconds = time.perf_counter() - start
    written = [file for file in files if file.is_file()]
    if written:
        made.statistics = depth_statistics_of(map(read_numbers, written))
    if progress is not None:
        progress(len(names), len(names))
    return made


def list_samples(root: Path, split: str, stride: int = 1) -> list[str]:
    """Return the samples of a split in NICR layout, every n-th.

    Raises
    ------
    OSError
        The list cannot be read.
    """
    thinned = root / f"{split}_every_{stride}th.txt"
    file = thinned if stride > 1 and thinned.is_file() else root / f"{split}.txt"
    lines = [line.strip() for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line][:: 1 if file == thinned else stride]
