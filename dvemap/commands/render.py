"""`dvemap render`: pictures and films of a map, without a display."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dvemap.options import Json, MapPath, TextEncoderOption, new_app
from dvemap.rendering.choices import Show, View

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    import numpy.typing as npt

    from dvemap.console import Output
    from dvemap.rendering.showing import Showing
    from mapping.rendering import Camera

app = new_app()

EPILOG = """Examples:

  dvemap render room.dvm -o room.png

  dvemap render room.dvm --view eye --show color --show labels --show depth -o eye.png

  dvemap render room.dvm --text "massage chair" --view hit --boxes -o chair.png

  dvemap render room.dvm --trajectory scene0000_00 --show color --show normals -o walk.mp4
"""

TURN_SECONDS = 10  # of a film that goes once around the map


@app.command(epilog=EPILOG)
def render(
    map_path: MapPath,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="picture (.png, .jpg) or film (.mp4)  [default: beside the map]"),
    ] = None,
    show: Annotated[
        list[Show] | None,
        typer.Option(help="what to show; several stand side by side  [default: color, or heat with --text]"),
    ] = None,
    text: Annotated[str | None, typer.Option(help="what heat is relevant to")] = None,
    negatives: Annotated[
        list[str] | None, typer.Option("--not", help="phrase that a hit must not rather be; may be repeated")
    ] = None,
    boxes: Annotated[bool, typer.Option("--boxes", help="draw boxes around the best hits of --text")] = False,
    view: Annotated[
        View | None,
        typer.Option(
            help="whole map at a slant or from above, a place to stand, or the best hit of --text  "
            "[default: overview]"
        ),
    ] = None,
    pose: Annotated[
        str | None, typer.Option(help="T_world_camera, OpenCV axes: a file, or 16 numbers row by row")
    ] = None,
    trajectory: Annotated[
        Path | None, typer.Option(help="film along these poses: a text file, or a sequence")
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="take every n-th pose of --trajectory")] = 1,
    size: Annotated[
        str | None,
        typer.Option(help="HEIGHTxWIDTH  [default: 720x960; of a film 480x640, or that of the sequence]"),
    ] = None,
    fov: Annotated[
        float | None,
        typer.Option(
            min=1,
            max=170,
            help="degrees that the longer side sees from inside  [default: 70, or that of the sequence]",
        ),
    ] = None,
    opened: Annotated[
        bool | None,
        typer.Option(
            "--opened/--closed",
            help="look through the ceiling, and through walls from behind  [default: if seen from outside]",
        ),
    ] = None,
    fps: Annotated[float, typer.Option(min=1, max=120, help="pictures a second of a film")] = 30,
    samples: Annotated[
        int | None, typer.Option(min=1, max=5, help="rays of a pixel at an edge  [default: 5; of a film 3]")
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(help="of labels: scannet-20, scannet-40, scannet-200, nyuv2-40, sunrgbd-37 or a file"),
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="of labels: a linear probe instead of text")] = None,
    means: Annotated[Path | None, typer.Option(help="of labels: visual means instead of text")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads that draw")] = 2,
    text_encoder: TextEncoderOption = None,
    as_json: Json = False,
) -> None:
    """Draw a map from any place: colour, depth, normals, labels, relevancy to a text, embeddings, confidence.

    Without a pose it is seen from a corner above, without its ceiling and the walls in front; a film then
    goes around it once.
    """
    from time import perf_counter

    from dvemap.console import Output, duration
    from dvemap.options import parse_size
    from dvemap.outputs import check_output
    from dvemap.rendering.cameras import FILM, found, placed, walked
    from dvemap.rendering.poses import parse_pose
    from dvemap.rendering.showing import Wanted, open_showing
    from dvemap.rendering.viewpoints import orbit

    target = output or map_path.with_suffix(".png" if trajectory is None else ".mp4")
    check_output(target, ".png", ".jpg", ".mp4")
    film = target.suffix.lower() == ".mp4"
    places = {"--pose": pose, "--trajectory": trajectory, "--view": view}
    _refuse([name for name, place in places.items() if place is not None], film, view)
    shows = show or [Show.color if text is None else Show.heat]
    if text is None and (boxes or Show.heat in shows or view is View.hit):
        raise typer.BadParameter("needed by heat, --boxes and --view hit", param_hint="--text")

    out = Output(as_json)
    pixels = None if size is None else parse_size(size)
    cameras: list[Camera] = []
    if pose is not None:
        cameras = [placed(parse_pose(pose), pixels, fov)]
    elif trajectory is not None:
        cameras = walked(trajectory, stride, pixels, fov)
    wanted = Wanted(shows, text, negatives or (), boxes, classes, probe, means, text_encoder)
    began = perf_counter()
    showing = open_showing(map_path, wanted, samples=samples or (3 if film else 5), threads=threads)
    ready = perf_counter()
    if not cameras and film:
        cameras = orbit(showing.layout, pixels or FILM, round(TURN_SECONDS * fps))
    elif not cameras:
        cameras = [found(view or View.overview, showing.layout, pixels, fov, showing.hits)]
    if opened is None:
        opened = pose is None and trajectory is None and (view or View.overview).outside
    started = perf_counter()
    _write(out, target, showing, cameras, opened, fps)
    seconds = perf_counter() - started

    height, width = cameras[0].size
    out.table(
        [
            ("shown", ", ".join(shows)),
            ("size", f"{width} x {height} px"),
            ("cells", f"{len(showing.scene.rows):,}, made ready in {duration(ready - began)}"),
            ("time", f"{duration(seconds)} ({len(cameras) / max(seconds, 1e-9):.1f} pictures/s)"),
        ]
    )
    out.say(f"wrote {target}")
    if film or view is not None:
        out.hint("dvemap", "render", map_path, "--show", "normals", "-o", target.with_name("normals.png"))
    else:
        out.hint("dvemap", "render", map_path, "-o", target.with_suffix(".mp4"))
    out.result(
        {
            "map": str(map_path),
            "output": str(target),
            "show": [str(shown) for shown in shows],
            "size": [height, width],
            "opened": opened,
            "pictures": len(cameras),
            "poses": [camera.T_world_camera.tolist() for camera in cameras],
            "intrinsics": cameras[0].intrinsics.tolist(),
            "ready_seconds": round(ready - began, 3),
            "seconds": round(seconds, 3),
        }
    )


def _refuse(given: list[str], film: bool, view: View | None) -> None:
    """Raise BadParameter if places to look from exclude each other or do not suit what is written."""
    if len(given) > 1:
        raise typer.BadParameter("exclude each other; give one", param_hint=" / ".join(given))
    if "--trajectory" in given and not film:
        raise typer.BadParameter("makes a film; name an .mp4 with -o", param_hint="--trajectory")
    if film and ("--pose" in given or view not in (None, View.overview)):
        raise typer.BadParameter("makes a picture; name a .png with -o", param_hint=given[0])


def _write(
    out: "Output", target: Path, showing: "Showing", cameras: "Sequence[Camera]", opened: bool, fps: float
) -> None:
    """Draw from each camera into a picture or a film."""
    from dvemap.rendering.film import write_film
    from viewer import save_picture

    depths = showing.depth_span(cameras)
    with out.progress("rendering", len(cameras)) as bar:

        def pictures() -> "Iterator[npt.NDArray[np.uint8]]":
            for done, camera in enumerate(cameras, start=1):
                yield showing.picture(camera, opened, depths)
                bar.update(done)

        if target.suffix.lower() == ".mp4":
            write_film(target, pictures(), fps)
        else:
            save_picture(target, next(pictures()))
