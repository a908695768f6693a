"""How far a network is from the official one, under weights that follow from the names of the parameters.

An array file holds what the official code gave for inputs and weights that anybody can make again, so neither
need be stored. See tests/golden in the sources of dvemap.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from torch import Tensor, nn

Floats = npt.NDArray[np.float32]


def named_tensor(name: str, shape: tuple[int, ...]) -> Floats:
    """Return the value of a weight: fan-in scaled, norm weights and variances near 1, else small.

    Parameters
    ----------
    name
        Its key; everything random follows from it.
    shape
        Of the weight.
    """
    x: Any = _random(name).standard_normal(shape, dtype=np.float32)
    if name.endswith("running_var"):
        x = 1 + 0.1 * np.abs(x)
    elif len(shape) >= 2:
        x = x / np.sqrt(np.prod(shape[1:], dtype=np.float64))
    else:
        x = float(name.endswith(".weight")) + 0.1 * x
    return np.asarray(x, np.float32)


def named_uniform(name: str, shape: tuple[int, ...], low: float = 0.0, high: float = 1.0) -> Floats:
    """Return an input, uniform in [low, high)."""
    return (low + (high - low) * _random(name).random(shape, dtype=np.float32)).astype(np.float32)


def fill_network(network: Any) -> Any:
    """Give every weight of a network its named value; counters, and tables that it computes, stay."""
    network.load_state_dict(_filled(network.state_dict()))
    return network


def _filled(state: dict[str, Tensor]) -> dict[str, Tensor]:
    import torch

    computed = ("relative_coords_table", "Geo.angle", "Geo.decay")
    return {
        key: torch.from_numpy(named_tensor(key, tuple(value.shape)))
        if value.is_floating_point() and not key.endswith(computed)
        else value
        for key, value in state.items()
    }


class Official:
    """What a key list and, where there is one, an array file say of an official network.

    Parameters
    ----------
    name
        Of the network.
    folder
        Holds NAME.json, a list of key, shape and type, and NAME.npz: for each case and tensor the fields
        `shape`, `sub` (a grid of its values), `step` (of the grid), `std`, and `probe` (the sum of its
        products with named signs); and `override`, rules that change a weight after it was filled.
    """

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder

    @cached_property
    def arrays(self) -> dict[str, Any]:
        """The stored arrays, by case, tensor and field; empty where there is no file."""
        path = self.folder / f"{self.name}.npz"
        if not path.is_file():
            return {}
        with np.load(path) as stored:
            return dict(stored)

    def empty_state(self) -> dict[str, Tensor]:
        """Return keys, shapes and types of the official weights, without memory."""
        import torch

        listed = json.loads((self.folder / f"{self.name}.json").read_text(encoding="utf-8"))
        return {key: torch.zeros((), dtype=getattr(torch, kind)).expand(shape) for key, shape, kind in listed}

    def state(self) -> dict[str, Tensor]:
        """Return the official weights."""
        state = _filled({key: value.clone() for key, value in self.empty_state().items()})
        for rule in self.arrays["override"]:
            kind, key, *factor = str(rule).split(":")
            state[key] = -state[key] if kind == "negate" else state[key] * float(factor[0])
        return state

    def rgb(self, case: str) -> Tensor:
        """Return the input (1, 3, H, W) of a case that ends in its height and width."""
        return self._input("rgb", 3, case, 2)

    def depth(self, case: str) -> Tensor:
        """Return the input (1, 1, H, W) of a case; some have strong depth."""
        return self._input("depth", 1, case, 20 if case.startswith("strong.") else 2)

    def _input(self, name: str, channels: int, case: str, limit: float) -> Tensor:
        import torch

        height, width = map(int, case.rpartition(".")[2].split("x"))
        return torch.from_numpy(named_uniform(name, (1, channels, height, width), -limit, limit))

    def raw(self) -> npt.NDArray[np.uint8]:
        """Return the image (480, 640, 3) uint8, RGB, of the case `infer`."""
        bgr = named_uniform("raw", (480, 640, 3), 0, 256).astype(np.uint8)
        return np.ascontiguousarray(bgr[..., ::-1])

    def tensors(self, case: str) -> set[str]:
        """Return what is stored of a case."""
        before, after = f"{case}.", ".sub"
        return {
            key.removeprefix(before).removesuffix(after)
            for key in self.arrays
            if key.startswith(before) and key.endswith(after)
        }

    @property
    def cases(self) -> list[str]:
        """The cases with inputs of the network itself, the smallest image first."""
        names = {key.partition(".")[0] for key in self.arrays if key.endswith(".sub") and key[0].isdecimal()}
        return sorted(names, key=lambda name: np.prod([int(side) for side in name.split("x")]))

    def errors(self, case: str, found: Mapping[str, Floats]) -> dict[str, float]:
        """Return by how much each tensor differs at most, in standard deviations of the official one.

        Raises
        ------
        ValueError
            A tensor has another shape.
        """
        arrays, errors = self.arrays, {}
        for name, x in found.items():
            key = f"{case}.{name}"
            wanted = tuple(arrays[f"{key}.shape"])
            if x.shape != wanted:
                raise ValueError(f"{self.name}: {key} must be {wanted}, got {x.shape}")
            std = float(arrays[f"{key}.std"])
            grid = x[tuple(slice(None, None, int(step)) for step in arrays[f"{key}.step"])]
            worst = float(np.abs(grid - arrays[f"{key}.sub"]).max())
            signs = named_uniform(f"probe:{key}", x.shape, -1, 1).astype(np.float64)
            total = float(np.vdot(x.astype(np.float64), signs)) - float(arrays[f"{key}.probe"])
            errors[name] = max(worst, abs(total) / np.sqrt(x.size / 3)) / std
        return errors


def official_error(name: str, network: nn.Module, folder: Path) -> float | None:
    """Return the largest error of what a network gives for the smallest official case.

    Parameters
    ----------
    name
        Of the network, see `dvemap.bench.networks`.
    network
        On the CPU; it gets other weights.
    folder
        Of official outputs, see `Official`.

    Returns
    -------
    In standard deviations of the official output; None where the folder has none.
    """
    import torch

    official = Official(name, folder)
    if not official.arrays:
        return _student_error(name, network, folder)
    case = official.cases[0]
    images = [official.rgb(case)]
    if name.startswith("dformer"):
        _load_segmentor(network, official)
        images.append(official.depth(case))
    else:
        _load_dpt(network, official)
    with torch.inference_mode():
        out: Floats = network(*images).numpy()
    shape = tuple(official.arrays[f"{case}.out.shape"])
    return official.errors(case, {"out": out.reshape(shape)})["out"]


def _load_segmentor(network: Any, official: Official) -> None:
    import torch
    from torch.nn import functional

    nmf = fill_network(network).decode_head.hamburger.ham  # officially, bases are drawn in each pass
    shape = tuple(nmf.bases.shape)
    nmf.bases = functional.normalize(torch.from_numpy(named_uniform("ham-bases", shape)), dim=1)


def _load_dpt(network: Any, official: Official) -> None:
    from student.checkpoints.dpt_keys import family_of, from_official, is_unused

    state = official.state()
    family = family_of(state)
    assert family is not None
    used = {key: value for key, value in state.items() if not is_unused(key, family)}
    network.load_state_dict(from_official(used, family))


def _student_error(name: str, network: Any, folder: Path) -> float | None:
    """Return the error of a student's embedding, whose file has a layout of its own."""
    import torch

    path = folder / f"{name.replace('-', '_')}.npz"
    if not path.is_file():
        return None
    case = "160x224"
    with np.load(path) as arrays:
        wanted, (y, dy, x, dx) = arrays[f"{case}/embedding"], arrays[f"{case}/embedding_grid"]
    fill_network(network)
    height, width = map(int, case.split("x"))
    images = [
        torch.from_numpy(named_uniform(image, (1, channels, height, width), -2, 2))
        for image, channels in (("rgb", 3), ("depth", 1))
    ]
    with torch.inference_mode():
        found: Floats = network(*images)[0, :, y::dy, x::dx].numpy()
    return float(np.abs(found - wanted).max() / wanted.std())


def _random(name: str) -> np.random.Generator:
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))
