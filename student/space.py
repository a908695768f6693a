"""The space that codes live in, and how they become embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class EmbeddingSpace:
    """A named space of embeddings z = A c.

    Maps whose spaces have the same name can be merged; a text is compared with embeddings of dimension D that
    its `text_encoder` made.

    Attributes
    ----------
    name : str
    dimension : int
        Length D of an embedding.
    head : ndarray or None
        A, (D, C) float32; None means that codes are embeddings.
    text_encoder : str or None
        What `load_text_encoder` takes; None if no text can be compared with these embeddings.
    code_scale : float
        Fixed-point steps of 1.0 in a sum of codes. Codes times it must stay within +-71,582.

    Raises
    ------
    ValueError
        A value is out of range or the head does not fit.
    """

    name: str
    dimension: int
    head: npt.NDArray[np.float32] | None = None
    text_encoder: str | None = None
    code_scale: float = 65536.0

    def __post_init__(self) -> None:
        """Check once, where a space is made."""
        if not self.name:
            raise ValueError("the name of an embedding space must not be empty")
        if self.dimension < 1:
            raise ValueError(f"dimension must be >= 1, got {self.dimension}")
        if not (self.code_scale > 0 and np.isfinite(self.code_scale)):
            raise ValueError(f"code_scale must be > 0, got {self.code_scale}")
        if self.head is None:
            return
        if self.head.ndim != 2 or self.head.shape[0] != self.dimension or self.head.dtype != np.float32:
            raise ValueError(
                f"head must be ({self.dimension}, C) float32, got {self.head.shape} {self.head.dtype}"
            )
        if not np.isfinite(self.head).all():
            raise ValueError(f"head of {self.name} must be finite, got NaN or infinity")

    @property
    def code_dim(self) -> int:
        """Length C of a code."""
        return self.dimension if self.head is None else self.head.shape[1]

    def to_dict(self) -> dict[str, Any]:
        """Return plain values without the head, as a map's header keeps them."""
        return {"name": self.name, "dimension": self.dimension, "text_encoder": self.text_encoder}
