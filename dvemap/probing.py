"""Linear probes of an encoder, fitted over codes that are read once; `probe_training` trains them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from dvemap import __version__
from dvemap.config import EncoderConfig
from dvemap.encoders import Network, encoder
from dvemap.probe_config import ProbeConfig
from dvemap.probe_data import ProbeClasses, probe_classes
from dvemap.training_teacher import FileSource
from student.probing.closed_fit import fit_probe
from student.probing.code_samples import CodeSamples
from student.teacher.run import read_ahead

if TYPE_CHECKING:
    from dvemap.console import Bar
    from sequences import Sequence as FrameSequence
    from student.data.sample import Sample


@dataclass(frozen=True, eq=False)
class Probed:
    """A probe and how it came to be.

    Attributes
    ----------
    weight : (K, D) float32
    classes : ProbeClasses
    how : str
        In a line, for people.
    epochs : int
        Passes through the images; 0 of a fit.
    losses : list of float
        Mean loss of each epoch, as it was while the weight changed.
    seconds : float
    finished : bool
        False where Ctrl-C stopped it; what it was then lies in the part file.
    """

    weight: npt.NDArray[np.float32]
    classes: ProbeClasses
    how: str
    epochs: int
    losses: list[float] = field(default_factory=list)
    seconds: float = 0.0
    finished: bool = True

    def provenance(self, encoder: dict[str, Any], data: Sequence[Path]) -> dict[str, str]:
        """Return what its file says of it."""
        return {
            "software": f"dvemap {__version__}",
            "encoder": json.dumps(encoder),
            "data": json.dumps([str(path) for path in data]),
            "how": self.how,
        }


def fit_fast(frames: Network, sources: Sequence[FileSource], config: ProbeConfig, bar: Bar) -> Probed:
    """Fit a probe over codes of some pixels of each image; each image is encoded once.

    Raises
    ------
    ValueError
        If the data cannot be used, or show less than two classes.
    """
    began, settings = time.monotonic(), config.fast
    count = sum(map(len, sources))
    space = frames.space
    drawn = CodeSamples(len(sources[0].class_names), count, settings.pixels, config.run.seed)
    for number, sample in enumerate(samples_of(sources)):
        drawn.add(number, frames.encoder.encode(sample.rgb, sample.depth), sample.semantic)
        bar.update(number + 1)
    classes = probe_classes(sources[0], drawn.counts)
    codes, labels, stands_for = drawn.arrays()
    bar.update(count, note=f"fitting over {len(codes):,} pixels")
    importance = drawn.counts.weights()
    rows = classes.column[labels + 1].astype(np.int64) - 1
    weight = fit_probe(
        codes,
        rows,
        stands_for * importance[labels],
        len(classes.names),
        space.head,
        ridge=settings.ridge,
        iterations=settings.iterations,
        watch=lambda done: bar.update(count, note=f"fitting over {len(codes):,} pixels, step {done}"),
    )
    how = f"fitted over {len(codes):,} pixels of {count:,} images, ridge {settings.ridge:g}"
    return Probed(weight, classes, how, 0, [], time.monotonic() - began)


def samples_of(sources: Sequence[FileSource]) -> Iterator[Sample]:
    """Give the samples of some data sets, read a few ahead."""
    for source in sources:
        with closing(read_ahead(source.sample, range(len(source)))) as readings:
            for _, reading in readings:
                yield reading.result()


def open_network(config: EncoderConfig, note: Callable[[str], None]) -> Network:
    """Open the encoder whose embeddings are probed.

    Raises
    ------
    ValueError
        If there is none of this name, or it is no network.
    """
    frames = encoder(config, cast("FrameSequence", None), note=note)  # only `labels` looks at a sequence
    if not isinstance(frames, Network):
        raise ValueError("a probe reads the embeddings of a network; name a student or a folder with one")
    note(frames.about)
    return frames
