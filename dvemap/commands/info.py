"""`dvemap info`: what a file or folder is."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap info room.dvm --verify

  dvemap info scene0000_00.sens --json
"""


@app.command(epilog=EPILOG)
def info(
    path: Annotated[
        Path,
        typer.Argument(metavar="ANY", help="map, sequence, weights or encoder folder", show_default=False),
    ],
    verify: Annotated[
        bool, typer.Option("--verify", help="read a map whole and check it against its SHA-256")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what a map, a sequence, weights or an encoder is, without reading more of it than that needs."""
    from dvemap.console import Output
    from dvemap.description import describe

    out = Output(as_json)
    described = describe(path, verify=verify)
    out.table(described.rows)
    out.hint(*described.next)
    out.result(described.record)
