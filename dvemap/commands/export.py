"""`dvemap export`: a map for other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, MapPath, new_app

app = new_app()

EPILOG = """Examples:

  dvemap export room.dvm --to ply

  dvemap export room.dvm --to ply -o points.ply
"""


class Target(StrEnum):
    """What a map can be written as."""

    ply = "ply"


@app.command(epilog=EPILOG)
def export(
    map_path: MapPath,
    to: Annotated[Target, typer.Option(help="what to write")] = Target.ply,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="file to write  [default: beside the map]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the occupied cells as a point cloud: mean, normal, colour, weight, occupancy, confidence."""
    import mapping
    from dvemap.console import Output
    from dvemap.export import write_cells
    from dvemap.outputs import check_output

    out = Output(as_json)
    target = output or map_path.with_suffix(".ply")
    check_output(target)
    count = write_cells(mapping.load(map_path), target)
    out.table([("points", f"{count:,}"), ("file", target)])
    out.hint("dvemap", "info", map_path)
    out.result({"map": str(map_path), "file": str(target), "points": count})
