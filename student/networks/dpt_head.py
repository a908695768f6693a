"""Heads of DPT: what turns features into depth or into logits of classes."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

_DROPOUT = 0.1


class DepthHead(nn.Module):
    """Three convolutions to one number a pixel, enlarged after the first.

    Parameters
    ----------
    features
        Channels of the input.
    project
        Whether another convolution comes first, as in the depth toolbox.
    hidden
        Channels before the last convolution.
    """

    def __init__(self, features: int, *, project: bool = False, hidden: int = 32) -> None:
        super().__init__()
        self.project = nn.Conv2d(features, features, kernel_size=3, padding=1) if project else None
        self.conv1 = nn.Conv2d(features, features // 2, kernel_size=3, padding=1)
        self.conv2 = nn.Conv2d(features // 2, hidden, kernel_size=3, padding=1)
        self.conv3 = nn.Conv2d(hidden, 1, kernel_size=1)

    def forward(self, x: Tensor, size: tuple[int, int]) -> Tensor:
        """Return (N, 1, *size), before any activation."""
        if self.project is not None:
            x = functional.relu(self.project(x))
        x = functional.interpolate(self.conv1(x), size, mode="bilinear", align_corners=True)
        raw: Tensor = self.conv3(functional.relu(self.conv2(x)))
        return raw


class SegmentationHead(nn.Module):
    """A convolution, batch normalisation, and a linear classifier of each pixel.

    Parameters
    ----------
    features
        Channels of the input.
    classes
        That are told apart.
    """

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(features, features, kernel_size=3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(features)
        self.dropout = nn.Dropout(_DROPOUT)
        self.classifier = nn.Conv2d(features, classes, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return logits (N, classes, h, w)."""
        logits: Tensor = self.classifier(self.dropout(functional.relu(self.norm(self.conv(x)))))
        return logits
