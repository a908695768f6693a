"""`dvemap bench`: speed on this machine, against its memory bandwidth and against peers."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap bench map

  dvemap bench map --sequence rgbd-scene --json
"""


@app.callback()
def choose() -> None:
    """Measure speed."""


@app.command("map", epilog=EPILOG)
def measure(
    sequence: Annotated[
        Path | None, typer.Option(help="posed RGB-D sequence  [default: a synthetic room]")
    ] = None,
    depth_folder: Annotated[
        str, typer.Option(help="folder of depth images in exported ScanNet layout")
    ] = "depth",
    pose_folder: Annotated[
        str | None, typer.Option(help="folder of poses in exported ScanNet layout")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, help="frames to time")] = 60,
    cells: Annotated[int, typer.Option(min=1000, help="cells of the large map")] = 1_000_000,
    code_dim: Annotated[int, typer.Option(min=1, help="numbers of a code")] = 512,
    as_json: Json = False,
) -> None:
    """Time the update of a map, its growth and a query; needs some 8 GB of memory at the default size.

    Update: CPU time of one thread for a 640x480 frame with 120x160 codes, beside a plain torch running sum
    of the codes alone. Floors: bytes that must move at the bandwidth of a STREAM triad in the same run.
    """
    from dvemap.bench.report import run_map_bench
    from dvemap.console import Output

    out = Output(as_json)
    record = run_map_bench(sequence, depth_folder, pose_folder, frames, cells, code_dim, out)
    out.hint("dvemap", "bench", "map", "--json")
    out.result(record)
