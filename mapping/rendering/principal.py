"""Embeddings as colours: their three principal components become red, green and blue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from mapping.map_view import MapView

_SAMPLE: Final = 20_000
_CHUNK: Final = 16_384
_DARK, _LIGHT = 32, 236


def principal_colors(voxel_map: MapView) -> npt.NDArray[np.uint8]:
    """Colour cells by the principal components of their embeddings, so that like things look alike.

    The axes are those of the unit embeddings z = A c / |A c|, found without making them: with A = Q R, R c
    has the same inner products. An axis points to where its largest entry in the space of embeddings is
    positive, so that the same map has the same colours again.

    Parameters
    ----------
    voxel_map
        A map with embeddings; compact maps too.

    Returns
    -------
    (n, 3) uint8 RGB; grey for a cell without an embedding.

    Raises
    ------
    ValueError
        If the map has no embeddings.
    """
    if voxel_map.code_dim == 0:
        raise ValueError(
            "the map holds no embeddings (it was fused without an encoder), so it has no components to show"
        )
    n, head = len(voxel_map), voxel_map.head
    basis, factor = (None, None) if head is None else np.linalg.qr(head.astype(np.float64))

    def unit(rows: slice) -> npt.NDArray[np.float64]:
        points = np.asarray(voxel_map.code[rows]).astype(np.float64)
        points = points if factor is None else points @ factor.T
        norm = np.linalg.norm(points, axis=1, keepdims=True)
        return np.asarray(np.divide(points, norm, out=np.zeros_like(points), where=norm > 0))

    sample = unit(slice(0, n, max(1, n // _SAMPLE)))
    sample = sample[sample.any(axis=1)]
    if len(sample) == 0:
        return np.full((n, 3), 128, np.uint8)
    center = sample.mean(axis=0)
    spread = sample - center
    vectors = np.linalg.eigh(spread.T @ spread)[1].T[::-1][:3]
    axes = np.zeros((3, sample.shape[1]))
    axes[: len(vectors)] = vectors
    loadings = axes if basis is None else axes @ basis.T
    peaks = loadings[np.arange(3), np.abs(loadings).argmax(axis=1)]
    axes *= np.where(peaks < 0, -1.0, 1.0)[:, None]
    low, high = np.percentile(spread @ axes.T, [1, 99], axis=0)
    flat = high - low < 1e-6
    span = np.where(flat, 1.0, high - low)
    colors = np.empty((n, 3), np.uint8)
    for start in range(0, n, _CHUNK):
        points = unit(slice(start, start + _CHUNK))
        share = ((points - center) @ axes.T - low) / span
        share[:, flat] = 0.5
        mixed = np.rint(_DARK + (_LIGHT - _DARK) * np.clip(share, 0, 1))
        colors[start : start + _CHUNK] = np.where(np.any(points, axis=1, keepdims=True), mixed, 128)
    return colors
