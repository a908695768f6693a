"""Outputs of official networks whose weights follow from their keys, and how far ours are from them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch


@dataclass
class Official:
    """What a key list and, where there is one, an array file say of an official network."""

    name: str
    folder: Path
    deterministic: SimpleNamespace

    @cached_property
    def arrays(self) -> dict[str, Any]:
        """Return the stored arrays, by case, tensor and field."""
        path = self.folder / f"{self.name}.npz"
        if not path.is_file():
            return {}
        with np.load(path) as stored:
            return dict(stored)

    def empty_state(self) -> dict[str, torch.Tensor]:
        """Return keys, shapes and types of the official weights, without memory."""
        listed = json.loads((self.folder / f"{self.name}.json").read_text())
        return {key: torch.zeros((), dtype=getattr(torch, kind)).expand(shape) for key, shape, kind in listed}

    def state(self) -> dict[str, torch.Tensor]:
        """Return the official weights."""
        state = {}
        for key, like in self.empty_state().items():
            shape = tuple(like.shape)
            state[key] = (
                torch.from_numpy(self.deterministic.tensor(key, shape))
                if like.is_floating_point()
                else torch.zeros(shape, dtype=like.dtype)
            )
        for rule in self.arrays["override"]:
            kind, key, *factor = str(rule).split(":")
            state[key] = -state[key] if kind == "negate" else state[key] * float(factor[0])
        return state

    def rgb(self, case: str) -> torch.Tensor:
        """Return the input of a case that ends in its height and width."""
        height, width = map(int, case.rpartition(".")[2].split("x"))
        return torch.from_numpy(self.deterministic.uniform("rgb", (1, 3, height, width), -2, 2))

    def raw(self) -> np.ndarray:
        """Return the image (480, 640, 3) uint8, RGB, of the case `infer`."""
        bgr = self.deterministic.uniform("raw", (480, 640, 3), 0, 256).astype(np.uint8)
        return np.ascontiguousarray(bgr[..., ::-1])

    def tensors(self, case: str) -> set[str]:
        """Return what is stored of a case."""
        return {
            key.split(".")[-2] for key in self.arrays if key.startswith(f"{case}.") and key.endswith(".sub")
        }

    @property
    def cases(self) -> list[str]:
        """Return the cases with inputs of the network itself."""
        names = {key.rpartition(".")[0].rpartition(".")[0] for key in self.arrays if key.endswith(".sub")}
        return sorted(name for name in names if name[0].isdecimal())

    def errors(self, case: str, found: Mapping[str, np.ndarray]) -> dict[str, float]:
        """Return by how much each tensor differs at most, in standard deviations of the official one."""
        arrays, errors = self.arrays, {}
        for name, x in found.items():
            key = f"{case}.{name}"
            assert x.shape == tuple(arrays[f"{key}.shape"]), (key, x.shape)
            std = float(arrays[f"{key}.std"])
            grid = x[tuple(slice(None, None, int(step)) for step in arrays[f"{key}.step"])]
            worst = float(np.abs(grid - arrays[f"{key}.sub"]).max())
            signs = self.deterministic.uniform(f"probe:{key}", x.shape, -1, 1).astype(np.float64)
            total = float(np.vdot(x.astype(np.float64), signs)) - float(arrays[f"{key}.probe"])
            errors[name] = max(worst, abs(total) / np.sqrt(x.size / 3)) / std
        return errors


@pytest.fixture(scope="session")
def official(golden: Path, deterministic: SimpleNamespace) -> Callable[[str], Official]:
    """Return what is known of an official network, by its name."""
    return lambda name: Official(name, golden, deterministic)


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
