"""The two files of Alpha-CLIP in all their forms, and what is said of those that do not fit."""

import re
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch

from student.errors import CheckpointError
from student.teacher.alpha_clip import AlphaClip, AlphaClipShape
from student.teacher.alpha_clip_files import OPENAI, RELEASED, load_alpha_clip, released_name

SHAPE = AlphaClipShape(
    side=32,
    patch=8,
    width=64,
    layers=2,
    dimension=16,
    text_width=64,
    text_layers=1,
    context=77,
    vocabulary=50,
)
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def network() -> AlphaClip:
    torch.manual_seed(0)
    return AlphaClip(SHAPE).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def official(network: AlphaClip) -> State:
    state = network.state_dict()
    return {official: state[key].clone() for key, official in network.official_keys().items()}


@pytest.fixture
def visual(official: State) -> State:
    """The image tower as it is published: its own names for attention."""
    return {
        re.sub(r"in_proj_(weight|bias)$", r"in_proj.\1", key.removeprefix("visual.")): value
        for key, value in official.items()
        if key.startswith("visual.")
    }


@pytest.fixture
def base(official: State) -> State:
    """A CLIP without alpha, whose image tower is another."""
    state = {key: value for key, value in official.items() if key != "visual.conv1_alpha.weight"}
    return state | {"visual.proj": torch.zeros(64, 16)}


def save(content: Any, path: Path) -> Path:
    torch.save(content, path)
    return path


def check_same(made: AlphaClip, network: AlphaClip) -> None:
    assert made.shape == SHAPE
    image, alpha = torch.rand(1, 3, 32, 32), torch.rand(3, 1, 32, 32)
    tokens = torch.randint(0, 50, (2, 77))
    for ours, its in (
        (made(made.rgb_patches(image), alpha), network(network.rgb_patches(image), alpha)),
        (made.embed_texts(tokens), network.embed_texts(tokens)),
    ):
        torch.testing.assert_close(ours, its, rtol=0, atol=1e-6)


def test_plain_files(tmp_path: Path, network: AlphaClip, visual: State, base: State) -> None:
    alpha = save(visual, tmp_path / "alpha.pth")
    check_same(load_alpha_clip(alpha, save(base, tmp_path / "base.pt")), network)


def test_wrapped_files(tmp_path: Path, network: AlphaClip, visual: State, base: State) -> None:
    alpha = {f"module.{key}": value for key, value in visual.items()}
    whole = {"state_dict": {f"module.{key}": value for key, value in base.items()}, "epoch": 3}
    made = load_alpha_clip(save(alpha, tmp_path / "alpha.pth"), save(whole, tmp_path / "base.pt"))
    check_same(made, network)


def test_archive_of_openai(tmp_path: Path, network: AlphaClip, visual: State, base: State) -> None:
    """OpenAI's files are TorchScript programs in half precision, with numbers among the weights."""

    class Holder(torch.nn.Module):
        def forward(self) -> int:
            return 1

    holder = Holder()
    for key, value in base.items():
        *parents, name = key.split(".")
        module: torch.nn.Module = holder
        for parent in parents:
            if not hasattr(module, parent):
                module.add_module(parent, Holder())
            module = getattr(module, parent)
        module.register_buffer(name, value.half())
    holder.register_buffer("input_resolution", torch.tensor(32))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        torch.jit.save(torch.jit.script(holder), tmp_path / "ViT.pt")
    made = load_alpha_clip(save(visual, tmp_path / "alpha.pth"), tmp_path / "ViT.pt")
    torch.testing.assert_close(
        made.clip.text_projection, network.clip.text_projection.half().float(), rtol=0, atol=0
    )
    assert made.rgb_patches.weight.dtype == torch.float32


def test_an_untrained_alpha_changes_nothing(network: AlphaClip, official: State) -> None:
    plain = AlphaClip.with_weights(SHAPE, official | {"visual.conv1_alpha.weight": torch.zeros(64, 1, 8, 8)})
    patches = plain.rgb_patches(torch.rand(1, 3, 32, 32))
    shown = plain(patches, torch.rand(2, 1, 32, 32))
    torch.testing.assert_close(shown[0], shown[1])
    different = network(patches, torch.rand(2, 1, 32, 32))
    assert (different[0] - different[1]).abs().max() > 1e-3


def test_files_in_the_wrong_place(tmp_path: Path, visual: State, base: State) -> None:
    alpha, clip = save(visual, tmp_path / "alpha.pth"), save(base, tmp_path / "base.pt")
    with pytest.raises(
        CheckpointError, match=r"base\.pt holds no image tower of Alpha-CLIP: .* without alpha"
    ):
        load_alpha_clip(clip, clip)
    with pytest.raises(
        CheckpointError, match=r"alpha\.pth holds no text tower .* it seems to be the other file"
    ):
        load_alpha_clip(alpha, alpha)


def test_files_that_do_not_fit(tmp_path: Path, visual: State, base: State) -> None:
    alpha = save(visual, tmp_path / "alpha.pth")
    other = base | {"text_projection": torch.zeros(64, 24)}
    with pytest.raises(CheckpointError, match=r"first visual\.proj: expected \(64, 24\), got \(64, 16\)"):
        load_alpha_clip(alpha, save(other, tmp_path / "base.pt"))
    less = {key: value for key, value in base.items() if key != "ln_final.bias"}
    with pytest.raises(CheckpointError, match=r"1 missing, first ln_final\.bias"):
        load_alpha_clip(alpha, save(less, tmp_path / "base.pt"))
    more = visual | {"rope.weight": torch.zeros(2)}
    with pytest.raises(CheckpointError, match=r"1 unexpected, first visual\.rope\.weight"):
        load_alpha_clip(save(more, tmp_path / "more.pth"), save(base, tmp_path / "base.pt"))
    lora = visual | {"transformer.resblocks.0.attn.in_proj.lora_A": torch.zeros(2)}
    with pytest.raises(CheckpointError, match="keeps LoRA weights apart"):
        load_alpha_clip(save(lora, tmp_path / "lora.pth"), tmp_path / "base.pt")
    broken = visual | {"ln_pre.bias": torch.full((64,), torch.nan)}
    with pytest.raises(CheckpointError, match=r"broken\.pth: weights must be finite, visual\.ln_pre\.bias"):
        load_alpha_clip(save(broken, tmp_path / "broken.pth"), tmp_path / "base.pt")


def test_a_base_that_is_not_there(tmp_path: Path, visual: State) -> None:
    alpha = save(visual, tmp_path / "alpha.pth")
    with pytest.raises(
        CheckpointError, match=r"ViT\.pt: no such file; expected .*; this size is in no library"
    ):
        load_alpha_clip(alpha, tmp_path / "ViT.pt")
    big = {"conv1_alpha.weight": torch.zeros(768, 1, 16, 16), "positional_embedding": torch.zeros(197, 768)}
    with pytest.raises(CheckpointError, match=r"opena1: no such file; .*, or openai for open_clip's copy"):
        load_alpha_clip(save(big, alpha), "opena1")


def test_a_tag_that_cannot_be_fetched(tmp_path: Path, visual: State, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(_: object) -> str:
        raise FileNotFoundError("Failed to download file (x) for y. Last error: offline\nand more")

    monkeypatch.setattr("open_clip.download_pretrained", offline)
    big = {"conv1_alpha.weight": torch.zeros(1024, 1, 14, 14), "positional_embedding": torch.zeros(577, 1024)}
    with pytest.raises(CheckpointError, match=r"ViT-L-14-336 'openai' is not on this computer .* offline\)"):
        load_alpha_clip(save(big, tmp_path / "alpha.pth"))


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (Path.touch, (tmp_path / "ran",))

    with pytest.raises(CheckpointError, match="which only code could load"):
        load_alpha_clip(save({"conv1_alpha.weight": Evil()}, tmp_path / "alpha.pth"))
    assert not (tmp_path / "ran").exists()


def test_released_files_are_known_by_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "any name.pth"
    file.write_bytes(b"weights")
    assert released_name(file) is None
    sha256 = next(key for key, name in RELEASED.items() if name == "l14-336-grit-20m")
    monkeypatch.setattr("student.teacher.alpha_clip_files.file_sha256", lambda _: sha256)
    assert released_name(file) == "l14-336-grit-20m"
    assert all(re.fullmatch("[0-9a-f]{64}", key) for key in (*RELEASED, *OPENAI))
