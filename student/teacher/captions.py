"""The teacher that reads: a segment's embedding is that of its caption, as in LSeg; it looks at no image.

A caption is what somebody, or the generator of a synthetic scene, says of an object; of what nobody says
anything it is the name of its class. The whole image has no caption, so its embedding is zero: targets are
then the captions' own directions, whatever share of the image is taken off.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from student.data.sample import Sample
from student.decoding import prompts
from student.targets import segment_class
from student.teacher.errors import TeacherError
from student.teacher.teacher import SegmentEmbeddings
from student.text import TextEncoder

Vector = npt.NDArray[np.float32]
Captions = Mapping[str, Mapping[int, str]]
"""By sample, or by folder of samples ("." for all), the captions of instances."""


class CaptionTeacher:
    """Embeds captions.

    Parameters
    ----------
    encoder
        Of the texts.
    class_names
        Class c has `class_names[c - 1]`.
    captions
        Of objects; see `read_captions`.
    told
        Where they come from: the hash of a file, or the name of what comes with the data.
    prompt
        What a class name is put into, at {}; captions stand for themselves.
    name_share
        How much of the embedding of a caption is that of the class name: 0 the caption alone, 1 the name.
        Some keeps a caption nearest to its own name: of "a beige wood bed" alone, the nearest is "bunk bed".

    Raises
    ------
    ValueError
        The prompt has no place for the name, or the share is not between 0 and 1.
    """

    def __init__(
        self,
        encoder: TextEncoder,
        class_names: Sequence[str],
        captions: Captions | None = None,
        told: str = "class names",
        prompt: str = "{}",
        name_share: float = 0.0,
    ) -> None:
        if not 0 <= name_share <= 1:
            raise ValueError(f"name_share must be from 0 to 1, got {name_share}")
        self.encoder, self.captions, self.prompt, self._share = encoder, captions or {}, prompt, name_share
        self.identity = {"text encoder": encoder.weights, "captions": told, "prompt": prompt}
        if name_share:
            self.identity["share of the name"] = str(name_share)
        self._phrases = prompts(class_names, prompt)
        self._known: dict[str, Vector] = {}

    @property
    def estimator(self) -> str:
        """Name of its files' folders: captions__minilm, captions__ViT-B-32-laion2b_s34b_b79k."""
        model, _, source = self.encoder.id.removeprefix("openclip:").partition("/")
        if "/" in source or Path(source).suffix:  # a file, whose path is nobody's business
            source = self.encoder.weights[:8]
        return "captions__" + re.sub(r"[^\w.-]+", "-", f"{model}-{source}" if source else model)

    def embed(
        self, name: str, sample: Sample, ids: npt.NDArray[np.int64], segments: Sequence[int]
    ) -> SegmentEmbeddings:
        """Embed the captions of an image's segments."""
        spoken = _captions_of(self.captions, name)
        embedded = {}
        for segment in segments:
            instance = int(sample.instance[ids == segment][0]) if spoken else 0
            embedded[segment] = self._target(spoken.get(instance), self._phrases[segment_class(segment) - 1])
        return SegmentEmbeddings(np.zeros(self.encoder.dimension, np.float32), embedded)

    def embed_texts(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed texts: (n, D) float32, unit rows."""
        return self.encoder.encode(texts)

    def _target(self, caption: str | None, named: str) -> Vector:
        """Return the embedding of a caption, brought nearer to that of the name."""
        if not caption or not self._share:
            return self._vector(caption or named)
        mixed = (1 - self._share) * self._vector(caption) + self._share * self._vector(named)
        return np.asarray(mixed / np.linalg.norm(mixed), np.float32)

    def _vector(self, phrase: str) -> Vector:
        if phrase not in self._known:
            self._known[phrase] = self.encoder.encode([phrase])[0]
        return self._known[phrase]


def read_captions(path: str | Path) -> Captions:
    """Read captions of objects from JSON.

    Either `{"12": "a red armchair"}`, captions of instances in all samples, as of one scene; or
    `{"flat07": {"12": "a red armchair"}}`, those of the samples in a folder, or of one sample by its name.

    Raises
    ------
    TeacherError
        The file is written otherwise.
    OSError
        The file cannot be read.
    """
    try:
        read = json.loads(Path(path).read_text(encoding="utf-8"))
        if not isinstance(read, dict) or not read:
            raise ValueError("nothing" if read == {} else f"a {type(read).__name__}")
        flat = not any(isinstance(value, dict) for value in read.values())
        return {key: _by_instance(value) for key, value in ({".": read} if flat else read).items()}
    except ValueError as error:
        raise TeacherError(
            f'{path}: expected captions of instances, as in {{"12": "a red armchair"}}, or such by sample or '
            f"folder of samples, got {error}"
        ) from None


def _by_instance(captions: Any) -> dict[int, str]:
    if not isinstance(captions, dict):
        raise ValueError(f"{captions!r} beside folders")
    for instance, caption in captions.items():
        if not instance.isdecimal() or not isinstance(caption, str) or not caption.strip():
            raise ValueError(f"{instance!r}: {caption!r}")
    return {int(instance): caption for instance, caption in captions.items()}


def _captions_of(captions: Captions, name: str) -> Mapping[int, str]:
    """Return the captions of a sample: its own, else those of the nearest folder above it."""
    path = PurePosixPath(name)
    return next((captions[str(p)] for p in (path, *path.parents) if str(p) in captions), {})
