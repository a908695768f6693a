"""What a training run says while it goes: the progress line, the curves, a line an epoch."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Any

from dvemap.console import Bar, duration
from dvemap.interrupts import Interrupts
from student.training.config import RunConfig

if TYPE_CHECKING:
    from student.training.log import Log
    from student.training.trainer import Step, Trainer

LOG_STEPS = 10
"""Steps from one point of the curves to the next."""

FIGURES = {
    "text": "text mIoU",
    "means": "means mIoU",
    "probe": "probe mIoU",
    "validation_loss": "validation loss",
}
"""Figures of a validation, and what people call them."""


class Watch:
    """Follows the steps: shows them, draws curves, and asks for pauses to save."""

    def __init__(self, run: RunConfig, bar: Bar, log: Log | None, interrupts: Interrupts) -> None:
        self._run, self._bar, self.log, self.interrupts = run, bar, log, interrupts
        self._saved = time.monotonic()
        self._rates: deque[float] = deque(maxlen=50)
        self._steps, self._taken, self._seconds, self._last = 1, 0, 0.0, 0.0
        self._now: Step | None = None
        self._gradient = 0.0

    def begin(self, trainer: Trainer) -> None:
        """Start the clock, of an epoch where one begins."""
        self._steps = trainer.steps
        if trainer.step == 0 or self._now is None:
            self._taken, self._seconds, self._gradient = 0, 0.0, 0.0
        self._saved = self._last = time.monotonic()

    def __call__(self, step: Step) -> bool:
        """Note a step; return whether it is time to save."""
        now = time.monotonic()
        self._rates.append(now - self._last)
        self._taken, self._seconds = self._taken + 1, self._seconds + now - self._last
        self._gradient = max(self._gradient, step.gradient)
        self._now, self._last = step, now
        done = step.number + 1
        if self.log is not None and (done % LOG_STEPS == 0 or done % self._steps == 0):
            self.log.write(
                {
                    "train/loss": step.loss,
                    "train/gradient": step.gradient,
                    "train/lr": step.lr,
                    "train/frames_per_second": self._rate(),
                },
                done,
            )
        epochs = f"epoch {step.epoch + 1}/{self._run.epochs}"
        self._bar.update(done, note=f"{epochs}  loss {step.loss:.4f}  {self._rate():.3g} frames/s")
        return self.interrupts.asked or now - self._saved > 60 * self._run.save_minutes

    def note(self, text: str) -> None:
        """Show what goes on beside training."""
        if self._now is not None:
            self._bar.update(self._now.number + 1, note=text)

    def row(self) -> dict[str, Any]:
        """Return what is known of the epoch."""
        step = self._now
        return {
            "step": 0 if step is None else step.number + 1,
            "lr": 0.0 if step is None else step.lr,
            "gradient": self._gradient,
            "frames_per_second": round(self._taken * self._run.batch / max(self._seconds, 1e-9), 2),
            "seconds": round(self._seconds, 3),
        }

    def end_epoch(self, row: dict[str, Any]) -> None:
        """Say how an epoch went, and when the run will be over."""
        figures = "".join(f", {said} {row[name]:.4f}" for name, said in FIGURES.items() if name in row)
        left = (self._run.epochs * self._steps - row["step"]) * self._run.batch / max(self._rate(), 1e-9)
        self._bar.say(
            f"epoch {row['epoch']}/{self._run.epochs}: loss {row['loss']:.4f}{figures}, lr {row['lr']:.2e}, "
            f"{row['frames_per_second']:.3g} frames/s, {duration(left)} left"
        )

    def _rate(self) -> float:
        """Images a second, lately."""
        return len(self._rates) * self._run.batch / max(sum(self._rates), 1e-9)
