"""Label codes, linear probes, visual means and embedding spaces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from student.errors import CheckpointError
from student.label_encoder import LabelEncoder
from student.probe import load_probe, load_visual_means
from student.space import EmbeddingSpace
from student.text import TextEncoder


@pytest.fixture
def text_encoder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TextEncoder:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))
    return TextEncoder(
        "toy", 2, "w", lambda: lambda texts: np.array([[len(t), 1] for t in texts], np.float32)
    )


def test_labels_become_the_embeddings_of_their_names(text_encoder: TextEncoder) -> None:
    encoder = LabelEncoder({0: "void", 7: "bed", 65535: "sofa"}, text_encoder)
    label = np.zeros((4, 6), np.uint16)
    label[1::2, 1] = 7
    label[1::2, 3] = 65535
    label[1::2, 5] = 8  # has no name
    codes, confidence = encoder.encode_labels(label, stride=2)
    assert (codes.shape, codes.dtype) == ((2, 3, 2), np.float16)
    np.testing.assert_array_equal(confidence, [[1, 1, 0]] * 2)
    assert confidence.dtype == np.float32
    np.testing.assert_array_equal(codes[0, :2], text_encoder.encode(["bed", "sofa"]).astype(np.float16))
    np.testing.assert_array_equal(codes[:, 2], 0)
    assert (encoder.space.head, encoder.space.text_encoder, encoder.code_dim) == (None, "toy", 2)


def test_label_encoder_refuses_nonsense(text_encoder: TextEncoder) -> None:
    with pytest.raises(ValueError, match="labels need names, got none"):
        LabelEncoder({0: "void"}, text_encoder)
    with pytest.raises(ValueError, match=r"must be in 0\.\.65535, got 1 to 65536"):
        LabelEncoder({1: "a", 65536: "b"}, text_encoder)
    encoder = LabelEncoder({1: "bed"}, text_encoder)
    with pytest.raises(ValueError, match=r"label must be \(h, w\) uint16, got \(2, 2\) uint8"):
        encoder.encode_labels(np.zeros((2, 2), np.uint8))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stride must be >= 1, got 0"):
        encoder.encode_labels(np.zeros((2, 2), np.uint16), 0)


WEIGHT = np.arange(12, dtype=np.float32).reshape(3, 4)
NAMES = np.array(["wall", "floor", "chair"])


def save_official(path: Path, **tensors: Any) -> None:
    import torch

    state = {name: torch.from_numpy(np.asarray(value)) for name, value in tensors.items()}
    torch.save({"linear_probing_head_state_dict": state, "epoch": 3, "logs": {}}, path)


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("probe.npz", lambda path: np.savez(path, weight=WEIGHT, bias=WEIGHT[:, 0], names=NAMES)),
        ("probe.safetensors", lambda path: save_file({"weight": WEIGHT, "bias": WEIGHT[:, 0].copy()}, path)),
        ("probe.pth", lambda path: save_official(path, weight=WEIGHT[:, :, None, None], bias=WEIGHT[:, 0])),
    ],
)
def test_probe_formats_agree(tmp_path: Path, name: str, write: Callable[[Path], None]) -> None:
    write(tmp_path / name)
    probe = load_probe(tmp_path / name)
    np.testing.assert_array_equal(probe.weight, WEIGHT)
    assert probe.bias is not None
    np.testing.assert_array_equal(probe.bias, WEIGHT[:, 0])
    assert probe.names == (list(NAMES) if name.endswith("npz") else None)


def test_official_probe_without_bias(tmp_path: Path) -> None:
    save_official(tmp_path / "p.pth", **{"linear_probing_head.weight": WEIGHT[:, :, None, None]})
    probe = load_probe(tmp_path / "p.pth")
    assert probe.weight.shape == (3, 4)
    assert probe.bias is None


@pytest.mark.parametrize("kind", ["parameter", "bfloat16"])
def test_official_probe_as_a_trainer_may_leave_it(tmp_path: Path, kind: str) -> None:
    import torch

    weight = torch.from_numpy(WEIGHT)
    stored = torch.nn.Parameter(weight) if kind == "parameter" else weight.to(torch.bfloat16)
    torch.save({"linear_probing_head_state_dict": {"weight": stored}}, tmp_path / "p.pth")
    np.testing.assert_array_equal(load_probe(tmp_path / "p.pth").weight, WEIGHT)


@pytest.mark.parametrize("content", [[1.0], {"state": {}}, {"linear_probing_head_state_dict": [1.0]}])
def test_checkpoint_without_a_probe(tmp_path: Path, content: Any) -> None:
    import torch

    torch.save(content, tmp_path / "p.pth")
    with pytest.raises(CheckpointError, match=r"p\.pth must hold a dict with linear_probing_head_state_dict"):
        load_probe(tmp_path / "p.pth")


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"w": WEIGHT}, r"must hold `weight` \(K, D\), got \['w'\]"),
        ({"weight": WEIGHT[0]}, r"weight must be a \(K, D\) matrix, got \(4,\)"),
        ({"weight": WEIGHT * np.nan}, "weight must be finite"),
        ({"weight": WEIGHT, "bias": np.full(3, np.inf)}, "bias must be finite"),
        ({"weight": WEIGHT, "bias": NAMES}, "bias must hold numbers"),
        ({"weight": WEIGHT, "bias": WEIGHT[0]}, r"bias must be \(3,\), got \(4,\)"),
        ({"weight": WEIGHT, "names": NAMES[:2]}, r"expected 3 names, got an array \(2,\)"),
        ({"weight": WEIGHT, "names": NAMES[0]}, r"expected 3 names, got an array \(\)"),
        ({"weight": NAMES}, "weight must hold numbers"),
        ({"weight": np.array([{}])}, "no readable .npz file"),
    ],
)
def test_wrong_probes(tmp_path: Path, tensors: dict[str, Any], message: str) -> None:
    np.savez(tmp_path / "p.npz", **tensors)
    with pytest.raises(CheckpointError, match=message):
        load_probe(tmp_path / "p.npz")


def test_unreadable_probes(tmp_path: Path) -> None:
    for name in ("p.npz", "p.pth", "p.safetensors"):
        (tmp_path / name).write_bytes(b"broken")
        with pytest.raises(CheckpointError, match="no readable"):
            load_probe(tmp_path / name)
        with pytest.raises(FileNotFoundError):
            load_probe(tmp_path / f"missing-{name}")
    (tmp_path / "p.txt").write_text("1 2 3")
    with pytest.raises(CheckpointError, match=r"ending in \.npz"):
        load_probe(tmp_path / "p.txt")


def test_visual_means_are_unit_rows(tmp_path: Path) -> None:
    np.save(tmp_path / "m.npy", WEIGHT)
    np.savez(tmp_path / "m.npz", means=WEIGHT, names=NAMES)
    save_file({"visual_means": WEIGHT}, tmp_path / "m.safetensors")
    for name in ("m.npy", "m.npz", "m.safetensors"):
        means = load_visual_means(tmp_path / name)
        np.testing.assert_allclose(means.weight, WEIGHT / np.linalg.norm(WEIGHT, axis=1)[:, None])
        assert means.names == (list(NAMES) if name == "m.npz" else None)
    np.save(tmp_path / "m.npy", np.zeros((2, 3), np.float32))
    with pytest.raises(CheckpointError, match="must not be zero, row 0 is"):
        load_visual_means(tmp_path / "m.npy")
    np.savez(tmp_path / "m.npz", a=WEIGHT, b=WEIGHT)
    with pytest.raises(CheckpointError, match=r"must hold one matrix \(K, D\), got \['a', 'b'\]"):
        load_visual_means(tmp_path / "m.npz")


def test_spaces_know_their_dimensions_and_refuse_nonsense() -> None:
    space = EmbeddingSpace("toy", 3, WEIGHT.T[:3].copy(), "minilm", 1024.0)
    assert space.to_dict() == {"name": "toy", "dimension": 3, "text_encoder": "minilm"}
    assert (space.code_dim, EmbeddingSpace("toy", 5).code_dim) == (3, 5)
    with pytest.raises(ValueError, match=r"head must be \(4, C\) float32, got \(3, 4\)"):
        EmbeddingSpace("toy", 4, WEIGHT)
    with pytest.raises(ValueError, match="head of toy must be finite"):
        EmbeddingSpace("toy", 3, np.full((3, 2), np.nan, np.float32))
    with pytest.raises(ValueError, match="dimension must be >= 1, got 0"):
        EmbeddingSpace("toy", 0)
    with pytest.raises(ValueError, match="code_scale must be > 0, got nan"):
        EmbeddingSpace("toy", 1, code_scale=float("nan"))
