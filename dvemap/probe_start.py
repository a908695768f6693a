"""What a probe is before it has learned: random, text, visual means, or another probe."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pydantic

from dvemap.probe_config import notes_of_training
from dvemap.probe_data import ProbeClasses
from dvemap.teaching import auxiliary_folder
from dvemap.training_config import TeacherConfig
from dvemap.training_teacher import FileSource, mean_weights, text_weights
from dvemap.words import prompt_for, words_of
from student import EmbeddingSpace, load_probe
from student.decoding import prompts
from student.errors import CheckpointError
from student.trained_student import TrainedStudent

STARTS = ("random", "text", "means")

Float32 = npt.NDArray[np.float32]


def first_weight(
    start: str | None,
    trained: TrainedStudent,
    space: EmbeddingSpace,
    source: FileSource,
    classes: ProbeClasses,
    seed: int,
) -> tuple[str, Float32]:
    """Return the weight (K, D) that a probe starts with, and what it is.

    Parameters
    ----------
    start : str or None
        `random`, `text`, `means` or the file of a probe or of visual means. None: what is there of means (as
        published), text and random, in this order.
    trained : TrainedStudent
        Says which teacher's files give the means.
    space : EmbeddingSpace
        Of the student; its text encoder gives the texts.
    source : FileSource
        The first data set; its teacher's files give the means.
    classes : ProbeClasses
    seed : int
        Of random weights.

    Raises
    ------
    ValueError
        If there is no text encoder, no file of a teacher, or the file is of other classes or embeddings.
    OSError
        If a file cannot be read.
    """
    if start is None:
        start = _usual(trained, space, source)
    if start == "random":
        reach = 1 / np.sqrt(space.dimension)  # of torch's layers
        draw = np.random.default_rng(seed).uniform(-reach, reach, (len(classes.names), space.dimension))
        return start, draw.astype(np.float32)
    if start == "text":
        return start, words_of(space).encode(prompts(classes.names, prompt_for(space)))
    if start == "means":
        teacher = teacher_of(trained)
        means = mean_weights(source, teacher, text_weights(source, teacher))[classes.kept]
        if means.shape[1] != space.dimension:
            raise ValueError(
                f"{source.root}: means of {teacher.estimator} have {means.shape[1]} numbers, embeddings of "
                f"{space.name} {space.dimension}; start from text, random or a file with --init"
            )
        return start, means
    return start, _from_file(Path(start), space, classes)


def teacher_of(trained: TrainedStudent) -> TeacherConfig:
    """Return the teacher of a student: that of its training, else the published one."""
    noted: Any = notes_of_training(trained).get("teacher", {})
    try:
        return TeacherConfig.model_validate(noted)
    except pydantic.ValidationError as error:
        raise CheckpointError(f"{trained.path}: its teacher is unknown to this version: {error}") from None


def _usual(trained: TrainedStudent, space: EmbeddingSpace, source: FileSource) -> str:
    folder = auxiliary_folder(source, teacher_of(trained).estimator)
    if all(folder.has(source.sample_name(i)) for i in range(len(source))):
        return "means"
    return "random" if space.text_encoder is None else "text"


def _from_file(path: Path, space: EmbeddingSpace, classes: ProbeClasses) -> Float32:
    if not path.is_file() and path.name == str(path) and not path.suffix:
        raise ValueError(f"--init must be one of {', '.join(STARTS)} or a file, got {str(path)!r}")
    probe = load_probe(path)
    if probe.weight.shape[1] != space.dimension:
        raise ValueError(
            f"{path}: is of embeddings of {probe.weight.shape[1]} numbers, those of {space.name} have "
            f"{space.dimension}; start from a probe of this encoder"
        )
    if probe.names is not None:
        missing = [name for name in classes.names if name not in probe.names]
        if missing:
            raise ValueError(f"{path}: has no class {missing[0]!r}, which the data have")
        return probe.weight[[probe.names.index(name) for name in classes.names]]
    if len(probe.weight) != len(classes.names):
        raise ValueError(
            f"{path}: has {len(probe.weight)} classes, the data have {len(classes.names)}; start from a "
            "file of the same classes"
        )
    return probe.weight
