"""A small labelled room, its map, and the command line as a user types it."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
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
def checkpoint(
    tmp_path_factory: pytest.TempPathFactory, deterministic: SimpleNamespace, tiny_config: Any
) -> Path:
    """A tiny student as `save_checkpoint` writes it."""
    from student.checkpoints import save_checkpoint
    from student.networks.dveformer import build

    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(deterministic.fill(build(tiny_config)).eval(), path)
    return path


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
    dvemap.fuse(room, path, cell_size=0.1, encoder="none")
    return path


@pytest.fixture(autouse=True)
def small_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the pictures of `--picture` at a quarter of their size."""
    monkeypatch.setattr("dvemap.rendering.portraits.LARGE", (186, 250))
    monkeypatch.setattr("dvemap.rendering.portraits.SMALL", (85, 130))


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


class TinyWords:
    """A text encoder without a model: colours by their names, anything else dark, in three dimensions."""

    id = "tiny"
    dimension = 3

    def encode(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        colors = {"red": (1, 0, 0), "green": (0, 1, 0), "blue": (0, 0, 1)}
        known = [
            next((colors[word] for word in text.split() if word in colors), (-1, -1, -1)) for text in texts
        ]
        vectors = np.array(known, np.float32)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of an encoder whose embedding of a pixel is its colour, as a unit vector."""
    import onnx
    from onnx import TensorProto, helper

    folder = tmp_path / "tiny"
    folder.mkdir()
    shapes = {"image": [1, 3, "h", "w"], "out": [1, 3, "h", "w"]}
    image, out = (helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in shapes.items())
    graph = helper.make_graph([helper.make_node("Identity", ["image"], ["out"])], "tiny", [image], [out])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, folder / "model.onnx")
    config = {
        "name": "colours",
        "image": {"name": "image", "policy": "keep", "mean": [0, 0, 0], "std": [1, 1, 1]},
        "output": {"name": "out", "normalize": True},
        "stride": 4,
        "text_encoder": "tiny",
    }
    (folder / "encoder.json").write_text(json.dumps(config))
    monkeypatch.setattr("dvemap.words._encoder_of", lambda id: TinyWords())
    return folder


@pytest.fixture
def painted(tmp_path: Path) -> Path:
    """Return a sequence of three frames, a third of each red, green and blue, with labels twice as fine."""
    import cv2

    folder = tmp_path / "painted"
    for part in ("color", "depth", "pose", "intrinsic", "label-filt"):
        (folder / part).mkdir(parents=True)
    bands = np.repeat(np.arange(3), 16)
    for index in range(3):
        band = np.tile(np.roll(bands, 16 * index), (32, 1))
        rgb = np.uint8([[220, 20, 20], [20, 220, 20], [20, 20, 220]])[band]
        cv2.imwrite(str(folder / "color" / f"{index}.png"), rgb[..., ::-1])
        cv2.imwrite(str(folder / "depth" / f"{index}.png"), (1000 + 500 * band).astype(np.uint16))
        label = (band + 1).repeat(2, axis=0).repeat(2, axis=1).astype(np.uint16)
        label[:8] = 0  # void
        cv2.imwrite(str(folder / "label-filt" / f"{index}.png"), label)
        np.savetxt(folder / "pose" / f"{index}.txt", np.eye(4))
    matrix = np.diag([40.0, 40.0, 1.0, 1.0])
    matrix[:2, 2] = 24, 16
    for camera in ("color", "depth"):
        np.savetxt(folder / "intrinsic" / f"intrinsic_{camera}.txt", matrix)
        np.savetxt(folder / "intrinsic" / f"extrinsic_{camera}.txt", np.eye(4))
    (folder / "label_names.txt").write_text("1\tred\n2\tgreen\n3\tblue\n4\tunseen\n")
    return folder
