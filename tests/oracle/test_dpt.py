"""DPT in its three forms gives the numbers of the official codes under deterministic weights."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

import student.networks.vit_hybrid
from student.checkpoints.dpt_keys import family_of, from_official, is_unused, to_official
from student.checkpoints.dpt_shape import infer_dpt_config
from student.depth_input import DEPTH_INPUTS
from student.networks.dpt import Dpt, empty_dpt
from student.networks.dpt_config import DPT_CONFIGS

OFFICIAL_NAMES = (
    "dpt-vitb16",
    "dpt-large",
    "dpt-hybrid",
    "dpt-seg-vitb16",
    "dpt-seg-hybrid",
    "dpt-mmseg-vitb16-ade20k",
    "dpt-toolbox-vitb16-nyu",
)
LIMIT = 1e-4
HYBRID_LIMIT = 1e-3
RUNS = {
    "dpt-vitb16": LIMIT,
    "dpt-hybrid": HYBRID_LIMIT,
    "dpt-seg-vitb16": LIMIT,
    "dpt-mmseg-vitb16-ade20k": LIMIT,
    "dpt-toolbox-vitb16-nyu": LIMIT,
}
Tapped = Callable[..., dict[str, np.ndarray]]


@pytest.fixture(scope="module", params=RUNS)
def known(request: pytest.FixtureRequest, official: Callable[[str], Any], loaded: Any) -> tuple[Any, Dpt]:
    oracle = official(request.param)
    return oracle, loaded(oracle, DPT_CONFIGS[request.param])


VITB16 = pytest.mark.parametrize("known", ["dpt-vitb16"], indirect=True)
HYBRID = pytest.mark.parametrize("known", ["dpt-hybrid"], indirect=True)


@pytest.mark.parametrize("name", OFFICIAL_NAMES)
def test_keys_and_shapes_are_the_official_ones_both_ways(name: str, official: Callable[[str], Any]) -> None:
    listed = official(name).empty_state()
    family = family_of(listed)
    assert family is not None
    used = {key: value for key, value in listed.items() if not is_unused(key, family)}
    ours = from_official(used, family)
    expected = empty_dpt(DPT_CONFIGS[name]).state_dict()
    assert {key: value.shape for key, value in ours.items()} == {k: v.shape for k, v in expected.items()}
    back = to_official(expected, family)
    assert {key: value.shape for key, value in back.items()} == {k: v.shape for k, v in used.items()}
    metres = DPT_CONFIGS[name].max_depth
    assert infer_dpt_config(ours, family, max_depth=metres) == DPT_CONFIGS[name]


def test_every_tensor_is_the_official_one(known: tuple[Any, Dpt], tapped: Tapped) -> None:
    oracle, network = known
    assert oracle.cases
    for case in oracle.cases:
        found = tapped(network, oracle.rgb(case))
        if oracle.name == "dpt-toolbox-vitb16-nyu":
            found["out"] = found["out"][:, None]
        if "pre_relu" in oracle.tensors(case) and not network.config.project:
            found |= inverted(network, found["pre_relu"])
        names = oracle.tensors(case)
        assert names <= found.keys(), names - found.keys()
        errors = oracle.errors(case, {name: found[name] for name in names})
        # One step of a float32 near 7 m is 4e-5 of this one's deviation.
        assert errors.pop("out_nyu", 0.0) < 2e-4
        assert max(errors.values()) < RUNS[oracle.name], (case, errors)


def inverted(network: Dpt, raw: np.ndarray) -> dict[str, np.ndarray]:
    """Return depth in metres, as NYUv2's scale and shift and as larger ones have it."""
    depths, config = {}, network.config
    for name, inverse in (("out_invert", (0.25, 0.1)), ("out_nyu", DPT_CONFIGS["dpt-hybrid-nyu"].inverse)):
        network.config = replace(config, inverse=inverse)
        depths[name] = network.depth(torch.from_numpy(raw))[:, 0].numpy()
    network.config = config
    return depths


@pytest.mark.parametrize("known", ["dpt-vitb16", "dpt-hybrid"], indirect=True)
def test_an_image_is_resized_seen_and_resized_as_officially(known: tuple[Any, Dpt]) -> None:
    (oracle, network), rules = known, DEPTH_INPUTS["dpt"]
    rgb = rules.prepare(oracle.raw())
    with torch.inference_mode():
        pred = network(torch.from_numpy(rgb)).numpy()
    found = {"input": rgb, "pred": pred, "depth": rules.restore(pred, 480, 640)}
    assert oracle.tensors("infer") == found.keys()
    errors = oracle.errors("infer", found)
    assert max(errors.values()) < RUNS[oracle.name], errors


@pytest.mark.parametrize("readout", ["ignore", "add"])
def test_class_token_is_ignored_or_added(
    readout: Any, official: Callable[[str], Any], loaded: Any, tapped: Tapped
) -> None:
    oracle, case = official("dpt-vitb16"), f"readout_{readout}.128x160"
    found = tapped(loaded(oracle, replace(DPT_CONFIGS["dpt-vitb16"], readout=readout)), oracle.rgb(case))
    names = oracle.tensors(case)
    assert len(names) == 7
    errors = oracle.errors(case, {name: found[name] for name in names})
    assert max(errors.values()) < LIMIT, errors


@VITB16
@pytest.mark.parametrize("position", ["bicubic", "offset", "antialias"])
def test_another_rule_for_position_embeddings_shows(position: Any, known: tuple[Any, Dpt]) -> None:
    oracle, network = known
    config = network.backbone.config
    network.backbone.config = replace(config, position=position)
    try:
        with torch.inference_mode():
            wrong = network(oracle.rgb("128x160")).numpy()
    finally:
        network.backbone.config = config
    assert oracle.errors("128x160", {"out": wrong})["out"] > 100 * LIMIT


@VITB16
def test_another_readout_shows(known: tuple[Any, Dpt]) -> None:
    oracle, network = known
    with torch.inference_mode():
        for reassemble in network.reassemble:
            reassemble.mode = "ignore"
        try:
            wrong = network(oracle.rgb("128x160")).numpy()
        finally:
            for reassemble in network.reassemble:
                reassemble.mode = "project"
    assert oracle.errors("128x160", {"out": wrong})["out"] > 100 * LIMIT


@HYBRID
def test_the_epsilon_of_standardised_weights_shows(
    known: tuple[Any, Dpt], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The smallest mistake: today's timm adds an epsilon to the variance, not to the deviation."""
    oracle, network = known
    monkeypatch.setattr(student.networks.vit_hybrid, "_EPS", 0.0)
    with torch.inference_mode():
        wrong = network(oracle.rgb("128x160")).numpy()
    assert oracle.errors("128x160", {"out": wrong})["out"] > HYBRID_LIMIT


def test_each_published_network_can_be_described() -> None:
    parameters = {"dpt-vitb16": 109_696_385, "dpt-large": 341_848_257, "dpt-hybrid": 121_196_289}
    for name, count in parameters.items():
        assert sum(p.numel() for p in empty_dpt(DPT_CONFIGS[name]).parameters()) == count
