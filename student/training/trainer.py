"""The loop: batches in, steps of the optimiser out, the same ones however a run is cut into pieces."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor, distributed
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from student.data.batches import Batch, EpochBatches, TrainingSet, make_loader
from student.data.errors import DatasetError
from student.networks.dveformer import DVEFormer
from student.training.average import WeightAverage
from student.training.batch_norm import share_batch_norm
from student.training.config import (
    REFERENCE_BATCH,
    LossConfig,
    OptimizerConfig,
    RunConfig,
    ScheduleConfig,
)
from student.training.errors import TrainingError
from student.training.objective import Chosen, Objective
from student.training.schedule import OneCycle

if TYPE_CHECKING:
    from lightning_fabric import Fabric


class Step(NamedTuple):
    """A step of the optimiser that was taken.

    Attributes
    ----------
    epoch, number : int
        Counted from 0; `number` within the whole run.
    loss : float
        Mean over all valid pixels of the batch, before the step.
    gradient : float
        Its norm, before it was clipped.
    lr : float
    """

    epoch: int
    number: int
    loss: float
    gradient: float
    lr: float


class Trainer:
    """Trains a network; all of its processes call the same methods in the same order.

    Parameters
    ----------
    fabric
        Launched; its processes share each batch.
    network
        Is trained in place; moves to the device of `fabric`.
    items
        What it learns from.
    run, optimizer, schedule, loss
        How.

    Attributes
    ----------
    network : DVEFormer
    epoch, step : int
        Where the run is: the epoch and the step in it that come next.
    steps : int
        An epoch has.

    Raises
    ------
    TrainingError
        The batch does not divide among processes and parts, is too small for batch normalisation, or is more
        than an epoch has.
    """

    def __init__(
        self,
        fabric: Fabric,
        network: DVEFormer,
        items: TrainingSet,
        run: RunConfig,
        optimizer: OptimizerConfig,
        schedule: ScheduleConfig,
        loss: LossConfig,
    ) -> None:
        self._fabric, self._run, self._betas, self._clip = fabric, run, optimizer.betas, optimizer.clip
        _check_batch(run, fabric.world_size)
        self.steps = len(items.mixture) // run.batch
        if self.steps == 0:
            raise TrainingError(
                f"run.batch: an epoch has {len(items.mixture)} images, less than a batch of {run.batch}"
            )
        self._batches = EpochBatches(
            items.mixture, run.batch // run.accumulate, rank=fabric.global_rank, world=fabric.world_size
        )
        on_gpu = fabric.device.type == "cuda"
        self._loader = make_loader(items, self._batches, workers=run.workers, pin_memory=on_gpu)
        self.epoch = self.step = 0
        self._loss_sum, self._loss_count = 0.0, 0

        if run.sync_batchnorm:
            share_batch_norm(network)
        self.network = network
        peak = optimizer.lr * run.batch / REFERENCE_BATCH
        self._schedule = OneCycle(schedule, peak, schedule.epochs or run.epochs, self.steps)
        self._optimizer = _make_optimizer(network, optimizer, peak)
        self._objective = Objective(loss)
        module = cast(Chosen, torch.compile(Chosen(network))) if run.compile else Chosen(network)
        self._module, self._stepper = fabric.setup(module, self._optimizer)
        self._average = WeightAverage(network, run.ema) if run.ema else None
        self._seed(run.seed)

    @property
    def judged(self) -> DVEFormer:
        """The network to judge and keep: the average of its weights where one is taken."""
        return self.network if self._average is None else self._average.network

    @property
    def loss(self) -> float:
        """Mean over the steps of this epoch so far, each pixel counting once; NaN before the first."""
        return self._loss_sum / self._loss_count if self._loss_count else math.nan

    def train(self, pause: Callable[[Step], bool]) -> bool:
        """Train on from where the run is, until the epoch ends.

        Parameters
        ----------
        pause
            Told of each step; whether to return before the epoch is over. One process suffices to stop all.

        Returns
        -------
        Whether the epoch is over; `epoch` is the next one then.

        Raises
        ------
        TrainingError
            Loss or gradient are not finite.
        DatasetError, OSError
            A sample cannot be used.
        """
        if self.step == 0:
            self._loss_sum, self._loss_count = 0.0, 0
        self._module.train()
        self._batches.set_epoch(self.epoch, self.step * self._run.accumulate)
        parts = cast(Iterator[Batch], iter(self._loader))
        while self.step < self.steps:
            taken = self._take_step([_next(parts) for _ in range(self._run.accumulate)])
            if self.agree(pause(taken)) and self.step < self.steps:
                return False
        self.epoch, self.step = self.epoch + 1, 0
        return True

    def agree(self, wish: bool) -> bool:
        """Return whether any of the processes wishes it."""
        if self._fabric.world_size == 1:
            return wish
        wished = torch.tensor(int(wish), device=self._fabric.device)
        return bool(self._fabric.all_reduce(wished, reduce_op="sum"))

    def share_statistics(self) -> None:
        """Give all processes the running statistics of the first, as each has seen other images."""
        if self._fabric.world_size > 1:
            for network in (self.network, self.judged):
                for buffer in network.buffers():
                    distributed.broadcast(buffer, 0)

    def state(self) -> dict[str, Any]:
        """Return all that a later process needs to go on: tensors and plain values."""
        return {
            "network": self.network.state_dict(),
            "average": None if self._average is None else self._average.network.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "random": self._gather(self._random()),
            "epoch": self.epoch,
            "step": self.step,
            "loss_sum": self._loss_sum,
            "loss_count": self._loss_count,
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned, in a trainer of the same configuration.

        With another number of processes the run goes on too, but with other random numbers.
        """
        self.network.load_state_dict(state["network"])
        if self._average is not None:
            self._average.network.load_state_dict(state["average"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.step = state["epoch"], state["step"]
        self._loss_sum, self._loss_count = state["loss_sum"], state["loss_count"]
        if len(state["random"]) == self._fabric.world_size:
            random = state["random"][self._fabric.global_rank]
            torch.set_rng_state(random["cpu"])
            if self._fabric.device.type == "cuda" and "cuda" in random:
                torch.cuda.set_rng_state(random["cuda"], self._fabric.device)
        else:
            self._seed(self._run.seed + 1_000_003 * (1 + self.epoch * self.steps + self.step))

    def _take_step(self, parts: list[Batch]) -> Step:
        """Compute the gradient of a batch, in parts, and take a step against it."""
        fabric, number = self._fabric, self.epoch * self.steps + self.step
        rates = self._schedule.at(self.epoch, self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rates.lr
            if rates.momentum is not None:
                group["betas"] = (rates.momentum, self._betas[1])
        chosen = [self._objective.choose(part.target_index) for part in parts]
        counts = [
            (part.target_index > 0).sum() if places is None else torch.tensor(len(places))
            for part, places in zip(parts, chosen, strict=True)
        ]
        count = torch.stack(counts).sum().to(fabric.device)
        count = cast(Tensor, fabric.all_reduce(count, reduce_op="sum")).clamp_min(1)
        loss = torch.zeros((), device=fabric.device)
        self._stepper.zero_grad()
        for k, (part, places) in enumerate(zip(parts, chosen, strict=True), start=1):
            rgb, depth, lut, index = (tensor.to(fabric.device, non_blocking=True) for tensor in part[1:])
            places = None if places is None else places.to(fabric.device, non_blocking=True)
            with fabric.no_backward_sync(self._module, enabled=k < len(parts)):
                total = self._objective(self._module(rgb, depth, places), lut, index, places)
                # The processes' gradients are averaged; the loss is the mean over the pixels of all of them.
                fabric.backward(total * (fabric.world_size / count))
            loss += total.detach()
        mean = float(cast(Tensor, fabric.all_reduce(loss, reduce_op="sum")) / count)
        gradient = self._limit_gradient()
        if not (math.isfinite(mean) and math.isfinite(gradient)):
            self._fail(mean, gradient, [name for part in parts for name in part.names])
        self._stepper.step()
        if self._average is not None:
            self._average.update(self.network, number)
        self._loss_sum += mean * int(count)
        self._loss_count += int(count)
        taken = Step(self.epoch, number, mean, gradient, rates.lr)
        self.step += 1
        return taken

    def _limit_gradient(self) -> float:
        """Return the norm of the gradient, and scale it down where it is clipped."""
        parameters = [p for p in self.network.parameters() if p.grad is not None]
        norm = get_total_norm([cast(Tensor, p.grad) for p in parameters])
        if self._clip is not None:
            clip_grads_with_norm_(parameters, self._clip, norm)
        return float(norm)

    def _fail(self, loss: float, gradient: float, names: list[str]) -> None:
        what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient is {gradient}"
        batch = [name for share in self._gather(names) for name in share]
        raise TrainingError(
            f"epoch {self.epoch + 1}, step {self.step + 1}: {what}; look at the images of this batch "
            f"({', '.join(batch)}), lower optimizer.lr or set optimizer.clip"
        )

    def _random(self) -> dict[str, Tensor]:
        states = {"cpu": torch.get_rng_state()}
        if self._fabric.device.type == "cuda":
            states["cuda"] = torch.cuda.get_rng_state(self._fabric.device)
        return states

    def _seed(self, seed: int) -> None:
        """Let each process drop other paths and channels."""
        torch.manual_seed(seed + self._fabric.global_rank)

    def _gather(self, mine: Any) -> list[Any]:
        """Return what each process has."""
        if self._fabric.world_size == 1:
            return [mine]
        everyones: list[Any] = [None] * self._fabric.world_size
        distributed.all_gather_object(everyones, mine)
        return everyones


def _next(parts: Iterator[Batch]) -> Batch:
    """Return the next part; an error in a process that reads is raised in its own words alone."""
    try:
        return next(parts)
    except (ValueError, OSError, RuntimeError) as error:
        text = str(error).rstrip()
        if "DataLoader worker process" not in text or "Original Traceback" not in text:
            raise
        raise DatasetError(text.splitlines()[-1].partition(": ")[2]) from None


def _make_optimizer(network: DVEFormer, config: OptimizerConfig, lr: float) -> torch.optim.AdamW:
    groups: list[dict[str, Any]] = [{"params": list(network.parameters())}]
    if not config.decay_norms:
        matrices = [p for p in network.parameters() if _is_matrix(p)]
        vectors = [p for p in network.parameters() if not _is_matrix(p)]
        groups = [{"params": matrices}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=lr, betas=config.betas, weight_decay=config.weight_decay, fused=True)


def _is_matrix(weight: Tensor) -> bool:
    """Say whether a weight mixes channels or pixels; some scales have axes of length 1 beside their own."""
    return sum(length > 1 for length in weight.shape) > 1


def _check_batch(run: RunConfig, world: int) -> None:
    """Raise TrainingError where the parts of a batch are not whole, or have too few images."""
    parts = run.accumulate * world
    if run.batch % parts:
        raise TrainingError(
            f"run.batch: {run.batch} images do not divide among {world} process(es) x {run.accumulate} parts"
        )
    images = run.batch // run.accumulate if run.sync_batchnorm else run.batch // parts
    if images < 2:
        raise TrainingError(
            f"run.batch: batch normalisation needs 2 images or more at once, got {images}: batch "
            f"{run.batch} over {world} process(es) x {run.accumulate} parts; with several processes "
            "run.sync_batchnorm normalises over all of them"
        )
