"""The student benchmark: its count of operations, its comparison, and a whole run on a tiny network."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from dvemap.bench.student_bench import bench_student, compare, random_weights, student_flops
from dvemap.bench.student_contender import ContenderError, ContenderProcess
from dvemap.engines import spread
from student.checkpoints import load_checkpoint, save_checkpoint
from student.networks.config import CONFIGS, StudentConfig
from student.networks.dveformer import build

SIZE = (64, 96)


@pytest.mark.parametrize(
    ("name", "gflop"), [("dveformer-fullres", 253.847), ("dveformer-reducedres", 127.743)]
)
def test_operations_of_the_published_networks(name: str, gflop: float) -> None:
    """The figures that torch's own counter gave for the official code."""
    assert student_flops(CONFIGS[name], (480, 640)) / 1e9 == pytest.approx(gflop, abs=5e-4)


def test_comparison_is_of_embeddings() -> None:
    draw = np.random.default_rng(0)
    wanted = draw.standard_normal((2, 3, 4, 6)).astype(np.float32)
    wanted /= np.linalg.norm(wanted, axis=3, keepdims=True)
    assert compare(wanted, wanted) == (0.0, pytest.approx(1.0))
    head = draw.standard_normal((6, 6)).astype(np.float32)
    codes = wanted @ np.linalg.inv(head).T
    assert compare(wanted, codes.astype(np.float32), head) == (pytest.approx(0, abs=1e-4), pytest.approx(1.0))
    turned = wanted.copy()
    turned[0] = -turned[0]
    assert compare(wanted, turned) == (pytest.approx(2**0.5), pytest.approx(0.0, abs=1e-6))
    assert compare(wanted, 1.5 * wanted) == (pytest.approx(0.5), pytest.approx(1.0))


def test_random_weights_depend_on_names_alone(tmp_path: Path, tiny_config: StudentConfig) -> None:
    one, two = (load_checkpoint(random_weights(tmp_path / f"{i}.safetensors", tiny_config)) for i in range(2))
    assert one.config == tiny_config
    for name, value in one.state_dict().items():
        assert torch.equal(value, two.state_dict()[name])
    rgb, depth = torch.zeros(1, 3, *SIZE), torch.zeros(1, 1, *SIZE)
    with torch.inference_mode():
        assert 0.1 < one(rgb, depth).std() < 10


def test_a_tiny_run_gives_all_figures(
    tmp_path: Path, deterministic: SimpleNamespace, tiny_config: StudentConfig
) -> None:
    path = tmp_path / "tiny.safetensors"
    save_checkpoint(deterministic.fill(build(tiny_config)).eval(), path)
    draw = np.random.default_rng(0)
    images = [
        (draw.integers(0, 256, (*SIZE, 3), dtype=np.uint8), draw.uniform(1, 4, SIZE).astype(np.float32))
        for _ in range(2)
    ]
    told: list[str] = []
    figures = bench_student(
        path,
        tiny_config,
        images,
        runtimes=["onnx", "onnx-int8"],
        threads=1,
        rounds=2,
        watch=lambda done, total, note: told.append(f"{done}/{total} {note}"),
    )
    assert figures["gflop"] == pytest.approx(student_flops(tiny_config, SIZE) / 1e9)
    run = figures["runtimes"]["onnx"]
    assert run["ratio"] == pytest.approx(figures["eager_ms"] / run["ms"])
    assert run["gemm_share"] == pytest.approx(run["gflops"] / figures["gemm_gflops"])
    assert run["rel_rms"] < 1e-3
    assert run["cosine"] > 0.9999
    assert 20 < run["peak_mb"] < figures["eager_peak_mb"]  # no torch in it
    assert "int8 must be calibrated" in figures["runtimes"]["onnx-int8"]["error"]
    assert (told[0], told[-1]) == ("0/6 starting gemm", "6/6 comparing")


def test_unknown_runtimes_are_named(tmp_path: Path, tiny_config: StudentConfig) -> None:
    images = [(np.zeros((*SIZE, 3), np.uint8), np.ones(SIZE, np.float32))]
    with pytest.raises(ValueError, match=r"runtimes on cpu must be of torch, .* got 'tensorrt'"):
        bench_student(tmp_path / "tiny.safetensors", tiny_config, images, runtimes=["tensorrt"])


def test_a_contender_that_fails_says_why(tmp_path: Path) -> None:
    job = {"kind": "runtime", "threads": 1, "device": "cpu", "frames": "none.npz", "batch": 1}
    job["source"] = str(tmp_path / "missing.safetensors")
    with pytest.raises(ContenderError, match=r"missing\.safetensors"):
        ContenderProcess({**job, "options": {"runtime": "onnx"}})
    with pytest.raises(ContenderError, match="ended with status 1: KeyError: 'options'"):
        ContenderProcess(job)


def test_frames_that_int8_is_calibrated_on_are_not_those_that_judge_it() -> None:
    assert spread(3, 6) == [0, 2, 5]
    assert spread(16, 6, beside=[0, 2, 5]) == [1, 3, 4]
    assert spread(2, 100, beside=[0, 99]) == [1, 98]
    assert spread(4, 2, beside=[0, 1]) == []
