"""`dvemap export`: a map for other programs."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, TextEncoderOption, new_app

app = new_app()

EPILOG = """Examples:

  dvemap export room.dvm --to ply

  dvemap export room.dvm --to splats --surface

  dvemap export room.dvm --to ros-map --band 0.1 1.2

  dvemap export scene*.dvm --to scannet --mesh scans_test -o submission.zip
"""


class Target(StrEnum):
    """What a map can be written as."""

    ply = "ply"
    mesh = "mesh"
    glb = "glb"
    splats = "splats"
    openlex3d = "openlex3d"
    scannet = "scannet"
    ros_map = "ros-map"
    npz = "npz"
    rerun = "rerun"


@app.command(epilog=EPILOG)
def export(
    maps: Annotated[
        list[Path],
        typer.Argument(
            metavar="MAP...", help="map file (.dvm); several for a ScanNet archive", show_default=False
        ),
    ],
    to: Annotated[Target, typer.Option(metavar="FORMAT", help="what to write")] = Target.ply,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="what to make  [default: beside the map]")
    ] = None,
    surface: Annotated[
        bool | None,
        typer.Option("--surface", help="leave out the skirt of noise around surfaces", show_default=False),
    ] = None,
    sigmas: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            help="size of ellipsoids and splats, in standard deviations of the cell  [default: 2]",
        ),
    ] = None,
    band: Annotated[
        tuple[float, float] | None,
        typer.Option(
            metavar="LOW HIGH",
            help="ros-map: heights that matter, metres above the floor  [default: 0.1 1.8]",
        ),
    ] = None,
    floor: Annotated[
        float | None, typer.Option(help="ros-map: height of the floor, metres  [default: found]")
    ] = None,
    mesh: Annotated[
        Path | None,
        typer.Option(help="scannet: the mesh, or the folder of meshes  [default: that of the map]"),
    ] = None,
    classes: Annotated[
        str | None, typer.Option(help="scannet: scannet-20 or scannet-200  [default: scannet-20]")
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="scannet: linear probe, as for label")] = None,
    means: Annotated[Path | None, typer.Option(help="scannet: visual means, as for label")] = None,
    text_encoder: TextEncoderOption = None,
    as_json: Json = False,
) -> None:
    """Write a map for other programs.

    Formats:

    * ply: points with colour, normal, covariance, weight, occupancy, times, confidence

    * mesh: ellipsoids, as PLY

    * glb: ellipsoids for browsers, game engines and Blender

    * splats: 3D Gaussian splats, as PLY

    * rerun: a recording of how the map grew

    * ros-map: an occupancy grid for the ROS map server (pgm and yaml)

    * npz: the raw sums for NumPy

    * openlex3d: prediction for the OpenLex3D benchmark

    * scannet: labels for the ScanNet benchmark; of several maps, the archive to submit
    """
    from dvemap.console import Output
    from dvemap.exporting.export import run_export

    options = {
        "surface": surface,
        "sigmas": sigmas,
        "band": band,
        "floor": floor,
        "mesh": mesh,
        "classes": classes,
        "probe": probe,
        "means": means,
        "text_encoder": text_encoder,
    }
    given = {name: value for name, value in options.items() if value is not None}
    run_export(maps, to.value, output, given, Output(as_json))
