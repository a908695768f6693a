"""`dvemap demo`: from nothing to an answer, and a check of both against the truth."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.defaults import DEFAULT_ENCODER
from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap demo demo

  dvemap demo my-flat --seed 12 --text sofa
"""


@app.command(epilog=EPILOG)
def demo(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="for the flat, the map and the pictures")
    ] = Path("demo"),
    seed: Annotated[
        int | None, typer.Option(help="seed of the flat  [default: one with a massage chair]")
    ] = None,
    text: Annotated[str, typer.Option(help="what to ask for")] = "massage chair",
    frames: Annotated[
        int | None, typer.Option(help="frames of the walk  [default: enough to see everything]")
    ] = None,
    encoder: Annotated[
        str, typer.Option(help="what gives a pixel its embedding, as in `dvemap fuse`; labels: the truth")
    ] = DEFAULT_ENCODER,
    as_json: Json = False,
) -> None:
    """Generate a furnished flat, fuse it, ask it, label it, compare with the truth."""
    from dvemap.console import Output
    from dvemap.demo import run_demo

    out = Output(as_json)
    out.result(run_demo(folder, seed, text, frames, encoder, out))
