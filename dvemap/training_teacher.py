"""What the teacher says: targets of the samples, and weights that read classes off embeddings."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dvemap.sequence_source import SequenceSource
from dvemap.teaching import auxiliary_folder
from dvemap.training_config import TeacherConfig, TrainConfig
from dvemap.words import prompt_for
from student import EmbeddingSpace, load_text_encoder
from student.data.errors import DatasetError
from student.data.nicr import NicrSource
from student.data.sample import Source
from student.data.teacher_targets import TeacherTargets
from student.decoding import PROMPT, prompts
from student.targets import segment_class
from student.teacher.auxiliary import AuxiliaryFolder
from student.visual_means import VisualMeans

FileSource = NicrSource | SequenceSource


def teacher_targets(sources: Sequence[FileSource], config: TeacherConfig, dimension: int) -> TeacherTargets:
    """Make the targets of all samples of some sources.

    Raises
    ------
    DatasetError
        If a sample has no files of the teacher, or its vectors have another number of dimensions.
    """
    folders: dict[Source, AuxiliaryFolder] = {
        source: auxiliary_folder(source, config.estimator) for source in sources
    }
    targets = TeacherTargets(folders, alpha=config.alpha)
    for source, folder in folders.items():
        found = len(folder.read(source.sample_name(0)).image)
        if found != dimension:
            raise DatasetError(
                f"network.embedding_dim is {dimension}, but {config.estimator} gives vectors of {found} "
                f"numbers ({folder.image_file(source.sample_name(0))}); set network.embedding_dim={found}"
            )
    return targets


def cache_identity(config: TrainConfig, sources: Sequence[FileSource]) -> dict[str, Any]:
    """Return what tells the images and targets of a run: settings, and when its teacher wrote what.

    Images that are changed afterwards need another run of the teacher, and so another identity.
    """
    files = [
        file(source.sample_name(i)).stat()
        for source in sources
        for folder in [auxiliary_folder(source, config.teacher.estimator)]
        for file in (folder.segments_file, folder.image_file)
        for i in range(len(source))
    ]
    of_data = {"format", "split", "classes", "stride", "depth"}
    told = {
        "data": [entry.model_dump(mode="json", include=of_data) for entry in config.data],
        "teacher": config.teacher.model_dump(mode="json", include={"estimator", "alpha"}),
    }
    written = hashlib.sha256(repr([(file.st_size, file.st_mtime_ns) for file in files]).encode())
    return {**told, "roots": [str(source.root.resolve()) for source in sources], "files": written.hexdigest()}


def targets_if_any(source: FileSource, config: TeacherConfig) -> TeacherTargets | None:
    """Make the targets of images to judge by, None where the teacher did not see all of them."""
    folder = auxiliary_folder(source, config.estimator)
    if not all(folder.has(source.sample_name(i)) for i in range(len(source))):
        return None
    return TeacherTargets({source: folder}, alpha=config.alpha)


def text_weights(source: FileSource, config: TeacherConfig) -> npt.NDArray[np.float32]:
    """Return the unit text embeddings (K, D) of the classes of a source.

    Those that the teacher wrote beside the data are taken, so that its text encoder need not be there; a
    sentence encoder is asked for the bare names.
    """
    names = source.class_names
    space = EmbeddingSpace(config.space or config.estimator, 1, None, config.text_encoder, 1.0)
    prompt = prompt_for(space)
    if prompt != PROMPT and config.text_encoder is not None:
        return load_text_encoder(config.text_encoder).encode(prompts(names, prompt))
    folder = auxiliary_folder(source, config.estimator)
    texts = folder.read_texts()
    phrases = prompts(names)
    missing = next((phrase for phrase in phrases if phrase not in texts), None)
    if missing is not None:
        raise DatasetError(f"{folder.root}: the teacher embedded no text {missing!r}; let it teach again")
    vectors = np.stack([texts[phrase].reshape(-1) for phrase in phrases]).astype(np.float32)
    unit: npt.NDArray[np.float32] = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def mean_weights(
    source: FileSource, config: TeacherConfig, texts: npt.NDArray[np.float32]
) -> npt.NDArray[np.float32]:
    """Return the visual means (K, D) of a training source; classes without a segment have their texts."""
    folder: AuxiliaryFolder = auxiliary_folder(source, config.estimator)
    means = VisualMeans(*texts.shape)
    context = True
    for i in range(len(source)):
        seen = folder.read(source.sample_name(i))
        if not seen.segments:
            continue
        context = bool(seen.image.any())  # a teacher of captions sees none
        rows = [segment_class(segment) - 1 for segment in seen.segments]
        image = seen.image if context else np.ones_like(seen.image)
        means.add(rows, np.stack(list(seen.segments.values())), image)
    return means.weights(texts, config.alpha if context else 0.0)
