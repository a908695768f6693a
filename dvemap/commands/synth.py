"""`dvemap synth`: a furnished flat, walked through with a depth camera, or a set of scenes to train on."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.console import Output, duration
from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap synth flat --seed 7

  dvemap synth room --seed 3 --kind room --frames 200 --width 640 --height 480

  dvemap synth data --scenes 400 --seed 1000
"""


@app.command(epilog=EPILOG)
def synth(
    output: Annotated[Path, typer.Argument(metavar="OUT", help="folder to write", show_default=False)],
    seed: Annotated[int, typer.Option(help="the same seed gives the same bytes")] = 0,
    kind: Annotated[
        str | None,
        typer.Option(
            help="flat, room, or one of living, bedroom, kitchen, study, bathroom, hall; of scenes to train "
            "on also mixed  [default: flat; mixed of scenes to train on]",
        ),
    ] = None,
    frames: Annotated[
        int | None,
        typer.Option(help="frames of the walk, or of each scene  [default: to see everything; 50 a scene]"),
    ] = None,
    scenes: Annotated[
        int | None,
        typer.Option(
            help="write a folder of so many scenes to train on, of the seeds from --seed on: random views "
            "instead of a walk; goes on where it was stopped",
            show_default=False,
        ),
    ] = None,
    width: Annotated[int, typer.Option(help="image width in pixels")] = 320,
    height: Annotated[int, typer.Option(help="image height in pixels")] = 240,
    workers: Annotated[int, typer.Option(help="threads that render; processes of scenes to train on")] = 2,
    noise: Annotated[bool, typer.Option(help="depth noise of a Kinect-like camera")] = True,
    vary: Annotated[
        float,
        typer.Option(help="how far looks, light, depth and order may be from the usual, 0 to 1"),
    ] = 0.0,
    as_json: Json = False,
) -> None:
    """Generate a furnished flat as an exported-ScanNet sequence with labels and a ground-truth mesh.

    With --scenes, generate many furnished rooms and flats to train on.
    """
    out = Output(as_json)
    if scenes is None:
        _walk(out, output, seed, kind or "flat", frames, width, height, workers, noise, vary)
    else:
        _training_set(out, output, seed, kind or "mixed", frames, scenes, width, height, workers, noise, vary)


def _walk(
    out: Output,
    output: Path,
    seed: int,
    kind: str,
    frames: int | None,
    width: int,
    height: int,
    workers: int,
    noise: bool,
    vary: float,
) -> None:
    from sequences.synth import generate

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
            vary=vary,
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


def _training_set(
    out: Output,
    output: Path,
    seed: int,
    kind: str,
    frames: int | None,
    scenes: int,
    width: int,
    height: int,
    workers: int,
    noise: bool,
    vary: float,
) -> None:
    from sequences.synth import TrainingSet, generate_training_set

    size = {"width": width, "height": height}
    what = TrainingSet(
        scenes,
        seed=seed,
        kind=kind,
        noise=noise,
        vary=vary,
        **size,
        **({} if frames is None else {"frames": frames}),
    )
    with out.progress("frames", scenes * what.frames) as bar:
        made = generate_training_set(
            output, what, workers=workers, progress=lambda done, total: bar.update(done, total=total)
        )
    new = (made.scenes - made.kept) * what.frames
    rate = new / max(made.seconds, 1e-9)
    kept = f", {made.kept} of them kept from before" if made.kept else ""
    out.table(
        [
            ("folder", output),
            ("scenes", f"{made.scenes} of {what.frames} frames{kept}"),
            ("written", f"{new} frames of {width}x{height} in {duration(made.seconds)}, {rate:.1f} frames/s"),
        ]
    )
    out.hint("dvemap", "teach", output, "--text-encoder", "minilm")
    out.result(
        {
            "training_set": str(output),
            "seed": seed,
            "scenes": made.scenes,
            "kept": made.kept,
            "frames": made.frames,
            "seconds": round(made.seconds, 3),
            "frames_per_second": round(rate, 2),
        }
    )
