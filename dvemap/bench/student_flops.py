"""How many operations a student's network takes, counted from its shape alone."""

from __future__ import annotations

from student.networks.config import StudentConfig

_BIAS_HIDDEN = 512  # of the perceptron that makes the position biases


def count_flops(config: StudentConfig, size: tuple[int, int]) -> int:
    """Count the operations of the published network for one image.

    Two for each multiply-add of a convolution or matrix product and nothing else, as torch's FlopCounterMode
    counts them. A runtime that simplifies the network does fewer; its rate is quoted against this count all
    the same.

    Parameters
    ----------
    config
        Of the network.
    size
        Height and width of the input, multiples of 32.

    Returns
    -------
    Operations.
    """
    grids = [(size[0] // stride, size[1] // stride) for stride in (4, 8, 16, 32)]
    tokens = [height * width for height, width in grids]
    products = _swin(config, grids) if config.encoder == "swin" else _residual(config, tokens)
    return 2 * (products + _context(config, tokens[3]) + _decoder(config, tokens))


def _swin(config: StudentConfig, grids: list[tuple[int, int]]) -> int:
    height, width = grids[0]
    products = height * width * 16 * (3 * config.rgb_channels + config.depth_channels)
    for stage, channels in enumerate(config.channels):
        if stage:
            tokens = grids[stage][0] * grids[stage][1]
            products += tokens * 2 * channels * channels  # the merging, 4 (C / 2) -> C
        products += config.depths[stage] * _block(config, stage, grids[stage])
    return products


def _residual(config: StudentConfig, tokens: list[int]) -> int:
    products = 4 * tokens[0] * 9 * (3 * config.rgb_channels + config.depth_channels)
    inputs = config.width
    for count, channels, depth in zip(tokens, config.channels, config.depths, strict=True):
        products += count * (10 * inputs * channels + 9 * channels**2)  # the first has a 1x1 shortcut
        products += count * (depth - 1) * 18 * channels**2
        inputs = channels
    return products


def _block(config: StudentConfig, stage: int, grid: tuple[int, int]) -> int:
    """Multiply-adds of attention, in windows that padding fills, and of the perceptron."""
    channels, heads, window = config.channels[stage], config.heads[stage], config.window
    padded = (grid[0] + -grid[0] % window) * (grid[1] + -grid[1] % window)
    attention = padded * (4 * channels * channels + 2 * window**2 * channels)
    bias = (2 * window - 1) ** 2 * _BIAS_HIDDEN * (2 + heads)
    return attention + bias + grid[0] * grid[1] * 8 * channels * channels


def _context(config: StudentConfig, tokens: int) -> int:
    deepest, pooled = config.channels[3], config.context_channels
    branches = sum(cells**2 * deepest * pooled for cells in config.context_bins)
    return branches + tokens * (deepest + len(config.context_bins) * pooled) * deepest


def _decoder(config: StudentConfig, tokens: list[int]) -> int:
    skips = zip(tokens[2::-1], config.channels[2::-1], config.skip_channels, strict=True)
    embedded = tokens[3] * config.channels[3] * config.main_channels
    embedded += sum(count * inputs * outputs for count, inputs, outputs in skips)
    fused = tokens[0] * (config.main_channels + sum(config.skip_channels)) * config.fuse_channels
    if config.bottleneck is not None:
        fused += tokens[0] * config.fuse_channels * config.bottleneck
    taps = 9 if config.upsamplings else 1
    head = tokens[0] * taps * config.feature_channels * config.embedding_dim
    for step in range(1, config.upsamplings + 1):
        head += tokens[0] * (1 << 2 * step) * 9 * config.embedding_dim
    return embedded + fused + head
