"""The linear probe of a student that is still learning."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt
import torch
from torch import distributed

from student.data.sample import Source
from student.networks.dveformer import DVEFormer
from student.probing.closed_fit import fit_probe
from student.probing.code_samples import CodeSamples
from student.teacher.run import read_ahead
from student.training.validation import Validator

if TYPE_CHECKING:
    from lightning_fabric import Fabric

PIXELS: Final = 40_000
"""That a probe is fitted on, of all images together: enough to compare epochs, in seconds."""


@torch.no_grad()
def fit_network_probe(
    fabric: Fabric, network: DVEFormer, validator: Validator, source: Source, images: int
) -> npt.NDArray[np.float32]:
    """Fit a probe on what a network makes of some of the images that it learns from.

    Of a network with a linear head, embeddings span no more dimensions than its features and a one; they are
    kept in an orthonormal basis of these.

    Parameters
    ----------
    fabric
        Launched; its processes share the images.
    network
        Its mode is kept.
    validator
        Embeds samples.
    source
        Of K classes.
    images
        How many to take, evenly spread.

    Returns
    -------
    (K, D) float32, the same in all processes.

    Raises
    ------
    ValueError
        The images show less than two classes.
    """
    basis = _basis(network)
    count = min(images, len(source))
    chosen = [len(source) * k // count for k in range(count)]
    drawn = CodeSamples(len(source.class_names), count, PIXELS)
    training = network.training
    network.eval()
    turn = None if basis is None else torch.from_numpy(basis).to(fabric.device)
    with closing(read_ahead(source.sample, chosen[fabric.global_rank :: fabric.world_size])) as readings:
        for number, reading in readings:
            sample = reading.result()
            embedding = validator.embed(network, sample)[0][0].permute(1, 2, 0)
            kept = embedding if turn is None else embedding @ turn
            drawn.add(number, kept.half().cpu().numpy(), sample.semantic)
    network.train(training)
    if fabric.world_size > 1:
        everyones: list[Any] = [None] * fabric.world_size
        distributed.all_gather_object(everyones, drawn)
        drawn = everyones[0]
        for other in everyones[1:]:
            drawn.merge(other)
    codes, labels, stands_for = drawn.arrays()
    weights = stands_for * drawn.counts.weights()[labels]
    return fit_probe(codes, labels, weights, len(source.class_names), basis)


def _basis(network: DVEFormer) -> npt.NDArray[np.float32] | None:
    """Return an orthonormal basis (D, r) of a linear head's embeddings, None for all directions."""
    if not network.config.linear_head:
        return None
    head = network.head_matrix()
    if head.shape[1] >= head.shape[0]:
        return None
    basis: npt.NDArray[np.float32] = np.linalg.qr(head.astype(np.float64))[0].astype(np.float32)
    return basis
