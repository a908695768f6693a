"""`dvemap probe` as a user types it: fitted and trained, judged, interrupted, and what can be wrong."""

import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from student import load_probe

Cli = Callable[..., Any]
SMALL = ("--set", "encoder.size=32x64", "--set", "encoder.runtime=onnx")
SHORT = (*SMALL, "--set", "augment.size=[32,64]", "--set", "run.batch=2", "--init", "random")


@pytest.fixture
def fast(cli: Cli, checkpoint: Path, room: Path, tmp_path: Path) -> Any:
    """A probe that was fitted, and what was said."""
    return cli("probe", checkpoint, room, "-o", tmp_path / "fast.pth", "--fast", "--stride", 8, "--val", room,
               "--val-stride", 16, *SMALL, "--json")  # fmt: skip


def test_a_fitted_probe_and_eval_frames_agree(
    cli: Cli, fast: Any, checkpoint: Path, room: Path, tmp_path: Path
) -> None:
    said = fast.json
    probe = load_probe(tmp_path / "fast.pth")
    assert probe.names == said["classes"]
    assert probe.weight.shape == (len(said["classes"]), 20)
    assert not set(said["absent"]) & set(said["classes"])
    content = torch.load(tmp_path / "fast.pth", weights_only=True)
    assert content["provenance"]["data"] == f'["{room}"]'
    assert content["logs"]["miou"] == pytest.approx(said["val"]["miou"])
    judged = cli("eval", "frames", room, "--encoder", checkpoint, "--probe", tmp_path / "fast.pth",
                 "--stride", 16, *SMALL, "--json").json  # fmt: skip
    assert judged["decoders"]["probe"]["accuracy"] == pytest.approx(said["val"]["accuracy"])
    assert judged["decoders"]["probe"]["miou"] == pytest.approx(said["val"]["miou"])
    assert said["val"]["accuracy"] > 0.3  # random features; walls and floor are most of it


def test_its_kinds_are_candidates_too(
    cli: Cli, fast: Any, checkpoint: Path, room: Path, tmp_path: Path
) -> None:
    """Beside those in the frames; a kind without a name here is named."""
    words = ("eval", "frames", room, "--encoder", checkpoint, *SMALL, "--stop", 1)
    judged = cli(*words, "--probe", tmp_path / "fast.pth", "--json").json
    assert judged["class_list"] == "kinds in the frames and of the probe"
    assert set(fast.json["classes"]) <= set(judged["class_names"])
    np.savez(tmp_path / "other.npz", weight=np.ones((1, 20), np.float32), names=np.array(["griffin"]))
    assert "label_names.txt has no 'griffin'" in cli(*words, "--probe", tmp_path / "other.npz").error
    described = cli("info", tmp_path / "fast.pth")
    assert "classes" in described.out
    assert "wall, " in described.out


def test_a_trained_probe_interrupted_and_resumed(
    cli: Cli, checkpoint: Path, room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("probe", checkpoint, room, "--stride", 8, "--epochs", 3, *SHORT)
    whole, output = tmp_path / "whole.pth", tmp_path / "probe.pth"
    ran = cli(*words, "-o", whole)
    assert re.search(r"trained from random, 3 epochs of 2 x 2", ran.out)
    assert "epoch 3/3: loss " in ran.err
    assert "Next: dvemap eval frames" in ran.out
    assert [path.name for path in tmp_path.iterdir()] == ["whole.pth"]

    from student.probing.probe_trainer import ProbeTrainer

    real = ProbeTrainer._take_step

    def press(self: ProbeTrainer, batch: Any) -> Any:
        taken = real(self, batch)
        if taken.number == 2:
            signal.raise_signal(signal.SIGINT)
        return taken

    monkeypatch.setattr(ProbeTrainer, "_take_step", press)
    stopped = cli(*words, "-o", output)
    assert stopped.status == 130
    assert "stopped and saved after 1 of 3 epochs" in stopped.out
    assert not output.exists()
    monkeypatch.setattr(ProbeTrainer, "_take_step", real)
    assert "holds an earlier run; go on with it by --resume" in cli(*words, "-o", output).error
    changed = cli(*words, "-o", output, "--resume", "--set", "optimizer.lr=1")
    assert "had other settings: optimizer" in changed.error
    assert cli(*words, "-o", output, "--resume").status == 0
    np.testing.assert_array_equal(load_probe(output).weight, load_probe(whole).weight)
    assert not output.with_name("probe.pth.part").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--resume"], "--resume needs the state of an earlier run"),
        (["--init", "text"], "has no text encoder"),
        (["--init", "menas"], "--init must be one of random, text, means or a file, got 'menas'"),
        (["--init", "other.npz"], "is of embeddings of 3 numbers, those of student-"),
        (["-o", "probe.npz"], "expected a name ending in .pth"),
        (["--format", "nicr"], "--format must be one of nicr-nyuv2"),
        (["--set", "run.epoch=3"], "unknown setting 'run.epoch'; did you mean 'run.epochs'?"),
        (["--classes", "40"], "its labels have"),
        (["--stride", "40"], "an epoch has 1 images, less than a batch of 4"),
    ],
)
def test_wrong_requests_are_refused_early(
    cli: Cli,
    checkpoint: Path,
    room: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    words: list[str],
    said: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    np.savez("other.npz", weight=np.ones((5, 3), np.float32))
    assert said in cli("probe", checkpoint, room, "-o", "probe.pth", "--stride", 8, *words).error


def test_data_that_do_not_belong_together(
    cli: Cli, tiny: Path, checkpoint: Path, room: Path, painted: Path, tmp_path: Path
) -> None:
    words = ("-o", tmp_path / "probe.pth", "--fast")
    assert re.search(r"has 4 classes, \S+ \d+; a probe needs data of one vocabulary",
                     cli("probe", checkpoint, room, painted, *words).error)  # fmt: skip
    assert "has 4 classes" in cli("probe", checkpoint, room, *words, "--val", painted).error
    assert (
        "training sees augmented images and needs the checkpoint"
        in cli("probe", tiny, painted, "-o", tmp_path / "probe.pth").error
    )
    for path in (painted / "label-filt").iterdir():
        cv2.imwrite(str(path), np.uint16(2 * (cv2.imread(str(path), cv2.IMREAD_UNCHANGED) == 2)))
    assert "but the label images show green alone" in cli("probe", tiny, painted, *words).error


def test_any_network_can_be_probed_fast(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    ran = cli("probe", tiny, painted, "-o", tmp_path / "probe.pth", "--fast", "--val", painted, "--json")
    assert ran.json["classes"] == ["red", "green", "blue"]  # none is "unseen"
    assert ran.json["absent"] == ["unseen"]
    assert ran.json["val"]["miou"] > 0.95


@pytest.fixture
def nyuv2(painted: Path, tmp_path: Path) -> Path:
    """The painted frames as a data set in NICR layout, of which blue occurs in the test split alone."""
    root = tmp_path / "nyuv2"
    for split, frames, colors in (("train", (0, 1), (1, 5, 0)), ("test", (2,), (1, 5, 9))):
        for part in ("rgb", "depth_raw", "semantic_40", "instance"):
            (root / split / part).mkdir(parents=True)
        for index in frames:
            name = f"{index:04d}.png"
            label = cv2.imread(str(painted / "label-filt" / f"{index}.png"), cv2.IMREAD_UNCHANGED)
            label = np.uint8([0, *colors])[label[1::2, 1::2]]
            cv2.imwrite(str(root / split / "semantic_40" / name), label)
            cv2.imwrite(str(root / split / "instance" / name), np.zeros_like(label))
            for part, image in (("rgb", "color"), ("depth_raw", "depth")):
                content = (painted / image / f"{index}.png").read_bytes()
                (root / split / part / name).write_bytes(content)
        (root / f"{split}.txt").write_text("".join(f"{index:04d}\n" for index in frames))
    return root


def test_data_in_nicr_layout(cli: Cli, tiny: Path, nyuv2: Path, tmp_path: Path) -> None:
    """The training split is probed, the test split judged, by all 40 classes."""
    output = tmp_path / "probe.pth"
    ran = cli("probe", tiny, nyuv2, "-o", output, "--fast", "--val", nyuv2, "--json")
    said = ran.json
    assert (len(said["classes"]), len(said["absent"])) == (40, 38)
    assert re.search(r"unseen +floor, cabinet, .* and 34 more: in no image", ran.err)
    assert said["val"]["unknown"] == []
    iou = {row["name"]: row["iou"] for row in said["val"]["classes"]}
    assert set(iou) == {"wall", "chair", "window"}
    assert iou["window"] == 0
    assert iou["wall"] > 0.4
    judged = cli("eval", "frames", nyuv2, "--encoder", tiny, "--probe", output, "--no-text", "--json").json
    assert (judged["class_list"], judged["frames"]) == ("nyuv2, 40 classes", 1)
    assert judged["decoders"]["probe"]["miou"] == pytest.approx(said["val"]["miou"])
    assert judged["decoders"]["probe"]["confusion"]["ids"] == list(range(1, 41))
    words = ("eval", "frames", nyuv2, "--encoder", tiny, "--probe", output, "--no-text", "--json")
    assert cli(*words, "--split", "train").json["frames"] == 2
    assert "judged by their own classes" in cli(*words, "--classes", "list.txt").error
    assert "with 40 classes, got 20" in cli(*words, "--classes", "scannet-20").error
