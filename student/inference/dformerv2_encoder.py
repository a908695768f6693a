"""The encoder of DFormerv2 for one input size: all that does not depend on the image is computed beforehand.

Tokens are rows, (tokens, channels). Of rotary pairs, all the first come before all the second: queries and
keys may be permuted alike, so the weights that make them are.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn

from student.inference.batch_norm import scale_and_bias
from student.inference.constants import Filter, added_filter, convolution, linear, to_planes, to_rows
from student.inference.dformerv2_geometry import Distances, Grid, Prior, Rotation, StageDepth, priors
from student.inference.images import Images
from student.inference.operations import Linear, Norm, Operations, Value
from student.networks.dformerv2 import DFormerV2, Stage
from student.networks.dformerv2_block import Block, GeometryAttention
from student.networks.dveformer import DVEFormer
from student.networks.geometry_prior import GeometryPrior


class Attention(nn.Module):
    """Attention along rows and then along columns, or within the whole map.

    Parameters
    ----------
    attention, prior
        As trained.
    rotation
        Of the stage.
    scale
        Of the branch, by channel, or None.
    grid
        Height and width of the map.
    whole
        Whether tokens attend to the whole map.
    """

    def __init__(
        self,
        attention: GeometryAttention,
        prior: GeometryPrior,
        rotation: Rotation,
        scale: Tensor | None,
        grid: Grid,
        *,
        whole: bool,
    ) -> None:
        super().__init__()
        self.rotation = rotation
        self.heads, channels = attention.heads, attention.q_proj.in_features
        self.width = channels // self.heads
        self.lines = (1, grid[0] * grid[1]) if whole else grid
        self.whole = whole
        self.query, self.key = (_paired(layer, self.heads) for layer in (attention.q_proj, attention.k_proj))
        self.value = linear(attention.v_proj)
        self.near = Filter(convolution(attention.lepe.dwconv), grid)
        self.join = linear(attention.out_proj, scale)
        self.priors = priors(prior, grid, whole=whole)

    def run(self, ops: Operations, x: Value, distances: Distances) -> Value:
        """Rows to rows."""
        q, k = (self._rotated(ops, ops.linear(x, layer)) for layer in (self.query, self.key))
        value = ops.linear(x, self.value)
        lines, tokens = self.lines
        v = ops.reshape(value, (-1, lines, tokens, self.heads, self.width))
        # (N, rows, columns, heads, channels): lines of rows first, then what they gave in lines of columns
        seen = self._attend(ops, q, k, v, distances.rows, self.priors[0], (0, 1, 3, 2, 4))
        if not self.whole:
            seen = self._attend(ops, q, k, seen, distances.columns, self.priors[1], (0, 2, 3, 1, 4))
        seen = ops.reshape(seen, (-1, self.heads * self.width))
        return ops.linear(ops.add(self.near.run(ops, value), seen), self.join)

    def _rotated(self, ops: Operations, x: Value) -> Value:
        """Rotate rows of pairs, to (N, lines, tokens, heads, channels)."""
        half = self.heads * self.width // 2
        lines, tokens = self.lines
        first, second = (
            ops.reshape(ops.columns(x, start, start + half), (-1, lines * tokens, half))
            for start in (0, half)
        )
        shape = (-1, lines, tokens, self.heads, self.width // 2)
        turned = self.rotation.run(ops, first, second)
        return ops.concat([ops.reshape(part, shape) for part in turned], axis=4)

    def _attend(
        self,
        ops: Operations,
        q: Value,
        k: Value,
        v: Value,
        depth: Value,
        prior: nn.Module,
        axes: tuple[int, int, int, int, int],
    ) -> Value:
        """Attend within lines, to which `axes` bring tokens; everything comes back as it was."""
        first, lines, heads, tokens, channels = axes
        keys = ops.transpose(k, (first, lines, heads, channels, tokens))
        logits = cast(Prior, prior).run(ops, ops.matmul(ops.transpose(q, axes), keys), depth)
        seen = ops.matmul(ops.softmax(logits), ops.transpose(v, axes))
        return ops.transpose(seen, [axes.index(axis) for axis in range(5)])


class Layer(nn.Module):
    """A block.

    Parameters
    ----------
    block
        As trained.
    rotation
        Of the stage.
    grid
        Height and width of the map.
    whole
        Whether tokens attend to the whole map.
    """

    def __init__(self, block: Block, rotation: Rotation, grid: Grid, *, whole: bool) -> None:
        super().__init__()
        self.place = Filter(added_filter(block.cnn_pos_encode.dwconv), grid)
        self.norm1, self.norm2 = Norm(block.layer_norm1), Norm(block.layer_norm2)
        gammas = [cast(Tensor | None, gamma) for gamma in (block.gamma_1, block.gamma_2)]
        self.attention = Attention(block.Attention, block.Geo, rotation, gammas[0], grid, whole=whole)
        self.expand = linear(block.ffn.fc1)
        self.spread = Filter(added_filter(block.ffn.dwconv.dwconv), grid)
        self.contract = linear(block.ffn.fc2, gammas[1])

    def run(self, ops: Operations, x: Value, distances: Distances) -> Value:
        """Rows to rows."""
        x = self.place.run(ops, x)
        x = ops.add(x, self.attention.run(ops, ops.norm(x, self.norm1), distances))
        hidden = ops.gelu(ops.linear(ops.norm(x, self.norm2), self.expand))
        return ops.add(x, ops.linear(self.spread.run(ops, hidden), self.contract))


class DFormerV2Encoder(nn.Module):
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
        backbone = cast(DFormerV2, student.backbone)
        self.images, self.channels = Images(size, mean, std), student.config.channels
        stem = cast("list[nn.Module]", list(cast(nn.Sequential, backbone.patch_embed["proj"])))
        self.stem = nn.ModuleList(
            convolution(cast(nn.Conv2d, conv), *scale_and_bias(cast(nn.BatchNorm2d, norm)))
            for conv, norm in zip(stem[0::3], stem[1::3], strict=True)
        )
        self.depths, self.stages, self.down = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        self.norms = nn.ModuleList(Norm(cast(nn.LayerNorm, norm)) for norm in backbone.extra_norms)
        self.grids = [(size[0] // stride, size[1] // stride) for stride in (4, 8, 16, 32)]
        for stage, grid in zip(cast("list[Stage]", backbone.layers), self.grids, strict=True):
            self.depths.append(StageDepth(size, grid, whole=stage.last))
            blocks = cast("list[Block]", stage.blocks)
            rotation = Rotation(blocks[0].Geo.angle, blocks[0].Attention.heads, grid[0] * grid[1])
            self.stages.append(
                nn.ModuleList(Layer(block, rotation, grid, whole=stage.last) for block in blocks)
            )
            if stage.downsample is not None:
                halving = stage.downsample
                self.down.append(convolution(halving.reduction, *scale_and_bias(halving.norm)))

    def run(self, ops: Operations, rgb: Value, depth: Value) -> list[Value]:
        """Return rows of the stages at strides 4, 8, 16 and 32; all but the first are normalised."""
        x, depth = self.images.run(ops, rgb, depth)
        for number, layer in enumerate(self.stem):
            x = ops.convolve(ops.gelu(x) if number else x, layer)  # type: ignore[arg-type]
        x = to_rows(ops, x, self.channels[0])
        features = []
        for number, stage in enumerate(self.stages):
            if number:
                planes = to_planes(ops, x, self.grids[number - 1], self.channels[number - 1])
                halved = ops.convolve(planes, self.down[number - 1])  # type: ignore[arg-type]
                x = to_rows(ops, halved, self.channels[number])
            distances = cast(StageDepth, self.depths[number]).run(ops, depth)
            for layer in cast("list[Layer]", stage):
                x = layer.run(ops, x, distances)
            features.append(ops.norm(x, cast(Norm, self.norms[number - 1])) if number else x)
        return features


def _paired(layer: nn.Linear, heads: int) -> Linear:
    """Return the constants of queries or keys, the first of each rotary pair before all the second.

    Each is scaled by the fourth root of the width, so that their products are scaled as trained.
    """
    channels = layer.out_features
    order = torch.arange(channels).view(-1, 2).t().flatten()  # pairs lie within a head
    scale = (channels // heads) ** -0.25
    return Linear((layer.weight.detach()[order] * scale).t(), layer.bias.detach()[order] * scale)
