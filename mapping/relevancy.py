"""From cosines to relevancy: how much better a query explains a cell than phrases that explain anything.

A cosine alone means little: in a space of texts, unrelated names score 0.1 to 0.5, in an image-text space
even the right ones stay below 0.35. What carries over is the comparison of LERF (Kerr et al., 2023): the
least, over the negatives n, of exp(T q) / (exp(T q) + exp(T n)), a logistic function of q - max n.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

CANONICAL_NEGATIVES: Final = ("object", "things", "stuff", "texture")
"""Phrases that fit anything: what a query must beat."""


@dataclass(frozen=True, slots=True)
class RelevancyRule:
    """How cosines of an embedding space are judged.

    Attributes
    ----------
    temperature
        T, the factor on cosines; it only sets the scale on which relevancy is read.
    threshold
        Relevancy from which a cell counts as found, in (0, 1).
    """

    temperature: float
    threshold: float

    def __post_init__(self) -> None:
        """Reject numbers without a meaning."""
        if not self.temperature > 0:
            raise ValueError(f"temperature must be > 0, got {self.temperature}")
        if not 0 < self.threshold < 1:
            raise ValueError(f"threshold must be in (0, 1), got {self.threshold}")

    def relevancy(
        self, query: npt.NDArray[np.float32], negatives: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Compare the cosines of a query with those of negatives.

        Parameters
        ----------
        query
            (n,) float32.
        negatives
            (M, n) float32, M >= 1.

        Returns
        -------
        (n,) float32 in [0, 1]; 0.5 where the best negative fits as well as the query.
        """
        margin = self.temperature * (query - negatives.max(axis=0))
        relevancy: npt.NDArray[np.float32] = 1 / (1 + np.exp(-margin, dtype=np.float32))
        return relevancy

    def of_lead(self, lead: float) -> float:
        """Relevancy of one lead over the best negative."""
        return 1 / (1 + math.exp(-self.temperature * lead))

    @property
    def lead(self) -> float:
        """Lead of a cosine over the best negative at which relevancy reaches the threshold."""
        return math.log(self.threshold / (1 - self.threshold)) / self.temperature


TEXT_RULE: Final = RelevancyRule(temperature=10.0, threshold=0.85)
IMAGE_TEXT_RULE: Final = RelevancyRule(temperature=40.0, threshold=0.6)


def rule_for(space: dict[str, Any]) -> RelevancyRule:
    """Choose the rule of an embedding space.

    Sentence encoders (`minilm`) spread the cosines of texts over about 0 to 1, image-text encoders over about
    a quarter of that, hence four times the temperature. The threshold of the first, a lead of 0.17 over the
    negatives, was chosen on maps of furnished rooms asked for what they hold, in its own and in other words,
    and for what they do not: 0.8 finds 4 % more paraphrases but answers twice as many questions for absent
    things. That of the second is low on purpose; it has not been tuned on data.

    Parameters
    ----------
    space
        The embedding space of a map, with its "text_encoder".
    """
    return TEXT_RULE if str(space.get("text_encoder")).startswith("minilm") else IMAGE_TEXT_RULE
