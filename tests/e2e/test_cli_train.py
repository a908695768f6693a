"""`dvemap train` as a user types it: a run, its folder, runs that end early, and what can be wrong."""

import json
import os
import shutil
import signal
import subprocess
import sys
import types
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import yaml
from safetensors import safe_open

Cli = Callable[..., Any]

SETTINGS: dict[str, Any] = {
    "teacher": {"estimator": "captions__minilm", "text_encoder": None},
    "network": {
        "rgb_channels": 12,
        "depth_channels": 4,
        "depths": [1, 1, 1, 1],
        "head_channels": 8,
        "window": 4,
        "context_channels": 8,
        "main_channels": 8,
        "skip_channels": [8, 8, 8],
        "fuse_channels": 16,
        "bottleneck": 8,
        "embedding_dim": 384,
        "drop_path": 0.2,
    },
    "augment": {"size": [32, 64], "scale_min": 0.4, "scale_max": 0.6},
    "optimizer": {"lr": 2e-2, "clip": 1.0},
    "schedule": {"per": "step"},
    "run": {"epochs": 3, "batch": 4, "workers": 0, "device": "cpu", "threads": 1, "ema": 0.9},
}


def embed(texts: Sequence[str]) -> np.ndarray:
    """Give each text a direction of its own."""
    seeds = [list(text.encode()) for text in texts]
    return np.stack([np.random.default_rng(seed).normal(size=384) for seed in seeds]).astype(np.float32)


@pytest.fixture(autouse=True)
def cache_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Keep the stand-in's embeddings out of the cache that other tests share."""
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path_factory.getbasetemp() / "train-cache"))


@pytest.fixture(scope="module")
def taught(room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a room that a teacher has seen every second frame of."""
    from dvemap.cli import main

    flat = tmp_path_factory.mktemp("taught") / "flat"
    shutil.copytree(room, flat)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVEMAP_CACHE", str(tmp_path_factory.getbasetemp() / "train-cache"))
        patch.setattr("student.minilm.load", lambda: embed)
        with pytest.raises(SystemExit) as left:
            main(["teach", str(flat), "--text-encoder", "minilm", "--stride", "2"])
    assert left.value.code == 0
    return flat


@pytest.fixture
def config(taught: Path, tmp_path: Path) -> Path:
    data = {"path": str(taught), "stride": 2}
    validation = {"data": {"path": str(taught), "stride": 10}, "every": 2, "panels": 2}
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump({**SETTINGS, "data": [data], "validation": validation}))
    return path


def test_a_run_and_its_folder(cli: Cli, config: Path, taught: Path, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    ran = cli("train", config, "-o", folder, "--json")
    assert ran.status == 0, ran.err
    record = ran.json
    assert (record["epochs"], record["steps"]) == (3, 15)
    losses = [row["loss"] for row in record["history"]]
    assert losses[-1] < losses[0] - 0.1
    figures = {"text", "means", "probe", "validation_loss"}
    assert [figures & row.keys() for row in record["history"]] == [set(), figures, figures]
    assert all(0 < row["probe"] <= 1 for row in record["history"][1:])
    assert "probe mIoU 0." in ran.err
    assert record["best"]["value"] == max(row.get("text", 0) for row in record["history"])
    assert all(row["frames_per_second"] > 0 for row in record["history"])
    assert "images: flat 20, 20 an epoch; judged on 4; 3 epochs of 5 x 4" in ran.err
    assert "epoch 2/3: loss 0." in ran.err
    assert json.loads((folder / "history.json").read_text()) == record["history"]

    resolved = yaml.safe_load((folder / "config.yaml").read_text())
    assert (resolved["optimizer"]["lr"], resolved["optimizer"]["weight_decay"]) == (0.02, 1e-4)
    assert len(list((folder / "tensorboard").glob("events*"))) == 1
    panels = sorted(path.name for path in (folder / "panels").iterdir())
    assert panels == ["epoch-0002.png", "epoch-0003.png"]
    panel = cv2.imread(str(folder / "panels" / panels[0]))
    assert panel is not None
    assert panel.shape[1] > 1500

    with safe_open(folder / "best.safetensors", "np") as file:
        notes = file.metadata()
    assert (notes["space"], notes["size"]) == ("captions__minilm", "32x64")
    assert json.loads(notes["training"]) == resolved
    seen = cli("predict", taught, "-o", tmp_path / "seen", "--encoder", folder / "best.safetensors",
               "--stop", "1", "--set", "encoder.size=32x64")  # fmt: skip
    assert seen.status == 0, seen.err

    again = cli("train", config, "-o", folder)
    assert "holds an earlier run; go on with it by --resume" in again.error
    assert "has other settings: optimizer.lr was 0.02, is 0.1" in cli(
        "train", config, "-o", folder, "--resume", "--set", "optimizer.lr=0.1"
    ).error  # fmt: skip


PROGRAM = """
import sys, time
from dvemap.cli import main
from student.training.trainer import Trainer
fast = Trainer._take_step
def slow(*given):
    print("step", flush=True)
    time.sleep(0.1)
    return fast(*given)
Trainer._take_step = slow
main()
"""


def start(*words: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )


def content(path: Path) -> dict[str, np.ndarray]:
    with safe_open(path, "np") as file:
        return {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_early_goes_on_bit_for_bit(
    cli: Cli, config: Path, tmp_path: Path, sent: signal.Signals
) -> None:
    options = ("--set", "validation=null", "--set", "run.save_minutes=1e-4")  # a state after each step
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    expected = cli("train", config, "-o", whole, *options, "--json").json
    disturbed = start("train", config, "-o", cut, *options)
    assert disturbed.stdout is not None
    seen = 0
    for line in disturbed.stdout:
        seen += line.startswith("step")
        if seen == 8:  # in the second epoch
            disturbed.send_signal(sent)
            break
    said, errors = disturbed.communicate(timeout=60)
    assert disturbed.returncode == (130 if sent == signal.SIGINT else -sent), errors
    assert "Traceback" not in errors
    if sent == signal.SIGINT:
        assert "stopped and saved after 1 of 3 epochs" in said
        assert "--resume" in said
    resumed = cli("train", config, "-o", cut, *options, "--resume", "--json")
    assert resumed.status == 0, resumed.err
    assert [row["loss"] for row in resumed.json["history"]] == [row["loss"] for row in expected["history"]]
    ours, theirs = content(cut / "last.safetensors"), content(whole / "last.safetensors")
    assert all(np.array_equal(ours[key], theirs[key]) for key in theirs)
    assert not list(cut.glob(".*"))


def test_what_is_wrong_is_said_in_one_line(
    cli: Cli, config: Path, taught: Path, room: Path, tmp_path: Path
) -> None:
    def error(*settings: str) -> str:
        words = [word for setting in settings for word in ("--set", setting)]
        said: str = cli("train", config, "-o", tmp_path / "run", *words).error
        return said

    assert "unknown setting 'run.epoch'; did you mean 'run.epochs'" in error("run.epoch=3")
    assert "20 of its 40 samples have no embeddings of the teacher captions__minilm" in error(
        "data.0.stride=1"
    )
    assert f"`dvemap teach {taught} --text-encoder NAME`" in error("data.0.stride=1")
    assert "set network.embedding_dim=384" in error("network.embedding_dim=768")
    assert "no such file or directory" in error("data.0.path=nowhere")
    assert "its labels have" in error("data.0.classes=3")
    assert "an epoch has 20 images, less than a batch of 24" in error("run.batch=24")
    assert "start.backbone: swin-multi-t-v2-128-imagenet is not in the cache" in error(
        "start.backbone=swin-multi-t-v2-128-imagenet"
    )
    assert "run.wandb: the package is not installed" in error("run.wandb=mine")
    assert not (tmp_path / "run" / "state.pt").exists()
    resumed = cli("train", config, "-o", tmp_path / "nothing", "--resume")
    assert "--resume needs an earlier run's state.pt, there is none" in resumed.error
    assert "no such file or directory" in cli("train", tmp_path / "absent.yaml").error


def test_other_classes_to_judge_by_are_refused(cli: Cli, config: Path, painted: Path, tmp_path: Path) -> None:
    said = cli("train", config, "-o", tmp_path / "run", "--set", f"validation.data.path={painted}")
    assert "has 4 classes" in said.error
    assert "read both with the same classes, or set validation.means=false" in said.error


def test_weights_and_biases_get_the_curves(
    cli: Cli, config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[dict[str, Any]] = []
    fake: Any = types.ModuleType("wandb")
    fake.init = lambda **given: logged.append({"project": given["project"]})
    fake.log = lambda values, step: logged.append(values)
    fake.Image, fake.finish = lambda picture: picture.shape, lambda: logged.append({"finished": 1})
    monkeypatch.setitem(sys.modules, "wandb", fake)
    ran = cli("train", config, "-o", tmp_path / "run", "--set", "run.wandb=mine", "--set", "run.epochs=2")
    assert ran.status == 0, ran.err
    assert (logged[0], logged[-1]) == ({"project": "mine"}, {"finished": 1})
    names = {name for values in logged for name in values}
    assert {"train/loss", "train/lr", "validation/text", "validation/means", "validation/panel"} <= names
