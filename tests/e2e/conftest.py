"""A small labelled room, its map, and the command line as a user types it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import dvemap
from dvemap.cli import main
from sequences.synth import generate

FRAMES = 40


@dataclass(frozen=True)
class Ran:
    """What a command line gave."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        record = json.loads(self.out)
        assert isinstance(record, dict)
        return record

    @property
    def error(self) -> str:
        """The one line of an error in the input."""
        assert self.status == 1, self.err
        assert self.out == ""
        *before, last = self.err.splitlines()
        assert last.startswith("dvemap: ")
        assert not any("Traceback" in line or line.startswith("dvemap: ") for line in before)
        return last


Cli = Callable[..., Ran]


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run one command line in this process."""

    def run(*words: object) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as left:
            main([str(word) for word in words])
        captured = capsys.readouterr()
        return Ran(int(left.value.code or 0), captured.out, captured.err)

    return run


@pytest.fixture
def process() -> Cli:
    """Run one command line in a process of its own."""

    def run(*words: object, typed: str = "", **environment: str) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "dvemap", *map(str, words)],
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
            env=os.environ | environment,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session", autouse=True)
def session_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the user's cache out of fixtures that live longer than a test."""
    root = tmp_path_factory.getbasetemp() / "cache"
    root.mkdir(exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DVEMAP_CACHE", str(root))
        yield


@pytest.fixture(scope="session")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a generated living room that holds a massage chair."""
    folder = tmp_path_factory.mktemp("rooms")
    for seed in (6, 0, 5, 9, 10, 1, 2, 3, 4, 7):
        path = folder / f"living-{seed}"
        generate(path, seed, kind="living", frames=FRAMES, width=160, height=120)
        if '"massage chair"' in (path / "objects.json").read_text():
            return path
    pytest.fail("no living room holds a massage chair")


@pytest.fixture(scope="session")
def things(room: Path) -> list[dict[str, Any]]:
    """Return the entries of the room's objects.json."""
    entries = json.loads((room / "objects.json").read_text())
    assert isinstance(entries, list)
    return entries


@pytest.fixture(scope="session")
def fused(room: Path, tmp_path_factory: pytest.TempPathFactory) -> dvemap.FuseResult:
    """Return the run that fused the room with its labels; its map is at `fused.path`."""
    return dvemap.fuse(room, tmp_path_factory.mktemp("maps") / "room.dvm", encoder="labels")


@pytest.fixture(scope="session")
def labelled(fused: dvemap.FuseResult) -> Path:
    """Return the map of the room with embeddings; not to be changed."""
    assert fused.path is not None
    return fused.path


@pytest.fixture(scope="session")
def plain(room: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a coarse map of the room without embeddings; not to be changed."""
    path = tmp_path_factory.mktemp("maps") / "plain.dvm"
    dvemap.fuse(room, path, cell_size=0.1)
    return path


@pytest.fixture
def copy_of(room: Path, tmp_path: Path) -> Callable[..., Path]:
    """Make a folder like the room's with the same frames, again and again; images are links."""

    def make(name: str = "copy", frames: int = FRAMES) -> Path:
        folder = tmp_path / name
        for part, ending in (("color", "jpg"), ("depth", "png"), ("pose", "txt")):
            (folder / part).mkdir(parents=True)
            for index in range(frames):
                (folder / part / f"{index}.{ending}").symlink_to(room / part / f"{index % FRAMES}.{ending}")
        (folder / "intrinsic").symlink_to(room / "intrinsic")
        return folder

    return make
