"""Students come back from every container that they are published or saved in."""

import argparse
import io
import json
import logging
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from student.checkpoints import (
    infer_config,
    load_checkpoint,
    read_checkpoint,
    read_state,
    save_checkpoint,
)
from student.checkpoints.kind import describe
from student.checkpoints.shape import empty_student, variant_of
from student.errors import CheckpointError
from student.networks.config import CONFIGS, StudentConfig
from student.networks.dformer_config import DFORMERS
from student.networks.dveformer import DVEFormer, build

TINY = StudentConfig(
    rgb_channels=12,
    depth_channels=4,
    depths=(1, 1, 2, 1),
    head_channels=8,
    window=4,
    context_channels=8,
    main_channels=12,
    skip_channels=(8, 6, 4),
    fuse_channels=10,
    embedding_dim=24,
)
UNUSED_BY_DFORMERS = {
    "rgb_channels": 96,
    "depth_channels": 32,
    "depths": (2, 2, 6, 2),
    "head_channels": 32,
    "window": 8,
}
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def network(deterministic: SimpleNamespace) -> DVEFormer:
    filled: DVEFormer = deterministic.fill(build(TINY)).eval()
    return filled


@pytest.fixture
def state(network: DVEFormer) -> State:
    return dict(network.state_dict())


def published(state: State, **more: Any) -> dict[str, Any]:
    """Return a state in the dict that the official training saves."""
    logs: dict[str, Any] = {
        "valid_miou": torch.tensor(0.4407),
        "lr": 1e-5,
        "time": np.float64(3.5),
        "mean": np.float32(1),
    }
    logs |= {"confusion": np.ones((2, 2), np.int64)}
    scaler = {"scale": 65536.0, "growth_factor": 2.0, "_growth_tracker": 7}
    return {"state_dict": state, "epoch": 249, "logs": logs, "scaler": scaler, **more}


def compiled(state: State) -> State:
    """Return a state under the keys of three compiled modules."""
    return {key.replace(".", "._orig_mod.", 1): value for key, value in state.items()}


def saved(content: Any, **options: Any) -> bytes:
    buffer = io.BytesIO()
    torch.save(content, buffer, **options)
    return buffer.getvalue()


def write_tar(path: Path, mode: str, **members: bytes) -> None:
    with tarfile.open(path, mode) as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))


def write_safetensors(path: Path, state: State) -> None:
    save_file({key: value.contiguous() for key, value in state.items()}, path)


def write_distributed(path: Path, state: State) -> None:
    write_tar(path, "w:gz", **{"mixed/notes.txt": b"weights", "mixed/d.pth": saved(published(state))})


def write_resumable(path: Path, state: State) -> None:
    moments = {"step": torch.tensor(1.0), "exp_avg": torch.ones(3), "exp_avg_sq": torch.ones(3)}
    group = {"lr": 1e-6, "betas": (0.95, 0.999), "foreach": None, "amsgrad": False, "params": [0]}
    optimizer = {"state": {0: moments}, "param_groups": [group]}
    scheduler = {"total_steps": 250, "_last_lr": [1e-6], "last_epoch": 3}
    resume = {"optimizer": optimizer, "lr_scheduler": scheduler}
    torch.save(published(compiled(state), **resume), path)


CONTAINERS: dict[str, Callable[[Path, State], Any]] = {
    "published.pth": lambda path, state: torch.save(published(state), path),
    "compiled.pth": lambda path, state: torch.save(published(compiled(state)), path),
    "resume.pth": write_resumable,
    "renamed.pth": lambda path, state: torch.save(
        {key.replace("encoder.", "fused_encoders."): value for key, value in state.items()}, path
    ),
    "bare.pth": lambda path, state: torch.save(state, path),
    "parameters.pth": lambda path, state: torch.save(
        {k: torch.nn.Parameter(v) if v.is_floating_point() else v for k, v in state.items()}, path
    ),
    "old.pth": lambda path, state: torch.save(published(state), path, _use_new_zipfile_serialization=False),
    "weights.safetensors": write_safetensors,
    "weights.bin": write_safetensors,
    "published.tar.gz": write_distributed,
    "old.tar.xz": lambda path, state: write_tar(
        path, "w:xz", m=saved(published(state), _use_new_zipfile_serialization=False)
    ),
    "plain.tar": lambda path, state: write_tar(path, "w", **{"a/b": saved(compiled(state))}),
}


def run(network: DVEFormer) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    rgb = torch.randn((1, 3, 32, 64), generator=generator)
    depth = torch.randn((1, 1, 32, 64), generator=generator)
    with torch.no_grad():
        output: torch.Tensor = network(rgb, depth)
    return output


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_gives_the_same_network(
    tmp_path: Path, network: DVEFormer, state: State, container: str
) -> None:
    CONTAINERS[container](tmp_path / container, state)
    loaded = load_checkpoint(tmp_path / container)
    assert loaded.config == TINY
    assert not loaded.training
    assert all(not module.training for module in loaded.modules())
    assert list(loaded.state_dict()) == list(state)
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, state[key]), key
    assert torch.equal(run(loaded), run(network))
    assert [path.name for path in tmp_path.iterdir()] == [container]


def test_a_loaded_network_can_be_trained(tmp_path: Path, state: State) -> None:
    torch.save(state, tmp_path / "s.pth")
    loaded = load_checkpoint(tmp_path / "s.pth").train()
    assert all(parameter.requires_grad for parameter in loaded.parameters())
    rgb, depth = torch.randn(2, 3, 32, 32), torch.randn(2, 1, 32, 32)
    loaded(rgb, depth).square().mean().backward()
    assert all(parameter.grad is not None for parameter in loaded.parameters())


def test_options_of_the_training_do_no_harm(tmp_path: Path, state: State) -> None:
    torch.save({"model": state, "args": argparse.Namespace(lr=1e-3, data="/data")}, tmp_path / "s.pth")
    assert load_checkpoint(tmp_path / "s.pth").config == TINY


def test_half_precision_comes_back_as_single(tmp_path: Path, state: State) -> None:
    half = {k: v.to(torch.bfloat16) if v.is_floating_point() else v for k, v in state.items()}
    torch.save(half, tmp_path / "s.pth")
    loaded = load_checkpoint(tmp_path / "s.pth").state_dict()
    assert {value.dtype for value in loaded.values()} == {torch.float32, torch.int64}
    assert all(torch.equal(value, half[key].to(value.dtype)) for key, value in loaded.items())


def test_what_training_noted_is_read_too(tmp_path: Path, state: State) -> None:
    torch.save(published(state), tmp_path / "s.pth")
    checkpoint = read_checkpoint(tmp_path / "s.pth")
    assert (checkpoint.epoch, checkpoint.variant, checkpoint.ignored) == (249, None, ())


@pytest.mark.parametrize(
    "changes",
    [
        {"depths": (2, 1, 3, 1)},
        {"rgb_channels": 16, "depth_channels": 16, "head_channels": 16},
        {"upsamplings": 2},
        {"upsamplings": 1, "bottleneck": 5},
        {"bottleneck": 7, "embedding_dim": 8},
        {"encoder": "residual", "depths": (2, 1, 3, 1), "head_channels": 32, "window": 8},
        {"window": 8, "fuse_channels": 3, "skip_channels": (3, 2, 1), "main_channels": 9},
        {"decoder": "dpt", "fuse_channels": 3, "skip_channels": (128, 64, 64), "main_channels": 256},
        *({"encoder": name, **UNUSED_BY_DFORMERS} for name in DFORMERS),
    ],
    ids=str,
)
def test_a_config_is_read_off_the_shapes(changes: dict[str, Any]) -> None:
    config = StudentConfig.model_validate(TINY.model_dump() | changes)
    state = empty_student(config).state_dict()
    assert infer_config(state) == config
    encoder = f"student ({config.encoder} encoder, " if config.encoder != "swin" else "student ("
    assert encoder in describe(state)
    assert f"{config.embedding_dim} numbers a pixel" in describe(state)


@pytest.mark.parametrize("variant", CONFIGS)
def test_published_key_lists_are_recognised(golden: Path, tmp_path: Path, variant: str) -> None:
    listed = json.loads((golden / f"{variant.replace('-', '_')}.json").read_text())
    state = {key: torch.zeros((), dtype=getattr(torch, dtype)).expand(shape) for key, shape, dtype in listed}
    torch.save(published(compiled(state)), tmp_path / "s.pth")
    checkpoint = read_checkpoint(tmp_path / "s.pth")
    assert (checkpoint.variant, checkpoint.config, checkpoint.ignored) == (variant, CONFIGS[variant], ())
    assert list(checkpoint.state) == [key for key, _, _ in listed]
    other = next(name for name in CONFIGS if name != variant)
    with pytest.raises(
        CheckpointError, match=f"is no {other}: .* 1 mis-shaped, first .*_task_head.conv.weight"
    ):
        read_checkpoint(tmp_path / "s.pth", name=other)


def test_an_empty_network_takes_no_memory() -> None:
    network = empty_student(CONFIGS["dveformer-fullres"])
    real = sum(value.nbytes for value in network.state_dict().values() if not value.is_meta)
    assert real < 2_000_000
    assert variant_of(network.config) == "dveformer-fullres"


def test_empty_networks_load_no_compiler() -> None:
    """Arithmetic on `meta` tensors imports torch's compiler: seconds before any weights are read."""
    code = (
        "import sys, torch\n"
        "from student.checkpoints.shape import empty_student\n"
        "from student.networks.config import CONFIGS\n"
        "from student.networks.depth_anything import build_depth_anything\n"
        "from student.networks.segmentor import build_segmentor\n"
        "for config in CONFIGS.values(): empty_student(config)\n"
        "with torch.device('meta'):\n"
        "    build_segmentor('dformer-tiny'), build_segmentor('dformerv2-base', decoder='mlp')\n"
        "    build_depth_anything('small')\n"
        "sys.exit('torch._dynamo' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_keys_of_other_tasks_are_left_out_and_logged(
    tmp_path: Path, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    state["decoders.semantic_decoder.head.weight"] = torch.zeros(2)
    state["linear_probing_head.weight"] = torch.zeros(40, 24, 1, 1)
    torch.save(state, tmp_path / "s.pth")
    with caplog.at_level(logging.INFO):
        loaded = load_checkpoint(tmp_path / "s.pth")
    assert list(loaded.state_dict()) == [
        key for key in state if "semantic" not in key and "probing" not in key
    ]
    assert "left out 2 keys, decoders.semantic_decoder.head.weight, linear_probing_head.weight" in caplog.text
    assert read_checkpoint(tmp_path / "s.pth").ignored == (
        "decoders.semantic_decoder.head.weight",
        "linear_probing_head.weight",
    )


def test_a_saved_student_comes_back_whole(tmp_path: Path, deterministic: SimpleNamespace) -> None:
    config = TINY.model_copy(update={"context_bins": (1, 2, 4), "dropout": 0.3, "bottleneck": 6})
    network = deterministic.fill(build(config)).eval()
    save_checkpoint(network, tmp_path / "s.safetensors", {"text_encoder": "minilm"})
    checkpoint = read_checkpoint(tmp_path / "s.safetensors")
    assert (checkpoint.config, checkpoint.metadata) == (config, {"text_encoder": "minilm"})
    assert torch.equal(run(checkpoint.build()), run(network))
    assert read_state(tmp_path / "s.safetensors").keys() == network.state_dict().keys()
    assert [path.name for path in tmp_path.iterdir()] == ["s.safetensors"]


def test_a_save_that_fails_leaves_what_was_there(
    tmp_path: Path, network: DVEFormer, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(state: State, path: Path, notes: dict[str, str]) -> None:
        Path(path).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    path = tmp_path / "s.safetensors"
    path.write_bytes(b"before")
    monkeypatch.setattr("safetensors.torch.save_file", full)
    with pytest.raises(OSError, match="No space left"):
        save_checkpoint(network, path)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(ValueError, match=r"s\.pth: expected a name ending in \.safetensors"):
        save_checkpoint(network, tmp_path / "s.pth")
