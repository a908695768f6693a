"""What fusing a frame costs, against the memory bandwidth and a plain torch baseline of the same run.

All times are CPU times of the measuring thread, medians over frames; the contenders take turns frame by
frame, so that a busy machine slows all of them alike.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dvemap.bench.map_frames import BenchFrames, random_codes, synthetic_frames
from mapping import FusionSettings, VoxelMap
from mapping.fields import Fields
from mapping.kernels.bandwidth import triad
from mapping.keys import pack
from mapping.occupancy import OccupancyRows

_TRIAD_ELEMENTS: Final = 8_000_000  # three arrays of 64 MB: well beyond the caches
_CHUNK_CELLS: Final = 20_000
_RING: Final = 8


def bench_map(
    frames: BenchFrames | None = None,
    *,
    cell_size: float = 0.05,
    code_dim: int = 512,
    code_shape: tuple[int, int] = (120, 160),
    small: int = 20_000,
    large: int = 1_000_000,
    rounds: int = 2,
    torch_baseline: bool = True,
) -> dict[str, float]:
    """Measure the cost of a frame.

    Parameters
    ----------
    frames
        Posed depth (and codes, else random ones are made); a synthetic room if None.
    cell_size
        Metres.
    code_dim, code_shape
        C, and (h, w) of the code images.
    small, large
        Cells of the two maps whose times per frame are compared.
    rounds
        Passes over the frames; the first one is not measured.
    torch_baseline
        Also run the torch baseline (imports torch).

    Returns
    -------
    Milliseconds per frame: update_ms and its parts moments_ms, codes_ms, occupancy_ms; codes_floor_ms, the
    time to read the codes once and to read and write each touched row once at triad_gbs; codes_ratio;
    torch_baseline_ms; growth_ratio, time at `large` cells by time at `small`; and counts of the median
    frame.
    """
    frames = frames or synthetic_frames()
    if not frames.codes:
        frames = replace(frames, codes=random_codes(_RING, *code_shape, code_dim))
    maps = [_grown_map(cells, cell_size, code_dim) for cells in (small, large)]
    baseline = TorchBaseline(frames, cell_size) if torch_baseline else None
    bandwidth = Bandwidth()
    samples: dict[str, list[float]] = {}

    def note(name: str, value: float) -> None:
        samples.setdefault(name, []).append(value)

    for measured in [False] + [True] * rounds:
        for i in range(len(frames)):
            report, small_ms = _integrate(maps[0], frames, i)
            _, large_ms = _integrate(maps[1], frames, i)
            torch_ms = baseline.add(i) if baseline else float("nan")
            if not measured:
                continue
            note("triad_gbs", bandwidth.measure() if i % 4 == 0 else samples["triad_gbs"][-1])
            note("update_ms", small_ms)
            note("update_large_ms", large_ms)
            note("torch_baseline_ms", torch_ms)
            for part, seconds in report.cpu_seconds.items():
                note(f"{part}_ms", 1e3 * seconds)
            note("code_bytes", 2 * code_dim * (report.code_pixels + 4 * report.code_cells))
            note("touched_cells", report.cells)
            note("pixels", report.pixels)
    result = {name: statistics.median(values) for name, values in samples.items()}
    result["codes_floor_ms"] = result["code_bytes"] / result["triad_gbs"] / 1e6
    result["codes_ratio"] = result["codes_ms"] / result["codes_floor_ms"]
    result["growth_ratio"] = result["update_large_ms"] / result["update_ms"]
    return result


class Bandwidth:
    """The STREAM triad a = b + s c in float64, counting 24 bytes an element."""

    def __init__(self) -> None:
        self._arrays = [np.ones(_TRIAD_ELEMENTS) for _ in range(3)]
        self.measure()  # compiles, and touches the pages

    def measure(self) -> float:
        """One pass, GB/s."""
        a, b, c = self._arrays
        seconds = _cpu_time(lambda: triad(a, b, c, 3.0))
        return 24 * _TRIAD_ELEMENTS / seconds / 1e9


class TorchBaseline:
    """A running sum per cell in plain torch, one thread: keys, unique, a dense look-up table, index_add_.

    What a straightforward implementation does, without shape, colour, weights or occupancy: depth at the
    resolution of the codes, float32 codes (their conversion is not counted), a table of 256^3 slots.
    """

    def __init__(self, frames: BenchFrames, cell_size: float, capacity: int = 60_000):
        import torch

        torch.set_num_threads(1)
        self._torch = torch
        h, w, dim = frames.codes[0].shape
        step_v, step_u = frames.depths.shape[1] // h, frames.depths.shape[2] // w
        middle = (slice(None), slice(step_v // 2, None, step_v), slice(step_u // 2, None, step_u))
        self._depths = torch.from_numpy(np.ascontiguousarray(frames.depths[middle]))
        self._poses = torch.from_numpy(frames.poses.astype(np.float32))
        self._codes = [torch.from_numpy(code.astype(np.float32)).reshape(-1, dim) for code in frames.codes]
        K = frames.intrinsics
        v, u = np.meshgrid(
            np.arange(h) * step_v + step_v // 2, np.arange(w) * step_u + step_u // 2, indexing="ij"
        )
        rays = np.stack([(u - K[0, 2]) / K[0, 0], (v - K[1, 2]) / K[1, 1], np.ones((h, w))], axis=-1)
        self._rays = torch.from_numpy(rays.reshape(-1, 3).astype(np.float32))
        self._cell_size = cell_size
        self._slots = torch.full((256**3,), -1, dtype=torch.int64)
        self.sums = torch.zeros((capacity, dim))
        self.counts = torch.zeros(capacity)
        self._used = 0

    def add(self, i: int) -> float:
        """Fuse frame i; returns milliseconds."""
        return 1e3 * _cpu_time(lambda: self._add(i))

    def _add(self, i: int) -> None:
        torch = self._torch
        z = self._depths[i].reshape(-1)
        valid = (z > 0.1) & (z < 10)
        points = (self._rays[valid] * z[valid, None]) @ self._poses[i, :3, :3].T + self._poses[i, :3, 3]
        cell = torch.floor(points / self._cell_size).long() + 128
        key = (cell[:, 0].clamp(0, 255) << 16) | (cell[:, 1].clamp(0, 255) << 8) | cell[:, 2].clamp(0, 255)
        distinct, inverse = torch.unique(key, return_inverse=True)
        new = distinct[self._slots[distinct] < 0]
        self._slots[new] = torch.arange(self._used, self._used + len(new))
        self._used += len(new)
        row = self._slots[distinct][inverse]
        self.sums.index_add_(0, row, self._codes[i % len(self._codes)][valid])
        self.counts.index_add_(0, row, torch.ones(len(row)))


def grow(voxel_map: VoxelMap, cells: int) -> None:
    """Add cells far away from any frame, with codes, until the map has `cells` of them."""
    while len(voxel_map) < cells:
        n = min(_CHUNK_CELLS, cells - len(voxel_map))
        number = np.arange(len(voxel_map), len(voxel_map) + n)
        key = pack(np.stack([300_000 + number // 10_000, number // 100 % 100, number % 100], axis=-1))
        ones: npt.NDArray[np.int64] = np.ones(n, np.int64)
        fields = Fields(
            key,
            weight=ones,
            s=np.ones((n, 3), np.int64),
            Q=np.ones((n, 6), np.int64),
            color=np.ones((n, 3), np.int64),
            code=np.ones((n, voxel_map.code_dim), np.int32),
            code_weight=ones,
            first_seen=ones,
            last_seen=ones,
        )
        nothing = OccupancyRows(ones[:0], np.zeros(0, np.int32), np.zeros(0, np.int32))
        voxel_map.merge(
            VoxelMap.from_fields(
                cell_size=voxel_map.cell_size,
                code_dim=voxel_map.code_dim,
                code_scale=voxel_map.code_scale,
                space=voxel_map.space,
                head=None,
                fields=fields,
                occupancy=nothing,
            )
        )


def _grown_map(cells: int, cell_size: float, code_dim: int) -> VoxelMap:
    grown = VoxelMap(cell_size, code_dim, settings=FusionSettings())
    grow(grown, cells)
    return grown


def _integrate(voxel_map: VoxelMap, frames: BenchFrames, i: int) -> tuple[Any, float]:
    """Fuse frame i; returns the report and milliseconds."""
    begin = time.thread_time()
    report = voxel_map.integrate(
        frames.depths[i],
        frames.intrinsics,
        frames.poses[i],
        rgb=frames.rgbs[i],
        codes=frames.codes[i % len(frames.codes)],
    )
    return report, 1e3 * (time.thread_time() - begin)


def _cpu_time(work: Callable[[], None]) -> float:
    begin = time.thread_time()
    work()
    return time.thread_time() - begin
