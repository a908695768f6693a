"""What an encoder sees in one frame: codes, the labels they are read as, and the heat of a text."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dvemap.labelling import make_classifier, refuse_two_files
from dvemap.words import prompt_for, words_of
from mapping import CANONICAL_NEGATIVES, Classifier, ClassList, atomic_write, class_list
from mapping.relevancy import RelevancyRule, rule_for
from sequences import Frame
from student import EmbeddingSpace
from student.decoding import decode, logits_of

Codes = npt.NDArray[np.float16] | npt.NDArray[np.float32]


class CodeSource(Protocol):
    """Gives what is read from a frame; every `FrameEncoder` does."""

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for two runs to give the same codes."""

    def encode_frame(self, frame: Frame, rgb: npt.NDArray[np.uint8]) -> tuple[Codes | None, Any]:
        """Return codes (h, w, C), and something else.

        `rgb` is the colour of the frame on the pixels of its depth image.
        """


@dataclass(frozen=True, eq=False)
class Labeller:
    """Reads codes as labels, and says how they were made: "text", "probe", "means" or "network"."""

    classifier: Classifier
    classes: ClassList
    decoder: str


@dataclass(frozen=True, eq=False)
class Question:
    """A text and what it must beat, as unit vectors, and how their cosines are judged."""

    text: str
    negatives: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
    rule: RelevancyRule


@dataclass(frozen=True, eq=False)
class Prediction:
    """One frame, seen.

    Attributes
    ----------
    codes : (h, w, C) float16, or float32 where they are posteriors
    label : (H, W) uint16 or None
        Class ids at the size of the colour image.
    heat : (h, w) float32 or None
        Relevancy of the text, 0.5 where the best negative fits as well.
    """

    codes: Codes
    label: npt.NDArray[np.uint16] | None = None
    heat: npt.NDArray[np.float32] | None = None

    def shares(self, classes: ClassList) -> dict[str, float]:
        """Return the share of the pixels of each class that occurs, the largest first."""
        if self.label is None:
            return {}
        ids, counts = np.unique(self.label, return_counts=True)
        name_of = dict(zip(classes.ids.tolist(), classes.names, strict=True))
        order = np.argsort(-counts, kind="stable")
        return {name_of[int(ids[k])]: float(counts[k] / self.label.size) for k in order}


@dataclass(frozen=True, eq=False)
class Predictor:
    """What is read from codes of an embedding space.

    Attributes
    ----------
    space : EmbeddingSpace
    labeller : Labeller or None
    question : Question or None
    """

    space: EmbeddingSpace
    labeller: Labeller | None = None
    question: Question | None = None

    @property
    def closed(self) -> bool:
        """Whether codes are posteriors of a closed set of classes."""
        return self.labeller is not None and self.labeller.decoder == "network"

    def predict(self, codes: Codes, size: tuple[int, int]) -> Prediction:
        """Read codes (h, w, C); labels get a size."""
        label = heat = None
        if self.labeller is not None:
            classifier = self.labeller.classifier
            logits = logits_of(codes, classifier.weight, classifier.bias, self.space.head)
            label = classifier.ids.astype(np.uint16)[decode(logits, size).index]
        if self.question is not None:
            cosines = logits_of(codes, self.question.vectors, None, self.space.head)
            heat = self.question.rule.relevancy(cosines[0], cosines[1:])
        return Prediction(codes, label, heat)

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for two runs to read the same, as JSON holds it."""
        labels = question = None
        if self.labeller is not None:
            read_by = self.labeller.classifier
            digest = hashlib.sha256()
            for part in (read_by.ids, read_by.weight, read_by.bias):
                digest.update(np.ascontiguousarray(part).tobytes())
            labels = {
                "decoder": self.labeller.decoder,
                "names": list(self.labeller.classes.names),
                "classifier": digest.hexdigest(),
            }
        if self.question is not None:
            question = {"text": self.question.text, "negatives": list(self.question.negatives)}
        return {"labels": labels, "question": question}


def make_predictor(
    space: EmbeddingSpace,
    *,
    classes: str | None = None,
    probe: Path | None = None,
    means: Path | None = None,
    prompt: str | None = None,
    text: str | None = None,
    negatives: tuple[str, ...] = (),
) -> Predictor:
    """Prepare to read codes.

    Parameters
    ----------
    space : EmbeddingSpace
        Of the codes.
    classes : str, optional
        A built-in list or a file; labels are its names' text embeddings, or come from a file below.
    probe, means : Path, optional
        A linear probe, or visual means.
    prompt : str, optional
        See `dvemap.words.prompt_for`.
    text : str, optional
        What to show the heat of.
    negatives : tuple of str
        What it must not rather be, beside the canonical negatives.

    Returns
    -------
    Predictor

    Raises
    ------
    ValueError
        If the space has no text encoder and one is needed, files and classes do not fit, both files are
        given, or a text is empty.
    """
    refuse_two_files(probe, means)
    labeller = question = None
    if classes is not None or probe is not None or means is not None:
        classifier, names = make_classifier(
            lambda: words_of(space),
            None if classes is None else class_list(classes),
            probe=probe,
            means=means,
            prompt=prompt_for(space, prompt),
        )
        if classifier.weight.shape[1] != space.dimension:
            raise ValueError(
                f"{probe or means}: is for embeddings of {classifier.weight.shape[1]} numbers, those of "
                f"{space.name!r} have {space.dimension}"
            )
        if names.ids.max() > np.iinfo(np.uint16).max:
            raise ValueError(f"class list {names.name!r} must have ids up to 65535, got {names.ids.max()}")
        labeller = Labeller(classifier, names, "probe" if probe else "means" if means else "text")
    if text is not None:
        if not all(phrase.strip() for phrase in (text, *negatives)):
            raise ValueError("a text is empty; say what to look for, for example 'chair'")
        vectors = words_of(space).encode([text, *CANONICAL_NEGATIVES, *negatives])
        question = Question(text, negatives, vectors, rule_for(space.to_dict()))
    elif negatives:
        raise ValueError("--not says what a --text must not rather be; give the --text too")
    return Predictor(space, labeller, question)


def write_npz(path: Path, prediction: Prediction, predictor: Predictor) -> None:
    """Write a prediction as numbers; `numpy.load` reads it without pickle.

    It holds `codes` (h, w, C) float16 and, if there is one, `head` (D, C) float32 (embeddings are
    `codes @ head.T`), or of a segmentation network `posteriors` (H, W, K) float32; `space`, and of what was
    asked for: `label` (H, W) uint16 with `class_ids` and
    `class_names`, and `heat` (h, w) float32 with its `text`.
    """
    what = "posteriors" if predictor.closed else "codes"
    parts: dict[str, Any] = {what: prediction.codes, "space": np.array(predictor.space.name)}
    if predictor.space.head is not None:
        parts["head"] = predictor.space.head
    if prediction.label is not None and predictor.labeller is not None:
        parts["label"] = prediction.label
        parts["class_ids"] = predictor.labeller.classes.ids
        parts["class_names"] = np.array(predictor.labeller.classes.names)
    if prediction.heat is not None and predictor.question is not None:
        parts["heat"] = prediction.heat
        parts["text"] = np.array(predictor.question.text)
    with atomic_write(path) as file:
        np.savez(file, **parts)
