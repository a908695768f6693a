"""The Ham decoder of SegNeXt (Guo et al., 2022), which sees the whole map through a matrix decomposition.

The decomposition is that of Geng et al., "Is Attention Better Than Matrix Decomposition?", 2021.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.precision import without_autocast

HAM_CHANNELS: Final = 512
"""Channels of the map that is decomposed."""

RANK: Final = 64
STEPS: Final = 7
TRAINING_STEPS: Final = 6
EPS: Final = 1e-6
BATCH_NORM_EPS: Final = 1e-3
"""Of the batch normalisations of a decoder; those of the encoders have 1e-5."""


class ConvNormRelu(nn.Module):
    """A 1x1 convolution without bias, batch normalisation, ReLU.

    Parameters
    ----------
    inputs, outputs
        Channels.
    relu
        Whether there is a ReLU.
    """

    def __init__(self, inputs: int, outputs: int, *, relu: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel_size=1, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS)
        self.relu = relu

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, outputs, h, w)."""
        mixed: Tensor = self.bn(self.conv(x))
        return functional.relu(mixed) if self.relu else mixed


class Nmf(nn.Module):
    """Non-negative matrix factorisation of a map, by multiplicative updates (Lee and Seung, 2000).

    The published code draws other random bases for every call, so that its output does not repeat. Here only
    training does; evaluation begins with `bases`, the same for every image and every call.

    Parameters
    ----------
    channels
        C.
    rank
        Bases of an image, R.
    seed
        Of `bases`.

    Attributes
    ----------
    bases : Tensor
        (1, C, R) or (N, C, R) float32, not negative, of length 1 along C; others may be set. No part of the
        state dict.
    """

    bases: Tensor

    def __init__(self, channels: int = HAM_CHANNELS, rank: int = RANK, seed: int = 0) -> None:
        super().__init__()
        self.channels, self.rank = channels, rank
        # On the CPU whatever the default: each device has random numbers of its own, and `meta` has none.
        generator = torch.Generator("cpu").manual_seed(seed)
        drawn = torch.rand(1, channels, rank, generator=generator, device="cpu")
        self.register_buffer("bases", functional.normalize(drawn, dim=1), persistent=False)

    def forward(self, x: Tensor, bases: Tensor | None = None) -> Tensor:
        """Return the factorised map, D C^T for X of rank R at most.

        Parameters
        ----------
        x
            (N, C, h, w), not negative; X is its (N, C, h w).
        bases
            What D begins with, as the attribute; by default that, or new random ones in training.

        Returns
        -------
        (N, C, h, w), through all steps of which gradients flow.
        """
        if bases is None:
            bases = self._drawn(x) if self.training else self.bases
        # Half floats lose the small divisors, and products of updates soon leave their range.
        with without_autocast(x):
            return self._factorised(x.float(), bases.float()).to(x.dtype)

    def _factorised(self, x: Tensor, bases: Tensor) -> Tensor:
        count, channels, height, width = x.shape
        rows = x.permute(0, 2, 3, 1).reshape(count, height * width, channels)  # X^T: pixels by channels
        bases = bases.to(x.device).expand(count, -1, -1)
        coefficients = (rows @ bases).softmax(dim=-1)
        for _ in range(TRAINING_STEPS if self.training else STEPS):
            coefficients = _coefficients(rows, bases, coefficients)
            gram = coefficients.transpose(1, 2) @ coefficients
            bases = bases * (rows.transpose(1, 2) @ coefficients) / (bases @ gram + EPS)
        product = _coefficients(rows, bases, coefficients) @ bases.transpose(1, 2)
        return product.view(count, height, width, channels).permute(0, 3, 1, 2)

    def _drawn(self, x: Tensor) -> Tensor:
        drawn = torch.rand(len(x), self.channels, self.rank, device=x.device)
        return functional.normalize(drawn, dim=1)


class Hamburger(nn.Module):
    """Add what a map of low rank says to a map, (N, C, h, w) to the same shape.

    Parameters
    ----------
    channels
        C.
    """

    def __init__(self, channels: int = HAM_CHANNELS) -> None:
        super().__init__()
        self.ham_in = nn.ModuleDict({"conv": nn.Conv2d(channels, channels, kernel_size=1)})
        self.ham = Nmf(channels)
        self.ham_out = ConvNormRelu(channels, channels, relu=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return (N, C, h, w), not negative."""
        factorised = self.ham(functional.relu(self.ham_in["conv"](x)))
        return functional.relu(x + self.ham_out(factorised))


class HamDecoder(nn.Module):
    """Classify the pixels at stride 8, from the features at strides 8, 16 and 32.

    Parameters
    ----------
    inputs
        Channels of the four stages of the encoder.
    classes
        K.
    channels
        That the classifier sees.
    dropout
        Chance of dropping one of these in training.
    """

    def __init__(
        self, inputs: tuple[int, int, int, int], classes: int, channels: int, dropout: float = 0.1
    ) -> None:
        super().__init__()
        self.conv_seg = nn.Conv2d(channels, classes, kernel_size=1)
        self.dropout = nn.Dropout2d(dropout)
        self.squeeze = ConvNormRelu(sum(inputs[1:]), HAM_CHANNELS)
        self.hamburger = Hamburger()
        self.align = ConvNormRelu(HAM_CHANNELS, channels)

    def forward(self, maps: tuple[Tensor, Tensor, Tensor, Tensor]) -> Tensor:
        """Return logits (N, K, H / 8, W / 8) from the maps of the four stages."""
        _, two, three, four = maps
        coarse = (
            functional.interpolate(x, size=two.shape[2:], mode="bilinear", align_corners=False)
            for x in (three, four)
        )
        x = self.align(self.hamburger(self.squeeze(torch.cat([two, *coarse], dim=1))))
        logits: Tensor = self.conv_seg(self.dropout(x))
        return logits


def _coefficients(rows: Tensor, bases: Tensor, coefficients: Tensor) -> Tensor:
    """Return the coefficients (N, h w, R) after one update, C (X^T D) / (C D^T D)."""
    return coefficients * (rows @ bases) / (coefficients @ (bases.transpose(1, 2) @ bases) + EPS)
