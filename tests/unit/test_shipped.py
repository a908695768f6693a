"""The student that comes with the package: small, whole, found by its name; it knows what it was shown."""

from pathlib import Path

import numpy as np
import pytest

from student import load_text_encoder
from student.errors import EncoderError
from student.opening import open_student
from student.shipped import shipped
from student.student_folder import read_head, read_student_folder
from student.student_source import find_source

LARGEST = 16_000_000  # bytes of a model


@pytest.mark.parametrize("name", ["home", "home-int8"])
def test_it_is_small_and_whole(name: str) -> None:
    folder = shipped()[name]
    described = read_student_folder(folder)
    assert (folder / described.model).stat().st_size <= LARGEST
    assert (described.embedding_dim, described.text_encoder) == (384, "minilm")
    assert described.code_dim <= 129
    assert read_head(folder, described) is not None
    assert described.precision == ("int8" if name.endswith("int8") else "fp32")


def test_both_answer_in_one_space() -> None:
    one, other = (read_student_folder(folder) for folder in (shipped()["home"], shipped()["home-int8"]))
    assert (one.name, one.checkpoint_sha256) == (other.name, other.checkpoint_sha256)
    heads = [read_head(shipped()[name], read_student_folder(shipped()[name])) for name in shipped()]
    assert all(np.array_equal(heads[0], head) for head in heads)  # type: ignore[arg-type]


def test_its_name_comes_before_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "home").mkdir()
    monkeypatch.chdir(tmp_path)
    assert find_source("home") == shipped()["home"]
    with pytest.raises(EncoderError, match=r"home is no encoder folder"):
        find_source("./home")
    with pytest.raises(EncoderError, match="did you mean 'home-int8'"):
        find_source("home-int")


def test_a_bare_room_is_floor_and_wall() -> None:
    """Two planes that meet: no picture of the generator, but what every frame of it shows."""
    encoder = open_student("home", threads=1)
    rows = np.linspace(-0.75, 0.75, 240)[:, None].repeat(320, axis=1)  # y over z, a field of 74 degrees
    below = 1.2 / np.maximum(rows, 1e-6)
    depth = np.minimum(below, 2.6).astype(np.float32)
    rgb = np.where((below < 2.6)[..., None], np.uint8([150, 105, 65]), np.uint8([215, 210, 200]))
    codes = encoder.encode(rgb.astype(np.uint8), depth).astype(np.float32)
    assert encoder.space.head is not None
    embedding = codes @ encoder.space.head.T
    names = ["floor", "wall", "massage chair", "banana"]
    scores = embedding @ load_text_encoder("minilm").encode(names).T
    label = scores.argmax(axis=-1)
    height = len(label)
    assert (label[: height // 4] == 1).mean() > 0.8
    assert (label[-height // 8 :] == 0).mean() > 0.8
