"""Segmentors and encoders come back from every container; what is no such file is named for what it is."""

import logging
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from student.checkpoints.checkpoint import checkpoint_of, load_checkpoint
from student.checkpoints.dformer_file import load_dformer_backbone
from student.checkpoints.file import CheckpointFile
from student.checkpoints.kind import Kind, describe, kind_of
from student.checkpoints.segmentor_file import load_segmentor, read_segmentor, segmentor_of
from student.errors import CheckpointError
from student.networks.dformer_config import DFORMERS
from student.networks.dveformer import build
from student.networks.segmentor import Segmentor, SegmentorConfig

State = dict[str, torch.Tensor]
WHAT = r"a segmentation network \(dformer-tiny, ham decoder, 40 classes\)"


@pytest.fixture(scope="module")
def network(deterministic: SimpleNamespace) -> Segmentor:
    tiny = SegmentorConfig(network=DFORMERS["dformer-tiny"])
    filled: Segmentor = deterministic.fill(Segmentor(tiny)).eval()
    return filled


@pytest.fixture
def state(network: Segmentor) -> State:
    return dict(network.state_dict())


def encoder(state: State) -> State:
    return {key.removeprefix("backbone."): value for key, value in state.items() if "decode_head" not in key}


def blank(name: str, **more: Any) -> State:
    """Return a state of full size that takes no room."""
    with torch.device("meta"):
        shapes = Segmentor(SegmentorConfig(network=DFORMERS[name], **more)).state_dict()
    return {key: torch.zeros((), dtype=like.dtype).expand(like.shape) for key, like in shapes.items()}


def extras() -> State:
    """Return what published files hold beside the network of today."""
    last = "backbone.stages.3.1."
    keys = ["backbone.norm0.weight", "backbone.norm3.bias", "backbone.pred.weight"]
    keys += [last + "layer_scale_1_e", last + "attn.proj_e.weight", last + "mlp_e2.fc1.weight"]
    return {key: torch.zeros(3) for key in keys}


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 7},
        lambda state: {"model": state},
        lambda state: {"model": {"state_dict": state}},
        lambda state: {
            "state_dict_ema": state,
            "state_dict": {key: value + 1 for key, value in state.items()},
        },
        lambda state: {"model": {f"module.{key}": value for key, value in state.items()}},
        lambda state: {key: value for key, value in state.items() if "num_batches" not in key},
        lambda state: state | extras(),
        lambda state: {key: value.double() if value.ndim else value for key, value in state.items()},
    ],
    ids=["bare", "state_dict", "model", "nested", "ema", "module", "counters", "extras", "double"],
)
def test_a_segmentor_comes_back_from_every_container(
    tmp_path: Path, network: Segmentor, state: State, wrap: Callable[[State], Any]
) -> None:
    torch.save(wrap(state), tmp_path / "s.pth.tar")
    loaded = load_segmentor(tmp_path / "s.pth.tar", name="dformer-tiny", classes=40)
    assert loaded.config == network.config
    assert not loaded.training
    for key, value in loaded.state_dict().items():
        assert torch.equal(value, state[key]), key
        assert value.dtype == state[key].dtype


def test_a_loaded_network_computes_as_the_saved_one(tmp_path: Path, network: Segmentor, state: State) -> None:
    save_file(state, tmp_path / "s.safetensors", {"note": "mine"})
    rgb, depth = torch.rand(1, 3, 40, 56), torch.rand(1, 1, 40, 56)
    with torch.inference_mode():
        assert torch.equal(load_segmentor(tmp_path / "s.safetensors")(rgb, depth), network(rgb, depth))
    assert read_segmentor(tmp_path / "s.safetensors").metadata == {"note": "mine"}


def test_extras_are_left_out_and_logged(
    tmp_path: Path, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    torch.save({"model": state | extras(), "epoch": 3}, tmp_path / "s.pth")
    checkpoint = read_segmentor(tmp_path / "s.pth")
    assert checkpoint.ignored == tuple(extras())
    assert (checkpoint.variant, checkpoint.epoch) == ("dformer-tiny", 3)
    with caplog.at_level(logging.INFO):
        load_segmentor(tmp_path / "s.pth")
    assert "left out 6 keys, backbone.norm0.weight" in caplog.text


@pytest.mark.parametrize("decoder", ["ham", "mlp"])
@pytest.mark.parametrize("name", ["dformer-tiny", "dformer-small", "dformer-base", "dformerv2-small"])
def test_shapes_alone_tell_what_a_file_is(name: str, decoder: str) -> None:
    width = {f"{decoder}_channels": 1024}
    checkpoint = segmentor_of(CheckpointFile("s.pth", blank(name, decoder=decoder, classes=37, **width)))
    assert checkpoint.config == SegmentorConfig(
        network=DFORMERS[name], decoder=decoder, classes=37, ham_channels=512, mlp_channels=512
    ).model_copy(update=width)


@pytest.mark.parametrize("prefix", ["", "backbone.", "module.", "backbone.module."])
@pytest.mark.parametrize("name", ["dformer-tiny", "dformerv2-small"])
def test_an_encoder_comes_back_under_every_prefix(
    tmp_path: Path, deterministic: SimpleNamespace, name: str, prefix: str
) -> None:
    held = encoder(blank(name)) | {"pred.weight": torch.zeros(4, 4)}
    first = next(key for key in held if key.endswith("fc1.weight"))
    held[first] = torch.from_numpy(deterministic.tensor(first, tuple(held[first].shape)))
    torch.save({"state_dict": {prefix + key: value for key, value in held.items()}}, tmp_path / "e.pth.tar")
    found, loaded = load_dformer_backbone(tmp_path / "e.pth.tar")
    assert found == name == loaded.config.name
    assert not loaded.training
    assert torch.equal(loaded.state_dict()[first], held[first])


def refused(content: Any, message: str, **asked: Any) -> None:
    with pytest.raises(CheckpointError, match=message):
        segmentor_of(CheckpointFile("s.pth", content), **asked)


def test_another_network_is_named(tmp_path: Path, state: State, tiny_config: Any) -> None:
    student = build(tiny_config).state_dict()
    refused(
        student, r"^s\.pth holds no segmentation network, it seems to be a DVEFormer student \(reduced-res"
    )
    refused(
        encoder(state), r"seems to be a DFormer encoder alone \(dformer-tiny\).*; it is loaded by load_dform"
    )
    refused({"x": torch.zeros(3)}, r"it seems to be weights of another network \(1 tensors, first x \(3,\)\)")
    for load in (load_dformer_backbone, load_checkpoint):
        torch.save(state, tmp_path / "s.pth")
        with pytest.raises(CheckpointError, match=f"it seems to be {WHAT}"):
            load(tmp_path / "s.pth")
    with pytest.raises(CheckpointError, match="holds no student, it seems to be a DFormer encoder alone"):
        checkpoint_of(CheckpointFile("e.pth", encoder(state)))


def test_another_variant_or_number_of_classes_is_named(state: State) -> None:
    refused(
        state,
        rf"^s\.pth is no dformerv2-small: it seems to be {WHAT}; ask for dformer-tiny instead$",
        name="dformerv2-small",
    )
    refused(state, rf"^s\.pth has 40 classes, expected 37; it seems to be {WHAT}$", classes=37)
    with pytest.raises(ValueError, match="unknown DFormer 'tiny'"):
        segmentor_of(CheckpointFile("s.pth", state), name="tiny")


def test_another_decoder_is_named(state: State) -> None:
    state = {key.replace("hamburger", "nonlocal"): value for key, value in state.items()}
    refused(
        state,
        r"^s\.pth has a decoder of an unknown kind, first decode_head\.conv_seg\.weight; expected a Ham",
    )
    assert "unknown decoder, unknown classes" in describe(state)


def test_each_missing_or_mis_shaped_key_is_named(state: State) -> None:
    keys = [key for key in state if not key.endswith("num_batches_tracked")]
    for key in [*keys[::19], *(key for key in keys if key.startswith("decode_head"))]:
        wrong = state[key].new_zeros((*state[key].shape, 2))
        refused({k: v for k, v in state.items() if k != key}, rf"1 missing, first {key}.* it seems to be ")
        refused(state | {key: wrong}, rf"1 mis-shaped, first {key}: expected \(.* it seems to be ")


def test_unknown_keys_and_numbers_are_refused(state: State) -> None:
    key = "backbone.stages.3.0.layer_scale_1_e"
    refused(state | {"backbone.norm4.weight": torch.zeros(3)}, r"1 unexpected, first backbone\.norm4\.weight")
    refused(state | {"aux_head.weight": torch.zeros(3)}, r"1 unexpected, first .*aux_head\.weight")
    refused(state | {key: torch.full((128,), float("nan"))}, rf"must be finite, {key} holds NaN or infinity")


def test_kinds_are_told_apart(state: State, tiny_config: Any) -> None:
    assert kind_of({"model": state}) is Kind.SEGMENTOR
    assert kind_of({"state_dict_ema": encoder(state)}) is Kind.DFORMER
    assert kind_of(build(tiny_config).state_dict()) is Kind.STUDENT
