# ruff: noqa: D102 -- `Operations` documents the methods.
"""The operations of the inference network as ONNX nodes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor

from student.inference.codes_network import CodesNetwork
from student.inference.operations import Convolution, Linear, Norm, Value

OPSET: Final = 20
"""The first with a GELU; TensorRT 10.3 to 11 read it."""

IR_VERSION: Final = 9
INTEGERS: Final = "com.microsoft"
"""Domain of the one operation that is not standard: an integer product that returns floats."""

EPSILON: Final = 1e-24
"""Added to a mean of squares, far below those of any feature: zeros stay zeros."""


@dataclass(frozen=True, eq=False)
class IntegerLinear:
    """A linear layer on 8-bit integers.

    Attributes
    ----------
    weight : ndarray
        (inputs, outputs) int8.
    weight_scale : ndarray
        (outputs,) float32; weight * weight_scale is about the layer's weight.
    scale : float
        Step of the input.
    zero_point : int
        Of the input, 0..255: input = scale * (integer - zero_point).
    """

    weight: npt.NDArray[np.int8]
    weight_scale: npt.NDArray[np.float32]
    scale: float
    zero_point: int


@dataclass(frozen=True, eq=False)
class IntegerConvolution(IntegerLinear):
    """A convolution on 8-bit integers that returns integers.

    Attributes
    ----------
    weight : ndarray
        (outputs, inputs / groups, side, side) int8.
    output_scale, output_zero_point
        Of what it returns, as `scale` and `zero_point` are of its input.
    """

    output_scale: float
    output_zero_point: int


class GraphWriter:
    """Write nodes instead of computing (`student.inference.operations.Operations`); values are names.

    Parameters
    ----------
    network
        Names the constants.
    half
        Compute in half floats, but norms, softmaxes and lengths in float32, with explicit casts.
    integers
        Linear layers and convolutions, by name, that multiply integers.
    """

    def __init__(
        self,
        network: CodesNetwork,
        *,
        half: bool = False,
        integers: Mapping[str, IntegerLinear] | None = None,
    ) -> None:
        self._rounded: dict[Value, Value] = {}  # values, as they are after a way through integers
        self._steps: dict[Value, float] = {}
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}
        self._names = {id(tensor): name for name, tensor in network.named_buffers()}
        self._layers = {id(module): name for name, module in network.named_modules()}
        self._integers = integers or {}
        self._half = half

    def model(self, name: str, inputs: Sequence[Any], outputs: Sequence[Any]) -> Any:
        """Return the ModelProto of what was written, from and to the given value infos."""
        graph = helper.make_graph(self._nodes, name, inputs, outputs, list(self._constants.values()))
        opsets = [helper.make_opsetid("", OPSET)]
        if self._integers:
            opsets.append(helper.make_opsetid(INTEGERS, 1))
        return helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="dvemap")

    def output(self, x: Value, name: str) -> None:
        """Give a value the name of an output."""
        self._nodes.append(helper.make_node("Identity", [x], [name]))

    def to_compute(self, x: Value) -> Value:
        return self._node("Cast", x, to=TensorProto.FLOAT16 if self._half else TensorProto.FLOAT)

    def to_float(self, x: Value) -> Value:
        return self._node("Cast", x, to=TensorProto.FLOAT) if self._half else x

    def to_half(self, x: Value) -> Value:
        return self._node("Cast", x, to=TensorProto.FLOAT16)

    def standardise(self, depth: Value, mean: float, std: float) -> Value:
        zero = self._scalar("zero", 0.0)
        offset = self._node("Sub", depth, self._scalar("depth_mean", mean))
        standard = self._node("Div", offset, self._scalar("depth_std", std))
        return self._node("Where", self._node("Greater", depth, zero), standard, zero)

    def reshape(self, x: Value, shape: Sequence[int]) -> Value:
        return self._node("Reshape", x, self._shape(shape))

    def transpose(self, x: Value, axes: Sequence[int]) -> Value:
        return self._node("Transpose", x, perm=list(axes))

    def concat(self, parts: Sequence[Value], axis: int) -> Value:
        return self._node("Concat", *parts, axis=axis)

    def columns(self, x: Value, start: int, stop: int) -> Value:
        return self._node("Slice", x, *(self._shape([number]) for number in (start, stop, 1)))

    def gather(self, x: Value, index: Tensor) -> Value:
        return self._node("Gather", x, self._tensor(index), axis=1)

    def append_zero(self, x: Value) -> Value:
        return self._node("Pad", x, self._shape([0, 0, 0, 0, 1, 0]))

    def add(self, x: Value, y: Value) -> Value:
        both = [part if isinstance(part, Tensor) else self._rounded.get(part, part) for part in (x, y)]
        return self._node("Add", *both)

    def mul(self, x: Value, y: Value) -> Value:
        return self._node("Mul", x, y)

    def matmul(self, x: Value, y: Value) -> Value:
        return self._node("MatMul", x, y)

    def linear(self, x: Value, layer: Linear) -> Value:
        name = self._layers[id(layer)]
        if name in self._integers:
            return self._integer_linear(x, name, layer, self._integers[name])
        return self._node("Gemm", x, layer.weight, *([] if layer.bias is None else [layer.bias]))

    def norm(self, x: Value, layer: Norm) -> Value:
        weight, bias = self._tensor(layer.weight, precise=True), self._tensor(layer.bias, precise=True)
        return self._precisely(
            lambda y: self._node("LayerNormalization", y, weight, bias, axis=-1, epsilon=layer.eps), x
        )

    def unit(self, x: Value, channels: int) -> Value:
        # A root mean square and a constant gain: the form that ONNX Runtime makes one node of.
        gain = self._constant(f"gain_{channels}", np.full(channels, channels**-0.5, np.float32))

        def divide(y: Value) -> Value:
            mean = self._node("ReduceMean", self._node("Pow", y, self._scalar("two", 2.0)), self._shape([-1]))
            root = self._node("Sqrt", self._node("Add", mean, self._scalar("epsilon", EPSILON)))
            return self._node("Mul", self._node("Div", y, root), gain)

        return self._precisely(divide, x)

    def inverse_length(self, parts: Sequence[Value], constant: float) -> Value:
        total = self._scalar("length_constant", constant)
        for part in map(self.to_float, parts):
            total = self.add(self._node("ReduceSum", self.mul(part, part), self._shape([-1])), total)
        return self._node("Div", self._scalar("one", 1.0), self._node("Sqrt", total))

    def softmax(self, x: Value) -> Value:
        return self._precisely(lambda y: self._node("Softmax", y, axis=-1), x)

    def gelu(self, x: Value) -> Value:
        return self._node("Gelu", x)

    def relu(self, x: Value) -> Value:
        return self._node("Relu", x)

    def absolute(self, x: Value) -> Value:
        return self._node("Abs", x)

    def resize(self, x: Value, factor: int) -> Value:
        return x if factor == 1 else self._resize(x, [1, factor, factor, 1], mode="linear")

    def stretch(self, x: Value, factor: int) -> Value:
        mode = "align_corners"
        return self._resize(x, [1, 1, factor, factor], mode="linear", coordinate_transformation_mode=mode)

    def repeat(self, x: Value, factor: int) -> Value:
        return self._resize(
            x,
            [1, 1, factor, factor],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )

    def convolve(self, x: Value, layer: Convolution) -> Value:
        name = self._layers[id(layer)]
        integers = self._integers.get(name)
        if not isinstance(integers, IntegerConvolution):
            return self._convolution(x, layer.weight, layer.bias, layer)
        x = self._round(x, f"{name}.input", integers.scale, integers.zero_point)
        assert self._steps[x] == integers.scale, "a value was rounded in two ways"  # the bias counts in it
        y = self._convolution(x, *self._integer_weights(name, layer, integers), layer)
        return self._round(y, f"{name}.output", integers.output_scale, integers.output_zero_point)

    def _convolution(self, x: Value, weight: Value, bias: Value, layer: Convolution) -> Value:
        y = self._node(
            "Conv",
            x,
            weight,
            bias,
            kernel_shape=list(layer.weight.shape[2:]),
            strides=[layer.stride] * 2,
            pads=[layer.padding] * 4,
            group=layer.groups,
        )
        return self.relu(y) if layer.relu else y

    def _round(self, x: Value, name: str, scale: float, zero_point: int) -> Value:
        """Take a value through integers and back; runtimes join these nodes with those between them."""
        if x not in self._rounded:
            step = self._constant(f"{name}.scale", np.array(scale, np.float32))
            zero = self._constant(f"{name}.zero_point", np.array(zero_point, np.uint8))
            y = self._node("DequantizeLinear", self._node("QuantizeLinear", x, step, zero), step, zero)
            self._rounded[x] = self._rounded[y] = y
            self._steps[y] = scale
        return self._rounded[x]

    def _integer_weights(
        self, name: str, layer: Convolution, integers: IntegerConvolution
    ) -> tuple[Value, Value]:
        """Write weight and bias as integers with a step for each output."""
        step = self._constant(f"{name}.weight_scale", integers.weight_scale)
        fine = integers.weight_scale.astype(np.float64) * integers.scale
        whole = np.clip(np.rint(layer.bias.double().numpy() / fine), -(2**31), 2**31 - 1).astype(np.int32)
        weight = self._constant(f"{name}.integers", integers.weight)
        bias = self._constant(f"{name}.bias_integers", whole)
        bias_step = self._constant(f"{name}.bias_scale", fine.astype(np.float32))
        return (
            self._node("DequantizeLinear", weight, step, axis=0),
            self._node("DequantizeLinear", bias, bias_step, axis=0),
        )

    def _integer_linear(self, x: Value, name: str, layer: Linear, integers: IntegerLinear) -> Value:
        scale = self._constant(f"{name}.scale", np.array(integers.scale, np.float32))
        zero = self._constant(f"{name}.zero_point", np.array(integers.zero_point, np.uint8))
        weight = self._constant(f"{name}.integers", integers.weight)
        weight_scale = self._constant(f"{name}.weight_scale", integers.weight_scale)
        weight_zero = self._constant(
            f"{name}.weight_zero_point", np.zeros(len(integers.weight_scale), np.int8)
        )
        bias = [] if layer.bias is None else [layer.bias]
        rows = self._node("QuantizeLinear", x, scale, zero)
        return self._node(
            "MatMulIntegerToFloat",
            rows,
            weight,
            scale,
            weight_scale,
            zero,
            weight_zero,
            *bias,
            domain=INTEGERS,
        )

    def _resize(self, x: Value, factors: Sequence[int], **attributes: Any) -> Value:
        name = "factors_" + "_".join(map(str, factors))
        return self._node("Resize", x, "", self._constant(name, np.array(factors, np.float32)), **attributes)

    def _precisely(self, write: Callable[[Value], Value], x: Value) -> Value:
        """Write an operation in float32, between casts where the network computes in half floats."""
        y = write(self.to_float(x))
        return self.to_half(y) if self._half else y

    def _node(self, operation: str, *inputs: Value | Tensor, **attributes: Any) -> Value:
        """Write a node with one output and return its name."""
        names = [self._tensor(x) if isinstance(x, Tensor) else x for x in inputs]
        output = f"{operation}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operation, names, [output], name=output, **attributes))
        return output

    def _tensor(self, tensor: Tensor, *, precise: bool = False) -> Value:
        """Write a constant of the network and return its name."""
        array = tensor.cpu().numpy()
        if array.dtype == np.float32 and self._half and not precise:
            array = array.astype(np.float16)
        return self._constant(self._names[id(tensor)], array)

    def _scalar(self, name: str, value: float) -> Value:
        return self._constant(name, np.array(value, np.float32))

    def _shape(self, numbers: Sequence[int]) -> Value:
        return self._constant("shape_" + "_".join(map(str, numbers)), np.array(numbers, np.int64))

    def _constant(self, name: str, array: npt.NDArray[Any]) -> Value:
        if name not in self._constants:
            self._constants[name] = numpy_helper.from_array(array, name)
        return name


def write_model(
    network: CodesNetwork, *, half: bool = False, integers: Mapping[str, IntegerLinear] | None = None
) -> Any:
    """Write a network as an ONNX model.

    Parameters
    ----------
    network
        On the CPU, in float32.
    half, integers
        See `GraphWriter`.

    Returns
    -------
    onnx.ModelProto with inputs `rgb` (N, H, W, 3) uint8 and `depth` (N, H, W) float32 metres, and the output
    `codes` (N, h, w, C) float16; N is free.
    """
    writer = GraphWriter(network, half=half, integers=integers)
    writer.output(network.run(writer, "rgb", "depth"), "codes")
    height, width = network.size
    stride = network.stride
    info = helper.make_tensor_value_info
    inputs = [
        info("rgb", TensorProto.UINT8, ["N", height, width, 3]),
        info("depth", TensorProto.FLOAT, ["N", height, width]),
    ]
    shape: list[str | int | None] = ["N", height // stride, width // stride, network.code_dim]
    model = writer.model("dvemap_student", inputs, [info("codes", TensorProto.FLOAT16, shape)])
    onnx.checker.check_model(model)
    return model
