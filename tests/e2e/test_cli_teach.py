"""`dvemap teach` as a user types it: both teachers, both kinds of data, and runs that end early."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from student.teacher.alpha_clip import AlphaClip, AlphaClipShape
from student.teacher.auxiliary import AuxiliaryFolder

Cli = Callable[..., Any]
SAMPLES = 6


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Write the two files of a tiny Alpha-CLIP."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    network = AlphaClip(AlphaClipShape(32, 8, 64, 1, 16, 64, 1, 77, 49408))
    state = network.state_dict()
    named = {official: state[key] for key, official in network.official_keys().items()}
    visual = {k.removeprefix("visual."): v for k, v in named.items() if k.startswith("visual.")}
    torch.save(visual, folder / "alpha.pth")
    torch.save({k: v for k, v in named.items() if not k.startswith("visual.")}, folder / "base.pt")
    return folder / "alpha.pth", folder / "base.pt"


@pytest.fixture
def nyuv2(tmp_path: Path) -> Path:
    """Write a tiny NYUv2 as the NICR tools prepare it."""
    root = tmp_path / "nyuv2"
    names = [f"{i:04d}" for i in range(SAMPLES)]
    for split, listed in (("train", names[:-2]), ("test", names[-2:])):
        (root / f"{split}.txt").parent.mkdir(exist_ok=True)
        (root / f"{split}.txt").write_text("\n".join(listed) + "\n")
        for number, name in enumerate(listed):
            rng = np.random.default_rng(number)
            images = {
                "rgb": rng.integers(0, 256, (24, 32, 3), dtype=np.uint8),
                "depth_raw": rng.integers(500, 4000, (24, 32)).astype(np.uint16),
                "semantic_40": np.repeat([[1], [5], [2]], 8, axis=0).repeat(32, axis=1).astype(np.uint8),
                "instance": np.repeat([[0], [number + 1], [0]], 8, axis=0)
                .repeat(32, axis=1)
                .astype(np.uint16),
            }
            for kind, image in images.items():
                (root / split / kind).mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(root / split / kind / f"{name}.png"), image)
    return root


def embed(texts: Sequence[str]) -> np.ndarray:
    """Give each text a direction of its own."""
    seeds = [list(text.encode()) for text in texts]
    return np.stack([np.random.default_rng(seed).normal(size=384) for seed in seeds]).astype(np.float32)


@pytest.fixture
def words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Put a text encoder of 384 numbers in the place of all-MiniLM-L6-v2, with a memory of its own."""
    monkeypatch.setattr("student.minilm.load", lambda: embed)
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))


def content(root: Path) -> dict[str, list[Any]]:
    """Read all embeddings below a folder."""
    read = {}
    for file in sorted(root.rglob("*.npz")):
        with np.load(file) as arrays:
            read[file.relative_to(root).as_posix()] = [(key, arrays[key].tolist()) for key in arrays.files]
    return read


def test_alpha_clip_teaches_nyuv2(cli: Cli, nyuv2: Path, weights: tuple[Path, Path]) -> None:
    alpha, base = weights
    made = cli("teach", nyuv2, "--alpha-clip", alpha, "--base", base, "--device", "cpu")
    assert made.status == 0, made.err
    assert "nicr-nyuv2, train, 4 samples, 40 classes" in made.err
    assert "Next: dvemap train" in made.out
    estimator = re.search(r"teacher: (alpha_clip__[0-9a-f]{8})", made.err)[1]  # type: ignore[index]
    folder = AuxiliaryFolder(nyuv2, "test", "40", estimator)
    read = folder.read("0005")
    assert list(read.segments) == [65536, 2 * 65536, 5 * 65536 + 1]
    assert {vector.shape for vector in (read.image, *read.segments.values())} == {(16,)}
    assert "a detailed photo of a void" in folder.read_texts()
    assert len(folder.read_texts()) == 41
    (run,) = json.loads((nyuv2 / "creation_meta.json").read_text())
    assert run["additional_meta"]["auxiliary_panoptic_embedding_estimators"] == [estimator]
    assert run["additional_meta"]["auxiliary_panoptic_embedding_semantic_n_classes"] == [40]

    first = content(nyuv2)
    again = cli("teach", nyuv2, "--alpha-clip", alpha, "--base", base, "--split", "train", "--json")
    assert again.json["splits"]["train"] | {"seconds": 0} == {
        "samples": 0,
        "segments": 0,
        "kept": 4,
        "faults": [],
        "seconds": 0,
    }
    assert content(nyuv2) == first
    assert len(json.loads((nyuv2 / "creation_meta.json").read_text())) == 1


def test_captions_teach_a_flat(cli: Cli, words: None, room: Path, tmp_path: Path) -> None:
    """A generated scene says what its objects look like; its walls are walls."""
    flat = tmp_path / "flat"
    shutil.copytree(room, flat)
    minilm = ("teach", flat, "--text-encoder", "minilm", "--stride", 7)
    made = cli(*minilm, "--json")
    assert made.status == 0, made.err
    (run,) = made.json["splits"].values()
    assert run["samples"] == 6
    folder = AuxiliaryFolder(flat, "auxiliary", str(_classes(flat)), "captions__minilm")
    read = folder.read("7")
    assert not read.image.any()
    captions = {thing["caption"] for thing in json.loads((flat / "objects.json").read_text())}
    said = dict(zip(phrases := [*captions, "wall", "floor", "ceiling"], embed(phrases), strict=True))
    named = {segment: nearest(vector, said) for segment, vector in read.segments.items()}
    assert {name for name, cosine in named.values()} & captions
    assert all(cosine > 0.9999 for _, cosine in named.values())
    assert all(name not in captions for segment, (name, _) in named.items() if segment % 65536 == 0)

    refused = cli(*minilm, "--captions", "names")
    assert "with another captions; write all of them again with --overwrite" in refused.error
    assert cli(*minilm, "--captions", "names", "--overwrite").status == 0
    plain = folder.read("7").segments
    kinds = (flat / "label_names.txt").read_text().split("\n")
    chosen = next(segment for segment, (name, _) in named.items() if name in captions)
    kind = kinds[chosen // 65536 - 1].split("\t")[1]
    np.testing.assert_allclose(plain[chosen], embed([kind])[0] / np.linalg.norm(embed([kind])), atol=1e-6)

    (tmp_path / "said.json").write_text(json.dumps({"65535": "a purple thing"}))
    assert cli(*minilm, "--captions", tmp_path / "said.json", "--overwrite").status == 0
    assert folder.read("7").segments.keys() == plain.keys()


def nearest(vector: np.ndarray, said: dict[str, np.ndarray]) -> tuple[str, float]:
    cosines = {name: float(vector @ one / np.linalg.norm(one)) for name, one in said.items()}
    best = max(cosines, key=cosines.__getitem__)
    return best, cosines[best]


def _classes(flat: Path) -> int:
    return len([line for line in (flat / "label_names.txt").read_text().splitlines() if line.strip()])


# A process started in the background may have inherited that Ctrl-C is ignored.
PROGRAM = """
import signal
import time
import numpy as np
import student.minilm
from dvemap.cli import main
from student.teacher.captions import CaptionTeacher
student.minilm.load = lambda: lambda texts: np.stack(
    [np.random.default_rng(list(text.encode())).normal(size=384) for text in texts]
).astype(np.float32)
fast = CaptionTeacher.embed
def slow(*given):
    print("embedding", flush=True)
    time.sleep(0.2)
    return fast(*given)
CaptionTeacher.embed = slow
signal.signal(signal.SIGINT, signal.default_int_handler)
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


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGINT])
def test_a_run_that_ends_early_leaves_whole_files_and_is_taken_up(
    cli: Cli, nyuv2: Path, words: None, sent: signal.Signals
) -> None:
    options = ("teach", nyuv2, "--text-encoder", "minilm")
    disturbed = start(*options)
    assert disturbed.stdout is not None
    seen = 0
    for line in disturbed.stdout:
        seen += line.startswith("embedding")
        if seen == 3:
            disturbed.send_signal(sent)
            break
    _, errors = disturbed.communicate(timeout=60)
    assert disturbed.returncode == (130 if sent == signal.SIGINT else -sent), errors
    assert "Traceback" not in errors
    there = content(nyuv2)  # each opens
    assert 4 <= len(there) <= 6  # two files a sample
    resumed = cli(*options, "--json")
    assert resumed.status == 0, resumed.err
    assert 2 <= resumed.json["splits"]["train"]["kept"] <= 3
    whole = content(nyuv2)
    assert {file: whole[file] for file in there} == there
    assert len(whole) == 2 * SAMPLES
    assert cli(*options, "--overwrite").status == 0
    assert content(nyuv2) == whole


def test_estimated_depth(cli: Cli, nyuv2: Path, words: None, monkeypatch: pytest.MonkeyPatch) -> None:
    class Flat:
        estimator = "flat__room"

        def __init__(self, model: str, device: str | None) -> None:
            assert (model, device) == ("large", "cpu")

        def estimate(self, rgb: np.ndarray) -> np.ndarray:
            return np.full(rgb.shape[:2], 1000 + 100 * (rgb[0, 0, 0] > 99), np.uint16)

    monkeypatch.setattr("student.teacher.depth.DepthEstimator", Flat)
    made = cli("teach", nyuv2, "--depth", "large", "--device", "cpu", "--json")
    assert made.status == 0, made.err
    assert made.json["depth"]["train"]["samples"] == 4
    (run,) = json.loads((nyuv2 / "creation_meta.json").read_text())
    noted = run["additional_meta"]["auxiliary_depth_stats"]["flat__room"]
    assert noted["train"] == made.json["depth"]["train"]["statistics"]
    assert set(noted) == {"train", "test"}
    assert run["additional_meta"]["auxiliary_depth_estimators"] == ["flat__room"]
    image = cv2.imread(str(nyuv2 / "train" / "depth_flat__room" / "0000.png"), cv2.IMREAD_UNCHANGED)
    assert image.dtype == np.uint16
    for split in ("train", "test"):
        shutil.rmtree(nyuv2 / split / "depth_raw")
    assert cli("teach", nyuv2, "--text-encoder", "minilm").status == 0  # any depth will do


def test_what_is_wrong_is_said_in_one_line(
    cli: Cli, nyuv2: Path, weights: tuple[Path, Path], room: Path, tmp_path: Path
) -> None:
    alpha, base = weights
    teacher = ("--alpha-clip", alpha, "--base", base, "--device", "cpu")
    assert "no such file or directory" in cli("teach", tmp_path / "nothing", *teacher).error
    (tmp_path / "empty").mkdir()
    assert "no labelled sequence here" in cli("teach", tmp_path / "empty", *teacher).error
    assert "did you mean 'train'" in cli("teach", nyuv2, "--split", "trian", *teacher).error
    assert "--format must be one of nicr-nyuv2," in cli("teach", nyuv2, "--format", "nyu", *teacher).error
    renamed = nyuv2.rename(tmp_path / "data")
    assert (
        "which data set in NICR layout is it? Say so with --format" in cli("teach", renamed, *teacher).error
    )
    assert "a sequence has depth" in cli("teach", room, "--depth", "small").error
    swapped = cli("teach", renamed, "--format", "nicr-nyuv2", "--alpha-clip", base, "--base", alpha)
    assert "holds no image tower of Alpha-CLIP" in swapped.error
    (renamed / "train" / "rgb" / "0001.png").write_bytes(b"no picture")
    partly = cli("teach", renamed, "--format", "nicr-nyuv2", *teacher)
    assert "1 sample(s) could not be used, the others are written; the first, train: 0001" in partly.error
    for misuse in (
        ("teach", renamed),
        ("teach", renamed, *teacher, "--text-encoder", "minilm"),
        ("teach", renamed, *teacher, "--captions", base),
    ):
        assert cli(*misuse).status == 2
