"""Both DFormers with their decoders give the numbers of the official code under deterministic weights."""

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional

from student.networks import ham
from student.networks.segmentor import Segmentor, build_segmentor

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
NETWORKS = (
    "dformer-tiny",
    "dformer-small",
    "dformer-base",
    "dformer-large",
    "dformer-small_mlpdecoder",
    "dformerv2-small",
    "dformerv2-base",
    "dformerv2-large",
)
TOLERANCE = 1e-4  # in standard deviations of the official tensor; float32 itself costs up to 5e-5

# What the official outputs call the modules' outputs.
TAPS = {
    "maps": "backbone",
    "ham.squeeze": "decode_head.squeeze",
    "ham.nmf": "decode_head.hamburger.ham",
    "ham.burger": "decode_head.hamburger",
    "ham.align": "decode_head.align",
    "logits": "decode_head",
}


def stored(name: str) -> dict[str, set[str]]:
    """Return the official tensors of a network, by case."""
    with np.load(GOLDEN / f"{name}.npz") as arrays:
        keys = [key.removesuffix(".sub") for key in arrays if key.endswith(".sub")]
    cases: dict[str, set[str]] = {}
    for key in keys:
        strong = key.startswith("strong.")
        case, tensor = key.removeprefix("strong.").split(".", maxsplit=1)
        cases.setdefault("strong." * strong + case, set()).add(tensor)
    return cases


@pytest.fixture(scope="module", params=NETWORKS)
def segmentor(request: pytest.FixtureRequest, deterministic: SimpleNamespace) -> tuple[str, Segmentor]:
    """Return a network's name, and the network with deterministic weights and bases."""
    encoder, _, other = request.param.partition("_")
    with pytest.MonkeyPatch.context() as patch:  # the slow half of building what is filled anyway
        patch.setattr(torch.nn.init, "trunc_normal_", lambda tensor, std: tensor)
        network = build_segmentor(encoder, decoder="mlp" if other else "ham").eval()
    if not other:
        bases = torch.from_numpy(deterministic.uniform("ham-bases", (1, ham.HAM_CHANNELS, ham.RANK)))
        network.decode_head.hamburger.ham.bases = functional.normalize(bases, dim=1)
    return request.param, deterministic.fill(network)


def outputs(
    network: Segmentor, deterministic: SimpleNamespace, case: str, *, depth: bool = True
) -> dict[str, np.ndarray]:
    """Return what every tapped module gives for the official images."""
    height, width = map(int, case.rpartition(".")[2].split("x"))
    limit = 20 if case.startswith("strong.") else 2
    rgb = torch.from_numpy(deterministic.uniform("rgb", (1, 3, height, width), -2, 2))
    distance = torch.from_numpy(deterministic.uniform("depth", (1, 1, height, width), -limit, limit))
    found: dict[str, Any] = {}

    def keep(name: str) -> Callable[..., None]:
        def hook(module: object, inputs: object, output: Any) -> None:
            found[name] = output

        return hook

    modules = dict(network.named_modules())
    hooks = [modules[path].register_forward_hook(keep(tap)) for tap, path in TAPS.items() if path in modules]
    with torch.inference_mode():
        found["out"] = network(rgb, distance if depth else torch.zeros_like(distance))
    for hook in hooks:
        hook.remove()
    maps = found.pop("maps")
    found |= {f"stage{stage}": features for stage, features in enumerate(maps)}
    return {name: tensor.numpy() for name, tensor in found.items()}


def errors(official: Any, case: str, found: dict[str, np.ndarray]) -> dict[str, float]:
    """Return by how much values, their projection and statistics differ, in standard deviations."""
    worst: dict[str, float] = official.errors(case, found)
    arrays = official.arrays
    for name, x in found.items():
        wide = x.astype(np.float64)
        statistics = {"mean": wide.mean(), "std": wide.std(), "min": wide.min(), "max": wide.max()}
        off = [abs(value - arrays[f"{case}.{name}.{kind}"]) for kind, value in statistics.items()]
        worst[name] = max(worst[name], max(off) / float(arrays[f"{case}.{name}.std"]))
    return worst


def test_state_dict_has_the_official_keys_shapes_and_order(segmentor: tuple[str, Segmentor]) -> None:
    name, network = segmentor
    found = [
        [key, list(value.shape), str(value.dtype).removeprefix("torch.")]
        for key, value in network.state_dict().items()
    ]
    assert found == json.loads((GOLDEN / f"{name}.json").read_text())


def test_every_layer_gives_the_official_numbers(
    segmentor: tuple[str, Segmentor], official: Callable[[str], Any], deterministic: SimpleNamespace
) -> None:
    name, network = segmentor
    for case, tensors in stored(name).items():
        found = outputs(network, deterministic, case)
        assert found.keys() == tensors, case
        worst = errors(official(name), case, found)
        assert max(worst.values()) < TOLERANCE, (case, worst)


def test_every_official_case_is_there() -> None:
    cases = [(case, len(tensors)) for name in NETWORKS for case, tensors in stored(name).items()]
    assert sorted(cases) == sorted(
        7 * [("128x160", 10)] + 4 * [("480x640", 10)] + 3 * [("strong.128x160", 10)] + [("128x160", 6)]
    )


@pytest.mark.parametrize("mistake", ["other eps", "no depth"])
def test_a_mistake_shows(
    segmentor: tuple[str, Segmentor],
    mistake: str,
    official: Callable[[str], Any],
    deterministic: SimpleNamespace,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Small mistakes that the comparison must not forgive: the head's usual epsilon, and ignoring depth."""
    name, network = segmentor
    if mistake == "other eps":
        for module in network.decode_head.modules():
            if isinstance(module, torch.nn.BatchNorm2d):
                monkeypatch.setattr(module, "eps", 1e-5)
    found = outputs(network, deterministic, "128x160", depth=mistake != "no depth")
    assert errors(official(name), "128x160", found)["out"] > 5 * TOLERANCE
