"""The networks give the numbers of the official code under deterministic weights."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import student
from student.networks.dveformer import DVEFormer

VARIANTS = ("dveformer-fullres", "dveformer-reducedres")
SIZES = ("480x640", "160x224", "96x288")
DECODER = "decoders.dense_visual_embedding_decoder."

# What the official outputs call the modules' outputs.
TAPS = {
    "patch_embedder": "encoder.backbone.patch_embedder",
    "stage1": "encoder.backbone.layer_1",
    "stage2": "encoder.backbone.layer_2",
    "stage3": "encoder.backbone.layer_3",
    "stage4": "encoder.backbone.layer_4",
    "context_pool1": "context_module.features.0.1",
    "context_pool5": "context_module.features.1.1",
    "context": "context_module",
    "main_branch": DECODER + "main_branch",
    "skip16": DECODER + "skip_branches.0",
    "skip8": DECODER + "skip_branches.1",
    "skip4": DECODER + "skip_branches.2",
    "fuse": DECODER + "fuse",
    "head_conv": DECODER + "_task_head.conv",
    "head_up0": DECODER + "_task_head.upsample_0",
}


@pytest.fixture(scope="module", params=VARIANTS)
def official(
    request: pytest.FixtureRequest, golden: Path, deterministic: SimpleNamespace
) -> tuple[DVEFormer, dict[str, Any]]:
    """Return a network with deterministic weights, and what the official one gave."""
    network = deterministic.fill(student.build(request.param)).eval()
    file = request.param.replace("-", "_") + ".npz"
    with np.load(golden / file) as stored:
        return network, dict(stored)


def run(network: DVEFormer, rgb: np.ndarray, depth: np.ndarray) -> dict[str, np.ndarray]:
    """Return the output of every tapped module, and the embedding."""
    taps: dict[str, np.ndarray] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: object, inputs: object, output: torch.Tensor) -> None:
            taps[name] = output.numpy()

        return hook

    modules = dict(network.named_modules())
    hooks = [modules[path].register_forward_hook(keep(tap)) for tap, path in TAPS.items() if path in modules]
    with torch.inference_mode():
        taps["embedding"] = network(torch.from_numpy(rgb), torch.from_numpy(depth)).numpy()
    for hook in hooks:
        hook.remove()
    taps["stage4"] = taps["stage4"].transpose(0, 3, 1, 2)
    return taps


def compare(taps: dict[str, np.ndarray], oracle: dict[str, Any], case: str, limit: float) -> dict[str, float]:
    """Check every stored number of a case; return the relative RMS error of each tap."""
    errors = {}
    names = {key.split("/")[-2] for key in oracle if key.startswith(case) and key.endswith("/sub")}
    assert names, case
    for name in names:
        assert tuple(oracle[f"{case}{name}/shape"]) == taps[name].shape
        every = int(oracle[f"{case}{name}/stride"])
        errors[name] = error(taps[name].ravel()[::every], oracle[f"{case}{name}/sub"])
        found = taps[name].astype(np.float64)
        stats = [found.mean(), found.std(), found.min(), found.max()]
        np.testing.assert_allclose(stats, oracle[f"{case}{name}/stats"], rtol=10 * limit, atol=10 * limit)
    embedding = taps["embedding"]
    assert tuple(oracle[f"{case}embedding_shape"]) == embedding.shape
    y0, dy, x0, dx = oracle[f"{case}embedding_grid"]
    errors["embedding"] = error(embedding[0, :, y0::dy, x0::dx], oracle[f"{case}embedding"])
    if f"{case}embedding_border" in oracle:
        rows, columns = oracle[f"{case}embedding_border_yx"]
        errors["border"] = error(embedding[0][:, rows][:, :, columns], oracle[f"{case}embedding_border"])
    return errors


def error(found: np.ndarray, wanted: np.ndarray) -> float:
    """Return the relative RMS error."""
    assert found.shape == wanted.shape
    found, wanted = found.astype(np.float64), wanted.astype(np.float64)
    return float(np.sqrt(((found - wanted) ** 2).mean() / (wanted**2).mean()))


def images(deterministic: SimpleNamespace, size: str) -> tuple[np.ndarray, np.ndarray]:
    """Return the images that the official network was given, normalised."""
    height, width = map(int, size.split("x"))
    return tuple(
        deterministic.uniform(n, (1, c, height, width), -2, 2) for n, c in (("rgb", 3), ("depth", 1))
    )


@pytest.mark.parametrize("variant", VARIANTS)
def test_state_dict_has_the_official_keys_shapes_and_order(variant: str, golden: Path) -> None:
    state = student.build(variant).state_dict()
    expected = json.loads((golden / f"{variant.replace('-', '_')}.json").read_text())
    found = [
        [key, list(value.shape), str(value.dtype).removeprefix("torch.")] for key, value in state.items()
    ]
    assert found == expected


@pytest.mark.parametrize("size", SIZES)
def test_every_layer_gives_the_official_numbers(
    official: tuple[DVEFormer, dict[str, Any]], deterministic: SimpleNamespace, size: str
) -> None:
    network, oracle = official
    taps = run(network, *images(deterministic, size))
    errors = compare(taps, oracle, f"{size}/", limit=1e-5)
    assert {"border", "context_pool5", "skip16"} <= set(errors)
    assert max(errors.values()) < 1e-5, errors
    y0, dy, x0, dx = oracle[f"{size}/embedding_grid"]
    assert np.abs(taps["embedding"][0, :, y0::dy, x0::dx] - oracle[f"{size}/embedding"]).max() < 5e-5


def test_logit_scale_is_clamped_as_officially(
    official: tuple[DVEFormer, dict[str, Any]], deterministic: SimpleNamespace
) -> None:
    network, oracle = official
    scales = [value for name, value in network.named_parameters() if name.endswith("logit_scale")]
    with torch.no_grad():
        for scale in scales:
            scale += 4.5
    try:
        assert sum(int((scale > np.log(100)).sum()) for scale in scales) == 89
        taps = run(network, *images(deterministic, "160x224"))
        errors = compare(taps, oracle, "clamp160x224/", limit=5e-3)
    finally:
        deterministic.fill(network)
    assert max(errors.values()) < 5e-3, errors


def test_a_mistake_shows(
    official: tuple[DVEFormer, dict[str, Any]],
    deterministic: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The smallest mistake that the comparison must not forgive: a LayerNorm with another epsilon."""
    network, oracle = official
    for module in network.modules():
        if isinstance(module, torch.nn.LayerNorm):
            monkeypatch.setattr(module, "eps", 1e-6)
    errors = compare(run(network, *images(deterministic, "96x288")), oracle, "96x288/", limit=1e-2)
    assert errors["embedding"] > 2e-5
