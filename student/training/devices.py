"""The devices that a run trains on, one process each."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING, Any, Literal

import torch

from student.training.config import RunConfig
from student.training.errors import TrainingError

if TYPE_CHECKING:
    from lightning_fabric import Fabric


def launch(config: RunConfig) -> Fabric:
    """Choose the devices and start their processes.

    Under torchrun the processes are there already; else this one starts the others with its own command line.

    Raises
    ------
    TrainingError
        A device is not there, or lightning-fabric is not installed.
    """
    try:
        from lightning_fabric import Fabric
        from lightning_fabric.strategies.ddp import DDPStrategy
    except ImportError:
        raise TrainingError(
            "training needs lightning-fabric and tensorboard; install them with: pip install 'dvemap[train]'"
        ) from None
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    # Of 1x1 convolutions, whose gradients have two equal layouts.
    warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
    device = config.device if config.device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
    devices, nodes = _processes(config)
    found = torch.cuda.device_count() if device == "cuda" else devices
    if devices > found:
        raise TrainingError(f"run.devices: {devices} x {device} asked for, this machine has {found}")
    if device == "mps" and not torch.backends.mps.is_available():
        raise TrainingError("run.device: mps is not there; take cpu")
    if config.threads:
        torch.set_num_threads(config.threads)
    precision: Literal["32-true", "bf16-mixed"] = "32-true" if config.precision == "fp32" else "bf16-mixed"
    strategy: Any = DDPStrategy() if devices * nodes > 1 else "auto"
    fabric = Fabric(
        accelerator=device, devices=devices, num_nodes=nodes, precision=precision, strategy=strategy
    )
    fabric.launch()
    return fabric


def _processes(config: RunConfig) -> tuple[int, int]:
    """Return the devices of this machine and the number of machines."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return config.devices, 1
    here = int(os.environ["LOCAL_WORLD_SIZE"])
    return here, int(os.environ["WORLD_SIZE"]) // here
