"""Several data sets as one, of which every epoch draws its share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from student.data.errors import DatasetError
from student.data.sample import Source
from student.preprocessing import DepthStatistics


class Mixture:
    """Sources and the fraction of each that an epoch sees.

    Parameters
    ----------
    sources
        At least one; the depth statistics of the first are the mixture's.
    fractions
        In (0, 1], one a source. An epoch draws the first int(n f) of a random order of its n samples.
    seed
        The draws are a function of it and of the epoch alone, so a resumed run draws the same.

    Raises
    ------
    DatasetError
        There is no source, or a fraction is out of range or leaves nothing of its source.
    """

    def __init__(self, sources: Sequence[Source], fractions: Sequence[float], seed: int) -> None:
        if not sources or len(sources) != len(fractions):
            raise DatasetError(
                f"a mixture needs sources and a fraction of each, got {len(sources)} and {len(fractions)}"
            )
        for source, fraction in zip(sources, fractions, strict=True):
            if not 0 < fraction <= 1:
                raise DatasetError(f"{source.name}: fraction must be > 0 and <= 1, got {fraction}")
            if int(len(source) * fraction) == 0:
                raise DatasetError(
                    f"{source.name}: {fraction} of its {len(source)} sample(s) is less than one"
                )
        self.sources, self.fractions, self.seed = tuple(sources), tuple(fractions), seed
        self._counts = [int(len(s) * f) for s, f in zip(sources, fractions, strict=True)]

    @property
    def depth_statistics(self) -> DepthStatistics:
        """Those of the first source; the depth of all is normalised with them."""
        return self.sources[0].depth_statistics

    def __len__(self) -> int:
        """Samples an epoch."""
        return sum(self._counts)

    def epoch(self, number: int) -> list[tuple[int, int]]:
        """Draw an epoch: (position of the source, sample) of each of its samples, shuffled together."""
        rng = np.random.default_rng((self.seed, number))
        drawn = [
            (position, sample)
            for position, (source, count) in enumerate(zip(self.sources, self._counts, strict=True))
            for sample in rng.permutation(len(source))[:count].tolist()
        ]
        return [drawn[k] for k in rng.permutation(len(drawn))]
