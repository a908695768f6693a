"""`dvemap fuse --encoder` with a student, as a user types it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

import dvemap
import mapping

Cli = Callable[..., Any]
SIZE = ("--set", "encoder.size=96x128")


def test_a_checkpoint_is_exported_described_and_fused(
    cli: Cli, checkpoint: Path, room: Path, tmp_path: Path
) -> None:
    out = tmp_path / "room.dvm"
    words = ("fuse", room, "-o", out, "--stop", 3, "--encoder", checkpoint, *SIZE)
    ran = cli(*words, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["frames"] == 3
    assert re.search(r"encoder: student-[0-9a-f]{8}, [\d.]+ MB in .*model\.onnx; ", ran.err)
    assert "; onnx cpu fp32 at 96x128, 25 numbers a code" in ran.err
    made = mapping.load(out)
    assert (made.code_dim, made.space["dimension"]) == (25, 20)
    assert made.head is not None
    assert made.head.shape == (20, 25)
    assert "exporting" not in cli(*words).err


def test_runtimes_are_chosen_and_kept_apart(cli: Cli, checkpoint: Path, room: Path, tmp_path: Path) -> None:
    out = tmp_path / "room.dvm"
    words = ("fuse", room, "-o", out, "--stop", 2, "--encoder", checkpoint, *SIZE)
    ran = cli(*words, "--set", "encoder.runtime=torch", "--set", "encoder.depth_statistics=scannet")
    assert ran.status == 0, ran.err
    assert "M parameters in" in ran.err
    assert "torch cpu fp32 at 96x128" in ran.err
    used = mapping.read_header(out).provenance["config"]["encoder"]
    assert (used["runtime"], used["size"], used["depth_statistics"]) == ("torch", "96x128", "scannet")
    assert "encoder.runtime was 'torch', is 'auto'" in cli(*words, "--resume").error


def test_codes_can_be_cached(checkpoint: Path, room: Path, tmp_path: Path) -> None:
    config = dvemap.config.load_config(
        None,
        {"encoder.name": str(checkpoint), "encoder.cache": str(tmp_path / "codes"), "sequence.stop": 2},
        ["encoder.size=96x128", "encoder.runtime=torch"],
    )
    first = dvemap.fuse(room, config=config)
    assert first.digest == dvemap.fuse(room, config=config).digest
    assert len([path for path in (tmp_path / "codes").rglob("*") if path.is_file()]) == 2


@pytest.mark.parametrize(
    ("encoder", "settings", "said"),
    [
        ("{checkpoint}", ("encoder.size=100x128",), "multiples of 32 pixels, got 100x128; take 96x128"),
        ("{checkpoint}", ("encoder.size=big",), "setting 'encoder.size': string should match"),
        (
            "{checkpoint}",
            ("encoder.runtime=tvm",),
            "setting 'encoder.runtime': input should be 'auto', 'onnx'",
        ),
        (
            "{checkpoint}",
            ("encoder.precision=int8",),
            "dvemap engine onnx CHECKPOINT -o FOLDER --precision int8",
        ),
        ("{checkpoint}", ("encoder.statistics=scannet",), "did you mean"),
        ("{tmp}/cut.safetensors", (), "cut off or damaged"),
        ("{tmp}/probe.pth", (), "holds no student, it seems to be a linear probe"),
        ("{tmp}/missing.pth", (), "missing.pth: no such file"),
        ("dveformer-fulres", (), "did you mean 'dveformer-fullres'"),
        ("dveformer-fullres", (), "fetch them with: dvemap weights pull dveformer-fullres"),
    ],
)
def test_what_cannot_be_an_encoder_is_one_line(
    cli: Cli, checkpoint: Path, room: Path, tmp_path: Path, encoder: str, settings: tuple[str, ...], said: str
) -> None:
    (tmp_path / "cut.safetensors").write_bytes(checkpoint.read_bytes()[:5000])
    torch.save({"linear_probing_head_state_dict": {"weight": torch.zeros(4, 20)}}, tmp_path / "probe.pth")
    assignments = [word for setting in settings for word in ("--set", setting)]
    name = encoder.format(checkpoint=checkpoint, tmp=tmp_path)
    ran = cli("fuse", room, "-o", tmp_path / "out.dvm", "--stop", 2, "--encoder", name, *assignments)
    assert said in ran.error
    assert not (tmp_path / "out.dvm").exists()
