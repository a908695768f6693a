"""`dvemap demo` and `dvemap synth`, on a room that is small enough for a test."""

import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import dvemap.demo
import mapping

Cli = Callable[..., Any]


@pytest.fixture
def small(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the demo find the room instead of rendering a flat."""

    def generate(out: Path, seed: int, **_: Any) -> SimpleNamespace:
        shutil.copytree(room, out)
        return SimpleNamespace(frames=40, objects=20, kinds=10, build_seconds=0.0, render_seconds=0.1)

    monkeypatch.setattr(dvemap.demo, "generate", generate)


@pytest.mark.usefixtures("small")
def test_the_demo_finds_what_it_asks_for(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    ran = cli("demo", folder, "--seed", 3, "--encoder", "labels", "--json")
    assert ran.status == 0, ran.err
    assert ran.json["distance_to_truth"] < 0.5
    assert ran.json["miou"] > 0.9
    assert mapping.load(folder / "flat-3.dvm").digest() == ran.json["digest"]
    assert {path.name for path in folder.iterdir()} == {"flat-3", "flat-3.dvm", "map.png", "heat.png"}
    assert "truth: a " in ran.err
    assert f"$ dvemap eval map {folder / 'flat-3.dvm'} {folder / 'flat-3'}" in ran.err


@pytest.mark.usefixtures("small")
def test_the_demo_fails_where_it_falls_short(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dvemap.demo, "LEAST_MIOU", {"labels": 1.0})
    ran = cli("demo", tmp_path / "demo", "--encoder", "labels")
    assert ran.status == 1
    assert "dvemap: demo: expected a vertex mIoU of at least 1.0, got 0.9" in ran.err


def test_synth_makes_a_sequence_that_fuse_takes(cli: Cli, tmp_path: Path) -> None:
    folder = tmp_path / "hall"
    made = cli(
        "synth", folder, "--seed", 2, "--kind", "hall", "--frames", 8,
        "--width", 80, "--height", 60, "--no-noise", "--json",
    ).json  # fmt: skip
    assert (made["sequence"], made["seed"], made["frames"]) == (str(folder), 2, 8)
    assert made["objects"] >= made["kinds"] > 0
    ran = cli("fuse", folder, "-o", tmp_path / "hall.dvm", "--encoder", "none", "--json")
    assert ran.json["frames"] == 8
