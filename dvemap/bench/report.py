"""What `dvemap bench map` runs and prints: the update of a map, its growth and a query."""

from pathlib import Path
from typing import Any

import numpy as np

from dvemap.bench.map_bench import bench_map
from dvemap.bench.map_frames import BenchFrames
from dvemap.bench.map_memory import measure_growth
from dvemap.bench.query_bench import bench_query
from dvemap.console import Output
from sequences import open_sequence


def sequence_frames(path: Path, depth_folder: str, pose_folder: str | None, count: int) -> BenchFrames:
    """Read `count` frames spread over a sequence into memory."""
    sequence = open_sequence(path, depth_folder=depth_folder, pose_folder=pose_folder)
    chosen = np.unique(np.linspace(0, len(sequence) - 1, count).astype(int))
    frames = [sequence[int(i)] for i in chosen]
    return BenchFrames(
        depths=np.stack([frame.depth for frame in frames]),
        poses=np.stack([frame.T_world_camera for frame in frames]),
        intrinsics=frames[0].intrinsics,
        rgbs=np.stack([frame.rgb_on_depth() for frame in frames]),
    )


def run_map_bench(
    sequence: Path | None,
    depth_folder: str,
    pose_folder: str | None,
    frames: int,
    cells: int,
    code_dim: int,
    out: Output,
) -> dict[str, Any]:
    """Run the benchmarks and print them as a table.

    Returns
    -------
    dict
        All figures by name; times in milliseconds.
    """
    posed = None if sequence is None else sequence_frames(sequence, depth_folder, pose_folder, frames)
    out.say(
        f"frames: {'a synthetic room' if sequence is None else sequence}; codes of {code_dim} float16, random"
    )
    figures: dict[str, Any] = bench_map(posed, code_dim=code_dim, large=cells)
    figures |= bench_query(cells, code_dim)
    figures |= {f"growth_{name}": value for name, value in measure_growth(cells, code_dim).items()}
    figures = {
        name: round(value, 4) if isinstance(value, float) else value for name, value in figures.items()
    }
    figures["query_ratio"] = round(figures["query_ms"] / figures["query_floor_ms"], 4)
    out.table(
        [
            ("STREAM triad", f"{figures['triad_gbs']:.1f} GB/s", "one thread"),
            (
                "codes into the map",
                f"{figures['codes_ms']:.2f} ms",
                f"{figures['codes_ratio']:.2f} x the memory floor",
            ),
            ("  memory floor", f"{figures['codes_floor_ms']:.2f} ms", ""),
            ("whole update", f"{figures['update_ms']:.2f} ms", "shape, colour, occupancy, codes"),
            ("  plain torch", f"{figures['torch_baseline_ms']:.2f} ms", "codes alone"),
            (
                f"update at {cells:,} cells",
                f"{figures['update_large_ms']:.2f} ms",
                f"{figures['growth_ratio']:.2f} x that at 20,000",
            ),
            (
                f"query of {cells:,} cells",
                f"{figures['query_ms']:.0f} ms",
                f"{figures['query_ratio']:.2f} x reading the codes",
            ),
            (
                f"peak memory growing to {cells:,}",
                f"{figures['growth_peak_mb']:,.0f} MB",
                f"map {figures['growth_map_mb']:,.0f} MB",
            ),
        ],
        header=("what", "median", "against"),
    )
    return figures
