"""The encoder for one input size: all that does not depend on the image is computed beforehand."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import torch
from torch import Tensor, nn

from student.inference.constants import linear
from student.inference.operations import Linear, Norm, Operations, Value
from student.inference.windows import Windows, merging_index
from student.networks.dveformer import DVEFormer
from student.networks.rgbd_swin import PATCH, PatchEmbedder, RgbdSwin
from student.networks.swin import Block, PatchMerging, WindowAttention, shift_mask
from student.preprocessing import RGB_MEAN, RGB_STD


class Patches(nn.Module):
    """Embed patches; the normalisation of colour is part of the weights.

    Parameters
    ----------
    embedder
        As trained.
    size
        Height and width of the images.
    mean, std
        Of depth, in metres.
    """

    def __init__(self, embedder: PatchEmbedder, size: tuple[int, int], mean: float, std: float) -> None:
        super().__init__()
        self.height, self.width = size[0] // PATCH, size[1] // PATCH
        self.mean, self.std = mean, std
        conv = cast(nn.Conv2d, embedder.rgb_layers[0])
        weight = conv.weight.detach().double()
        scale = 1 / (255 * torch.tensor(RGB_STD, dtype=torch.float64))
        offset = torch.tensor(RGB_MEAN, dtype=torch.float64) / torch.tensor(RGB_STD, dtype=torch.float64)
        bias = cast(Tensor, conv.bias).detach().double() - torch.einsum("ochw,c->o", weight, offset)
        weight = weight * scale[:, None, None]
        self.rgb = Linear(weight.permute(2, 3, 1, 0).flatten(0, 2).float(), bias.float())
        self.rgb_norm = Norm(cast(nn.LayerNorm, embedder.rgb_layers[2]))
        conv = cast(nn.Conv2d, embedder.depth_layers[0])
        self.depth = Linear(conv.weight.permute(2, 3, 1, 0).flatten(0, 2), conv.bias)
        self.depth_norm = Norm(cast(nn.LayerNorm, embedder.depth_layers[2]))

    def run(self, ops: Operations, rgb: Value, depth: Value) -> Value:
        """Turn (N, H, W, 3) and (N, H, W) into rows of tokens."""
        depth = ops.standardise(depth, self.mean, self.std)
        colour = ops.linear(self._patches(ops, rgb, 3), self.rgb)
        shape = ops.linear(self._patches(ops, depth, 1), self.depth)
        return ops.concat([ops.norm(colour, self.rgb_norm), ops.norm(shape, self.depth_norm)], axis=1)

    def _patches(self, ops: Operations, image: Value, channels: int) -> Value:
        image = ops.reshape(ops.to_compute(image), (-1, self.height, PATCH, self.width, PATCH * channels))
        return ops.reshape(ops.transpose(image, (0, 1, 3, 2, 4)), (-1, PATCH * PATCH * channels))


class Attention(nn.Module):
    """Window attention; position bias and shift mask are one table.

    Parameters
    ----------
    attention
        As trained.
    windows
        Of the map that it sees.
    mask
        (windows, tokens, tokens) from the shift, or None.
    """

    table: Tensor
    scale: Tensor

    def __init__(self, attention: WindowAttention, windows: Windows, mask: Tensor | None) -> None:
        super().__init__()
        self.heads = attention.heads
        self.channels = attention.qkv.in_features
        self.windows = windows
        self.qkv = Linear(attention.qkv.weight.t(), attention.qkv_bias())
        self.proj = linear(attention.proj)
        table = attention.position_bias().detach()[None]
        self.register_buffer("table", table if mask is None else table + mask[:, None])
        self.register_buffer("scale", attention.scale().detach())

    def run(self, ops: Operations, x: Value) -> Value:
        """Attend within windows, rows to rows."""
        windows, width = self.windows, self.channels // self.heads
        if windows.padded:
            x = ops.append_zero(ops.reshape(x, (-1, windows.tokens, self.channels)))
            x = ops.reshape(x, (-1, self.channels))
        rows = ops.linear(x, self.qkv)
        rows = ops.reshape(rows, (-1, (windows.tokens + windows.padded) * 3 * self.heads, width))
        shape = (-1, windows.count, self.heads, windows.area, width)
        query = ops.unit(ops.reshape(ops.gather(rows, windows.queries), shape), width)
        key = ops.unit(ops.reshape(ops.gather(rows, windows.keys), shape), width)
        value = ops.reshape(ops.gather(rows, windows.values), shape)
        cosines = ops.matmul(ops.mul(query, self.scale), ops.transpose(key, (0, 1, 2, 4, 3)))
        attended = ops.matmul(ops.softmax(ops.add(cosines, self.table)), value)
        attended = ops.reshape(attended, (-1, windows.count * self.heads * windows.area, width))
        return ops.linear(ops.reshape(ops.gather(attended, windows.back), (-1, self.channels)), self.proj)


class Layer(nn.Module):
    """A block: attention and perceptron, each normalised and added.

    Parameters
    ----------
    block
        As trained.
    windows
        Of the map that it sees.
    mask
        See `Attention`.
    """

    def __init__(self, block: Block, windows: Windows, mask: Tensor | None) -> None:
        super().__init__()
        self.attention = Attention(block.attn, windows, mask)
        self.norm1 = Norm(block.norm1)
        self.expand = linear(cast(nn.Linear, block.mlp[0]))
        self.contract = linear(cast(nn.Linear, block.mlp[3]))
        self.norm2 = Norm(block.norm2)

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows to rows."""
        x = ops.add(x, ops.norm(self.attention.run(ops, x), self.norm1))
        hidden = ops.gelu(ops.linear(x, self.expand))
        return ops.add(x, ops.norm(ops.linear(hidden, self.contract), self.norm2))


class Merging(nn.Module):
    """Patch merging.

    Parameters
    ----------
    merging
        As trained.
    height, width
        Of the map before.
    """

    index: Tensor

    def __init__(self, merging: PatchMerging, height: int, width: int) -> None:
        super().__init__()
        self.tokens = height * width
        self.reduction = linear(merging.reduction)
        self.norm = Norm(merging.norm)
        self.register_buffer("index", merging_index(height, width))

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows to a quarter of them."""
        inputs = self.reduction.weight.shape[0]
        x = ops.gather(ops.reshape(x, (-1, self.tokens, inputs // 4)), self.index)
        return ops.norm(ops.linear(ops.reshape(x, (-1, inputs)), self.reduction), self.norm)


class SwinEncoder(nn.Module):
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
        backbone = cast(RgbdSwin, student.backbone)
        height, width = size[0] // PATCH, size[1] // PATCH
        self.patches = Patches(backbone.patch_embedder, size, mean, std)
        self.stages = nn.ModuleList()
        trained = (backbone.layer_1, backbone.layer_2, backbone.layer_3, backbone.layer_4[0])
        for number, stage in enumerate(trained):
            steps = nn.ModuleList()
            if number:
                merging, blocks = cast(nn.Sequential, stage)
                steps.append(Merging(cast(PatchMerging, merging), height, width))
                height, width = height // 2, width // 2
            else:
                blocks = stage
            steps.extend(_layers(cast(Iterable[Block], blocks), height, width))
            self.stages.append(steps)
        self.norm = Norm(cast(nn.LayerNorm, backbone.layer_4[1]))

    def run(self, ops: Operations, rgb: Value, depth: Value) -> list[Value]:
        """Return rows of the stages at strides 4, 8, 16 and 32; the last is normalised."""
        x = self.patches.run(ops, rgb, depth)
        features = []
        for stage in self.stages:
            for step in cast(nn.ModuleList, stage):
                x = cast(Layer | Merging, step).run(ops, x)
            features.append(x)
        return [*features[:3], ops.norm(x, self.norm)]


def _layers(blocks: Iterable[Block], height: int, width: int) -> list[Layer]:
    """Return the blocks of a stage; those of equal shift share their look-ups."""
    shared: dict[tuple[int, int], tuple[Windows, Tensor | None]] = {}
    layers = []
    for block in blocks:
        attention = block.attn
        side = attention.window
        padded = (height + -height % side, width + -width % side)
        shift = attention.shifts(*padded)
        if shift not in shared:
            windows = Windows(height, width, side, shift, attention.heads)
            shared[shift] = (windows, shift_mask(*padded, side, shift) if any(shift) else None)
        layers.append(Layer(block, *shared[shift]))
    return layers
