"""An encoder against label images: the three mean IoUs of text prompts, visual means and a linear probe.

The protocol is DVEFormer's: each image goes in at its own size; logits, not labels, are brought to the size
of the label image, bilinearly; pixels whose label is no class are left out; the confusion is pooled over all
frames of all sequences; means run over the classes that have ground truth; void is never predicted.
"""

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from dvemap.encoders import FrameEncoder
from dvemap.frame_truth import VOID, Truth, choose_classes, positions
from dvemap.labelled_frames import LabelledFrames
from dvemap.labelling import answers_of, make_classifier
from dvemap.metrics import SegmentationMetrics, metrics_of, pixel_scores
from dvemap.words import prompt_for, words_of
from mapping import Classifier, ClassList
from sequences import FrameError, prefetch
from student.decoding import decode, logits_of

Codes = npt.NDArray[np.float16]


@dataclass(frozen=True)
class DecoderScore:
    """One decoder's pooled confusion, (K, K + 1) int64, rows truth, and the metrics of it."""

    metrics: SegmentationMetrics
    confusion: npt.NDArray[np.int64]


@dataclass(frozen=True)
class FrameScore:
    """How well an encoder's labels fit label images.

    Attributes
    ----------
    classes : ClassList
    decoders : dict
        "text", "means", "probe" (those that were asked for) to their scores.
    frames : int
    skipped : list of str
        Why other frames could not be used.
    pixels : int
        Pixels with a true label.
    """

    classes: ClassList
    decoders: dict[str, DecoderScore]
    frames: int
    skipped: list[str]

    @property
    def pixels(self) -> int:
        """Pixels that were judged."""
        return int(next(iter(self.decoders.values())).confusion.sum())

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "class_list": self.classes.name,
            "class_names": list(self.classes.names),
            "frames": self.frames,
            "skipped": len(self.skipped),
            "pixels": self.pixels,
            "decoders": {name: self._plain(score) for name, score in self.decoders.items()},
        }

    def _plain(self, score: DecoderScore) -> dict[str, Any]:
        return {
            **pixel_scores(score.metrics, score.confusion, self.classes.names),
            "confusion": {"ids": self.classes.ids.tolist(), "matrix": score.confusion.tolist()},
        }


def evaluate_frames(
    sequences: Sequence[LabelledFrames],
    frames: FrameEncoder,
    *,
    classes: str | None = None,
    probe: Path | None = None,
    means: Path | None = None,
    text: bool | None = None,
    prompt: str | None = None,
    watch: Callable[[int], None] | None = None,
) -> FrameScore:
    """Label the frames of sequences and compare with their label images.

    Parameters
    ----------
    sequences : sequence of Sequence
        One or more, opened with `labels=True`.
    frames : FrameEncoder
        Gives the codes.
    classes : str, optional
        A built-in list or a file. By default ScanNet-20, or where `label_names.txt` names the ids, those of
        its names that occur in the label images or that the probe answers: all decoders choose among them.
    probe, means : Path, optional
        A linear probe, and visual means.
    text : bool, optional
        Whether to judge text prompts too; by default if the space has a text encoder, and always where
        neither of the others is given.
    prompt : str, optional
        See `prompt_for`.
    watch : callable, optional
        Told the number of frames that are done.

    Returns
    -------
    FrameScore

    Raises
    ------
    ValueError
        If the encoder gives no codes, ids of a label image and of the class list do not belong together, or
        no pixel is labelled.
    """
    space = frames.space
    if space is None:
        raise ValueError("this encoder gives no codes; name a network, or labels, with --encoder")
    chosen = choose_classes(sequences, classes, answers_of(probe, means))
    truths = [Truth(sequence, chosen) for sequence in sequences]
    template = prompt_for(space, prompt)
    if text is False and probe is None and means is None:
        raise ValueError("nothing to judge without text (--no-text); give --probe or --means")
    if text is None:
        text = space.text_encoder is not None
    files: dict[str, dict[str, Path]] = {"text": {}} if text or (probe is None and means is None) else {}
    files |= {"means": {"means": means}} if means is not None else {}
    files |= {"probe": {"probe": probe}} if probe is not None else {}
    judges = {
        name: _Judge(make_classifier(lambda: words_of(space), chosen, prompt=template, **file)[0], chosen)
        for name, file in files.items()
    }
    done, skipped = 0, []
    for truth in truths:
        with closing(prefetch(truth.sequence)) as decoded:
            for _, frame in decoded:
                if isinstance(frame, FrameError):
                    skipped.append(str(frame))
                else:
                    expected = truth.of(frame)
                    codes, _ = frames.encode_frame(frame, frame.rgb)
                    for judge in judges.values():
                        judge.add(expected, cast(Codes, codes), space.head)
                done += 1
                if watch is not None:
                    watch(done)
    score = FrameScore(
        chosen, {name: judge.score() for name, judge in judges.items()}, done - len(skipped), skipped
    )
    if not score.pixels:
        reason = skipped[0] if skipped else f"no pixel of the label images is a class of {chosen.name!r}"
        raise ValueError(f"{sequences[0].path}: nothing to compare with: {reason}")
    return score


class _Judge:
    """A decoder and its confusion so far."""

    def __init__(self, classifier: Classifier, classes: ClassList) -> None:
        self._classifier = classifier
        self._column = positions(classes)[classifier.ids].astype(np.int64)
        self._count = len(classes)
        self._confusion = np.zeros(self._count * self._count, np.int64)

    def add(
        self,
        truth: npt.NDArray[np.uint16],
        codes: Codes,
        head: npt.NDArray[np.float32] | None,
    ) -> None:
        """Count the pixels of a frame."""
        logits = logits_of(codes, self._classifier.weight, self._classifier.bias, head)
        predicted = self._column[decode(logits, (truth.shape[0], truth.shape[1])).index]
        judged = truth != VOID
        cells = truth[judged].astype(np.int64) * self._count + predicted[judged]
        self._confusion += np.bincount(cells, minlength=len(self._confusion))

    def score(self) -> DecoderScore:
        """Return what was counted; every pixel has a prediction."""
        square = self._confusion.reshape(self._count, self._count)
        confusion = np.concatenate([square, np.zeros((self._count, 1), np.int64)], axis=1)
        return DecoderScore(metrics_of(confusion), confusion)
