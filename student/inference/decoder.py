"""Context module and decoder for one input size, with every linear step moved to where it costs least.

Batch normalisation is part of the convolution before it. A 1x1 convolution commutes with a bilinear
enlargement, whose weights sum to one, and a convolution of concatenated maps is a sum of convolutions:
so each branch is convolved at its own resolution and only sums are made at the finest.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.inference.batch_norm import scale_and_bias
from student.inference.operations import Linear, Norm, Operations, Value
from student.networks.context import ContextModule
from student.networks.conv_norm_act import ConvNormAct
from student.networks.dveformer import DVEFormer
from student.networks.mlp_decoder import Branch, MlpDecoder


def folded(layer: ConvNormAct) -> tuple[Tensor, Tensor]:
    """Return weight (inputs, outputs) and bias (outputs,), float64, of a convolution with its batch norm."""
    scale, bias = scale_and_bias(layer.norm)
    return layer.conv.weight.detach().double()[:, :, 0, 0].t() * scale, bias


class Bin(nn.Module):
    """One pooled map of the context module, before it is enlarged.

    Parameters
    ----------
    cells
        Along its side.
    embed
        As trained.
    spread
        Its slice of the final convolution, (channels, outputs).
    size
        Height and width of the map that is pooled.
    """

    pool: Tensor

    def __init__(self, cells: int, embed: ConvNormAct, spread: Tensor, size: tuple[int, int]) -> None:
        super().__init__()
        tokens = size[0] * size[1]
        every = torch.eye(tokens).view(tokens, 1, *size)
        self.register_buffer(
            "pool", functional.adaptive_avg_pool2d(every, cells).view(tokens, -1).t().contiguous()
        )
        weight, bias = folded(embed)
        self.embed, self.spread = Linear(weight.float(), bias.float()), Linear(spread.float())

    def run(self, ops: Operations, tokens: Value) -> Value:
        """(N, tokens, C) to (N, cells^2, outputs)."""
        inputs, outputs = self.embed.weight.shape[0], self.spread.weight.shape[1]
        pooled = ops.reshape(ops.matmul(self.pool, tokens), (-1, inputs))
        spread = ops.linear(ops.relu(ops.linear(pooled, self.embed)), self.spread)
        return ops.reshape(spread, (-1, len(self.pool), outputs))


class Context(nn.Module):
    """Pyramid pooling: the pooled maps are added to the output of the final convolution, not to its input.

    Parameters
    ----------
    module
        As trained.
    size
        Height and width of its map.
    """

    enlarge: Tensor

    def __init__(self, module: ContextModule, size: tuple[int, int]) -> None:
        super().__init__()
        self.tokens = size[0] * size[1]
        weight, bias = folded(module.final_conv)
        channels = weight.shape[1]
        self.direct = Linear(weight[:channels].float(), bias.float())
        self.bins = nn.ModuleList()
        enlarge, start = [], channels
        for branch in module.features:
            pool, embed = cast(nn.Sequential, branch)
            cells = int(cast(nn.AdaptiveAvgPool2d, pool).output_size)  # type: ignore[arg-type]
            stop = start + cast(ConvNormAct, embed).conv.out_channels
            self.bins.append(Bin(cells, cast(ConvNormAct, embed), weight[start:stop], size))
            every = torch.eye(cells**2).view(cells**2, 1, cells, cells)
            large = functional.interpolate(every, size=size, mode="bilinear", align_corners=False)
            enlarge.append(large.view(cells**2, self.tokens).t())
            start = stop
        self.register_buffer("enlarge", torch.cat(enlarge, dim=1).contiguous())

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows to rows."""
        channels = self.direct.weight.shape[1]
        tokens = ops.reshape(x, (-1, self.tokens, channels))
        pooled = ops.concat([cast(Bin, branch).run(ops, tokens) for branch in self.bins], axis=1)
        direct = ops.reshape(ops.linear(x, self.direct), (-1, self.tokens, channels))
        return ops.reshape(ops.relu(ops.add(direct, ops.matmul(self.enlarge, pooled))), (-1, channels))


class Share(nn.Module):
    """What one stage adds to the fused map.

    Embedding and fusion stay two products: the embedding is narrow, so they cost less than their product.

    Parameters
    ----------
    branch
        As trained.
    fuse
        Its slice of the fusion, (embedding channels, outputs).
    size
        Height and width of the stage.
    norm
        Of a skip connection.
    """

    def __init__(
        self, branch: Branch, fuse: Tensor, size: tuple[int, int], norm: nn.LayerNorm | None = None
    ) -> None:
        super().__init__()
        conv = cast(nn.Conv2d, branch.embedding["conv"])
        self.size, self.factor = size, branch.factor
        self.norm = None if norm is None else Norm(norm)
        self.embed = Linear(conv.weight[:, :, 0, 0].t())
        self.spread = Linear(fuse.float())
        # A constant is enlarged to itself: it joins the bias of the fusion.
        self.constant = cast(Tensor, conv.bias).detach().double() @ fuse

    def run(self, ops: Operations, x: Value) -> Value:
        """Rows of the stage to (N, h, w, outputs) at stride 4."""
        if self.norm is not None:
            x = ops.norm(x, self.norm)
        x = ops.linear(ops.linear(x, self.embed), self.spread)
        return ops.resize(ops.reshape(x, (-1, *self.size, self.spread.weight.shape[1])), self.factor)


class Decoder(nn.Module):
    """Context module and decoder, up to what the head sees.

    Parameters
    ----------
    student
        As trained.
    size
        Height and width of the images.
    """

    def __init__(self, student: DVEFormer, size: tuple[int, int]) -> None:
        super().__init__()
        decoder = cast(MlpDecoder, student.decoder)
        self.context = Context(student.context_module, (size[0] // 32, size[1] // 32))
        fuse, bias = folded(decoder.fuse)
        branches = [decoder.main_branch, *decoder.skip_branches]
        norms = [None, *(skip.ln for skip in decoder.skip_fusions)]
        self.shares = nn.ModuleList()
        start = 0
        for branch, norm, stride in zip(branches, norms, (32, 16, 8, 4), strict=True):
            conv = cast(nn.Conv2d, cast(Branch, branch).embedding["conv"])
            stop = start + conv.out_channels
            stage = (size[0] // stride, size[1] // stride)
            share = Share(cast(Branch, branch), fuse[start:stop], stage, cast(nn.LayerNorm | None, norm))
            bias = bias + share.constant
            self.shares.append(share)
            start = stop
        cast(Share, self.shares[-1]).spread = Linear(fuse[start - conv.out_channels :].float(), bias.float())
        last = decoder.bottleneck
        self.bottleneck = (
            Linear(last.weight[:, :, 0, 0].t(), last.bias) if isinstance(last, nn.Conv2d) else None
        )

    def run(self, ops: Operations, features: list[Value]) -> Value:
        """Rows of the four stages to rows at stride 4."""
        one, two, three, four = features
        stages = (self.context.run(ops, four), three, two, one)
        x, *rest = [
            cast(Share, share).run(ops, stage) for share, stage in zip(self.shares, stages, strict=True)
        ]
        for part in rest:
            x = ops.add(x, part)
        x = ops.relu(ops.reshape(x, (-1, cast(Share, self.shares[0]).spread.weight.shape[1])))
        return x if self.bottleneck is None else ops.linear(x, self.bottleneck)
