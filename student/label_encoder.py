"""Ground-truth labels as codes: judges the mapping apart from any network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from student.encoder import block_middles
from student.space import EmbeddingSpace
from student.text import TextEncoder


class LabelEncoder:
    """Turns label images into the text embeddings of the labels' names.

    Parameters
    ----------
    names
        Name of each label id; id 0 is void and has none.
    text_encoder
        Embeds the names.

    Raises
    ------
    ValueError
        No names, an id that no label image can hold, or an empty name.
    """

    def __init__(self, names: Mapping[int, str], text_encoder: TextEncoder) -> None:
        ids = sorted(id for id in names if id != 0)
        if not ids:
            raise ValueError(
                "labels need names, got none; the data set names them in label_names.txt or a tsv"
            )
        if ids[0] < 0 or ids[-1] > np.iinfo(np.uint16).max:
            raise ValueError(f"label ids must be in 0..65535, got {ids[0]} to {ids[-1]}")
        vectors = text_encoder.encode([names[id] for id in ids])
        self._row = np.zeros(1 << 16, np.int64)  # 0 means void or unknown
        self._row[ids] = np.arange(1, len(ids) + 1)
        self._codes = np.concatenate([np.zeros_like(vectors[:1]), vectors]).astype(np.float16)
        self.space = EmbeddingSpace(text_encoder.id, text_encoder.dimension, None, text_encoder.id)
        self.code_dim = self.space.code_dim

    def encode_labels(
        self, label: npt.NDArray[np.uint16], stride: int = 4
    ) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.float32]]:
        """Encode one label image.

        Parameters
        ----------
        label
            (h, w) uint16 ids, aligned to the depth image.
        stride
            Depth pixels a code; the largest divisor of each side that is not above it is used.

        Returns
        -------
        codes
            (h', w', D) float16, the unit text embedding of the label in the middle of each block.
        confidence
            (h', w') float32, 1 where the label is known, else 0.

        Raises
        ------
        ValueError
            The label image has the wrong shape or type, or the stride is below 1.
        """
        if label.ndim != 2 or label.dtype != np.uint16:
            raise ValueError(f"label must be (h, w) uint16, got {label.shape} {label.dtype}")
        if stride < 1:
            raise ValueError(f"stride must be >= 1, got {stride}")
        middles = np.ix_(block_middles(label.shape[0], stride), block_middles(label.shape[1], stride))
        rows = self._row[label[middles]]
        return self._codes[rows], (rows > 0).astype(np.float32)
