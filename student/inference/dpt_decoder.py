"""Context module and the decoder of DPT for one input size, their batch norms part of the convolutions."""

from __future__ import annotations

from typing import cast

from torch import nn

from student.inference.batch_norm import scale_and_bias
from student.inference.constants import convolution, to_planes, to_rows
from student.inference.decoder import Context
from student.inference.operations import Linear, Norm, Operations, Value
from student.networks.dpt_embedding_decoder import DptEmbeddingDecoder
from student.networks.dpt_fusion import FusionBlock, ResidualUnit
from student.networks.dveformer import DVEFormer
from student.networks.mlp_decoder import SkipNorm


class Unit(nn.Module):
    """A residual unit.

    Parameters
    ----------
    unit
        As trained.
    """

    def __init__(self, unit: ResidualUnit) -> None:
        super().__init__()
        norms = (cast(nn.BatchNorm2d, norm) for norm in (unit.norm1, unit.norm2))
        self.first = convolution(unit.conv1, *scale_and_bias(next(norms)), relu=True)
        self.second = convolution(unit.conv2, *scale_and_bias(next(norms)))

    def run(self, ops: Operations, x: Value) -> Value:
        """Return (N, F, h, w)."""
        return ops.add(x, ops.convolve(ops.convolve(ops.relu(x), self.first), self.second))


class Fusion(nn.Module):
    """A fusion block.

    Parameters
    ----------
    block
        As trained.
    """

    def __init__(self, block: FusionBlock) -> None:
        super().__init__()
        self.skip = None if block.unit1 is None else Unit(block.unit1)
        self.refine, self.project = Unit(block.unit2), convolution(block.project)

    def run(self, ops: Operations, deeper: Value | None, own: Value) -> Value:
        """Return (N, F, h, w) of what the deeper stages gave, if there are any, and of the stage's own."""
        if deeper is not None and self.skip is not None:
            own = ops.add(ops.stretch(deeper, 2), self.skip.run(ops, own))
        return ops.convolve(self.refine.run(ops, own), self.project)


class DptDecoder(nn.Module):
    """Context module and decoder, up to what the head sees; stands where `student.inference.decoder` stands.

    Parameters
    ----------
    student
        As trained, with this decoder.
    size
        Height and width of the images.
    """

    def __init__(self, student: DVEFormer, size: tuple[int, int]) -> None:
        super().__init__()
        decoder = cast(DptEmbeddingDecoder, student.decoder)
        self.channels, self.features = student.config.channels, student.config.fuse_channels
        self.grids = [(size[0] // stride, size[1] // stride) for stride in (4, 8, 16, 32)]
        self.context = Context(student.context_module, self.grids[3])
        self.norms = nn.ModuleList(Norm(cast(SkipNorm, norm).ln) for norm in decoder.skip_fusions)
        self.embed = nn.ModuleList(convolution(cast(nn.Conv2d, conv)) for conv in decoder.pyramid.embed)
        self.fuse = nn.ModuleList(Fusion(cast(FusionBlock, block)) for block in decoder.pyramid.fuse)
        last = decoder.bottleneck
        self.bottleneck = (
            Linear(last.weight[:, :, 0, 0].t(), last.bias) if isinstance(last, nn.Conv2d) else None
        )

    def run(self, ops: Operations, features: list[Value]) -> Value:
        """Rows of the four stages to rows at stride 4."""
        one, two, three, four = features
        skips = [ops.norm(x, cast(Norm, norm)) for x, norm in zip((three, two, one), self.norms, strict=True)]
        x: Value | None = None
        for stage, rows in zip((3, 2, 1, 0), [self.context.run(ops, four), *skips], strict=True):
            planes = to_planes(ops, rows, self.grids[stage], self.channels[stage])
            own = ops.convolve(planes, self.embed[stage])  # type: ignore[arg-type]
            x = cast(Fusion, self.fuse[stage]).run(ops, x, own)
        rows = to_rows(ops, ops.relu(x), self.features)
        return rows if self.bottleneck is None else ops.linear(rows, self.bottleneck)
