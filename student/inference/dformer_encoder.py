"""The encoder of DFormer for one input size: norms and scales are part of the layers beside them.

Both streams are rows, (tokens, channels).
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.inference.batch_norm import scale_and_bias
from student.inference.constants import Filter, added_filter, convolution, linear, to_planes, to_rows
from student.inference.dformer_attention import CoarseGrid, GlobalAttention, Grid
from student.inference.images import Images
from student.inference.operations import Convolution, Norm, Operations, Value
from student.networks.dformer import DFormer
from student.networks.dformer_block import Block, Mlp
from student.networks.dveformer import DVEFormer


class Stem(nn.Module):
    """Bring an image to stride 4: two convolutions, a GELU between.

    Parameters
    ----------
    layers
        As trained.
    """

    def __init__(self, layers: nn.Sequential) -> None:
        super().__init__()
        first, norm, _, second, last = cast("list[nn.Conv2d]", list(layers))
        self.first = convolution(first, *scale_and_bias(cast(nn.BatchNorm2d, norm)))
        self.second = convolution(second, *scale_and_bias(cast(nn.BatchNorm2d, last)))
        self.channels = second.out_channels

    def run(self, ops: Operations, x: Value) -> Value:
        """Turn an image (N, c, H, W) into rows."""
        return to_rows(ops, ops.convolve(ops.gelu(ops.convolve(x, self.first)), self.second), self.channels)


class Halving(nn.Module):
    """Batch norm and the convolution after it, which halves the resolution.

    Beyond the border the convolution sees zeros, not what the norm makes of them: so what the norm adds
    becomes a constant map.

    Parameters
    ----------
    layers
        As trained.
    grid
        Height and width of the map before.
    """

    constant: Tensor

    def __init__(self, layers: nn.Sequential, grid: Grid) -> None:
        super().__init__()
        norm, conv = cast(nn.BatchNorm2d, layers[0]), cast(nn.Conv2d, layers[1])
        self.grid, self.inputs, self.outputs = grid, conv.in_channels, conv.out_channels
        scale, bias = scale_and_bias(norm)
        weight = conv.weight.detach().double()
        everywhere = bias[None, :, None, None].expand(1, -1, *grid)
        constant = functional.conv2d(everywhere, weight, None, conv.stride, conv.padding)
        constant = constant + cast(Tensor, conv.bias).detach().double()[:, None, None]
        self.register_buffer("constant", constant.float())
        weight = (weight * scale[:, None, None]).float()
        self.layer = Convolution(weight, torch.zeros(len(weight)), stride=conv.stride[0])

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows to a quarter of them."""
        halved = ops.convolve(to_planes(ops, x, self.grid, self.inputs), self.layer)
        return to_rows(ops, ops.add(halved, self.constant), self.outputs)


class Mixing(nn.Module):
    """The perceptron that also sees neighbours.

    Parameters
    ----------
    mlp
        As trained.
    scale
        Of the branch, by channel.
    grid
        Height and width of the map.
    """

    def __init__(self, mlp: Mlp, scale: Tensor, grid: Grid) -> None:
        super().__init__()
        self.norm, self.expand = Norm(mlp.norm), linear(mlp.fc1)
        self.spread = Filter(added_filter(mlp.pos), grid)
        self.contract = linear(mlp.fc2, scale)

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows to rows: x and what is added to it."""
        hidden = self.spread.run(ops, ops.linear(ops.norm(x, self.norm), self.expand))
        return ops.add(x, ops.linear(ops.gelu(hidden), self.contract))


class Layer(nn.Module):
    """A block.

    Parameters
    ----------
    block
        As trained.
    coarse
        Of the stage, if its blocks attend to the whole map.
    grid
        Height and width of the map.
    """

    def __init__(self, block: Block, coarse: CoarseGrid | None, grid: Grid) -> None:
        super().__init__()
        attention = block.attn
        self.norm, self.norm_e = Norm(attention.norm), Norm(attention.norm_e)
        self.look, self.pick, self.gate = (
            linear(layer) for layer in (attention.l, attention.q, attention.q_cut)
        )
        self.local, self.mix = Filter(convolution(attention.conv), grid), linear(attention.a)
        self.before, self.after = linear(attention.e_fore), linear(attention.e_back)
        self.near = Filter(convolution(attention.e_conv), grid)
        self.far = None if coarse is None else GlobalAttention(attention, coarse)
        self.join = linear(attention.proj, block.layer_scale_1)
        self.mlp = Mixing(block.mlp, block.layer_scale_2, grid)
        self.join_e = self.mlp_e = None
        if attention.proj_e is not None and block.mlp_e2 is not None:
            self.join_e = linear(attention.proj_e, block.layer_scale_1_e)
            self.mlp_e = Mixing(block.mlp_e2, block.layer_scale_2_e, grid)

    def run(self, ops: Operations, x: Value, e: Value) -> tuple[Value, Value]:
        """Rows of both streams to the same."""
        normed, normed_e = ops.norm(x, self.norm), ops.norm(e, self.norm_e)
        value = ops.gelu(ops.linear(normed, self.look))
        local = ops.linear(self.local.run(ops, value), self.mix)
        parts = [ops.mul(ops.linear(normed, self.pick), local)]
        if self.far is not None:
            parts.append(self.far.run(ops, normed, normed_e, value))
        near = ops.linear(self.near.run(ops, ops.linear(normed_e, self.before)), self.after)
        parts.append(ops.mul(ops.linear(normed, self.gate), near))
        joined = ops.concat(parts, axis=1)
        x = self.mlp.run(ops, ops.add(x, ops.linear(joined, self.join)))
        if self.join_e is not None and self.mlp_e is not None:
            e = self.mlp_e.run(ops, ops.add(e, ops.linear(joined, self.join_e)))
        return x, e


class DFormerEncoder(nn.Module):
    """The four stages.

    Parameters
    ----------
    student
        As trained.
    size
        Height and width of the images.
    mean, std
        Of depth, in metres.
    """

    def __init__(self, student: DVEFormer, size: tuple[int, int], mean: float, std: float) -> None:
        super().__init__()
        backbone = cast(DFormer, student.backbone)
        self.images = Images(size, mean, std)
        self.stages = nn.ModuleList()
        self.down, self.down_e = nn.ModuleList(), nn.ModuleList()
        before = (0, 0)
        for number, stage in enumerate(backbone.stages):
            grid = (size[0] // (4 << number), size[1] // (4 << number))
            for downs, trained in (
                (self.down, backbone.downsample_layers),
                (self.down_e, backbone.downsample_layers_e),
            ):
                layers = cast(nn.Sequential, trained[number])
                downs.append(Halving(layers, before) if number else Stem(layers))
            side = backbone.config.windows[number]
            coarse = CoarseGrid(side, grid) if side else None
            blocks = cast("list[Block]", stage)
            self.stages.append(nn.ModuleList(Layer(block, coarse, grid) for block in blocks))
            before = grid

    def run(self, ops: Operations, rgb: Value, depth: Value) -> list[Value]:
        """Return rows of the stages at strides 4, 8, 16 and 32."""
        x, e = self.images.run(ops, rgb, depth)
        features = []
        for down, down_e, stage in zip(self.down, self.down_e, self.stages, strict=True):
            x, e = (cast(Halving, layer).run(ops, rows) for layer, rows in ((down, x), (down_e, e)))
            for layer in cast("list[Layer]", stage):
                x, e = layer.run(ops, x, e)
            features.append(x)
        return features
