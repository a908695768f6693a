"""What a step makes smaller: how far embeddings point away from their targets, and what else they resemble.

The published objective is the cosine alone, over all pixels (`student.training.loss.cosine_loss`). A network
that learns from scratch learns faster when a pixel must also tell its target from those of the other segments
of the batch, as in LSeg (Li et al., 2022), and when some pixels of each image stand for all of it.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from student.networks.dveformer import DVEFormer
from student.training.config import LossConfig
from student.training.loss import cosine_loss


class Chosen(nn.Module):
    """Embeds all pixels of a batch, or some; what a run trains, so that processes can share its gradient.

    Parameters
    ----------
    network
        The network.
    """

    def __init__(self, network: DVEFormer) -> None:
        super().__init__()
        self.network = network

    def forward(self, rgb: Tensor, depth: Tensor, places: Tensor | None = None) -> Tensor:
        """Return embeddings of any length.

        Parameters
        ----------
        rgb, depth
            (N, 3, H, W) and (N, 1, H, W), as the network takes them.
        places
            (P,) int64, pixels of the output counted through the whole batch, row by row.

        Returns
        -------
        (N, D, h, w); with places (P, D).
        """
        if places is None:
            return cast(Tensor, self.network(rgb, depth))
        if not self.network.config.linear_head:
            return _pick(self.network(rgb, depth), places)
        features = _pick(self.network.fused(rgb, depth), places)
        for layer in (self.network.decoder.bottleneck, self.network.head.conv):
            if isinstance(layer, nn.Conv2d):  # 1x1: the other pixels need not be computed
                features = functional.linear(features, layer.weight[:, :, 0, 0], layer.bias)
        return features


class Objective:
    """The loss of a batch.

    Parameters
    ----------
    config
        Its terms.
    """

    def __init__(self, config: LossConfig) -> None:
        self._config = config

    def choose(self, index: Tensor) -> Tensor | None:
        """Draw the pixels that a batch is judged by.

        Parameters
        ----------
        index
            (N, h, w) int32, 0 = no target.

        Returns
        -------
        (N pixels,) int64, fewer where images have fewer with a target; None for all pixels.
        """
        if self._config.pixels is None:
            return None
        size = index[0].numel()
        chosen = [
            image * size + _draw(targets, self._config.pixels, self._config.balance)
            for image, targets in enumerate(index.flatten(1))
        ]
        return torch.cat(chosen)

    def __call__(self, embeddings: Tensor, lut: Tensor, index: Tensor, places: Tensor | None) -> Tensor:
        """Sum the loss over pixels.

        Parameters
        ----------
        embeddings
            What `Chosen` returned for the places.
        lut
            (n, D) float32, unit targets.
        index
            (N, h, w) int32, 0 = no target, i = row i - 1 of `lut`.
        places
            What `choose` returned.

        Returns
        -------
        () float32.
        """
        if places is None:
            return cosine_loss(embeddings, lut, index)[0]
        rows = index.flatten()[places].long() - 1
        directions = functional.normalize(embeddings.float(), dim=1)
        total = self._config.cosine * (1 - (directions * lut[rows]).sum(dim=1)).sum()
        if self._config.contrast:
            total = total + self._config.contrast * _contrast(directions, lut, rows, self._config.temperature)
        return total


def _pick(maps: Tensor, places: Tensor) -> Tensor:
    """Return the pixels at places as rows, (N, C, h, w) to (P, C)."""
    return maps.permute(0, 2, 3, 1).flatten(0, 2).index_select(0, places)


def _draw(targets: Tensor, pixels: int, balance: float) -> Tensor:
    """Draw pixels of an image that have a target, each with weight area^-balance of its segment."""
    (valid,) = torch.nonzero(targets, as_tuple=True)
    if len(valid) == 0:
        return valid
    _, segment, area = torch.unique(targets[valid], return_inverse=True, return_counts=True)
    weights = area.float().pow(-balance)[segment]
    return valid[torch.multinomial(weights, pixels, replacement=True)]


def _contrast(directions: Tensor, lut: Tensor, rows: Tensor, temperature: float) -> Tensor:
    """Sum the divergence of what pixels resemble from what their targets resemble, among all targets.

    Similar targets are no contradiction: the ideal of a pixel is not 1 for its target and 0 for others but
    how alike the targets are themselves, so that the sum is 0 where each pixel has its target's direction.
    """
    ideal = functional.log_softmax(lut @ lut.T / temperature, dim=1)
    found = functional.log_softmax(directions @ lut.T / temperature, dim=1)
    wanted = ideal[rows]
    return (wanted.exp() * (wanted - found)).sum()
