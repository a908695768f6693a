"""How long a map takes to answer, against the time to read its codes once."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from mapping.answer import ask
from mapping.fields import Fields
from mapping.kernels import scores as kernel
from mapping.keys import pack, unpack
from mapping.occupancy import OccupancyRows
from mapping.query import DEFAULT_THREADS, in_blocks, kernel_codes
from mapping.relevancy import TEXT_RULE
from mapping.voxel_map import VoxelMap


def bench_query(
    cells: int = 1_000_000,
    code_dim: int = 512,
    *,
    negatives: int = 4,
    threads: int = DEFAULT_THREADS,
    rounds: int = 7,
) -> dict[str, float]:
    """Time the whole answer to one query, negatives and hits included, and reading the codes, side by side.

    Parameters
    ----------
    cells, code_dim
        Size of a random map: 1,000,000 cells of 512 int32 are 2 GB.
    negatives
        Vectors that are scored along with the query.
    threads
        Threads of both.
    rounds
        Rounds in which the two alternate; the best of each counts.

    Returns
    -------
    query_ms, query_floor_ms (reading the codes once at the bandwidth measured in this run), query_ratio,
    query_read_gbs, query_cells, query_code_dim, query_vectors and query_threads.
    """
    voxel_map = random_map(cells, code_dim)
    vectors = np.random.default_rng(1).standard_normal((1 + negatives, code_dim))
    thing = hide_thing(voxel_map, vectors[0])
    pairs = cells // 2  # of cells: two rows of int32 are code_dim words
    words = kernel_codes(voxel_map)[: 2 * pairs].reshape(-1).view(np.int64)

    def read() -> None:
        in_blocks(lambda start, stop: kernel.read(words, start * code_dim, stop * code_dim), pairs, threads)

    def answer() -> None:
        found = next(ask(voxel_map, vectors[:1], vectors[1:], rule=TEXT_RULE, threads=threads)).hits
        if len(found) != 1 or not thing <= found[0].cells <= 1.1 * thing:  # a border cell may join
            raise RuntimeError(f"the query must find the {thing} cells hidden for it, got {found}")

    seconds = [(_seconds(read), _seconds(answer)) for _ in range(rounds + 1)][1:]  # the first one compiles
    floor, query = (min(times) for times in zip(*seconds, strict=True))
    return {
        "query_ms": query * 1e3,
        "query_floor_ms": floor * 1e3,
        "query_ratio": query / floor,
        "query_read_gbs": words.nbytes / floor / 1e9,
        "query_cells": cells,
        "query_code_dim": code_dim,
        "query_vectors": len(vectors),
        "query_threads": threads,
    }


def random_map(cells: int, code_dim: int) -> VoxelMap:
    """Make a map of random codes, cells filling a cube."""
    rng = np.random.default_rng(0)
    code = np.empty((cells, code_dim), np.int32)
    block = rng.integers(-60_000, 60_000, (4096, code_dim), dtype=np.int32)
    for start in range(0, cells, len(block)):
        code[start : start + len(block)] = block[: cells - start]
    side = int(np.ceil(cells ** (1 / 3)))
    key = pack(np.stack(np.unravel_index(np.arange(cells), (side,) * 3), axis=-1))
    fields = Fields(key=key, code=code, **{name: _ones(cells, *shape) for name, shape in _REST.items()})
    norm = np.tile(np.linalg.norm(block.astype(np.float32), axis=1), cells // len(block) + 1)[:cells]
    none = np.zeros(0, np.int32)
    return VoxelMap.from_fields(
        cell_size=0.05,
        code_dim=code_dim,
        code_scale=65536.0,
        space={"name": "random", "dimension": code_dim, "text_encoder": None},
        head=None,
        fields=fields,
        occupancy=OccupancyRows(none.astype(np.int64), none, none),
        embedding_norm=norm.astype(np.float32),
    )


def hide_thing(voxel_map: VoxelMap, vector: npt.NDArray[np.float64], edge: int = 12) -> int:
    """Give a cube of cells in the middle of the map codes that answer a query; returns their number."""
    ijk = unpack(voxel_map.key)
    middle = (ijk.min(axis=0) + ijk.max(axis=0)) // 2
    rows = np.flatnonzero((np.abs(ijk - middle) <= edge // 2).all(axis=1))
    code = np.rint(60_000 * vector / np.abs(vector).max()).astype(np.int32)
    voxel_map.code[rows] = code
    voxel_map.embedding_norm[rows] = np.linalg.norm(code.astype(np.float64))
    return len(rows)


_REST: dict[str, Any] = {
    "weight": (),
    "s": (3,),
    "Q": (6,),
    "color": (3,),
    "code_weight": (),
    "first_seen": (),
    "last_seen": (),
}


def _ones(*shape: int) -> npt.NDArray[np.int64]:
    return np.ones(shape, np.int64)


def _seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start
