"""Scores of every cell of a map for a few query vectors."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import numpy.typing as npt

from mapping.kernels import scores as kernel

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap

DEFAULT_THREADS: Final = 2
_BLOCK_ROWS: Final = 8192  # 16 MiB of codes of 512 int32: long enough to stream, short enough to share out


def scores(
    voxel_map: VoxelMap, vectors: npt.ArrayLike, *, threads: int = DEFAULT_THREADS
) -> npt.NDArray[np.float32]:
    """Cosine between the embedding of every cell and every query vector.

    With z = A c, the dot product t . z is (A^T t) . c: the query is projected once and met with the codes as
    they are stored, memory-mapped ones included. The norm |z| is the one the map keeps.

    Parameters
    ----------
    voxel_map
        A map with embeddings; compact maps too.
    vectors
        (Q, D) or (D,) float, directions in the embedding space of the map; their length does not matter.
    threads
        Threads that share the pass over the codes; the answer does not depend on it.

    Returns
    -------
    (Q, n) float32 cosines, columns in the order of the map's rows; 0 for a cell without an embedding.

    Raises
    ------
    ValueError
        If the map has no embeddings, or the vectors are not finite directions of D numbers.
    """
    directions = unit_directions(voxel_map, vectors)
    query = project(voxel_map, directions)
    padded = np.zeros((-len(query) % kernel.QUERY_BLOCK + len(query), query.shape[1]), np.float32)
    padded[: len(query)] = query
    code, scale = kernel_codes(voxel_map), inverse_norms(voxel_map)
    out = np.empty((len(padded), len(code)), np.float32)
    in_blocks(lambda start, stop: kernel.scores(code, padded, scale, out, start, stop), len(code), threads)
    return out[: len(query)]


def unit_directions(voxel_map: VoxelMap, vectors: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Check query vectors against a map and scale them to length 1.

    Parameters
    ----------
    voxel_map
        The map they will be compared with.
    vectors
        (Q, D) or (D,) float.

    Returns
    -------
    (Q, D) float64.

    Raises
    ------
    ValueError
        If the map has no embeddings, the dimension is not the map's, or a vector is zero or not finite.
    """
    if voxel_map.code_dim == 0:
        raise ValueError(
            "the map holds no embeddings (it was fused without an encoder), so it cannot answer text; "
            "fuse it again with one"
        )
    directions = np.atleast_2d(np.asarray(vectors, dtype=np.float64))
    dimension = embedding_dim(voxel_map)
    if directions.ndim != 2 or directions.shape[1] != dimension:
        raise ValueError(f"vectors must be (Q, {dimension}) for this map, got {directions.shape}")
    norm = np.linalg.norm(directions, axis=1)
    usable = np.isfinite(norm) & (norm > 0)
    if not usable.all():
        bad = int(usable.argmin())
        raise ValueError(f"vector {bad} must have a direction, got norm {norm[bad]:g}; is its text empty?")
    unit: npt.NDArray[np.float64] = directions / norm[:, None]
    return unit


def embedding_dim(voxel_map: VoxelMap) -> int:
    """Dimension D of the embeddings of a map."""
    return voxel_map.code_dim if voxel_map.head is None else int(voxel_map.head.shape[0])


def project(voxel_map: VoxelMap, vectors: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Take vectors t (Q, D) of the embedding space to the space of codes: A^T t, (Q, C) float32."""
    if voxel_map.head is None:
        return vectors.astype(np.float32)
    return (vectors @ voxel_map.head.astype(np.float64)).astype(np.float32)


def kernel_codes(voxel_map: VoxelMap) -> npt.NDArray[Any]:
    """Codes (n, C) as the kernels take them: C-contiguous, read-only, halves as their uint16 bits."""
    code = np.ascontiguousarray(voxel_map.code).view()
    if code.dtype == np.float16:
        code = code.view(np.uint16)
    code.flags.writeable = False  # one compiled version for growing and for memory-mapped maps
    return code


def inverse_norms(voxel_map: VoxelMap) -> npt.NDArray[np.float32]:
    """Factors that make (A^T t) . code a cosine: 1 / |A code|, times the scale of a compact row.

    0 for a cell without an embedding.
    """
    norm = np.asarray(voxel_map.embedding_norm, dtype=np.float32)
    numerator: Any = np.float32(1)
    if voxel_map.compact is not None and voxel_map.code_row_scale is not None:
        numerator = np.asarray(voxel_map.code_row_scale, dtype=np.float32)
    scale = np.zeros(len(norm), np.float32)
    np.divide(numerator, norm, out=scale, where=norm > 0)
    scale.flags.writeable = False
    return scale


def in_blocks(work: Callable[[int, int], object], rows: int, threads: int, block: int = _BLOCK_ROWS) -> None:
    """Run work(start, stop) over blocks of rows on a pool of threads; the work must release the GIL."""
    if threads < 1:
        raise ValueError(f"threads must be >= 1, got {threads}")
    if threads == 1:
        work(0, rows)
        return
    with ThreadPoolExecutor(threads) as pool:
        blocks = range(0, rows, block)
        for done in [pool.submit(work, start, min(start + block, rows)) for start in blocks]:
            done.result()
