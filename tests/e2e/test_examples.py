"""The scripts under examples/, as a newcomer runs them, on a room that is small enough for a test."""

import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import pytest
from plyfile import PlyData

import dvemap
import mapping

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.fixture
def run(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[str, Path]]:
    """Run an example in a folder of its own; returns what it said, and the folder."""

    def generate(out: Path, **_: Any) -> None:
        out.symlink_to(room)

    def run(name: str, *words: object) -> tuple[str, Path]:
        folder = tmp_path / "out"
        monkeypatch.setattr(dvemap, "generate", generate)
        monkeypatch.setattr("sys.argv", [name, *map(str, words), "--out", str(folder)])
        runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        assert cv2.imread(str(folder / f"{name}.png")).std() > 10
        return capsys.readouterr().out, folder

    return run


def test_fuse_shows_that_order_does_not_matter(run: Callable[..., tuple[str, Path]]) -> None:
    said, folder = run("fuse", "--frames", 11)
    assert re.search(r"digest forwards +(\w+)\ndigest backwards +\1\ndigest merged +\1\n", said)
    assert re.search(r"frame  10: [\d,]+ pixels in [\d,]+ cells, [\d,]+ new\n", said)
    assert len(mapping.load(folder / "room.dvm")) > 1000


def test_query_finds_the_massage_chair(
    run: Callable[..., tuple[str, Path]], room: Path, labelled: Path
) -> None:
    said, _ = run("query", "--map", labelled, "--sequence", room)
    assert re.search(r"the true massage chair is 0\.[0-2]\d m from the best hit", said)
    with_chair, without = map(int, re.search(r'"chair": (\d+) hits; .* (\d+)\n', said).groups())
    assert with_chair > without


def test_label_agrees_with_the_truth(
    run: Callable[..., tuple[str, Path]], room: Path, labelled: Path
) -> None:
    said, folder = run("label", "--map", labelled, "--sequence", room)
    assert re.search(r"mIoU 0\.9\d+ over \d+ kinds", said)
    assert re.search(r"^  wall +[\d,]+ cells$", said, re.M)
    cloud = PlyData.read(str(folder / "label.ply"))["vertex"]
    assert len(set(cloud["label"].tolist())) > 10
    assert PlyData.read(str(folder / "room.splats.ply"))["vertex"].count == cloud.count


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_examples_say_how_they_are_run(path: Path) -> None:
    text = path.read_text()
    assert f"python examples/{path.name} " in text
    assert len(text.splitlines()) < 100
