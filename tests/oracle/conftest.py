"""Outputs of official networks whose weights follow from their keys, and how far ours are from them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from dvemap.bench.official import Official
from student.checkpoints.dpt_keys import family_of, from_official, is_unused
from student.networks.dpt import Dpt, empty_dpt
from student.networks.dpt_config import DptConfig


@pytest.fixture(scope="session")
def official(golden: Path) -> Callable[[str], Official]:
    """Return what is known of an official network, by its name."""
    return lambda name: Official(name, golden)


@pytest.fixture(scope="session")
def loaded() -> Callable[[Official, DptConfig], Dpt]:
    """Return what builds a `Dpt` with the official weights."""
    return _loaded


def _loaded(official: Official, config: DptConfig) -> Dpt:
    state = official.state()
    family = family_of(state)
    assert family is not None
    network = empty_dpt(config)
    ours = from_official({key: value for key, value in state.items() if not is_unused(key, family)}, family)
    if config.readout != "project":
        ours = {key: value for key, value in ours.items() if ".readout." not in key}
    network.load_state_dict(ours, strict=True, assign=True)
    return network.eval()


@pytest.fixture(scope="session")
def tapped() -> Callable[..., dict[str, np.ndarray]]:
    """Return what runs a `Dpt` and keeps its tensors under every official name."""
    return _tapped


def _tapped(network: Any, rgb: torch.Tensor) -> dict[str, np.ndarray]:
    kept: dict[str, Any] = {}
    handles = []

    def keep_output(name: str, module: torch.nn.Module) -> None:
        handles.append(module.register_forward_hook(lambda _, __, output: kept.update({name: output})))

    def keep_input(name: str, module: torch.nn.Module) -> None:
        handles.append(module.register_forward_pre_hook(lambda _, inputs: kept.update({name: inputs[0]})))

    keep_output("hooks", network.backbone)
    keep_input("tokens", network.backbone.blocks[0])
    keep_input("maps", network.decoder)
    keep_output("raw", network.head)
    keep_input("path1", network.head)
    for stage, module in enumerate(network.decoder.embed, start=1):
        keep_output(f"layer{stage}_rn", module)
    for stage, module in enumerate(network.decoder.fuse[:3], start=2):
        keep_input(f"path{stage}", module)
    last = network.head.conv1 if network.config.classes is None else network.head.dropout
    keep_input("project", last)
    with torch.inference_mode():
        kept["out"] = network(rgb)
    for handle in handles:
        handle.remove()
    for stage, tapped in enumerate(kept.pop("maps"), start=1):
        kept[f"reassemble{stage}"] = tapped
    for stage, tapped in enumerate(kept.pop("hooks"), start=1):
        kept[f"hook{stage}"] = tapped
        if network.config.vit.position == "bicubic":  # mmsegmentation's maps and class tokens
            grid = (rgb.shape[2] // 16, rgb.shape[3] // 16)
            kept |= {f"hook{stage}": tapped[:, 1:].mT.unflatten(2, grid), f"cls{stage}": tapped[:, 0]}
    for stage in range(4):
        kept |= {f"convs{stage}": kept[f"layer{stage + 1}_rn"], f"fusion{stage}": kept[f"path{4 - stage}"]}
    kept |= dict.fromkeys(("pre_relu", "pre_act", "logits"), kept["raw"])
    return {name: value.numpy() for name, value in kept.items()}
