"""The loop of training: the same steps however a run is cut, accumulated or shared among processes."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from student.data.augment import Augmentation
from student.data.augment_config import AugmentConfig
from student.data.batches import TrainingSet
from student.data.errors import DatasetError
from student.data.mixture import Mixture
from student.data.sample import Sample, Source
from student.networks.config import StudentConfig
from student.preprocessing import DepthStatistics
from student.targets import TargetTable
from student.training.config import LossConfig, OptimizerConfig, RunConfig, ScheduleConfig
from student.training.devices import launch
from student.training.errors import TrainingError
from student.training.start import first_network
from student.training.trainer import Step, Trainer
from student.training.validation import Validator

D, STEPS = 6, 4
TINY: dict[str, Any] = {
    "rgb_channels": 12,
    "depth_channels": 4,
    "depths": (1, 1, 1, 1),
    "head_channels": 8,
    "window": 4,
    "context_channels": 8,
    "main_channels": 8,
    "skip_channels": (8, 8, 8),
    "fuse_channels": 8,
    "embedding_dim": D,
}


class Halves:
    """Images whose left is dark and near, and whose right is bright and far; some rows are void."""

    name, class_names, things = "halves", ("left", "right"), (False, False)
    depth_statistics = DepthStatistics("halves", 2.0, 1.0)

    def __len__(self) -> int:
        return 18

    def sample_name(self, i: int) -> str:
        return f"{i}"

    def sample(self, i: int) -> Sample:
        rng = np.random.default_rng(i)
        semantic = np.ones((64, 64), np.uint16)
        semantic[:, 20 + i :] = 2
        rgb = (semantic[..., None] * 70 + rng.integers(0, 40, (64, 64, 3))).astype(np.uint8)
        depth = (semantic + rng.random((64, 64))).astype(np.float32)
        semantic[: 3 * (i % 7)] = 0
        return Sample(f"halves {i}", rgb, depth, semantic, np.zeros_like(semantic))


def targets(source: Source, i: int, sample: Sample) -> TargetTable:
    return TargetTable(np.eye(D, dtype=np.float32)[:2], sample.semantic.astype(np.int32))


def trainer(
    dropping: float = 0.0,
    *,
    lr: float = 2e-3,
    items: Any = None,
    loss: LossConfig = LossConfig(),  # noqa: B008
    shape: dict[str, Any] = {},  # noqa: B006
    **run: Any,
) -> Trainer:
    network = StudentConfig(**TINY | shape, drop_path=dropping, dropout=dropping)
    settings = {"epochs": 2, "batch": 4, "workers": 0, "device": "cpu", "threads": 1} | run
    config = RunConfig(**settings)
    if items is None:
        mixture = Mixture([Halves()], [1.0], 0)
        items = TrainingSet(mixture, Augmentation(AugmentConfig(size=(32, 32))), targets, reduction=4)
    optimizer = OptimizerConfig(lr=lr, clip=1.0)
    fabric = launch(config)
    schedule = ScheduleConfig(per="step")
    return Trainer(fabric, first_network(network, 0), items, config, optimizer, schedule, loss)


def losses(training: Trainer, until: int | None = None) -> list[float]:
    """Train, at most until a step, and return the loss of each."""
    seen: list[float] = []

    def pause(step: Step) -> bool:
        seen.append(step.loss)
        return until is not None and step.number + 1 >= until

    while training.epoch < 2:
        if not training.train(pause) or len(seen) == until:
            break
    return seen


def weights(training: Trainer) -> dict[str, torch.Tensor]:
    own = training.network.state_dict()
    return {**own, **{f"judged {k}": v for k, v in training.judged.state_dict().items()}}


def test_it_learns() -> None:
    training = trainer(lr=2e-2)
    seen = losses(training)
    assert len(seen) == 2 * STEPS
    assert seen[-1] < seen[0] - 0.3
    assert training.loss == pytest.approx(np.mean(seen[STEPS:]), abs=0.05)
    judged = Validator(launch(RunConfig(device="cpu")), Halves(), (32, 32), Halves.depth_statistics, targets)
    result = judged.judge(training.judged, {"text": np.eye(D, dtype=np.float32)[:2]})
    assert result.confusions["text"].sum() == sum(
        int((Halves().sample(i).semantic > 0).sum()) for i in range(18)
    )
    assert result.loss is not None
    assert result.loss < 1
    assert training.network.training  # the average is none: the network itself was judged
    glimpse = judged.look(training.judged, 3, {"text": np.eye(D, dtype=np.float32)[:2]})
    assert (glimpse.prediction.shape, glimpse.truth.shape) == ((8, 8, D), (64, 64))
    assert glimpse.target is not None
    assert not glimpse.target[0].any()
    assert glimpse.target[-1].any()


DRAWN = LossConfig(pixels=24, contrast=1.0, balance=0.5)


def test_it_learns_from_some_pixels_and_contrast() -> None:
    seen = losses(trainer(lr=2e-2, loss=DRAWN))
    assert seen[-1] < seen[0] - 0.3


@pytest.mark.parametrize(
    ("stop", "shape"),
    [
        (2, {}),
        (4, {}),
        (7, {}),
        (5, {"encoder": "dformerv2-small", "decoder": "dpt"}),
    ],
)
@pytest.mark.usefixtures("shallow")
def test_a_run_goes_on_bit_for_bit(stop: int, shape: dict[str, Any]) -> None:
    """Dropped paths, momentum, averaged weights, and the place in the data are all in the state."""
    options = {"dropping": 0.3, "ema": 0.9, "loss": DRAWN if stop == 4 else LossConfig(), "shape": shape}
    whole = trainer(**options)
    expected = losses(whole)
    first = trainer(**options)
    before = losses(first, until=stop)
    state = first.state()
    torch.manual_seed(99)
    later = trainer(**options)
    later.load({key: value for key, value in state.items()})
    after = losses(later)
    assert before + after == expected
    ours, theirs = weights(later), weights(whole)
    assert all(torch.equal(ours[key], theirs[key]) for key in theirs)
    assert later.loss == whole.loss


def test_parts_of_a_batch_add_up_to_it() -> None:
    """Fails for a mean of the parts' means, as images have different numbers of valid pixels."""
    whole, parts = trainer(), trainer(accumulate=2)
    for training in (whole, parts):  # statistics of a batch depend on what is in it: use the running ones
        training.network.eval()
        training._module.train = lambda: None  # type: ignore[method-assign,return-value,assignment]
    assert losses(parts) == pytest.approx(losses(whole), rel=2e-4)


class Torn(Halves):
    def sample(self, i: int) -> Sample:
        if i == 5:
            raise DatasetError("halves 5: the file is truncated; copy it again")
        return super().sample(i)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.filterwarnings("ignore:.*use of fork.*:DeprecationWarning")
def test_an_image_that_cannot_be_read_is_named_whoever_reads_it(workers: int) -> None:
    mixture = Mixture([Torn()], [1.0], 0)
    items = TrainingSet(mixture, Augmentation(AugmentConfig(size=(32, 32))), targets, reduction=4)
    training = trainer(items=items, workers=workers)
    with pytest.raises(DatasetError, match=r"^halves 5: the file is truncated; copy it again$"):
        losses(training)


class Broken(Halves):
    def sample(self, i: int) -> Sample:
        sample = super().sample(i)
        if i == 5:
            sample.depth[:] = np.nan
        return sample


def test_a_loss_that_is_not_finite_names_the_batch() -> None:
    mixture = Mixture([Broken()], [1.0], 0)
    items = TrainingSet(mixture, Augmentation(AugmentConfig(size=(32, 32))), targets, reduction=4)
    training = trainer(items=items)
    with pytest.raises(TrainingError, match=r"step \d: the loss is nan; .*halves 5[,)].*lower optimizer\.lr"):
        losses(training)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        ({"batch": 1}, "batch normalisation needs 2 images or more at once, got 1"),
        ({"batch": 4, "accumulate": 4}, "got 1: batch 4 over 1 process"),
        ({"batch": 20}, "an epoch has 18 images, less than a batch of 20"),
        ({"devices": 4, "device": "cuda"}, "run.devices: 4 x cuda asked for, this machine has"),
    ],
)
def test_what_cannot_be_is_said_at_once(run: dict[str, Any], message: str) -> None:
    if "devices" in run and torch.cuda.device_count() >= 4:
        pytest.skip("has as many")
    with pytest.raises(TrainingError, match=message):
        trainer(**run)


SHARED = """
import json, sys, warnings
warnings.simplefilter("ignore")
sys.path.insert(0, {folder!r})
import test_training_loop as loop
training = loop.trainer(devices=2, sync_batchnorm=True, ema=0.9, lr=2e-4)
seen = loop.losses(training)
state = training.state()
if training._fabric.is_global_zero:
    print(json.dumps([seen, loop.statistics(training), len(state["random"])]))
"""


def statistics(training: Trainer) -> list[float]:
    """Return the averaged running statistics of the batch normalisations."""
    return [float(v.sum()) for k, v in training.judged.state_dict().items() if "running" in k]


def test_two_processes_give_the_curve_of_one(tmp_path: Path) -> None:
    """Batch statistics, the number of valid pixels and the gradients are those of the whole batch."""
    alone = trainer(ema=0.9, lr=2e-4)
    expected = losses(alone)
    script = tmp_path / "shared.py"
    script.write_text(SHARED.format(folder=str(Path(__file__).parent)))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = Path(__file__).resolve().parents[2]
    common = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": "2"}
    common |= {"LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "test", "OMP_NUM_THREADS": "1"}
    common |= {"PYTHONPATH": str(root)}
    processes = [
        subprocess.Popen(
            [sys.executable, str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | common | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank in (0, 1)
    ]
    said = [process.communicate(timeout=120) for process in processes]
    assert [process.returncode for process in processes] == [0, 0], said
    seen, shared, states = json.loads(said[0][0])
    assert seen == pytest.approx(expected, rel=1e-5)
    assert shared == pytest.approx(statistics(alone), rel=1e-4, abs=1e-5)
    assert states == 2
