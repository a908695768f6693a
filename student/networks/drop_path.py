"""Chances of leaving blocks out in training; importing this imports no torch."""

from __future__ import annotations

from collections.abc import Sequence


def rising_chances(last: float, depths: Sequence[int]) -> list[list[float]]:
    """Return the chance of skipping each block, by stage: linearly from 0 (Huang et al., 2016).

    Parameters
    ----------
    last
        Chance of the last block, in [0, 1).
    depths
        Blocks of each stage.
    """
    step = last / max(sum(depths) - 1, 1)
    starts = [sum(depths[:stage]) for stage in range(len(depths))]
    return [
        [step * (start + block) for block in range(depth)]
        for start, depth in zip(starts, depths, strict=True)
    ]
