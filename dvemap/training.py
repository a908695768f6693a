"""A training run: what it reads, when it judges and saves, where it goes on."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import cv2

from dvemap import __version__
from dvemap.console import Output
from dvemap.interrupts import Interrupts
from dvemap.training_config import TrainConfig
from dvemap.training_data import build_mixture
from dvemap.training_examination import Examination
from dvemap.training_folder import RunFolder, check_same_run
from dvemap.training_teacher import FileSource, cache_identity, teacher_targets
from dvemap.training_watch import Watch
from mapping import atomic_write

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lightning_fabric import Fabric

    from student.training.trainer import Trainer


def is_first_process() -> bool:
    """Say whether this process speaks for all that train together."""
    return int(os.environ.get("RANK", os.environ.get("LOCAL_RANK", "0"))) == 0


@dataclass
class Trained:
    """What a run came to.

    Attributes
    ----------
    history : list of dict
        A row an epoch: epoch (from 1), step, loss, lr, gradient (largest norm), frames_per_second, seconds;
        and the figures, where it was validated.
    best : tuple of (int, float) or None
        The epoch that was best, and its figure.
    finished : bool
        False where it was interrupted.
    """

    history: list[dict[str, Any]] = field(default_factory=list)
    best: tuple[int, float] | None = None
    finished: bool = False


class TrainingRun:
    """Trains one student into a folder.

    Parameters
    ----------
    config : TrainConfig
    folder : RunFolder
    out : Output
    resume : bool
        Go on with what the folder holds.

    Raises
    ------
    ValueError, OSError
        Whatever is wrong with settings, data and teacher files, before anything is computed.
    """

    def __init__(self, config: TrainConfig, folder: RunFolder, out: Output, *, resume: bool = False) -> None:
        from student.data.augment import Augmentation
        from student.data.batches import TrainingSet
        from student.data.decoded import decode

        folder.check(resume)
        self._config, self._folder, self._out, self._resume = config, folder, out, resume
        mixture = build_mixture(config.data, config.run.seed)
        sources = cast("Sequence[FileSource]", mixture.sources)
        targets = teacher_targets(sources, config.teacher, config.network.embedding_dim)
        decoded = None
        if config.run.cache is not None:
            with out.progress("decoding", sum(map(len, sources))) as bar:
                decoded = decode(
                    config.run.cache,
                    sources,
                    targets,
                    cache_identity(config, sources),
                    lambda done, total: bar.update(done, total=total),
                )
        self._items = TrainingSet(
            mixture,
            Augmentation(config.augment),
            targets,
            reduction=config.network.stride,
            decoded=decoded,
        )
        self._examination = Examination.open(config, sources[0], mixture.depth_statistics)
        self._trained = Trained()

    def run(self) -> Trained:
        """Train until the last epoch is over, or Ctrl-C; everything is saved then.

        Raises
        ------
        TrainingError
            A device is missing, a batch does not divide among processes, or the loss is not finite.
        ValueError
            The earlier run had other settings.
        """
        from student.training.devices import launch
        from student.training.log import Log
        from student.training.start import first_network
        from student.training.state_file import load_state
        from student.training.trainer import Trainer

        config, start = self._config, self._config.start
        state = load_state(self._folder.state) if self._resume else None
        if state is not None:
            check_same_run(self._folder.path, json.loads(state["config"]), config)
        network = first_network(
            config.network, config.run.seed, backbone=start.backbone, student=start.student
        )
        fabric = launch(config.run)
        trainer = Trainer(
            fabric, network, self._items, config.run, config.optimizer, config.schedule, config.loss
        )
        if state is not None:
            trainer.load(state["trainer"])
            self._trained = Trained(json.loads(state["history"]), state["best"])
        log = None
        if fabric.is_global_zero:
            self._folder.prepare(config)
            done = trainer.epoch * trainer.steps + trainer.step
            log = Log(self._folder.path, done, config.run.wandb, config.plain())
        try:
            with self._out.progress("training", config.run.epochs * trainer.steps) as bar:
                bar.say(self._about(trainer, fabric))
                with Interrupts() as interrupts:
                    self._train(fabric, trainer, Watch(config.run, bar, log, interrupts))
        finally:
            if log is not None:
                log.close()
        return self._trained

    def _train(self, fabric: Fabric, trainer: Trainer, watch: Watch) -> None:
        epochs, examination, trained = self._config.run.epochs, self._examination, self._trained
        while trainer.epoch < epochs:
            watch.begin(trainer)
            if trainer.train(watch):
                row: dict[str, Any] = {"epoch": trainer.epoch, "loss": trainer.loss, **watch.row()}
                better = False
                if examination is not None and examination.config.due(trainer.epoch, epochs):
                    watch.note("validating")
                    row |= self._examine(fabric, trainer, examination, watch)
                    better = examination.is_better(row, trained.best and trained.best[1])
                    if better:
                        trained.best = (trainer.epoch, row[examination.figure])
                trained.history.append(row)
                watch.end_epoch(row)
                self._save(fabric, trainer, best=better)
            else:
                self._save(fabric, trainer)
            if trainer.agree(watch.interrupts.asked) and trainer.epoch < epochs:
                return
        trained.finished = True

    def _examine(
        self, fabric: Fabric, trainer: Trainer, examination: Examination, watch: Watch
    ) -> dict[str, float]:
        """Judge the student and draw its picture; return the figures."""
        trainer.share_statistics()
        readers = examination.readers_of(fabric, trainer.judged)
        figures = examination.judge(fabric, trainer.judged, readers)
        if watch.log is not None:
            step = trainer.epoch * trainer.steps
            watch.log.write({f"validation/{name}": value for name, value in figures.items()}, step)
            if examination.config.panels:
                title = f"{self._folder.path.name}, epoch {trainer.epoch}"
                picture = examination.draw(fabric, trainer.judged, readers, title, figures)
                coded = cv2.imencode(".png", picture[..., ::-1])[1]
                with atomic_write(self._folder.panels / f"epoch-{trainer.epoch:04d}.png") as file:
                    file.write(coded.tobytes())
                watch.log.show("validation/panel", picture, step)
        return figures

    def _save(self, fabric: Fabric, trainer: Trainer, *, best: bool = False) -> None:
        """Save the students, then the state, so that a state never speaks of a student that is not there."""
        from student.checkpoints import save_checkpoint
        from student.training.state_file import save_state

        trainer.share_statistics()
        state = trainer.state()
        if not fabric.is_global_zero:
            return
        folder, trained, metadata = self._folder, self._trained, self._metadata(trainer)
        for path in (folder.last, folder.best) if best else (folder.last,):
            save_checkpoint(trainer.judged, path, metadata)
        folder.write_history(trained.history)
        run = {
            "config": metadata["training"],
            "history": json.dumps(trained.history),
            "best": trained.best,
            "trainer": state,
        }
        save_state(folder.state, run)

    def _metadata(self, trainer: Trainer) -> dict[str, str]:
        """Return what a student's file says beside its weights."""
        config, statistics = self._config, self._items.mixture.depth_statistics
        depth = {"name": statistics.name, "mean": statistics.mean, "std": statistics.std}
        judged = None if config.validation is None else config.validation.size
        metadata = {
            "space": config.space,
            "epoch": str(trainer.epoch),
            "size": "x".join(map(str, judged or config.augment.size)),
            "depth_statistics": json.dumps(depth),
            "training": json.dumps(config.plain()),
            "software": f"dvemap {__version__}",
        }
        if config.teacher.text_encoder is not None:
            metadata["text_encoder"] = config.teacher.text_encoder
        return metadata

    def _about(self, trainer: Trainer, fabric: Fabric) -> str:
        mixture, run = self._items.mixture, self._config.run
        weights = sum(parameter.numel() for parameter in trainer.network.parameters()) / 1e6
        sources = ", ".join(f"{source.name} {len(source):,}" for source in mixture.sources)
        judged = "" if self._examination is None else f"; judged on {len(self._examination.source):,}"
        return (
            f"{weights:.1f} M parameters on {fabric.world_size} x {fabric.device.type}; images: {sources}, "
            f"{len(mixture):,} an epoch{judged}; {run.epochs} epochs of {trainer.steps:,} x {run.batch}"
        )


def train(config: TrainConfig, output: Path, out: Output, *, resume: bool = False) -> Trained:
    """Train a student into a folder; see `TrainingRun`."""
    return TrainingRun(config, RunFolder(output), out, resume=resume).run()
