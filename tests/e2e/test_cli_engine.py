"""`dvemap engine` as a user types it."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

Cli = Callable[..., Any]
SIZE = ("--size", "96x128")


def test_an_export_is_described_and_runs(cli: Cli, checkpoint: Path, room: Path, tmp_path: Path) -> None:
    folder = tmp_path / "tiny"
    ran = cli("engine", "onnx", checkpoint, "-o", folder, *SIZE, "--statistics", "scannet")
    assert ran.status == 0, ran.err
    assert f"\nNext: dvemap fuse SEQUENCE -o map.dvm --encoder {folder}\n" in ran.out
    assert "input   96x128, depth statistics scannet\n" in ran.out
    assert "codes   25 numbers every 4 pixels, of 20-d embeddings\n" in ran.out
    assert json.loads((folder / "student.json").read_text())["size"] == [96, 128]
    seen = cli("info", folder, "--json").json
    assert (seen["kind"], seen["code_dim"], seen["statistics"]["name"]) == ("student", 25, "scannet")
    made = cli("fuse", room, "-o", tmp_path / "room.dvm", "--encoder", folder, "--stop", 2, "--json")
    assert made.json["frames"] == 2


def test_without_an_output_it_goes_to_the_cache_once(cli: Cli, checkpoint: Path) -> None:
    first = cli("engine", "onnx", checkpoint, *SIZE, "--json")
    again = cli("engine", "onnx", checkpoint, *SIZE, "--json")
    assert first.json == again.json
    assert "exporting tiny.safetensors to ONNX, once" in first.err
    assert "exporting" not in again.err
    assert first.json["precision"] == "fp32"


def test_int8_is_calibrated_on_a_sequence(cli: Cli, checkpoint: Path, room: Path, tmp_path: Path) -> None:
    folder = tmp_path / "int8"
    words = ("engine", "onnx", checkpoint, *SIZE, "--precision", "int8")
    ran = cli(*words, "-o", folder, "--calibrate", room, "--frames", 4, "--json")
    assert ran.status == 0, ran.err
    assert f"calibration: 4 frames of {room}" in ran.err
    assert ran.json["precision"] == "int8"
    assert "--precision int8 --calibrate" in cli(*words, "-o", folder).error
    assert "name it with --output" in cli(*words, "--calibrate", room).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("{checkpoint}", "--size", "100x128"), "multiples of 32 pixels, got 100x128"),
        (("{checkpoint}", "--size", "big"), "HEIGHTxWIDTH in pixels, as in 480x640, got 'big'"),
        (("{checkpoint}", "--precision", "fp8"), "must be one of fp32, fp16, int8, got 'fp8'"),
        (("{checkpoint}", "--statistics", "kitti"), "must be one of nyuv2, sunrgbd, scannet, hypersim"),
        (("{checkpoint}", "-o", "{tmp}/taken"), "holds cat.png, which would be lost"),
        (("{tmp}/missing.pth",), "missing.pth: no such file"),
        (("{tmp}/text.pth",), "seems to be a text file"),
        (("{tmp}/probe.pth",), "holds no student, it seems to be a linear probe"),
        (("dveformer-reducedress",), "did you mean 'dveformer-reducedres'"),
        (("dveformer-reducedres",), "dvemap weights pull dveformer-reducedres"),
    ],
)
def test_wrong_input_is_one_line(
    cli: Cli, checkpoint: Path, tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "cat.png").touch()
    (tmp_path / "text.pth").write_text("chairs")
    torch.save({"linear_probing_head_state_dict": {"weight": torch.zeros(4, 20)}}, tmp_path / "probe.pth")
    ran = cli("engine", "onnx", *(word.format(checkpoint=checkpoint, tmp=tmp_path) for word in words))
    assert said in ran.error
    assert len(ran.err.splitlines()) == 1


def test_tensorrt_says_what_it_needs(cli: Cli, checkpoint: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    ran = cli("engine", "tensorrt", checkpoint)
    assert "pip install 'dvemap[tensorrt]'" in ran.error
    assert "exporting" not in ran.err
    assert "1 <= least <= best <= most" in cli("engine", "tensorrt", checkpoint, "--best-batch", 9).error


def test_a_built_engine_is_described(
    cli: Cli, checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The build itself is not to be had here; what is asked of it and said of it is."""
    asked: list[Any] = []

    def build_engine(folder: Path, profile: Any, *, progress: Any) -> Path:
        asked.append(profile)
        progress(1, 2, "Building")
        engine = tmp_path / "tiny.engine"
        engine.write_bytes(bytes(np.arange(100, dtype=np.uint8)))
        return engine

    monkeypatch.setattr("student.runtimes.tensorrt_engine.require_device", lambda: None)
    monkeypatch.setattr("student.runtimes.tensorrt_engine.build_engine", build_engine)
    ran = cli("engine", "tensorrt", checkpoint, *SIZE, "--best-batch", 2, "--most-batch", 4, "--json")
    assert ran.status == 0, ran.err
    assert (ran.json["engine"], ran.json["batch"]) == (str(tmp_path / "tiny.engine"), [1, 2, 4])
    assert ran.json["precision"] == "fp16"
    assert (asked[0].best, asked[0].most) == (2, 4)
    shown = cli("engine", "tensorrt", ran.json["folder"]).out
    assert "encoder.runtime=tensorrt" in shown


def test_the_benchmark_compares_runtimes(cli: Cli, checkpoint: Path, room: Path) -> None:
    words = ("bench", "student", "--checkpoint", checkpoint, "--sequence", room, *SIZE, "--threads", 1)
    ran = cli(*words, "--runtimes", "onnx-int8", "--rounds", 1, "--frames", 1, "--json")
    assert ran.status == 0, ran.err
    assert {"eager_ms", "gemm_gflops", "gflop", "device", "threads"} <= set(ran.json)
    assert set(ran.json["runtimes"]) == {"onnx-int8"}
    for run in ran.json["runtimes"].values():
        assert {"ms", "rel_rms", "cosine", "peak_mb", "ratio"} <= set(run)
    assert ran.json["runtimes"]["onnx-int8"]["cosine"] > 0.99
    assert "times faster" in ran.err
    assert "must be of torch" in cli(*words, "--runtimes", "tvm").error
