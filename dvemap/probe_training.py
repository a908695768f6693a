"""The training of a linear probe as DVEFormer's authors do it, saved now and then."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from dvemap.interrupts import Interrupts
from dvemap.probe_config import ProbeConfig
from dvemap.probe_data import ProbeClasses, count_classes, probe_classes
from dvemap.probe_start import first_weight
from dvemap.probing import Probed
from dvemap.training_teacher import FileSource
from student import EmbeddingSpace
from student.onnx_config import FILE_NAME as ONNX_ENCODER
from student.student_export import space_name, text_encoder_of
from student.student_source import find_source
from student.trained_student import TrainedStudent

if TYPE_CHECKING:
    from dvemap.console import Bar
    from student.probing.class_counts import ClassCounts
    from student.probing.probe_trainer import ProbeStep, ProbeTrainer

PART = ".part"
"""Ending that the state of an unfinished training has beside its probe."""


class ProbeTraining:
    """The training of a probe as published, which may take hours: it is saved now and then.

    Parameters
    ----------
    trained : TrainedStudent
    sources : sequence of FileSource
    config : ProbeConfig
    output : Path
        Of the probe; its state lies beside it, ending in `.part`.

    Attributes
    ----------
    part : Path
        The state.
    """

    def __init__(
        self, trained: TrainedStudent, sources: Sequence[FileSource], config: ProbeConfig, output: Path
    ) -> None:
        self._trained, self._sources, self._config = trained, tuple(sources), config
        self.part = output.with_name(output.name + PART)
        self._losses: list[float] = []

    def check(self, resume: bool) -> None:
        """Raise ValueError where a run would hide another one, or there is none to go on with."""
        if resume and not self.part.is_file():
            raise ValueError(f"{self.part}: --resume needs the state of an earlier run, there is none")
        if not resume and self.part.is_file():
            raise ValueError(
                f"{self.part}: holds an earlier run; go on with it by --resume, or remove the file to begin "
                "anew"
            )

    def run(self, space: EmbeddingSpace, start: str | None, bar: Bar, *, resume: bool) -> Probed:
        """Train until the last epoch is over, or Ctrl-C.

        Parameters
        ----------
        space : EmbeddingSpace
            Of the student.
        start : str or None
            See `first_weight`.
        bar : Bar
        resume : bool
            Go on with the state.

        Raises
        ------
        ValueError
            If the data cannot be used, or the earlier run had other settings.
        """
        from student.training.state_file import load_state

        began, config = time.monotonic(), self._config
        state = load_state(self.part) if resume else None
        if state is not None:
            self._check_same(state, start)
        count = sum(map(len, self._sources))
        bar.update(0, note="counting classes", total=count)
        counts = count_classes(self._sources, lambda done: bar.update(done, note="counting classes"))
        classes = probe_classes(self._sources[0], counts)
        chosen, initial = first_weight(
            start, self._trained, space, self._sources[0], classes, config.run.seed
        )
        trainer = self._trainer(initial, counts, classes)
        if state is not None:
            trainer.load(state["trainer"])
            self._losses = json.loads(state["losses"])
        how = f"trained from {chosen}, {config.run.epochs} epochs of {trainer.steps} x {config.run.batch}"
        bar.say(f"{how}; images: {count:,}, classes: {len(classes.names)}")
        bar.update(trainer.epoch * trainer.steps + trainer.step, total=trainer.epochs * trainer.steps)
        with Interrupts() as interrupts:
            finished = self._train(trainer, bar, interrupts, start)
        return Probed(
            trainer.weight, classes, how, trainer.epoch, self._losses, time.monotonic() - began, finished
        )

    def _trainer(
        self, initial: npt.NDArray[np.float32], counts: ClassCounts, classes: ProbeClasses
    ) -> ProbeTrainer:
        from student.data.augment import Augmentation
        from student.data.batches import TrainingSet
        from student.data.mixture import Mixture
        from student.opening import gpu_is_there
        from student.probing.class_targets import ClassTargets
        from student.probing.probe_trainer import ProbeTrainer

        config, run = self._config, self._config.run
        checkpoint = self._trained.checkpoint
        mixture = Mixture(self._sources, [1.0] * len(self._sources), run.seed)
        items = TrainingSet(
            mixture,
            Augmentation(config.augment),
            ClassTargets(classes.column),
            reduction=checkpoint.config.stride,
            statistics=self._trained.options(statistics=config.encoder.depth_statistics).depth,
        )
        return ProbeTrainer(
            checkpoint.build(),
            items,
            initial,
            counts.weights()[classes.kept],
            epochs=run.epochs,
            batch=run.batch,
            optimizer=config.optimizer,
            schedule=config.schedule,
            seed=run.seed,
            device=config.encoder.device or ("cuda" if gpu_is_there() else "cpu"),
            half=run.precision == "bf16-mixed",
            workers=run.workers,
            threads=config.encoder.threads,
        )

    def _train(self, trainer: ProbeTrainer, bar: Bar, interrupts: Interrupts, start: str | None) -> bool:
        saved = time.monotonic()

        def pause(step: ProbeStep) -> bool:
            note = f"epoch {step.epoch + 1}/{trainer.epochs}  loss {step.loss:.4f}"
            bar.update(step.number + 1, note=note)
            late = time.monotonic() - saved > 60 * self._config.run.save_minutes
            return interrupts.asked or late

        while trainer.epoch < trainer.epochs:
            if trainer.train(pause):
                self._losses.append(trainer.loss)
                bar.say(f"epoch {trainer.epoch}/{trainer.epochs}: loss {trainer.loss:.4f}")
            if interrupts.asked and trainer.epoch < trainer.epochs:
                self._save(trainer, start)
                return False
            if time.monotonic() - saved > 60 * self._config.run.save_minutes:
                self._save(trainer, start)
                saved = time.monotonic()
        return True

    def _save(self, trainer: ProbeTrainer, start: str | None) -> None:
        from student.training.state_file import save_state

        state = {"settings": self._settings(start), "losses": json.dumps(self._losses)}
        save_state(self.part, {**state, "trainer": trainer.state()})

    def _settings(self, start: str | None) -> str:
        """Say what must be equal for a run to go on with another."""
        config = self._config.model_dump(mode="json", exclude={"fast": True})
        del config["run"]["workers"], config["run"]["save_minutes"]
        for name in ("threads", "device", "cache", "runtime", "name"):
            del config["encoder"][name]
        data = [[source.name, len(source), list(source.class_names)] for source in self._sources]
        plain = {"student": self._trained.sha256, "data": data, "init": start, **config}
        return json.dumps(plain, sort_keys=True)

    def _check_same(self, state: dict[str, Any], start: str | None) -> None:
        former, now = (json.loads(text) for text in (state.get("settings", "{}"), self._settings(start)))
        changed = [name for name in now if former.get(name) != now[name]]
        if changed:
            raise ValueError(
                f"{self.part}: the run that --resume goes on with had other settings: {', '.join(changed)}; "
                "give the same ones, or remove the file to begin anew"
            )


def trained_student(name: str, *, needed: bool) -> TrainedStudent | None:
    """Return the checkpoint that is named, None where it is a folder with a network.

    Parameters
    ----------
    name : str
        A checkpoint, a published student, or a folder.
    needed : bool
        Whether nothing but a checkpoint will do.

    Raises
    ------
    ValueError
        If there is nothing of this name, or it is a folder where a checkpoint is needed.
    """
    path = Path(name) if (Path(name) / ONNX_ENCODER).is_file() else find_source(name)
    if path.is_file():
        return TrainedStudent(path)
    if needed:
        raise ValueError(
            f"{path}: training sees augmented images and needs the checkpoint; add --fast to probe a folder"
        )
    return None


def space_of(trained: TrainedStudent) -> EmbeddingSpace:
    """Return the space of a student's embeddings."""
    checkpoint = trained.checkpoint
    name = space_name(checkpoint, trained.sha256)
    return EmbeddingSpace(name, checkpoint.config.embedding_dim, None, text_encoder_of(checkpoint))
