"""How much memory a map takes at its worst moment while it grows, measured in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

_PROGRAM = "import sys; from dvemap.bench.map_memory import report; report(*map(int, sys.argv[1:]))"


def measure_growth(cells: int = 1_000_000, code_dim: int = 512) -> dict[str, float]:
    """Grow a map from nothing and compare the peak with its size.

    Parameters
    ----------
    cells
        How many.
    code_dim
        Numbers C of a code.

    Returns
    -------
    map_mb, peak_mb (resident, the whole process), and limit_mb = 1.15 map_mb + 300; MB of 10^6 bytes.

    Raises
    ------
    OSError
        If the process cannot be started.
    subprocess.CalledProcessError
        If it fails.
    """
    command = [sys.executable, "-c", _PROGRAM, str(cells), str(code_dim)]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    figures: dict[str, float] = json.loads(output)
    return figures


def report(cells: int, code_dim: int) -> None:
    """Grow a map of this process and write the figures to stdout as JSON."""
    from dvemap.bench.map_bench import grow
    from mapping import VoxelMap

    voxel_map = VoxelMap(0.05, code_dim)
    grow(voxel_map, cells)
    size = voxel_map.size_in_bytes / 1e6
    figures = {"map_mb": size, "peak_mb": peak_bytes() / 1e6, "limit_mb": 1.15 * size + 300}
    sys.stdout.write(json.dumps(figures))


def peak_bytes() -> int:
    """Peak resident memory; from /proc where it exists, since getrusage includes the parent's before exec."""
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text().splitlines():
            if line.startswith("VmHWM"):
                return 1024 * int(line.split()[1])
    import resource  # only on Unix

    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
