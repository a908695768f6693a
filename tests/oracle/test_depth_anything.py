"""Depth Anything V2 gives the numbers of the official code, and of its Hugging Face port."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from student.checkpoints.dpt_file import load_depth_network
from student.checkpoints.dpt_keys import family_of, from_official, is_unused, to_official
from student.checkpoints.dpt_shape import infer_dpt_config
from student.depth_input import DEPTH_INPUTS
from student.networks.depth_anything import depth_anything_config
from student.networks.dpt import Dpt, empty_dpt

CONFIGS = {
    "depth-anything-v2-small": depth_anything_config("small"),
    "depth-anything-v2-base": depth_anything_config("base"),
    "depth-anything-v2-large": depth_anything_config("large"),
    "depth-anything-v2-giant": depth_anything_config("giant"),
    "depth-anything-v2-metric-small": depth_anything_config("vits", max_depth=20),
    "depth-anything-v2-small-hf": depth_anything_config("small", hf=True),
    "depth-anything-v2-metric-indoor-large-hf": depth_anything_config("vitl", max_depth=20, hf=True),
}
LIMIT = 1e-4
RELATIVE = "depth-anything-v2-small"
Tapped = Callable[..., dict[str, np.ndarray]]


@pytest.fixture(scope="module", params=[RELATIVE, "depth-anything-v2-metric-small"])
def known(request: pytest.FixtureRequest, official: Callable[[str], Any], loaded: Any) -> tuple[Any, Dpt]:
    """Return an oracle, and a network with its weights."""
    oracle = official(request.param)
    return oracle, loaded(oracle, CONFIGS[request.param])


@pytest.mark.parametrize("name", CONFIGS)
def test_keys_and_shapes_are_the_official_ones_both_ways(name: str, official: Callable[[str], Any]) -> None:
    listed = official(name).empty_state()
    family = family_of(listed)
    assert family is not None
    used = {key: value for key, value in listed.items() if not is_unused(key, family)}
    ours = from_official(used, family)
    expected = empty_dpt(CONFIGS[name]).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {k: v.shape for k, v in expected.items()}
    back = to_official(expected, family)
    assert {key: value.shape for key, value in back.items()} == {k: v.shape for k, v in used.items()}
    assert infer_dpt_config(ours, family, max_depth=CONFIGS[name].max_depth) == CONFIGS[name]


def test_every_tensor_is_the_official_one(known: tuple[Any, Dpt], tapped: Tapped) -> None:
    oracle, network = known
    assert oracle.cases
    for case in oracle.cases:
        found = tapped(network, oracle.rgb(case))
        names = oracle.tensors(case)
        assert names <= found.keys(), names - found.keys()
        errors = oracle.errors(case, {name: found[name] for name in names})
        assert max(errors.values()) < LIMIT, (case, errors)


@pytest.mark.parametrize("known", [RELATIVE], indirect=True)
def test_an_image_is_resized_seen_and_resized_as_officially(known: tuple[Any, Dpt]) -> None:
    (oracle, network), rules = known, DEPTH_INPUTS["depth-anything"]
    rgb = rules.prepare(oracle.raw())
    with torch.inference_mode():
        depth = rules.restore(network(torch.from_numpy(rgb)).numpy(), 480, 640)
    assert oracle.tensors("infer") == {"input", "depth"}
    errors = oracle.errors("infer", {"input": rgb, "depth": depth})
    assert max(errors.values()) < LIMIT, errors


@pytest.mark.parametrize("known", [RELATIVE], indirect=True)
@pytest.mark.parametrize(
    "mistake",
    [{"position": "bicubic"}, {"position": "bilinear"}, {"position": "antialias"}, {"taps": (8, 9, 10, 11)}],
    ids=str,
)
def test_a_mistake_in_the_encoder_shows(mistake: dict[str, Any], known: tuple[Any, Dpt]) -> None:
    oracle, network = known
    config = network.backbone.config
    network.backbone.config = replace(config, **mistake)
    try:
        with torch.inference_mode():
            wrong = network(oracle.rgb("126x168")).numpy()
    finally:
        network.backbone.config = config
    assert oracle.errors("126x168", {"out": wrong})["out"] > 100 * LIMIT


@pytest.mark.parametrize("known", [RELATIVE], indirect=True)
def test_taps_before_the_norm_show(known: tuple[Any, Dpt]) -> None:
    oracle, network = known
    norm, network.backbone.norm = network.backbone.norm, torch.nn.Identity()
    try:
        with torch.inference_mode():
            wrong = network(oracle.rgb("126x168")).numpy()
    finally:
        network.backbone.norm = norm
    assert oracle.errors("126x168", {"out": wrong})["out"] > 100 * LIMIT


@pytest.mark.parametrize("known", [RELATIVE], indirect=True)
def test_maps_that_double_instead_of_growing_exactly_do_not_fit(known: tuple[Any, Dpt]) -> None:
    oracle, network = known
    network.decoder.exact = False
    try:
        with torch.inference_mode():
            wrong = network.features(oracle.rgb("126x168")).shape
    finally:
        network.decoder.exact = True
    assert wrong != tuple(oracle.arrays["126x168.path1.shape"])


@pytest.mark.parametrize("metric", [False, True])
def test_hugging_face_gives_the_same(metric: bool, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    backbone = transformers.Dinov2Config(
        hidden_size=48,
        num_hidden_layers=4,
        num_attention_heads=3,
        image_size=14 * 9,
        patch_size=14,
        out_indices=[1, 2, 3, 4],
        reshape_hidden_states=False,
        layerscale_value=0.3,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=48,
        neck_hidden_sizes=[8, 12, 16, 24],
        fusion_hidden_size=16,
        depth_estimation_type="metric" if metric else "relative",
        max_depth=7 if metric else 1,
    )
    torch.manual_seed(0)
    theirs = transformers.DepthAnythingForDepthEstimation(config).eval()
    with torch.no_grad():
        for parameter in theirs.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    theirs.save_pretrained(tmp_path)
    ours = load_depth_network(tmp_path)
    assert ours.config.metric is metric
    assert ours.config.vit.heads == 3
    assert ours.config.vit.taps == (0, 1, 2, 3)
    rgb = torch.randn(2, 3, 14 * 5, 14 * 11)
    with torch.inference_mode():
        wanted, found = theirs(pixel_values=rgb).predicted_depth, ours(rgb)
        ours.backbone.config = replace(ours.backbone.config, position="offset")
        official = ours(rgb)
    assert found.shape == wanted.shape == (2, 70, 154)
    assert float(wanted.std()) > 0.01
    assert float((found - wanted).abs().max() / wanted.std()) < LIMIT
    assert float((official - wanted).abs().max() / wanted.std()) > 10 * LIMIT


@pytest.mark.parametrize("size", [(480, 640), (360, 500), (768, 1024), (600, 520)])
def test_hugging_face_resizes_images_the_same(size: tuple[int, int], deterministic: Any) -> None:
    transformers = pytest.importorskip("transformers")
    theirs = transformers.DPTImageProcessorPil(
        size={"height": 518, "width": 518},
        ensure_multiple_of=14,
        keep_aspect_ratio=True,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    )
    rgb = deterministic.uniform("raw", (*size, 3), 0, 256).astype(np.uint8)
    wanted = np.asarray(theirs(images=rgb, return_tensors="np")["pixel_values"])
    found = DEPTH_INPUTS["depth-anything-hf"].prepare(rgb)
    assert found.shape == wanted.shape
    assert np.abs(found - wanted).max() < 1e-5
