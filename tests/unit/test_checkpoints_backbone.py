"""The encoder that is pretrained on ImageNet goes into a student."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from student.checkpoints.backbone import load_backbone
from student.errors import CheckpointError
from student.networks.config import StudentConfig
from student.networks.dformer_config import DFORMERS
from student.networks.dveformer import DVEFormer, build
from student.networks.segmentor import build_dformer

TINY = StudentConfig(
    rgb_channels=6,
    depth_channels=2,
    depths=(1, 1, 2, 1),
    head_channels=8,
    window=4,
    context_channels=4,
    main_channels=4,
    skip_channels=(4, 3, 2),
    fuse_channels=5,
    embedding_dim=8,
)
State = dict[str, torch.Tensor]


@pytest.fixture
def pretrained(deterministic: SimpleNamespace) -> State:
    network: DVEFormer = deterministic.fill(build(TINY))
    return {key: value.clone() for key, value in network.backbone.state_dict().items()}


@pytest.mark.parametrize("around", ["", "model.", "model.backbone.", "backbone._orig_mod."])
@pytest.mark.parametrize("holder", ["state_dict", "model", None])
def test_published_layouts_load(tmp_path: Path, pretrained: State, around: str, holder: str | None) -> None:
    state = {around + key: value for key, value in pretrained.items()}
    state |= {"fc.weight": torch.zeros(1000, 64), "fc_embedding.bias": torch.zeros(3)}
    torch.save({holder: state, "epoch": 3} if holder else state, tmp_path / "b.pth")
    network = build(TINY)
    decoder = {key: value.clone() for key, value in network.decoder.state_dict().items()}
    load_backbone(network, tmp_path / "b.pth")
    assert all(torch.equal(value, pretrained[key]) for key, value in network.backbone.state_dict().items())
    assert all(torch.equal(value, decoder[key]) for key, value in network.decoder.state_dict().items())


def test_an_embedding_of_colour_alone_is_split(tmp_path: Path, pretrained: State) -> None:
    plain = {key: value for key, value in pretrained.items() if not key.startswith("patch_embedder.")}
    weight, norm = torch.randn(8, 3, 4, 4), torch.randn(8)
    plain |= {"patch_embedder.0.weight": weight, "patch_embedder.0.bias": norm + 1}
    plain |= {"patch_embedder.2.weight": norm + 2, "patch_embedder.2.bias": norm + 3}
    torch.save({"state_dict": plain}, tmp_path / "b.pth")
    network = build(TINY)
    load_backbone(network, tmp_path / "b.pth")
    loaded = network.backbone.patch_embedder.state_dict()
    assert torch.equal(loaded["rgb_layers.0.weight"], weight[:6])
    assert torch.equal(loaded["depth_layers.0.weight"], weight[6:].sum(1, keepdim=True))
    for key, value in (("0.bias", norm + 1), ("2.weight", norm + 2), ("2.bias", norm + 3)):
        assert torch.equal(loaded[f"rgb_layers.{key}"], value[:6])
        assert torch.equal(loaded[f"depth_layers.{key}"], value[6:])


def test_wrong_encoders_are_refused(tmp_path: Path, pretrained: State) -> None:
    path, network = tmp_path / "b.pth", build(TINY)
    torch.save(pretrained | {"layer_9.weight": torch.zeros(2)}, path)
    with pytest.raises(CheckpointError, match=r"encoder: of its keys 1 unexpected, first layer_9\.weight"):
        load_backbone(network, path)
    torch.save({key: value for key, value in pretrained.items() if key != "layer_4.1.bias"}, path)
    with pytest.raises(CheckpointError, match=r"encoder: of its keys 1 missing, first layer_4\.1\.bias"):
        load_backbone(network, path)
    torch.save(pretrained, path)
    with pytest.raises(CheckpointError, match=r"encoder: of its keys \d+ missing, .* mis-shaped, first"):
        load_backbone(build(TINY.model_copy(update={"depths": (2, 1, 2, 1), "rgb_channels": 14})), path)
    torch.save(pretrained | {"layer_4.1.bias": torch.full((64,), float("nan"))}, path)
    with pytest.raises(CheckpointError, match=r"must be finite, layer_4\.1\.bias holds NaN"):
        load_backbone(network, path)
    torch.save(network.state_dict(), path)
    with pytest.raises(
        CheckpointError, match="holds no pretrained encoder, it seems to be a DVEFormer student"
    ):
        load_backbone(network, path)


@pytest.mark.parametrize("name", ["dformer-small", "dformerv2-small"])
@pytest.mark.usefixtures("shallow")
def test_a_pretrained_dformer_starts_a_student_of_its_kind(
    tmp_path: Path, deterministic: SimpleNamespace, name: str
) -> None:
    pretrained = deterministic.fill(build_dformer(DFORMERS[name]).train()).state_dict()
    classifier = {"pred.weight": torch.zeros(1000, 96), "pred.bias": torch.zeros(1000)}
    torch.save(
        {"state_dict": {f"backbone.{key}": value for key, value in pretrained.items()} | classifier},
        tmp_path / "d.pth.tar",
    )
    network = build(TINY.model_copy(update={"encoder": name}))
    load_backbone(network, tmp_path / "d.pth.tar")
    assert all(torch.equal(value, pretrained[key]) for key, value in network.backbone.state_dict().items())
    other = build(TINY.model_copy(update={"encoder": "dformer-tiny"}))
    with pytest.raises(
        CheckpointError, match=f"holds a {name}, .* is a dformer-tiny; set network.encoder: {name}"
    ):
        load_backbone(other, tmp_path / "d.pth.tar")
    with pytest.raises(
        CheckpointError, match="holds no pretrained encoder, it seems to be a DFormer encoder alone"
    ):
        load_backbone(build(TINY), tmp_path / "d.pth.tar")
