"""A teacher's run over a data set: resumable, and each finished sample whole on the disk."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from student.data.sample import Sample, Source
from student.targets import panoptic_segments
from student.teacher.auxiliary import PROMPT, AuxiliaryFolder
from student.teacher.teacher import Teacher

_AHEAD: Final = 4
"""Samples that are read while the teacher looks at others."""

_READERS: Final = 2

Result = TypeVar("Result")
Progress = Callable[[int, int], None]
"""Told how many samples are done, of how many."""


@dataclass
class Taught:
    """What a run made.

    Attributes
    ----------
    samples, segments : int
        Written by this run.
    kept : int
        Samples that an earlier run had finished.
    faults : list of str
        Why other samples could not be used.
    seconds : float
        Of the samples of this run.
    """

    samples: int = 0
    segments: int = 0
    kept: int = 0
    faults: list[str] = field(default_factory=list)
    seconds: float = 0.0


def teach(
    source: Source,
    teacher: Teacher,
    folder: AuxiliaryFolder,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Taught:
    """Write a teacher's embeddings of a data set: class names once, then image and segments of each sample.

    Samples that are finished stay as they are; those that cannot be used are noted and left out.

    Parameters
    ----------
    source
        The samples.
    teacher
        What embeds them.
    folder
        Where to write; of the teacher's name.
    overwrite
        Whether to remove finished samples and write them anew.
    progress
        Called after each sample; what it raises ends the run between two samples.

    Raises
    ------
    TeacherError
        The folder holds embeddings of another teacher of this name.
    OSError
        A file cannot be written.
    """
    names = [source.sample_name(i) for i in range(len(source))]
    if overwrite:  # all at first: an interrupted run must not leave two teachers' files side by side
        folder.make_room(teacher.identity, names)
    else:
        folder.check_identity(teacher.identity)
    folder.write_identity(teacher.identity)
    texts = [PROMPT.replace("{}", name) for name in ("void", *source.class_names)]
    folder.write_texts(dict(zip(texts, teacher.embed_texts(texts), strict=True)))

    folder.remove_remains()
    todo = [i for i, name in enumerate(names) if not folder.has(name)]
    made = Taught(kept=len(names) - len(todo))
    start = time.perf_counter()

    def read(i: int) -> tuple[Sample, npt.NDArray[np.int64], list[int]]:
        sample = source.sample(i)
        return sample, *panoptic_segments(sample.semantic, sample.instance, source.things)

    with closing(read_ahead(read, todo)) as readings:
        for done, (i, reading) in enumerate(readings, start=made.kept):
            if progress is not None:
                progress(done, len(names))
            try:
                sample, ids, segments = reading.result()
            except (ValueError, OSError) as error:
                made.faults.append(f"{names[i]}: {error}")
                continue
            folder.write(names[i], teacher.embed(names[i], sample, ids, segments))
            made.samples += 1
            made.segments += len(segments)
    made.seconds = time.perf_counter() - start
    if progress is not None:
        progress(len(names), len(names))
    return made


def read_ahead(
    read: Callable[[int], Result], numbers: Iterable[int]
) -> Generator[tuple[int, Future[Result]]]:
    """Yield each number and what is read for it, in order, a few of them ahead."""
    with ThreadPoolExecutor(_READERS, thread_name_prefix="teach") as pool:
        waiting: deque[tuple[int, Future[Result]]] = deque()
        try:
            for number in numbers:
                waiting.append((number, pool.submit(read, number)))
                if len(waiting) > _AHEAD:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            for _, future in waiting:
                future.cancel()
