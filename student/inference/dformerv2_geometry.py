"""The geometry of DFormerv2 for one input size: depth differences, priors, and the rotation of positions."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from student.inference.constants import sampling
from student.inference.operations import Operations, Value
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
        self.register_buffer("down", sampling(size[0], grid[0]))
        self.register_buffer("across", sampling(size[1], grid[1]).t().contiguous())
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


class Rotation(nn.Module):
    """Rotary embedding of the tokens of a stage by their index in the map; its blocks share it.

    Parameters
    ----------
    angle
        (K,), see `GeometryPrior`.
    heads
        Of attention.
    tokens
        Of the map.
    """

    cosine: Tensor
    sine: Tensor
    minus_sine: Tensor

    def __init__(self, angle: Tensor, heads: int, tokens: int) -> None:
        super().__init__()
        # A float32 product, as published weights saw it: phases of thousands of radians are sensitive.
        phase = (torch.arange(tokens)[:, None] * angle[::2]).repeat(1, heads)
        self.register_buffer("cosine", phase.cos())
        self.register_buffer("sine", phase.sin())
        self.register_buffer("minus_sine", -phase.sin())

    def run(self, ops: Operations, first: Value, second: Value) -> tuple[Value, Value]:
        """Rotate pairs, given as the first and the second of each, (N, tokens, heads K / 2)."""
        return (
            ops.add(ops.mul(first, self.cosine), ops.mul(second, self.minus_sine)),
            ops.add(ops.mul(second, self.cosine), ops.mul(first, self.sine)),
        )


def priors(prior: GeometryPrior, grid: Grid, *, whole: bool) -> nn.ModuleList:
    """Return the prior within the whole map, or within its rows and within its columns."""
    dy, dx = (_apart(length) for length in grid)
    if whole:
        return nn.ModuleList([Prior(prior, (dy[:, None, :, None] + dx[:, None]).flatten(2).flatten(0, 1))])
    return nn.ModuleList([Prior(prior, dx), Prior(prior, dy)])


def _apart(length: int) -> Tensor:
    place = torch.arange(length, dtype=torch.float32)
    return (place[:, None] - place).abs()
