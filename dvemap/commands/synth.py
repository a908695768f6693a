"""`dvemap synth`: a furnished flat, walked through with a depth camera."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap synth flat --seed 7

  dvemap synth room --seed 3 --kind room --frames 200 --width 640 --height 480
"""


@app.command(epilog=EPILOG)
def synth(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="folder to write", show_default=False)],
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes")] = 0,
    kind: Annotated[
        str, typer.Option(help="flat, room, or one of living, bedroom, kitchen, study, bathroom, hall")
    ] = "flat",
    frames: Annotated[
        int | None, typer.Option(help="frames of the walk  [default: enough to see everything]")
    ] = None,
    width: Annotated[int, typer.Option(help="image width in pixels")] = 320,
    height: Annotated[int, typer.Option(help="image height in pixels")] = 240,
    workers: Annotated[int, typer.Option(help="threads that render")] = 2,
    noise: Annotated[bool, typer.Option(help="depth noise of a Kinect-like camera")] = True,
    as_json: Json = False,
) -> None:
    """Generate a furnished flat as an exported-ScanNet sequence with labels and a ground-truth mesh."""
    from dvemap.console import Output, duration
    from sequences.synth import generate

    out = Output(as_json)
    with out.progress("rendering", frames or 0) as bar:
        made = generate(
            output,
            seed,
            kind=kind,
            frames=frames,
            width=width,
            height=height,
            workers=workers,
            noise=noise,
            progress=lambda done, total: bar.update(done, total=total),
        )
    seconds = made.build_seconds + made.render_seconds
    rate = made.frames / max(made.render_seconds, 1e-9)
    out.table(
        [
            ("folder", output),
            (
                "frames",
                f"{made.frames} of {width}x{height} in {duration(seconds)}, rendered at {rate:.1f} frames/s",
            ),
            ("things", f"{made.objects} of {made.kinds} kinds"),
        ]
    )
    out.hint("dvemap", "fuse", output, "-o", f"{output.name}.dvm", "--encoder", "labels")
    out.result(
        {
            "sequence": str(output),
            "seed": seed,
            "frames": made.frames,
            "objects": made.objects,
            "kinds": made.kinds,
            "seconds": round(seconds, 3),
            "frames_per_second": round(rate, 2),
        }
    )
