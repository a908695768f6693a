"""A linear probe trained as DVEFormer's authors do it: a frozen student, augmented images, cross entropy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from student.data.batches import Batch, EpochBatches, TrainingSet, make_loader
from student.networks.dveformer import DVEFormer
from student.training.config import REFERENCE_BATCH, OptimizerConfig, ScheduleConfig
from student.training.errors import TrainingError
from student.training.schedule import OneCycle

_SHORTEST = 1e-12  # length below which an embedding has no direction


class ProbeStep(NamedTuple):
    """A step that was taken: its number in the whole run from 0, its epoch, loss and learning rate."""

    number: int
    epoch: int
    loss: float
    lr: float


class ProbeTrainer:
    """Trains the weight of a probe on embeddings of a network that stays as it is.

    The network is in training mode, as published: it drops paths and channels and normalises with the
    statistics of each batch; those that it keeps do not change.

    Parameters
    ----------
    network
        Its weights and running statistics are not changed.
    items
        Images with `ClassTargets`, at the stride of the network.
    initial
        (K, D) float32, the weight at first.
    class_weights
        (K,) float32, of the loss.
    epochs, batch
        Passes through the images, and images a step.
    optimizer, schedule
        How.
    seed
        Of what the network drops.
    device
        `"cpu"`, `"cuda"` or another one of torch.
    half
        Whether the network computes in bfloat16, as published; the loss is float32.
    workers
        Processes that read images.
    threads
        Of torch on the CPU; 0: its own choice.

    Raises
    ------
    TrainingError
        There are fewer images than a batch has, or the batch is too small for batch statistics.
    """

    def __init__(
        self,
        network: DVEFormer,
        items: TrainingSet,
        initial: npt.NDArray[np.float32],
        class_weights: npt.NDArray[np.float32],
        *,
        epochs: int,
        batch: int,
        optimizer: OptimizerConfig,
        schedule: ScheduleConfig,
        seed: int = 0,
        device: str = "cpu",
        half: bool = False,
        workers: int = 0,
        threads: int = 0,
    ) -> None:
        self.steps = len(items.mixture) // batch
        if batch < 2:
            raise TrainingError(f"batch normalisation needs 2 images or more at once, got a batch of {batch}")
        if self.steps == 0:
            raise TrainingError(f"an epoch has {len(items.mixture)} images, less than a batch of {batch}")
        if threads:
            torch.set_num_threads(threads)
        self.epochs, self.epoch, self.step = epochs, 0, 0
        self._loss_sum, self._loss_steps = 0.0, 0
        self._device, self._half = torch.device(device), half
        self._network = _frozen(network).to(self._device)
        self._batches = EpochBatches(items.mixture, batch)
        self._loader = make_loader(
            items, self._batches, workers=workers, pin_memory=self._device.type == "cuda"
        )
        self._weight = nn.Parameter(torch.from_numpy(initial.copy()).to(self._device))
        self._class_weights = torch.from_numpy(class_weights).to(self._device)
        peak = optimizer.lr * batch / REFERENCE_BATCH
        self._betas, self._clip = optimizer.betas, optimizer.clip
        self._schedule = OneCycle(schedule, peak, epochs, self.steps)
        self._optimizer = torch.optim.AdamW(
            [self._weight], lr=peak, betas=optimizer.betas, weight_decay=optimizer.weight_decay
        )
        torch.manual_seed(seed)

    @property
    def weight(self) -> npt.NDArray[np.float32]:
        """The weight (K, D) as it is now."""
        return self._weight.detach().cpu().numpy().copy()

    @property
    def loss(self) -> float:
        """Mean over the steps of this epoch so far; NaN before the first."""
        return self._loss_sum / self._loss_steps if self._loss_steps else math.nan

    def train(self, pause: Callable[[ProbeStep], bool]) -> bool:
        """Train on from where the run is, until the epoch ends.

        Parameters
        ----------
        pause
            Told of each step; whether to return before the epoch is over.

        Returns
        -------
        Whether the epoch is over; `epoch` is the next one then.

        Raises
        ------
        TrainingError
            The loss is not finite.
        DatasetError, OSError
            A sample cannot be used.
        """
        if self.step == 0:
            self._loss_sum, self._loss_steps = 0.0, 0
        self._network.train()
        self._batches.set_epoch(self.epoch, self.step)
        for batch in cast(Iterator[Batch], iter(self._loader)):
            taken = self._take_step(batch)
            if pause(taken) and self.step < self.steps:
                return False
        self.epoch, self.step = self.epoch + 1, 0
        return True

    def state(self) -> dict[str, Any]:
        """Return all that a later process needs to go on: tensors and plain values."""
        random = {"cpu": torch.get_rng_state()}
        if self._device.type == "cuda":
            random["cuda"] = torch.cuda.get_rng_state(self._device)
        return {
            "weight": self._weight.detach(),
            "optimizer": self._optimizer.state_dict(),
            "random": random,
            "epoch": self.epoch,
            "step": self.step,
            "loss": (self._loss_sum, self._loss_steps),
        }

    def load(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned, in a trainer of the same settings."""
        with torch.no_grad():
            self._weight.copy_(state["weight"])
        self._optimizer.load_state_dict(state["optimizer"])
        self.epoch, self.step = state["epoch"], state["step"]
        self._loss_sum, self._loss_steps = state["loss"]
        torch.set_rng_state(state["random"]["cpu"])
        if self._device.type == "cuda" and "cuda" in state["random"]:
            torch.cuda.set_rng_state(state["random"]["cuda"], self._device)

    def _take_step(self, batch: Batch) -> ProbeStep:
        rates = self._schedule.at(self.epoch, self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = rates.lr
            if rates.momentum is not None:
                group["betas"] = (rates.momentum, self._betas[1])
        rgb, depth, target = (
            tensor.to(self._device, non_blocking=True)
            for tensor in (batch.rgb, batch.depth, batch.target_index)
        )
        with torch.no_grad(), torch.autocast(self._device.type, torch.bfloat16, enabled=self._half):
            embedding = self._network(rgb, depth).float()
        self._optimizer.zero_grad()
        loss = probe_loss(embedding, self._weight, target, self._class_weights)
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(
                f"epoch {self.epoch + 1}, step {self.step + 1}: the loss is {value}; look at the images of "
                f"this batch ({', '.join(batch.names)})"
            )
        loss.backward()  # type: ignore[no-untyped-call]
        if self._clip is not None:
            nn.utils.clip_grad_norm_([self._weight], self._clip)
        self._optimizer.step()
        taken = ProbeStep(self.epoch * self.steps + self.step, self.epoch, value, rates.lr)
        self._loss_sum, self._loss_steps, self.step = (
            self._loss_sum + value,
            self._loss_steps + 1,
            self.step + 1,
        )
        return taken


def probe_loss(embedding: Tensor, weight: Tensor, target: Tensor, class_weights: Tensor) -> Tensor:
    """Return the loss of a probe: weighted cross entropies, their sum divided by the number of pixels.

    Parameters
    ----------
    embedding
        (N, D, h, w) float32, of any length.
    weight
        (K, D).
    target
        (N, h, w) integers, class 1 to K, 0 = void.
    class_weights
        (K,). They are not in the denominator.

    Returns
    -------
    () float32; 0 where there is no pixel with a class.
    """
    length = torch.linalg.vector_norm(embedding, dim=1, keepdim=True).clamp_min(_SHORTEST)
    logits = torch.einsum("kd,ndhw->nkhw", weight, embedding) / length
    total = functional.cross_entropy(
        logits, target.long() - 1, class_weights, ignore_index=-1, reduction="sum"
    )
    return total / (target > 0).sum().clamp_min(1)


def _frozen(network: DVEFormer) -> DVEFormer:
    """Let batch normalisation use, but not keep, the statistics of batches; no weight gets a gradient."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.track_running_stats = False
    return network.requires_grad_(False)
