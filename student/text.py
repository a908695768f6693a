"""Text encoders: phrases to unit vectors, with a memory on disk.

A model is loaded only for phrases that were never encoded before, so asking the same thing twice costs no
import of torch.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from student.disk_cache import DiskCache, cache_folder
from student.errors import EncoderError

Embed = Callable[[Sequence[str]], npt.NDArray[np.float32]]
"""Phrases to (n, D) vectors."""

KINDS: Final = ('"minilm"', '"openclip:<model>/<pretrained tag or path of a checkpoint>"')


class TextEncoder:
    """Embeds phrases.

    Parameters
    ----------
    id
        What `load_text_encoder` takes.
    dimension
        Length D of an embedding.
    weights
        Names the weights: a SHA-256, or a release tag that never changes.
    load
        Loads the model, when a phrase is not in the cache.
    """

    def __init__(self, id: str, dimension: int, weights: str, load: Callable[[], Embed]) -> None:
        self.id = id
        self.dimension = dimension
        self.weights = weights
        self._load = load
        self._embed: Embed | None = None
        self._cache = DiskCache(cache_folder() / "text")

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Embed phrases.

        Each is embedded by itself, so that its vector never depends on what else was asked.

        Parameters
        ----------
        texts
            Phrases. What exceeds the context of the model is cut off by its tokeniser.

        Returns
        -------
        (n, D) float32, rows of norm 1.

        Raises
        ------
        ValueError
            A phrase is empty.
        EncoderError, CheckpointError
            The model is needed and cannot be loaded.
        """
        if isinstance(texts, str):
            raise ValueError(f"texts must be a list of phrases, got the single string {texts!r}")
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for row, text in enumerate(texts):
            if not text.strip():
                raise ValueError("a text must not be empty; ask for something, for example 'chair'")
            vectors[row] = self._vector(text)
        return vectors

    def _vector(self, text: str) -> npt.NDArray[np.float32]:
        key = f"{self.id}\n{self.weights}\n{text}"
        known = self._cache.get(key)
        if known is not None and known.shape == (self.dimension,) and known.dtype == np.float32:
            return known
        if self._embed is None:
            self._embed = self._load()
        raw: npt.NDArray[Any] = self._embed([text])[0].astype(np.float64)
        vector: npt.NDArray[np.float32] = (raw / np.linalg.norm(raw)).astype(np.float32)
        self._cache.put(key, vector)
        return vector


def load_text_encoder(id: str) -> TextEncoder:
    """Return a text encoder; its model is loaded when it is first needed.

    Parameters
    ----------
    id
        "minilm" (all-MiniLM-L6-v2, D = 384), or "openclip:<model>/<tag>" with a model of open_clip and one
        of its pretrained tags or the path of a checkpoint. A tag is downloaded when it is first needed.

    Raises
    ------
    EncoderError
        The id is unknown, or a package that it needs is missing.
    CheckpointError
        Weights are missing.
    """
    if id == "minilm":
        from student import minilm

        return TextEncoder(id, minilm.DIMENSION, minilm.WEIGHTS_SHA256, minilm.load)
    if id.startswith("openclip:"):
        from student import openclip

        model, source = openclip.parse(id)
        return TextEncoder(
            id, openclip.dimension(model), openclip.weights(source), lambda: openclip.load(model, source)
        )
    raise EncoderError(f"unknown text encoder {id!r}; known are {' and '.join(KINDS)}")
