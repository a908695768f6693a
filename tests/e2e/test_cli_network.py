"""Segmentation networks, as a user types it: `predict --network`, and as encoders of maps."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from student.networks.segmentor import build_segmentor
from student.segmentation.preprocessing import relative_depth

Cli = Callable[..., Any]


@pytest.fixture
def network(shallow: None, deterministic: SimpleNamespace, tmp_path: Path) -> Callable[..., Path]:
    """Write a checkpoint of a small network, as the published ones are."""

    def write(name: str = "dformerv2-small", classes: int = 40, *, sees: int | None = None) -> Path:
        path = tmp_path / f"{name}-{classes}.pth"
        made = deterministic.fill(build_segmentor(name, classes=classes))
        if sees is not None:
            made.decode_head.conv_seg.bias.data[sees] = 99
        torch.save({"model": made.state_dict()}, path)
        return path

    return write


def files_of(painted: Path) -> tuple[Path, Path]:
    return painted / "color" / "0.png", painted / "depth" / "0.png"


def numbers(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as parts:
        return dict(parts)


@pytest.mark.parametrize(("classes", "listed"), [(40, "nyuv2-40"), (37, "sunrgbd-37")])
def test_two_images_get_the_labels_of_the_network(
    cli: Cli, network: Callable[..., Path], painted: Path, tmp_path: Path, classes: int, listed: str
) -> None:
    out = tmp_path / "panel.png"
    words = ("predict", *files_of(painted), "-o", out, "--network", network("dformer-small", classes))
    ran = cli(*words, "--npz", "--json")
    assert ran.status == 0, ran.err
    assert f"{classes} classes of {listed}; torch" in ran.err
    said = ran.json
    assert (said["files"], said["codes"]) == ([str(out.with_suffix(".npz")), str(out)], [32, 48, classes])
    made = numbers(out.with_suffix(".npz"))
    assert set(made) == {"posteriors", "space", "label", "class_ids", "class_names"}
    assert made["posteriors"].dtype == np.float32
    np.testing.assert_allclose(made["posteriors"].sum(axis=2), 1, atol=1e-5)
    np.testing.assert_array_equal(made["label"], 1 + made["posteriors"].argmax(axis=2))
    names = dict(zip(made["class_ids"].tolist(), made["class_names"].tolist(), strict=True))
    assert (len(names), names[1], names[37]) == (classes, "wall", "bag")
    ids, counts = np.unique(made["label"], return_counts=True)
    assert said["classes"] == pytest.approx(
        {names[i]: count / 1536 for i, count in zip(ids, counts, strict=True)}
    )
    panel = cv2.imread(str(out))
    assert panel.shape[1] > 2 * 480


def test_scales_and_flip_change_posteriors_and_repeat(
    cli: Cli, network: Callable[..., Path], painted: Path, tmp_path: Path
) -> None:
    file = network()
    options = {
        "once": (),
        "more": ("--scales", "1,2", "--flip"),
        "again": ("--scales", "1,2", "--flip"),
        "window": ("--scales", "2", "--window", "32x64"),
    }
    made = {}
    for name, words in options.items():
        out = tmp_path / f"{name}.png"
        ran = cli("predict", *files_of(painted), "-o", out, "--network", file, "--npz", "--json", *words)
        assert ran.status == 0, ran.err
        assert ("scale 1, 2, mirrored too" in ran.err) == (name in ("more", "again"))
        made[name] = numbers(out.with_suffix(".npz"))["posteriors"]
    np.testing.assert_array_equal(made["more"], made["again"])
    assert np.abs(made["more"] - made["once"]).max() > 1e-4
    assert np.abs(made["window"] - made["once"]).max() > 1e-4


def test_grey_depth_is_taken_as_it_is(
    cli: Cli, network: Callable[..., Path], painted: Path, tmp_path: Path
) -> None:
    rgb, depth = files_of(painted)
    metres = cv2.imread(str(depth), cv2.IMREAD_UNCHANGED).astype(np.float32) / 1000
    grey = relative_depth(metres)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    cv2.imwrite(str(tmp_path / "rgba.png"), np.dstack([grey] * 3 + [np.full_like(grey, 255)]))
    cv2.imwrite(str(tmp_path / "inverted.png"), 255 - grey)
    file, made = network(), {}
    for image in (depth, *(tmp_path / f"{name}.png" for name in ("grey", "rgba", "inverted"))):
        out = tmp_path / f"{image.stem}-panel.png"
        assert cli("predict", rgb, image, "-o", out, "--network", file, "--npz").status == 0
        made[image.stem] = numbers(out.with_suffix(".npz"))["posteriors"]
    np.testing.assert_array_equal(made["grey"], made["0"])
    np.testing.assert_array_equal(made["rgba"], made["0"])
    assert np.abs(made["inverted"] - made["0"]).max() == 0  # only differences count to this version
    one, other = (cli("predict", rgb, image, "-o", tmp_path / "v1.png", "--network",
                      network("dformer-small"), "--json").json["classes"]
                  for image in (tmp_path / "grey.png", tmp_path / "inverted.png"))  # fmt: skip
    assert one != other
    cv2.imwrite(str(tmp_path / "colours.png"), cv2.applyColorMap(grey, cv2.COLORMAP_JET))
    error = cli("predict", rgb, tmp_path / "colours.png", "-o", tmp_path / "x.png", "--network", file).error
    assert "depth must be a 16-bit image of one channel, got uint8 with 3 channel" in error


def test_a_sequence_is_labelled_and_goes_on(
    cli: Cli, network: Callable[..., Path], painted: Path, tmp_path: Path
) -> None:
    file, folder = network(), tmp_path / "seen"
    words = ("predict", painted, "-o", folder, "--network", file)
    assert cli(*words, "--stop", 2, "--json").json["frames"] == 2
    ran = cli(*words)
    assert "1 (2 were there, 0 skipped)" in ran.out
    assert f"--encoder {file}" in ran.out.splitlines()[-1]
    record = json.loads((folder / "predict.json").read_text())
    assert record["encoder"]["name"].startswith("dformerv2-small-nyuv2-")
    assert record["labels"]["decoder"] == "network"
    assert "holds predictions of another" in cli(*words, "--flip").error


def test_a_map_of_posteriors_answers_words(
    cli: Cli, network: Callable[..., Path], room: Path, tmp_path: Path
) -> None:
    """A network to which everything is a sofa, class 6 of NYUv2: its map finds a couch, and no toilet."""
    file, out = network("dformer-small", sees=5), tmp_path / "room.dvm"
    ran = cli("fuse", room, "-o", out, "--encoder", file, "--stop", 1, "--json")
    assert ran.status == 0, ran.err
    assert re.search(
        r"encoder: dformer-small-nyuv2-[0-9a-f]{8}-posteriors-minilm, 1\.\d M parameters", ran.err
    )
    assert cli("info", out, "--json").json["text_encoder"] == "minilm"
    said = cli("query", out, "couch", "toilet", "--json")
    assert said.status == 0, said.err
    couch, toilet = said.json["queries"]
    assert couch["hits"]
    assert not toilet["hits"]
    labelled = cli("label", out, "-o", tmp_path / "cells.ply", "--classes", "nyuv2-40", "--json").json
    assert set(labelled["cells"]) == {"sofa", "(no label)"}
    other = network("dformer-small", 37)
    words = ("fuse", room, "-o", tmp_path / "b.dvm", "--encoder", other, "--stop", 1)
    assert cli(*words, "--set", "encoder.size=64x96").status == 0
    assert "cannot merge maps" in cli("merge", out, tmp_path / "b.dvm", "-o", tmp_path / "ab.dvm").error


def test_settings_of_students_are_refused(
    cli: Cli, network: Callable[..., Path], room: Path, tmp_path: Path
) -> None:
    words = ("fuse", room, "-o", tmp_path / "room.dvm", "--encoder", network(), "--stop", 1)
    for setting in ("runtime=onnx", "precision=fp16", "depth_statistics=nyuv2"):
        error = cli(*words, "--set", f"encoder.{setting}").error
        assert f"encoder.{setting.partition('=')[0]}: " in error
        assert "is a segmentation network" in error


def test_other_checkpoints_are_named(
    cli: Cli, network: Callable[..., Path], painted: Path, checkpoint: Path, tmp_path: Path
) -> None:
    words = ("predict", *files_of(painted), "-o", tmp_path / "x.png", "--network")
    error = cli(*words, checkpoint).error
    assert "holds no segmentation network, it seems to be a DVEFormer student" in error
    assert "has 20 classes, whose names are unknown" in cli(*words, network("dformer-small", 20)).error
    assert "dvemap weights pull dformerv2-small" in cli(*words, "dformerv2-small").error
    assert "no such file or directory" in cli(*words, tmp_path / "gone.pth").error
    engine = cli("engine", "onnx", network(), "-o", tmp_path / "folder").error
    assert "it seems to be a segmentation network (dformerv2-small, ham decoder, 40 classes)" in engine


@pytest.mark.parametrize(
    "words",
    [
        ("--network", "N", "--encoder", "home"),
        ("--network", "N", "--classes", "nyuv2-40"),
        ("--network", "N", "--probe", "p.npz"),
        ("--network", "N", "--text", "chair"),
        ("--network", "N", "--encoder-cache", "folder"),
        ("--network", "N", "--set", "encoder.size=64x96"),
        ("--network", "N", "--scales", "1;2"),
        ("--network", "N", "--window", "480"),
        ("--scales", "1,2"),
        ("--flip",),
    ],
)
def test_options_that_do_not_go_together_are_a_misuse(
    cli: Cli, painted: Path, tmp_path: Path, words: tuple[str, ...]
) -> None:
    ran = cli("predict", *files_of(painted), "-o", tmp_path / "x.png", *words)
    assert (ran.status, ran.out) == (2, "")


def test_published_files_are_recognised_and_used_by_name(
    cli: Cli,
    network: Callable[..., Path],
    painted: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))
    by_hand = cli("weights", "pull", "dformer-small-sunrgbd")
    assert "fetch SUNRGBD_DFormer_Small.pth with a browser from https://drive.google.com/" in by_hand.err
    ran = cli("weights", "import", network("dformer-small", 37))
    assert ran.status == 0, ran.err
    assert "Next: dvemap predict RGB DEPTH -o panel.png --network dformer-small-sunrgbd" in ran.out
    used = cli("predict", *files_of(painted), "-o", tmp_path / "x.png", "--network", "dformer-small-sunrgbd")
    assert used.status == 0, used.err
