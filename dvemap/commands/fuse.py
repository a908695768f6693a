"""`dvemap fuse`: a posed RGB-D sequence becomes a map."""

from pathlib import Path
from typing import Annotated, Any

import typer

from dvemap.options import DepthCache, DepthFrom, Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap fuse scene0000_00.sens -o room.dvm --stride 5

  dvemap fuse flat -o flat.dvm --encoder labels --picture flat.png

  dvemap fuse flat -o flat.dvm --encoder dveformer-reducedres

  dvemap fuse rgbd_dataset_freiburg1_room -o room.dvm --set map.cell_size=0.02 --resume

  dvemap fuse walk -o walk.dvm --depth-from depth-anything-v2-metric-indoor-small
"""


@app.command(epilog=EPILOG)
def fuse(
    sequence: Annotated[
        Path,
        typer.Argument(
            metavar="SEQUENCE",
            help="folder, .sens or video; its format is recognised",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="map file to write (.dvm)", show_default=False)
    ],
    encoder: Annotated[
        str | None,
        typer.Option(
            help="home (comes with dvemap), none, labels, another name that `dvemap weights list` shows, a "
            "checkpoint, or a folder with a network  [default: home]"
        ),
    ] = None,
    cell_size: Annotated[float | None, typer.Option(help="edge of a cell in metres  [default: 0.05]")] = None,
    start: Annotated[int | None, typer.Option(help="first frame  [default: 0]")] = None,
    stop: Annotated[int | None, typer.Option(help="frame to stop before")] = None,
    stride: Annotated[int | None, typer.Option(help="take every n-th frame  [default: 1]")] = None,
    format: Annotated[
        str | None,
        typer.Option(help="scannet-sens, scannet, 7scenes, replica, tum, redwood; video or images"),
    ] = None,
    pose_convention: Annotated[
        str | None,
        typer.Option(
            help="camera-to-world, world-to-camera, opengl or opengl-world-to-camera  "
            "[default: that of the format]"
        ),
    ] = None,
    depth_scale: Annotated[
        float | None, typer.Option(help="depth units per metre  [default: that of the format]")
    ] = None,
    intrinsics: Annotated[str | None, typer.Option(help="fx,fy,cx,cy of the depth image, or a file")] = None,
    depth_folder: Annotated[
        str | None, typer.Option(help="folder of depth images in exported ScanNet layout")
    ] = None,
    pose_folder: Annotated[
        str | None, typer.Option(help="folder of poses in exported ScanNet layout")
    ] = None,
    depth_from: DepthFrom = None,
    depth_cache: DepthCache = None,
    trust: Annotated[
        bool | None, typer.Option("--trust", help="do not check poses, scale and intrinsics first")
    ] = None,
    max_bad: Annotated[
        float | None, typer.Option(help="share of unusable frames that fails the run  [default: 0.2]")
    ] = None,
    threads: Annotated[int | None, typer.Option(help="threads that update the map  [default: 1]")] = None,
    encoder_threads: Annotated[
        int | None, typer.Option(help="threads of a network  [default: its runtime's choice]")
    ] = None,
    encoder_cache: Annotated[Path | None, typer.Option(help="folder to keep a network's codes in")] = None,
    text_encoder: Annotated[
        str | None,
        typer.Option(help="text encoder of `labels` and of segmentation networks  [default: minilm]"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="continue an interrupted run")] = False,
    live: Annotated[
        bool, typer.Option("--live", help="watch the map grow in a window, and ask it meanwhile")
    ] = False,
    picture: Annotated[Path | None, typer.Option(help="write a picture of the map too")] = None,
    checkpoint_seconds: Annotated[
        float | None, typer.Option(help="time between checkpoints  [default: 60]")
    ] = None,
    config: Annotated[Path | None, typer.Option(help="YAML file of settings")] = None,
    assignments: Annotated[
        list[str] | None, typer.Option("--set", help="one setting, as in map.cell_size=0.1")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fuse a posed RGB-D sequence into a map.

    Looks at some frames first and stops if poses, depth scale or intrinsics fit better another way.
    """
    from contextlib import nullcontext

    from dvemap.config import load_config
    from dvemap.console import Output, duration, quantity, try_next
    from dvemap.outputs import check_picture
    from dvemap.pipeline import fuse, open_configured, shown_on

    overrides = {
        "encoder.name": encoder,
        "encoder.text_encoder": text_encoder,
        "encoder.threads": encoder_threads,
        "encoder.cache": None if encoder_cache is None else str(encoder_cache),
        "map.cell_size": cell_size,
        "sequence.start": start,
        "sequence.stop": stop,
        "sequence.stride": stride,
        "sequence.format": format,
        "sequence.pose_convention": pose_convention,
        "sequence.depth_scale": depth_scale,
        "sequence.intrinsics": intrinsics,
        "sequence.depth_folder": depth_folder,
        "sequence.pose_folder": pose_folder,
        "depth.source": depth_from,
        "depth.cache": None if depth_cache is None else str(depth_cache),
        "run.trust": trust,
        "run.max_bad": max_bad,
        "run.threads": threads,
        "run.checkpoint_seconds": checkpoint_seconds,
    }
    check_picture(picture)
    settings = load_config(config, overrides, assignments or [])
    out = Output(as_json)
    opened = open_configured(sequence, settings)
    watched: Any = nullcontext()
    if live:
        from dvemap.live import live_window

        watched = live_window(output, text_encoder)
    with watched as window:
        with out.progress("fusing", len(opened)) as bar:
            watch, publish = shown_on(bar), None if window is None else window.publisher
            result = fuse(opened, output, config=settings, resume=resume, watch=watch, live=publish)
        rate = result.frames / max(result.seconds, 1e-9)
        rows = [
            ("frames", f"{result.frames:,} ({result.skipped:,} skipped)"),
            ("cells", f"{len(result.map):,} of {result.map.cell_size * 100:g} cm"),
            ("file", f"{output} ({quantity(output.stat().st_size)})"),
            ("time", f"{duration(result.seconds)} ({rate:.1f} frames/s)"),
            ("busy", ", ".join(f"{name} {duration(value)}" for name, value in result.stages.items())),
            ("digest", result.digest),
        ]
        for reason in result.reasons[:5]:
            out.say(f"skipped: {reason}", style="yellow")
        out.table(rows)
        if picture is not None:
            from dvemap.rendering.portraits import draw_map

            draw_map(picture, output)
            out.say(f"wrote {picture}")
        out.hint(*try_next(output, result.map.space))
        out.result(
            {
                "map": str(output),
                "frames": result.frames,
                "skipped": result.skipped,
                "cells": len(result.map),
                "digest": result.digest,
                "seconds": round(result.seconds, 3),
                "stages": result.stages,
            }
        )
        if window is not None:
            out.say("the window stays open; close it to end")
            window.finish(output)
