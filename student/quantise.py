"""Layers on 8-bit integers: ranges learnt from real frames, layers that suffer left in float32."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from student.inference.codes_network import CodesNetwork
from student.inference.onnx_graph import IntegerConvolution, IntegerLinear
from student.inference.operations import Convolution, Linear, TorchOperations

Frames = Sequence[tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]]
Progress = Callable[[int, int], None]

TAILS: Final = (0.0, 1e-5, 1e-4, 1e-3, 3e-3)
"""Shares of the values, on each side, that may be clipped."""

SHRINKS: Final = (1.0, 0.95, 0.9, 0.85, 0.8)
"""Of the largest weight of an output, at which its range may end."""

TARGET: Final = 0.998
"""Mean cosine between the codes of integers and of floats that is worth leaving layers in float32 for."""

SAMPLES: Final = 50_000
"""Values of each layer's input kept from a frame."""

MINIMUM_SHARE: Final = 2e-3
"""Of all products; smaller layers gain nothing from integers."""


def quantise(
    network: CodesNetwork, frames: Frames, *, target: float = TARGET, progress: Progress | None = None
) -> dict[str, IntegerLinear]:
    """Choose the linear layers and convolutions that multiply integers, and their steps.

    Weights get a step for each output, inputs (and what convolutions return) one step and zero point for each
    layer, all with the least squared error. Only if that makes the codes of the first frame differ by more
    than the target, the effect of every layer by itself is measured, and the fewest of the worst for their
    size are left out.

    Parameters
    ----------
    network
        On the CPU, in float32.
    frames
        Real ones of the network's size, at least one: rgb (H, W, 3) uint8 and depth (H, W) float32 metres.
    target
        Mean cosine between codes.
    progress
        Called with steps done and steps in all; finding layers to leave out adds steps.

    Returns
    -------
    Layers by name.
    """
    tell = progress or (lambda done, total: None)
    observer = _Observer()
    for number, (rgb, depth) in enumerate(frames):
        network.run(observer, torch.from_numpy(rgb)[None], torch.from_numpy(depth)[None])
        tell(number + 1, len(frames) + 1)
    least = MINIMUM_SHARE * sum(observer.products.values())
    layers = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, Linear | Convolution) and observer.products[id(module)] >= least
    }
    integers = {name: observer.integers(layer) for name, layer in layers.items()}
    first = [torch.from_numpy(image)[None] for image in frames[0]]
    wanted = network(*first).float()

    def cosine(chosen: Mapping[str, IntegerLinear]) -> float:
        codes = network.run(IntegerOperations(network, chosen), *first).float()
        return float(torch.cosine_similarity(codes, wanted, dim=-1).mean())

    tell(len(frames) + 1, len(frames) + 1)
    if cosine(integers) >= target:
        return integers
    harm = {}
    for number, (name, layer) in enumerate(layers.items()):
        harm[name] = (1 - cosine({name: integers[name]})) / observer.products[id(layer)]
        tell(len(frames) + 2 + number, len(frames) + 1 + len(layers))
    mildest = sorted(integers, key=lambda name: harm[name])
    low, high = 0, len(mildest)  # the first `low` of them meet the target, the first `high` do not
    while high - low > 1:
        middle = (low + high) // 2
        enough = cosine({name: integers[name] for name in mildest[:middle]}) >= target
        low, high = (middle, high) if enough else (low, middle)
    return {name: integers[name] for name in mildest[:low]}


class _Observer(TorchOperations):
    """Runs the network and keeps a sample of what every layer sees, and of what convolutions return."""

    def __init__(self) -> None:
        super().__init__(torch.float32)
        self.products: dict[int, int] = {}
        self._inputs: dict[int, list[Tensor]] = {}
        self._outputs: dict[int, list[Tensor]] = {}

    def linear(self, x: Tensor, layer: Linear) -> Tensor:
        """Return x @ weight + bias, and remember x."""
        self._observe(layer, x, x.shape[0] * layer.weight.numel())
        return super().linear(x, layer)

    def convolve(self, x: Tensor, layer: Convolution) -> Tensor:
        """Return the convolution, and remember x and what it returned."""
        y = super().convolve(x, layer)
        self._observe(layer, x, y.shape[0] * y.shape[2] * y.shape[3] * layer.weight.numel())
        self._outputs.setdefault(id(layer), []).append(_sample(y))
        return y

    def integers(self, layer: Linear | Convolution) -> IntegerLinear:
        """Return the steps of a layer that was seen."""
        scale, zero = _range(torch.cat(self._inputs[id(layer)]))
        if isinstance(layer, Linear):
            weight, steps = _weights(layer.weight)
            return IntegerLinear(weight.numpy(), steps.numpy(), scale, zero)
        least = layer.bias.abs() / (scale * 2**30)  # the bias is an integer of 32 bits, in these steps
        weight, steps = _weights(layer.weight.flatten(1).t(), least)
        weight = weight.t().reshape(layer.weight.shape)
        output = _range(torch.cat(self._outputs[id(layer)]))
        return IntegerConvolution(weight.numpy(), steps.numpy(), scale, zero, *output)

    def _observe(self, layer: Linear | Convolution, x: Tensor, products: int) -> None:
        self._inputs.setdefault(id(layer), []).append(_sample(x))
        self.products[id(layer)] = self.products.get(id(layer), 0) + products


def _sample(x: Tensor) -> Tensor:
    """Return some of the values, the least and the largest among them."""
    flat = x.flatten()
    step = max(1, len(flat) // SAMPLES) | 1  # odd, so that every channel is seen
    return torch.cat([flat[::step], torch.stack(flat.aminmax())])


class IntegerOperations(TorchOperations):
    """Runs the network with some layers rounded as on integers.

    Parameters
    ----------
    network
        Names the layers.
    integers
        Layers by name.
    """

    def __init__(self, network: CodesNetwork, integers: Mapping[str, IntegerLinear]) -> None:
        super().__init__(torch.float32)
        self._integers = {
            id(module): integers[name] for name, module in network.named_modules() if name in integers
        }
        self._seen: dict[int, tuple[Tensor, Tensor]] = {}  # what convolutions saw, and what it was rounded to

    def linear(self, x: Tensor, layer: Linear) -> Tensor:
        """Return x @ weight + bias, of rounded x and weight."""
        integers = self._integers.get(id(layer))
        if integers is None:
            return super().linear(x, layer)
        x = _rounded(x, integers.scale, integers.zero_point)
        weight = torch.from_numpy(integers.weight * integers.weight_scale)
        return x @ weight if layer.bias is None else torch.addmm(layer.bias, x, weight)

    def convolve(self, x: Tensor, layer: Convolution) -> Tensor:
        """Return the convolution, rounded, of rounded x and weight."""
        integers = self._integers.get(id(layer))
        if not isinstance(integers, IntegerConvolution):
            return super().convolve(x, layer)
        rounded = _rounded(x, integers.scale, integers.zero_point)
        self._seen[id(x)] = (x, rounded)
        x = rounded
        weight = torch.from_numpy(integers.weight * integers.weight_scale[:, None, None, None])
        y = functional.conv2d(x, weight, layer.bias, layer.stride, layer.padding, groups=layer.groups)
        y = functional.relu(y) if layer.relu else y
        return _rounded(y, integers.output_scale, integers.output_zero_point)

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        """Return x + y, of what convolutions saw rounded as they saw it."""
        x, y = (self._seen.get(id(part), (part, part))[1] for part in (x, y))
        return x + y


def _rounded(x: Tensor, scale: float, zero: int) -> Tensor:
    """Return values after a way through 8-bit integers."""
    return (torch.clamp(torch.round(x / scale) + zero, 0, 255) - zero) * scale


def _range(sample: Tensor) -> tuple[float, int]:
    """Return step and zero point with the least squared error."""
    values = sample.sort().values
    best = (float("inf"), 1.0, 0)
    for tail in TAILS:
        skip = int(tail * len(values))
        low, high = min(0.0, float(values[skip])), max(0.0, float(values[-1 - skip]))
        scale = max(high - low, 1e-12) / 255
        zero = round(-low / scale)
        best = min(best, (float((_rounded(values, scale, zero) - values).square().mean()), scale, zero))
    return best[1], best[2]


def _weights(weight: Tensor, smallest: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return integers (inputs, outputs) and steps (outputs,), not below some, of least squared error."""
    largest = weight.abs().amax(dim=0).clamp(min=1e-12)
    scale, least = largest / 127, torch.full_like(largest, torch.inf)
    for shrink in SHRINKS:
        step = largest * shrink / 127
        error = (torch.clamp(torch.round(weight / step), -127, 127) * step - weight).square().sum(dim=0)
        scale, least = torch.where(error < least, step, scale), torch.minimum(error, least)
    if smallest is not None:
        scale = torch.maximum(scale, smallest)
    return torch.clamp(torch.round(weight / scale), -127, 127).to(torch.int8), scale
