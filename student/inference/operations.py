# ruff: noqa: D102 -- `Operations` documents the methods of those that have them.
"""The operations that the inference network is written in, and how torch does them.

The network is written once, against `Operations`. `TorchOperations` runs it; `student.inference.onnx_graph`
has an object with the same methods that writes ONNX nodes instead. Tensors among the arguments are constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

Value = Any
"""A tensor where torch runs the network; the name of one where ONNX is written."""


class Linear(nn.Module):
    """Constants of x @ weight + bias.

    Parameters
    ----------
    weight
        (inputs, outputs).
    bias
        (outputs,), or None.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        super().__init__()
        self.register_buffer("weight", weight.detach().contiguous())
        self.register_buffer("bias", None if bias is None else bias.detach().contiguous())


class Convolution(nn.Module):
    """Constants of a convolution of (N, C, h, w), zero padding, perhaps with max(., 0) of what it returns.

    Parameters
    ----------
    weight
        (outputs, inputs / groups, side, side).
    bias
        (outputs,).
    stride, padding, groups
        Of the convolution.
    relu
        Whether negative results become 0.
    """

    weight: Tensor
    bias: Tensor

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor,
        *,
        stride: int = 1,
        padding: int = 1,
        groups: int = 1,
        relu: bool = False,
    ) -> None:
        super().__init__()
        self.stride, self.padding, self.groups, self.relu = stride, padding, groups, relu
        self.register_buffer("weight", weight.detach().contiguous())
        self.register_buffer("bias", bias.detach().contiguous())


class Norm(nn.Module):
    """Constants of a layer normalisation over the last axis.

    Parameters
    ----------
    layer
        As trained.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, layer: nn.LayerNorm) -> None:
        super().__init__()
        self.eps = layer.eps
        self.register_buffer("weight", layer.weight.detach())
        self.register_buffer("bias", layer.bias.detach())


class Operations(Protocol):
    """What the network needs. Rows are (rows, channels); at most one length of a shape may be -1."""

    def to_compute(self, x: Value) -> Value:
        """Convert to the type that the network computes in."""

    def to_float(self, x: Value) -> Value:
        """Convert to float32."""

    def to_half(self, x: Value) -> Value:
        """Convert to half floats."""

    def standardise(self, depth: Value, mean: float, std: float) -> Value:
        """Return (depth - mean) / std where depth > 0, and 0 elsewhere, in float32."""

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        """Give rows another shape."""

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        """Permute axes."""

    def concat(self, parts: Sequence[Value], axis: int) -> Value:
        """Join along an axis."""

    def columns(self, x: Value, start: int, stop: int) -> Value:
        """Return a range of the columns of rows."""

    def gather(self, x: Value, index: Tensor) -> Value:
        """Pick entries of axis 1."""

    def append_zero(self, x: Value) -> Value:
        """Append one entry of zeros to axis 1 of three."""

    def add(self, x: Value, y: Value) -> Value:
        """Return x + y, broadcast."""

    def mul(self, x: Value, y: Value) -> Value:
        """Return x * y, broadcast."""

    def matmul(self, x: Value, y: Value) -> Value:
        """Return the matrix product of the last two axes."""

    def linear(self, x: Value, layer: Linear) -> Value:
        """Return x @ weight + bias for rows."""

    def norm(self, x: Value, layer: Norm) -> Value:
        """Layer normalisation over the last axis."""

    def unit(self, x: Value, channels: int) -> Value:
        """Divide by the norm of the last axis; zeros stay zeros."""

    def inverse_length(self, parts: Sequence[Value], constant: float) -> Value:
        """Return 1 / sqrt(sum of the squares of all parts' columns + constant) of each row, in float32."""

    def softmax(self, x: Value) -> Value:
        """Softmax over the last axis."""

    def gelu(self, x: Value) -> Value:
        """Exact (erf) GELU."""

    def relu(self, x: Value) -> Value:
        """Return max(x, 0)."""

    def absolute(self, x: Value) -> Value:
        """Return |x|."""

    def resize(self, x: Value, factor: int) -> Value:
        """Enlarge (N, h, w, C) bilinearly, edge to edge."""

    def stretch(self, x: Value, factor: int) -> Value:
        """Enlarge (N, C, h, w) bilinearly, middle of corner to middle of corner."""

    def repeat(self, x: Value, factor: int) -> Value:
        """Enlarge (N, C, h, w) by repeating pixels."""

    def convolve(self, x: Value, layer: Convolution) -> Value:
        """Return the convolution of (N, C, h, w)."""


class TorchOperations:
    """Run the operations at once, in the type of the constants; sums that overflow half floats in float32."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype

    def to_compute(self, x: Tensor) -> Tensor:
        return x.to(self.dtype)

    def to_float(self, x: Tensor) -> Tensor:
        return x.float()

    def to_half(self, x: Tensor) -> Tensor:
        return x.to(torch.float16)

    def standardise(self, depth: Tensor, mean: float, std: float) -> Tensor:
        return torch.where(depth > 0, (depth - mean) / std, 0.0)

    def reshape(self, x: Tensor, shape: Sequence[int]) -> Tensor:
        return x.reshape(tuple(shape))

    def transpose(self, x: Tensor, axes: Sequence[int]) -> Tensor:
        return x.permute(tuple(axes))

    def concat(self, parts: Sequence[Tensor], axis: int) -> Tensor:
        return torch.cat(list(parts), dim=axis)

    def columns(self, x: Tensor, start: int, stop: int) -> Tensor:
        return x[:, start:stop]

    def gather(self, x: Tensor, index: Tensor) -> Tensor:
        return x.index_select(1, index)

    def append_zero(self, x: Tensor) -> Tensor:
        return functional.pad(x, (0, 0, 0, 1))

    def add(self, x: Tensor, y: Tensor) -> Tensor:
        return x + y

    def mul(self, x: Tensor, y: Tensor) -> Tensor:
        return x * y

    def matmul(self, x: Tensor, y: Tensor) -> Tensor:
        return x @ y

    def linear(self, x: Tensor, layer: Linear) -> Tensor:
        return x @ layer.weight if layer.bias is None else torch.addmm(layer.bias, x, layer.weight)

    def norm(self, x: Tensor, layer: Norm) -> Tensor:
        return functional.layer_norm(x, layer.weight.shape, layer.weight, layer.bias, layer.eps)

    def unit(self, x: Tensor, channels: int) -> Tensor:
        return functional.normalize(x.float(), dim=-1).to(x.dtype)

    def inverse_length(self, parts: Sequence[Tensor], constant: float) -> Tensor:
        squares = [part.float().square().sum(dim=-1, keepdim=True) for part in parts]
        return torch.rsqrt(torch.stack(squares).sum(dim=0) + constant)

    def softmax(self, x: Tensor) -> Tensor:
        return torch.softmax(x, dim=-1)

    def gelu(self, x: Tensor) -> Tensor:
        return functional.gelu(x)

    def relu(self, x: Tensor) -> Tensor:
        return functional.relu(x)

    def absolute(self, x: Tensor) -> Tensor:
        return x.abs()

    def resize(self, x: Tensor, factor: int) -> Tensor:
        if factor == 1:
            return x
        planes = x.permute(0, 3, 1, 2)
        large = functional.interpolate(planes, scale_factor=factor, mode="bilinear", align_corners=False)
        return large.permute(0, 2, 3, 1)

    def stretch(self, x: Tensor, factor: int) -> Tensor:
        return functional.interpolate(x, scale_factor=factor, mode="bilinear", align_corners=True)

    def repeat(self, x: Tensor, factor: int) -> Tensor:
        return functional.interpolate(x, scale_factor=factor, mode="nearest")

    def convolve(self, x: Tensor, layer: Convolution) -> Tensor:
        y = functional.conv2d(x, layer.weight, layer.bias, layer.stride, layer.padding, groups=layer.groups)
        return functional.relu(y) if layer.relu else y
