"""The encoder of DFormerv2 for one input size: all that does not depend on the image is computed beforehand.

Tokens are rows, (tokens, channels). Of rotary pairs, all the first come before all the second: queries and
keys may be permuted alike, so the weights that make them are.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.inference.batch_norm import scale_and_bias
from student.inference.constants import Filter, added_filter, convolution, linear, to_planes, to_rows
from student.inference.images import Images
from student.inference.operations import Linear, Norm, Operations, Value
from student.networks.dformerv2 import DFormerV2, Stage
from student.networks.dformerv2_block import Block, GeometryAttention
from student.networks.dveformer import DVEFormer
from student.networks.geometry_prior import GeometryPrior

Grid = tuple[int, int]


class Distances:
    """Differences of depth between the tokens of a line, (N, lines, 1, tokens, tokens), and all of a stage.

    Parameters
    ----------
    rows, columns
        Within rows and within columns; where tokens attend to the whole map both are that map, one line.
    """

    def __init__(self, rows: Value, columns: Value) -> None:
        self.rows, self.columns = rows, columns


class StageDepth(nn.Module):
    """Bring depth to the resolution of a stage, and see how far apart its tokens are.

    Parameters
    ----------
    size
        Height and width of the images.
    grid
        Of the stage.
    whole
        Whether tokens attend to the whole map.
    """

    down: Tensor
    across: Tensor
    minus: Tensor

    def __init__(self, size: Grid, grid: Grid, *, whole: bool) -> None:
        super().__init__()
        self.grid, self.whole = grid, whole
        self.register_buffer("down", _sampling(size[0], grid[0]))
        self.register_buffer("across", _sampling(size[1], grid[1]).t().contiguous())
        self.register_buffer("minus", torch.tensor(-1.0))

    def run(self, ops: Operations, depth: Value) -> Distances:
        """See the differences within (N, 1, H, W)."""
        small = ops.matmul(ops.matmul(self.down, depth), self.across)
        height, width = self.grid
        if self.whole:
            found = self._differences(ops, small, 1, height * width)
            return Distances(found, found)
        rows = self._differences(ops, small, height, width)
        return Distances(rows, self._differences(ops, ops.transpose(small, (0, 1, 3, 2)), width, height))

    def _differences(self, ops: Operations, depth: Value, lines: int, tokens: int) -> Value:
        from_, to = (ops.reshape(depth, (-1, lines, 1, *shape)) for shape in ((tokens, 1), (1, tokens)))
        return ops.absolute(ops.add(from_, ops.mul(to, self.minus)))


class Prior(nn.Module):
    """What distances add to the logits of a block, within a kind of line.

    Parameters
    ----------
    prior
        As trained.
    grid
        (tokens, tokens), distances in the map.
    """

    in_map: Tensor
    in_depth: Tensor

    def __init__(self, prior: GeometryPrior, grid: Tensor) -> None:
        super().__init__()
        decay = prior.decay[:, None, None]
        of_map, of_depth = prior.weight.detach().flatten()
        self.register_buffer("in_map", decay * (of_map * grid))
        self.register_buffer("in_depth", decay * of_depth)

    def run(self, ops: Operations, logits: Value, depth: Value) -> Value:
        """Add to (N, lines, heads, tokens, tokens)."""
        return ops.add(ops.add(logits, ops.mul(depth, self.in_depth)), self.in_map)


class Attention(nn.Module):
    """Attention along rows and then along columns, or within the whole map.

    Parameters
    ----------
    attention, prior
        As trained.
    scale
        Of the branch, by channel, or None.
    grid
        Height and width of the map.
    whole
        Whether tokens attend to the whole map.
    """

    cosine: Tensor
    sine: Tensor
    minus_sine: Tensor

    def __init__(
        self,
        attention: GeometryAttention,
        prior: GeometryPrior,
        scale: Tensor | None,
        grid: Grid,
        *,
        whole: bool,
    ) -> None:
        super().__init__()
        self.heads, channels = attention.heads, attention.q_proj.in_features
        self.width = channels // self.heads
        self.lines = (1, grid[0] * grid[1]) if whole else grid
        self.whole = whole
        self.query, self.key = (_paired(layer, self.heads) for layer in (attention.q_proj, attention.k_proj))
        self.value = linear(attention.v_proj)
        self.near = Filter(convolution(attention.lepe.dwconv), grid)
        self.join = linear(attention.out_proj, scale)
        # A float32 product, as published weights saw it: phases of thousands of radians are sensitive.
        phase = (torch.arange(grid[0] * grid[1])[:, None] * prior.angle[::2]).repeat(1, self.heads)
        self.register_buffer("cosine", phase.cos())
        self.register_buffer("sine", phase.sin())
        self.register_buffer("minus_sine", -phase.sin())
        dy, dx = (_apart(length) for length in grid)
        if whole:
            both = (dy[:, None, :, None] + dx[None, :, None, :]).reshape(len(phase), -1)
            self.priors = nn.ModuleList([Prior(prior, both)])
        else:
            self.priors = nn.ModuleList(Prior(prior, apart) for apart in (dx, dy))

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
        a, b = (
            ops.reshape(ops.columns(x, start, start + half), (-1, len(self.cosine), half))
            for start in (0, half)
        )
        turned = (
            ops.add(ops.mul(a, self.cosine), ops.mul(b, self.minus_sine)),
            ops.add(ops.mul(b, self.cosine), ops.mul(a, self.sine)),
        )
        shape = (-1, lines, tokens, self.heads, self.width // 2)
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
    grid
        Height and width of the map.
    whole
        Whether tokens attend to the whole map.
    """

    def __init__(self, block: Block, grid: Grid, *, whole: bool) -> None:
        super().__init__()
        self.place = Filter(added_filter(block.cnn_pos_encode.dwconv), grid)
        self.norm1, self.norm2 = Norm(block.layer_norm1), Norm(block.layer_norm2)
        gammas = [cast(Tensor | None, gamma) for gamma in (block.gamma_1, block.gamma_2)]
        self.attention = Attention(block.Attention, block.Geo, gammas[0], grid, whole=whole)
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
            self.stages.append(
                nn.ModuleList(
                    Layer(block, grid, whole=stage.last) for block in cast("list[Block]", stage.blocks)
                )
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


def _apart(length: int) -> Tensor:
    place = torch.arange(length, dtype=torch.float32)
    return (place[:, None] - place).abs()


def _sampling(length: int, count: int) -> Tensor:
    """Return the weights (count, length) of bilinear sampling along an axis, edge to edge."""
    every = functional.interpolate(torch.eye(length)[None], size=count, mode="linear", align_corners=False)
    return every[0].t().contiguous()
