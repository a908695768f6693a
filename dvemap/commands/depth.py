"""`dvemap depth`: depth from colour images."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.defaults import DEFAULT_ESTIMATOR
from dvemap.options import Json, new_app

app = new_app()

WHOLE = 1 << 16  # pixels: depth as large as any image

EPILOG = """Examples:

  dvemap depth photo.jpg -o depth

  dvemap depth walk/video.mp4 -o depth --stride 10 --depth-from depth_anything_v2_metric_hypersim_vitl.pth

  dvemap depth color -o depth --depth-from depth-anything-v2-small --sparse lidar

  dvemap depth photo.jpg -o depth --depth-from dpt-large --relative
"""


@app.command(epilog=EPILOG)
def depth(
    images: Annotated[
        list[Path],
        typer.Argument(
            metavar="IMAGES", help="colour images, folders of them, or videos", show_default=False
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="folder to write to", show_default=False)],
    depth_from: Annotated[
        str,
        typer.Option(
            help="estimator: a name of `dvemap weights list`, a file of weights, or a folder or hub id of "
            "Hugging Face"
        ),
    ] = DEFAULT_ESTIMATOR,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1, mps  [default: cuda where there is one]")
    ] = None,
    max_depth: Annotated[
        float | None,
        typer.Option(help="farthest that a metric estimator can say, metres, where its file does not tell"),
    ] = None,
    sparse: Annotated[
        Path | None,
        typer.Option(
            help="measured depth that the estimate is fitted to: a 16-bit image, or a folder with NAME.png",
            show_default=False,
        ),
    ] = None,
    depth_scale: Annotated[float, typer.Option(help="units per metre of the measured depth")] = 1000.0,
    relative: Annotated[
        bool, typer.Option("--relative", help="draw relative depth as it is, without metres")
    ] = False,
    stride: Annotated[
        int, typer.Option(min=1, help="take every n-th image of a folder or frame of a video")
    ] = 1,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="write finished images anew")] = False,
    as_json: Json = False,
) -> None:
    """Estimate depth: NAME.depth.png with 16-bit millimetres, and NAME.view.png with the image beside it.

    Finished images are kept: the same command goes on where an earlier run stopped.
    """
    from dvemap.config import DepthConfig
    from dvemap.console import Output, duration
    from dvemap.depth_inputs import list_inputs, open_sparse
    from dvemap.depth_run import estimate_all
    from dvemap.frame_depth import open_frame_depth

    if sparse is not None and relative:
        raise typer.BadParameter("--relative takes no --sparse: it draws depth without a scale")
    if not 0 < depth_scale < float("inf"):
        raise ValueError(f"--depth-scale must be > 0 units per metre, got {depth_scale}")
    if output.is_file():
        raise ValueError(f"{output}: expected a folder to write to, got a file")
    out = Output(as_json)
    inputs = list_inputs(images, stride)
    measured = None if sparse is None else open_sparse(sparse, depth_scale, inputs)
    fit = sparse is not None
    config = DepthConfig(source=depth_from, device=device, max_depth=max_depth, side=WHOLE, fit=fit)
    opened = open_frame_depth(config)
    if relative and opened.estimator.metric:
        raise ValueError(f"{depth_from} estimates metres; leave --relative out")
    if sparse is None and not relative and not opened.estimator.metric:
        raise ValueError(
            f"{depth_from} estimates relative depth, which has no scale: fit it to measured depth with "
            "--sparse, draw it without metres with --relative, or take an estimator of metres such as "
            f"{DEFAULT_ESTIMATOR}"
        )
    with out.progress("depth", len(inputs)) as bar:
        bar.say(opened.about)
        try:
            made = estimate_all(
                inputs,
                opened,
                output,
                sparse=measured,
                relative=relative,
                overwrite=overwrite,
                watch=bar.update,
            )
        except KeyboardInterrupt:
            bar.say("interrupted; the same command without --overwrite continues")
            raise
    if made.faults:
        written = ", the others are written" if made.images or made.kept else ""
        raise ValueError(
            f"{len(made.faults)} of {len(inputs)} images could not be used{written}; the first: "
            f"{made.faults[0]}"
        )
    out.table(
        [
            ("images", f"{made.images:,} in {duration(made.seconds)} ({made.kept:,} were there)"),
            ("folder", output),
        ]
    )
    for file in made.files[:6]:
        out.say(f"wrote {file}")
    if len(made.files) > 6:
        out.say(f"and {len(made.files) - 6:,} more")
    if opened.estimator.metric:
        reach = () if max_depth is None else ("--set", f"depth.max_depth={max_depth:g}")
        out.hint("dvemap", "fuse", "SEQUENCE", "-o", "map.dvm", "--depth-from", depth_from, *reach)
    out.result(
        {
            "folder": str(output),
            "depth_from": opened.identity,
            "metric": not relative,
            "images": made.images,
            "kept": made.kept,
            "seconds": round(made.seconds, 3),
            "files": list(map(str, made.files)),
        }
    )
