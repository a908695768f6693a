"""`dvemap label`: a class for every cell, or every vertex of a mesh."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, MapPath, TextEncoderOption, new_app

app = new_app()

EPILOG = """Examples:

  dvemap label room.dvm --classes scannet-20 -o labels.ply

  dvemap label room.dvm --probe nyu40.pth --classes nyuv2-40 -o labels.ply

  dvemap label scene0000_00.dvm --mesh scene0000_00_vh_clean_2.ply --txt scene0000_00.txt
"""


@app.command(epilog=EPILOG)
def label(
    map_path: MapPath,
    classes: Annotated[
        str | None,
        typer.Option(
            help="scannet-20, scannet-40, scannet-200, nyuv2-40, sunrgbd-37, or a file of names  "
            "[default: those of the probe, else scannet-20]"
        ),
    ] = None,
    probe: Annotated[
        Path | None, typer.Option(help="linear probe: npz, safetensors or the official .pth")
    ] = None,
    means: Annotated[Path | None, typer.Option(help="visual means: npz, safetensors or npy")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="PLY in the colours of the classes  [default: beside the map]"),
    ] = None,
    mesh: Annotated[Path | None, typer.Option(help="mesh (.ply) whose vertices are labelled too")] = None,
    txt: Annotated[
        Path | None, typer.Option(help="one class id a vertex of --mesh, as benchmarks want it")
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="write a PNG of the labelled map")] = None,
    text_encoder: TextEncoderOption = None,
    as_json: Json = False,
) -> None:
    """Label a map by class names (default), by a linear probe, or by visual means."""
    from dvemap.console import Output
    from dvemap.labelling import label_files

    if (mesh is None) != (txt is None):
        raise typer.BadParameter("--mesh and --txt belong together", param_hint="--mesh / --txt")
    out = Output(as_json)
    target = output or map_path.with_name(map_path.stem + ".labels.ply")
    done = label_files(
        map_path,
        target,
        classes=classes,
        probe=probe,
        means=means,
        mesh=mesh,
        txt=txt,
        picture=picture,
        text_encoder=text_encoder,
    )
    largest = sorted(done.counts.items(), key=lambda item: -item[1])
    out.table([(name, f"{count:,}") for name, count in largest[:15]], header=("class", "cells"))
    if len(largest) > 15:
        out.say(f"... and {len(largest) - 15} more classes")
    for path in done.files:
        out.say(f"wrote {path}")
    if done.coverage is not None:
        out.say(f"{done.coverage:.1%} of the vertices of {mesh} lie near a cell; the others got 0")
    out.hint("dvemap", "eval", "map", map_path, "SEQUENCE")
    out.result(
        {
            "map": str(map_path),
            "files": [str(path) for path in done.files],
            "cells": done.counts,
            "coverage": done.coverage,
        }
    )
