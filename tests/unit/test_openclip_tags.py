"""Weights of open_clip that are named by a tag: what they need, and what is said where they are missing."""

from typing import Any

import pytest

from student import openclip
from student.errors import EncoderError
from student.student_export import OFFICIAL_TEXT_ENCODER

MODEL = "ViT-L-14-336"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Note what open_clip is asked to build, and build nothing."""
    import open_clip

    asked: dict[str, Any] = {}

    class Network:
        def eval(self) -> "Network":
            return self

    def create_model(name: str, **options: Any) -> Network:
        asked.update(options, name=name)
        return Network()

    monkeypatch.setattr(open_clip, "create_model", create_model)
    return asked


@pytest.mark.parametrize(("tag", "quick"), [("openai", True), ("laion2b_s32b_b82k", False)])
def test_the_activation_is_that_of_the_tag(
    tag: str, quick: bool, made: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, name: f"/hub/{name}")
    openclip.load("ViT-L-14", tag)
    assert made["force_quick_gelu"] is quick
    assert made["pretrained"] == "/hub/open_clip_model.safetensors"


def test_the_text_encoder_of_published_students_has_the_activation_of_its_weights() -> None:
    import open_clip

    model, source = openclip.parse(OFFICIAL_TEXT_ENCODER)
    config = open_clip.get_model_config(model)
    assert config is not None
    assert config.get("quick_gelu") is open_clip.get_pretrained_cfg(model, source)["quick_gelu"] is True
    assert openclip.dimension(model) == 768


def test_weights_that_cannot_be_fetched(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    import huggingface_hub

    class Offline:
        def head(self, url: str, timeout: float) -> None:
            raise OSError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "try_to_load_from_cache", lambda repository, name: None)
    monkeypatch.setattr(huggingface_hub, "get_session", Offline)
    with pytest.raises(
        EncoderError,
        match=r"openclip:ViT-L-14-336/openai are not on this computer, .* cannot be reached "
        r"\(Name or service not known\); .*: hf download timm/vit_large_patch14_clip_336.openai "
        r"open_clip_model.safetensors, ",
    ):
        openclip.load(MODEL, "openai")
    assert capfd.readouterr() == ("", "")
