"""One frame into the map: weights, moments, codes, occupancy."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mapping.cells import CellTable
from mapping.fields import CODE_WEIGHT, WEIGHT
from mapping.frame_tables import FrameCells, FrameScratch
from mapping.kernels import codes as code_kernels
from mapping.kernels import moments, weights
from mapping.observation import Geometry, Observation, rgb_or_none
from mapping.occupancy import OccupancyTable
from mapping.settings import CODE_LIMIT

if TYPE_CHECKING:
    from mapping.voxel_map import VoxelMap


@dataclass(frozen=True, slots=True)
class FrameReport:
    """What a frame did.

    Attributes
    ----------
    pixels
        Depth pixels with a weight.
    cells, new_cells, removed_cells
        Cells it touched; those the map did not have; those that vanished with it (subtraction only).
    misses
        Cells counted as seen through.
    code_pixels, code_cells
        Code pixels with a weight, and the cells they lie in.
    clipped
        Elements of codes beyond the fixed-point range.
    broken
        Cells whose code was left out because it was not finite.
    cpu_seconds
        CPU time of the calling thread by part: moments, codes, occupancy.
    """

    pixels: int
    cells: int
    new_cells: int = 0
    removed_cells: int = 0
    misses: int = 0
    code_pixels: int = 0
    code_cells: int = 0
    clipped: int = 0
    broken: int = 0
    cpu_seconds: dict[str, float] = field(default_factory=dict, compare=False)


def fuse(
    voxel_map: VoxelMap,
    frame: Observation,
    cells: CellTable,
    evidence: OccupancyTable,
    scratch: FrameScratch,
    threads: int,
    sign: int,
) -> FrameReport:
    """Add a frame (sign 1) or take it away (sign -1); the parameters are those of `VoxelMap.integrate`."""
    if threads < 1:
        raise ValueError(f"threads must be >= 1, got {threads}")
    begin = time.thread_time()
    frame.check(voxel_map.code_dim)
    geometry = Geometry.of(frame, voxel_map.cell_size, voxel_map.settings)
    scratch.fit(frame.depth.shape, (0, 0) if frame.codes is None else frame.codes.shape[:2])
    pool = scratch.pool(threads)

    pixels = _sum_pixels(voxel_map, frame, geometry, scratch, threads, pool)
    touched = scratch.cells
    with_occupancy = voxel_map.settings.occupancy
    if with_occupancy:
        scratch.blocks.fit(touched, geometry)
    if sign < 0:
        _check_present(cells, frame, scratch)
    before = len(cells)
    rows = cells.find_or_insert(touched.keys)
    new_cells = len(cells) - before
    moments.add_moments(cells.sums, rows, touched.sums, sign, int(frame.timestamp_ns))

    def carve() -> int:
        return scratch.blocks.carve(touched, geometry, voxel_map.cell_size, evidence, sign)

    carving = pool.submit(carve) if pool is not None and with_occupancy else None  # beside the codes
    moments_done = time.thread_time()
    codes = _sum_codes(voxel_map, frame, cells, rows, scratch, threads, pool, sign)
    codes_done = time.thread_time()
    misses = carving.result() if carving is not None else carve() if with_occupancy else 0
    spent = {
        "moments": moments_done - begin,
        "codes": codes_done - moments_done,
        "occupancy": time.thread_time() - codes_done,
    }
    removed = cells.drop_empty(rows) if sign < 0 else 0
    return FrameReport(pixels, len(rows), new_cells, removed, misses, *codes, cpu_seconds=spent)


def _sum_pixels(
    voxel_map: VoxelMap,
    frame: Observation,
    geometry: Geometry,
    scratch: FrameScratch,
    threads: int,
    pool: ThreadPoolExecutor | None,
) -> int:
    """Weigh all pixels and sum them into `scratch.cells`; returns how many count.

    Each thread sums a band of rows into a table of its own; the tables are then added, which is exact.
    """
    settings = voxel_map.settings
    depth = np.require(frame.depth, requirements=["C", "W"])
    rgb = rgb_or_none(frame.rgb)
    padded = scratch.padded(geometry.pad)
    weights.pad_valid(
        depth, np.float32(settings.depth_min), np.float32(settings.depth_max), geometry.pad, padded
    )

    def band(table: FrameCells, first: int, last: int) -> int:
        kept = weights.weigh(
            padded,
            geometry.pad,
            geometry.slope_x,
            geometry.slope_y,
            geometry.ray_x,
            geometry.ray_y,
            np.float32(settings.range_full if settings.range_weight else np.inf),
            np.float32(settings.incidence_floor if settings.incidence_weight else 1),
            np.float32(settings.edge_jump if settings.edge_weight else np.inf),
            first,
            last,
            scratch.weight,
        )
        table.accumulate(padded, rgb, geometry, first, last, scratch.weight, scratch.cell_of)
        return int(kept)

    height = len(depth)
    if pool is None:
        return band(scratch.cells, 0, height)
    bounds = [height * i // threads for i in range(threads + 1)]
    tables = scratch.band_tables(threads)
    kept = sum(pool.map(band, tables, bounds[:-1], bounds[1:]))
    for table, first, last in zip(tables[1:], bounds[1:-1], bounds[2:], strict=True):
        scratch.cells.absorb(table, scratch.code_rows(first, last))
    return kept


def _sum_codes(
    voxel_map: VoxelMap,
    frame: Observation,
    cells: CellTable,
    rows: npt.NDArray[np.int64],
    scratch: FrameScratch,
    threads: int,
    pool: ThreadPoolExecutor | None,
    sign: int,
) -> tuple[int, int, int, int]:
    """Add the codes of the frame; returns pixels and cells used, elements clipped and cells left out."""
    if frame.codes is None or not len(rows):
        return 0, 0, 0, 0
    weight = frame.code_weight(scratch.weight)
    start = np.empty(len(rows) + 1, np.int64)
    order = np.empty(len(weight), np.int32)
    used, occupied = code_kernels.sort_pixels(scratch.cell_of.ravel(), weight, start, order)
    bits = np.ascontiguousarray(frame.codes).view(np.uint16).reshape(-1, voxel_map.code_dim)

    def part(first: int, last: int) -> tuple[int, int]:
        done: tuple[int, int] = code_kernels.add_codes(
            bits,
            weight,
            start,
            order,
            first,
            last,
            voxel_map.code_scale,
            CODE_LIMIT,
            sign,
            rows,
            cells.code,
            cells.sums,
        )
        return done

    bounds = [len(rows) * i // threads for i in range(threads + 1)]
    parts = [part(0, len(rows))] if pool is None else list(pool.map(part, bounds[:-1], bounds[1:]))
    return used, occupied, sum(clipped for clipped, _ in parts), sum(broken for _, broken in parts)


def _check_present(cells: CellTable, frame: Observation, scratch: FrameScratch) -> None:
    """Refuse to take away a frame whose cells or weights the map does not hold."""
    touched = scratch.cells
    rows = cells.index.find(touched.keys)
    held = cells.sums[rows] if len(cells) else np.zeros_like(touched.sums)
    missing = (rows < 0) | (held[:, WEIGHT] < touched.sums[:, WEIGHT])
    missing |= held[:, CODE_WEIGHT] < _code_weights(frame, scratch)
    if missing.any():
        raise ValueError(
            f"cannot subtract a frame that is not in the map: {np.count_nonzero(missing)} of its {len(rows)} "
            "cells are missing, or hold less weight or less weight of codes (same depth, pose, codes and "
            "settings as when it was added?)"
        )


def _code_weights(frame: Observation, scratch: FrameScratch) -> npt.NDArray[np.int64]:
    """Weight of the codes of a frame in each cell it touches, (n,); 0 where a code is not finite."""
    count = len(scratch.cells)
    if frame.codes is None:
        return np.zeros(count, np.int64)
    weight, cell_of = frame.code_weight(scratch.weight), scratch.cell_of.ravel()
    used = (cell_of >= 0) & (weight > 0)
    pixels = np.bincount(cell_of[used], minlength=count)
    total = np.bincount(cell_of[used], weight[used], count).astype(np.int64)
    once = (2 * total + pixels) // np.maximum(2 * pixels, 1)
    once[cell_of[used & ~np.isfinite(frame.codes).all(axis=2).ravel()]] = 0
    return once
