"""The text tower of an open_clip checkpoint, against open_clip itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from student.errors import CheckpointError, EncoderError
from student.openclip import load, parse
from student.text import load_text_encoder

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Teach open_clip a tiny model and return the path of a checkpoint of it."""
    import open_clip
    import torch

    configs = tmp_path / "open_clip" / "model_configs"
    configs.mkdir(parents=True)
    (configs / "tiny.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(configs)
    # The dimension is read from the package's own folder of configurations.
    spec = type("Spec", (), {"origin": str(configs.parent / "__init__.py")})
    monkeypatch.setattr("student.openclip.util.find_spec", lambda name: spec)
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))
    torch.manual_seed(0)
    checkpoint = tmp_path / "tiny.pt"
    torch.save(open_clip.create_model("tiny", pretrained=None).state_dict(), checkpoint)
    return checkpoint


def test_text_tower_of_a_checkpoint(tiny: Path) -> None:
    import open_clip
    import torch

    encoder = load_text_encoder(f"openclip:tiny/{tiny}")
    texts = ["a detailed photo of a sofa", "lamp"]
    vectors = encoder.encode(texts)
    assert (encoder.dimension, vectors.shape, vectors.dtype) == (16, (2, 16), np.float32)
    model = open_clip.create_model("tiny", pretrained=str(tiny)).eval()
    with torch.no_grad():
        tokens = open_clip.get_tokenizer("tiny")(texts)
        expected = torch.nn.functional.normalize(model.encode_text(tokens), dim=1)
    np.testing.assert_allclose(vectors, expected.numpy(), atol=1e-6)


def test_other_weights_under_one_path_are_not_confused(tiny: Path) -> None:
    import torch

    before = load_text_encoder(f"openclip:tiny/{tiny}").encode(["sofa"])
    state = torch.load(tiny, weights_only=True)
    state["text_projection"] = state["text_projection"].flip(1)
    torch.save(state, tiny)
    after = load_text_encoder(f"openclip:tiny/{tiny}").encode(["sofa"])
    np.testing.assert_allclose(after, before[:, ::-1], atol=1e-6)


def test_checkpoint_of_another_model_and_unknown_tag(tiny: Path) -> None:
    import torch

    torch.save({"weight": torch.zeros(2)}, tiny)
    with pytest.raises(CheckpointError, match="holds no weights of open_clip model tiny"):
        load_text_encoder(f"openclip:tiny/{tiny}").encode(["sofa"])
    with pytest.raises(EncoderError, match="no pretrained tag 'opena1'; did you mean 'openai'"):
        load("ViT-B-32", "opena1")


def test_parse() -> None:
    assert parse("openclip:ViT-L-14/openai") == ("ViT-L-14", "openai")
    assert parse("openclip:ViT-L-14//abs/file.pt") == ("ViT-L-14", "/abs/file.pt")
