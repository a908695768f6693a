"""Learning rate and momentum as functions of the step, so that there is no state to keep."""

from __future__ import annotations

import math
from typing import NamedTuple

from student.training.config import ScheduleConfig


class Rates(NamedTuple):
    """What a step is taken with; `momentum` is None where the optimiser keeps its own."""

    lr: float
    momentum: float | None


class OneCycle:
    """One cycle: cosines from peak / div up to the peak, and down to peak / div / final_div.

    The values are those of torch's OneCycleLR.

    Parameters
    ----------
    config
        Of the schedule.
    peak
        Highest learning rate.
    epochs, steps
        Of the run, and steps an epoch.
    """

    def __init__(self, config: ScheduleConfig, peak: float, epochs: int, steps: int) -> None:
        self._config, self._peak, self._steps = config, peak, steps
        self._last = (epochs if config.per == "epoch" else epochs * steps) - 1
        self._top = max(config.rise * (self._last + 1) - 1, 0.0)

    def at(self, epoch: int, step: int) -> Rates:
        """Return the rates of a step of an epoch, both counted from 0."""
        config, done = self._config, epoch * self._steps + step
        tick = epoch if config.per == "epoch" else done
        low = self._peak / config.div
        if tick < self._top:
            height = _cosine(tick / self._top)
        else:
            low /= config.final_div
            height = _cosine(1 - (tick - self._top) / max(self._last - self._top, 1e-9))
        lr = low + (self._peak - low) * height
        if done < config.warmup_steps:
            lr *= (done + 1) / config.warmup_steps
        if config.momentum is None:
            return Rates(lr, None)
        at_peak, at_ends = config.momentum
        return Rates(lr, at_ends + (at_peak - at_ends) * height)


def _cosine(share: float) -> float:
    """Rise smoothly from 0 at 0 to 1 at 1."""
    return (1 - math.cos(math.pi * share)) / 2
