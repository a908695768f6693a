"""Dense prediction transformers: keys, files, position embeddings, the decoder by itself."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from student.checkpoints.dpt_file import load_depth_network, load_dpt
from student.checkpoints.dpt_keys import Family, family_of, from_official, is_unused, to_official
from student.checkpoints.dpt_meaning import Meaning, meaning_of
from student.errors import CheckpointError
from student.networks.depth_anything import depth_anything_config
from student.networks.dpt import Dpt
from student.networks.dpt_config import KITTI_INVERSE, NYU_INVERSE, DptConfig, published_dpt
from student.networks.dpt_decoder import DptDecoder
from student.networks.position_embedding import resize_position_embedding
from student.networks.vit import VitConfig

VIT = VitConfig(width=64, heads=1, grid=3)
MM = replace(VIT, position="bicubic", norm_eps=1e-5)
DINO = replace(VIT, patch=14, tap_norm=True, layer_scale=True, position="offset")
SMALL: dict[str, Any] = {"channels": (4, 6, 8, 10), "features": 8}
CONFIGS = {
    Family.DPT_DEPTH: DptConfig(vit=VIT, **SMALL),
    Family.DPT_CLASSES: DptConfig(vit=VIT, classes=5, batch_norm=True, unit_bias=False, **SMALL),
    Family.MMSEGMENTATION: DptConfig(
        vit=replace(MM, patch_bias=False), classes=5, batch_norm=True, unit_bias=False, aligned=False, **SMALL
    ),
    Family.TOOLBOX: DptConfig(
        vit=MM, unit_bias=False, project=True, activation="clamp", max_depth=10.0, **SMALL
    ),
    Family.DEPTH_ANYTHING: DptConfig(vit=DINO, readout="ignore", exact=True, **SMALL),
    Family.HUGGING_FACE: DptConfig(
        vit=replace(DINO, position="bicubic"), readout="ignore", exact=True, **SMALL
    ),
}
SAMPLES = {
    Family.DPT_DEPTH: "scratch.refinenet1.resConfUnit1.conv2.weight",
    Family.DPT_CLASSES: "scratch.refinenet4.resConfUnit2.bn1.running_var",
    Family.MMSEGMENTATION: "decode_head.fusion_blocks.0.res_conv_unit2.conv1.bn.num_batches_tracked",
    Family.TOOLBOX: "decode_head.conv_depth.head.4.bias",
    Family.DEPTH_ANYTHING: "depth_head.scratch.refinenet3.out_conv.bias",
    Family.HUGGING_FACE: "backbone.encoder.layer.11.attention.attention.value.bias",
}
UNUSED = {
    Family.DPT_DEPTH: ("pretrained.model.head.bias", "scratch.refinenet4.resConfUnit1.conv1.bias"),
    Family.DPT_CLASSES: ("auxlayer.4.weight", "pretrained.model.norm.weight"),
    Family.MMSEGMENTATION: ("auxiliary_head.conv_seg.bias",),
    Family.TOOLBOX: ("decode_head.conv_seg.bias",),
    Family.DEPTH_ANYTHING: ("pretrained.mask_token", "depth_head.scratch.refinenet4.resConfUnit1.conv1.bias"),
    Family.HUGGING_FACE: ("backbone.embeddings.mask_token",),
}
State = dict[str, torch.Tensor]


def network_of(family: Family) -> Dpt:
    torch.manual_seed(0)
    return Dpt(CONFIGS[family]).eval()


def official_of(family: Family) -> State:
    return {key: value.clone() for key, value in to_official(network_of(family).state_dict(), family).items()}


def rgb_of(network: Dpt) -> torch.Tensor:
    patch = network.config.vit.patch
    return torch.randn(1, 3, 4 * patch, 6 * patch, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("family", CONFIGS)
def test_keys_go_to_a_family_and_come_back(family: Family) -> None:
    state = network_of(family).state_dict()
    official = to_official(state, family)
    assert SAMPLES[family] in official
    assert family_of(official) is family
    assert not any(is_unused(key, family) for key in official)
    back = from_official(official, family)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[key], value) for key, value in state.items())


def test_keys_of_timm_go_and_come_back() -> None:
    state = {
        f"backbone.{key}": value for key, value in network_of(Family.DPT_DEPTH).backbone.named_parameters()
    }
    timm = to_official(state, Family.TIMM)
    assert {"cls_token", "blocks.11.mlp.fc2.weight"} <= timm.keys()
    assert family_of(timm) is Family.TIMM
    assert from_official(timm, Family.TIMM).keys() == state.keys()
    assert is_unused("head.weight", Family.TIMM)


def test_thirds_that_do_not_fit_stay_apart(tmp_path: Path) -> None:
    official = official_of(Family.HUGGING_FACE)
    key = "backbone.encoder.layer.0.attention.attention.key"
    del official[f"{key}.bias"]
    official[f"{key}.weight"] = torch.zeros(64, 32)
    ours = from_official(official, Family.HUGGING_FACE)
    assert not {f"backbone.blocks.0.attn.qkv.{kind}" for kind in ("weight", "bias")} & ours.keys()
    torch.save(official, tmp_path / "depth_anything_v2_vits.pth")
    with pytest.raises(
        CheckpointError, match=r"missing, first .*key\.bias, 1 mis-shaped, first .*key\.weight"
    ):
        load_dpt(tmp_path / "depth_anything_v2_vits.pth")


@pytest.mark.parametrize("family", CONFIGS)
@pytest.mark.parametrize("holder", [None, "state_dict"])
def test_a_file_gives_the_network_that_it_was_made_of(
    family: Family, holder: str | None, tmp_path: Path
) -> None:
    network, official = network_of(family), official_of(family)
    official |= {key: torch.zeros(3) for key in UNUSED[family]}
    names = {Family.DPT_DEPTH: "dpt.pth", Family.TOOLBOX: "dpt_nyu.pth"}
    path = tmp_path / names.get(family, "depth_anything_v2_vits.pth")
    torch.save({holder: official, "epoch": 1} if holder else official, path)
    loaded = load_dpt(path)
    assert loaded.config == network.config
    assert not loaded.training
    rgb = rgb_of(network)
    with torch.inference_mode():
        assert torch.equal(loaded(rgb), network(rgb))


def test_half_floats_in_a_safetensors_file_become_floats(tmp_path: Path) -> None:
    official = {key: value.half() for key, value in official_of(Family.DEPTH_ANYTHING).items()}
    path = tmp_path / "weights.safetensors"
    save_file(official, path)
    network = load_depth_network(path, max_depth=20)
    assert network.config.activation == "sigmoid"
    assert {value.dtype for value in network.parameters()} == {torch.float32}
    with torch.inference_mode():
        assert 0 < float(network(rgb_of(network)).min()) < 20


def test_a_folder_of_hugging_face_tells_heads_taps_and_metres(tmp_path: Path) -> None:
    notes = {
        "model_type": "depth_anything",
        "depth_estimation_type": "metric",
        "max_depth": 20,
        "backbone_config": {"num_attention_heads": 4, "out_indices": [2, 4, 6, 12]},
    }
    (tmp_path / "config.json").write_text(json.dumps(notes))
    with pytest.raises(CheckpointError, match=r"has no model\.safetensors"):
        load_depth_network(tmp_path)
    save_file(official_of(Family.HUGGING_FACE), tmp_path / "model.safetensors")
    config = load_depth_network(tmp_path).config
    assert (config.vit.heads, config.vit.taps, config.max_depth) == (4, (1, 3, 5, 11), 20.0)
    assert config.vit.position == "bicubic"
    del notes["depth_estimation_type"]  # as in the files of networks that were published before it
    (tmp_path / "config.json").write_text(json.dumps(notes | {"depth_estimation": "metric"}))
    assert load_depth_network(tmp_path).config.max_depth == 20
    (tmp_path / "config.json").write_text(json.dumps(notes))
    assert not load_depth_network(tmp_path).config.metric
    (tmp_path / "config.json").write_text(json.dumps(notes | {"depth_estimation_type": "relative"}))
    with pytest.raises(ValueError, match=r"config\.json says relative depth, which has no max_depth"):
        load_depth_network(tmp_path, max_depth=20)
    (tmp_path / "config.json").write_text('{"model_type": "dpt"}')
    with pytest.raises(CheckpointError, match="model_type 'depth_anything', got 'dpt'"):
        load_depth_network(tmp_path)
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="is no JSON"):
        load_depth_network(tmp_path)


def test_faulty_files_are_refused_by_official_keys(tmp_path: Path) -> None:
    path = tmp_path / "dpt.pth"

    def refused(change: State, without: str | None = None, family: Family = Family.DPT_DEPTH) -> str:
        official = official_of(family) | change
        if without is not None:
            del official[without]
        torch.save(official, path)
        with pytest.raises(CheckpointError) as caught:
            load_depth_network(path)
        return str(caught.value)

    assert "1 unexpected, first pretrained.model.more" in refused({"pretrained.model.more": torch.zeros(1)})
    assert "1 missing, first scratch.output_conv.2.bias" in refused({}, "scratch.output_conv.2.bias")
    assert "lacks scratch.layer3_rn.weight" in refused({}, "scratch.layer3_rn.weight")
    assert "mis-shaped, first scratch.output_conv.4.bias: expected (1,), got (2,)" in refused(
        {"scratch.output_conv.4.bias": torch.zeros(2)}
    )
    assert "is damaged or of an unknown kind" in refused({"pretrained.model.cls_token": torch.zeros(())})
    nan = refused({"scratch.refinenet2.out_conv.bias": torch.full((8,), torch.nan)})
    assert "scratch.refinenet2.out_conv.bias holds NaN" in nan
    assert "tells 5 classes apart" in refused({}, family=Family.DPT_CLASSES)
    torch.save({"fc.weight": torch.zeros(2, 2)}, path)
    with pytest.raises(CheckpointError, match=r"holds no dense prediction transformer.*another network"):
        load_dpt(path)
    torch.save(to_official(official_of(Family.DPT_DEPTH), Family.DPT_DEPTH), path)
    with pytest.raises(CheckpointError, match="is no dpt-large: of its keys"):
        load_dpt(path, "dpt-large")
    with pytest.raises(ValueError, match="did you mean 'dpt-large'"):
        load_dpt(path, "dpt-larg")
    with pytest.raises(ValueError, match="max_depth is for Depth Anything and the depth toolbox"):
        load_dpt(path, max_depth=10)


@pytest.mark.parametrize(
    ("family", "file", "meaning"),
    [
        (Family.DEPTH_ANYTHING, "depth_anything_v2_vitl.pth", Meaning()),
        (Family.DEPTH_ANYTHING, "depth_anything_v2_metric_hypersim_vitl.pth", Meaning(20.0)),
        (Family.DEPTH_ANYTHING, "depth_anything_v2_metric_vkitti_vits.pth", Meaning(80.0)),
        (Family.HUGGING_FACE, "Depth-Anything-V2-Metric-Indoor-Large-hf", Meaning(20.0)),
        (Family.HUGGING_FACE, "Depth-Anything-V2-Small-hf", Meaning()),
        (Family.TOOLBOX, "dpt_vit-b16_kitti_24e.pth", Meaning(80.0)),
        (Family.DPT_DEPTH, "dpt_hybrid-midas-501f0c75.pt", Meaning()),
        (Family.DPT_DEPTH, "dpt_hybrid_nyu-2ce69ec7.pt", Meaning(inverse=NYU_INVERSE)),
        (Family.DPT_DEPTH, "dpt_hybrid_kitti-cb926ef4.pt", Meaning(inverse=KITTI_INVERSE)),
    ],
)
def test_what_depth_means_is_in_the_name_of_a_file(family: Family, file: str, meaning: Meaning) -> None:
    assert meaning_of(family, file) == meaning


def test_what_depth_means_is_never_guessed() -> None:
    with pytest.raises(CheckpointError, match=r"same keys, and the file's name does not say.*give max_depth"):
        meaning_of(Family.DEPTH_ANYTHING, "model.pth")
    with pytest.raises(CheckpointError, match=r"10 m \(NYUv2\) or 80 m \(KITTI\)"):
        meaning_of(Family.TOOLBOX, "best.pth")
    with pytest.raises(ValueError, match="max_depth must be > 0 m, got -1"):
        meaning_of(Family.TOOLBOX, "best.pth", max_depth=-1)
    assert meaning_of(Family.DEPTH_ANYTHING, "model.pth", "depth-anything-v2-base") == Meaning()
    named = "depth-anything-v2-metric-vkitti-base"
    assert meaning_of(Family.DEPTH_ANYTHING, "depth_anything_v2_vitb.pth", named) == Meaning(80.0)


def test_rules_for_position_embeddings_differ_but_on_their_own_grid() -> None:
    embedding = torch.randn(1, 1 + 25, 3, generator=torch.Generator().manual_seed(0))
    rules: tuple[Any, ...] = ("bilinear", "bicubic", "offset", "antialias")
    for grid in ((4, 3), (7, 9)):
        resized = {rule: resize_position_embedding(embedding, grid, rule) for rule in rules}
        for value in resized.values():
            assert value.shape == (1, 1 + grid[0] * grid[1], 3)
            assert torch.equal(value[:, 0], embedding[:, 0])
        for one in rules:
            for other in rules:
                far = float((resized[one] - resized[other]).abs().max())
                # Nothing is smoothed where a grid grows.
                same = one == other or ({one, other} == {"bicubic", "antialias"} and grid == (7, 9))
                assert far == 0 if one == other else same or far > 1e-2, (one, other, grid)
    assert all(resize_position_embedding(embedding, (5, 5), rule) is embedding for rule in rules)
    with pytest.raises(ValueError, match=r"square grid, got \(1, 25, 3\)"):
        resize_position_embedding(embedding[:, 1:], (2, 2), "bicubic")


@pytest.mark.parametrize("exact", [True, False])
def test_the_decoder_takes_any_pyramid_and_learns(exact: bool) -> None:
    decoder = DptDecoder((3, 5, 7, 9), 6, batch_norm=True, bias=False, exact=exact)
    maps = [
        torch.randn(2, channels, 64 // stride, 96 // stride, requires_grad=True)
        for channels, stride in ((3, 4), (5, 8), (7, 16), (9, 32))
    ]
    features = decoder(tuple(maps))
    assert features.shape == (2, 6, 16, 24)
    features.square().mean().backward()
    assert all(parameter.grad is not None and parameter.grad.any() for parameter in decoder.parameters())
    assert all(one.grad is not None and one.grad.any() for one in maps)


def test_the_decoder_grows_to_odd_maps_exactly() -> None:
    maps = tuple(torch.randn(1, 4, *size) for size in ((17, 23), (9, 12), (5, 6), (3, 3)))
    assert DptDecoder((4, 4, 4, 4), 6)(maps).shape == (1, 6, 17, 23)
    assert DptDecoder((4, 4, 4, 4), 6, exact=False)(maps).shape == (1, 6, 24, 24)


def test_output_has_the_size_of_the_image_also_where_maps_do_not_fit() -> None:
    for family in (Family.TOOLBOX, Family.MMSEGMENTATION, Family.DEPTH_ANYTHING):
        network = network_of(family)
        patch = network.config.vit.patch
        with torch.inference_mode():
            output = network(torch.randn(2, 3, 3 * patch, 5 * patch))
        assert output.shape[-2:] == (3 * patch, 5 * patch)
        assert output.shape[:-2] == ((2,) if network.config.classes is None else (2, 5))


def test_inverse_depth_becomes_metres() -> None:
    network = network_of(Family.DPT_DEPTH)
    assert not network.config.metric
    network.config = replace(network.config, inverse=(0.5, 0.1))
    assert network.config.metric
    depth = network.depth(torch.tensor([-3.0, 0.0, 1.0]))
    torch.testing.assert_close(depth, torch.tensor([10.0, 10.0, 1 / 0.6]))
    network.config = replace(network.config, activation="none")
    torch.testing.assert_close(network.depth(torch.tensor([-3.0])), torch.tensor([1e8]))
    torch.testing.assert_close(network.depth(torch.tensor([-3.0]).half()), torch.tensor([1e8]))


def test_wrong_images_and_shapes_are_refused() -> None:
    network = network_of(Family.DPT_DEPTH)
    with pytest.raises(ValueError, match=r"rgb must be \(N, 3, H, W\), got \(1, 4, 32, 32\)"):
        network(torch.zeros(1, 4, 32, 32))
    with pytest.raises(ValueError, match="multiples of 16, got 40 x 32"):
        network(torch.zeros(1, 3, 40, 32))
    with pytest.raises(ValueError, match="taps must be ascending"):
        VitConfig(depth=2, taps=(1, 2))
    with pytest.raises(ValueError, match=r"multiple of heads \(5\), got 64"):
        replace(VIT, heads=5)
    with pytest.raises(ValueError, match="needs max_depth > 0 m, got None"):
        DptConfig(activation="sigmoid")
    with pytest.raises(ValueError, match="did you mean 'small'"):
        depth_anything_config("smal")
    with pytest.raises(ValueError, match="did you mean 'dpt-hybrid'"):
        published_dpt("dpt-hybrids")
