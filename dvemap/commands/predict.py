"""`dvemap predict`: what an encoder sees in single frames."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from dvemap.defaults import DEFAULT_ENCODER
from dvemap.encoder_options import (
    EncoderCache,
    EncoderOption,
    EncoderSettings,
    EncoderThreads,
    PromptOption,
    encoder_config,
    encoder_words,
)
from dvemap.options import DepthFolder, Json, new_app

if TYPE_CHECKING:
    from dvemap.config import EncoderConfig
    from dvemap.console import Bar, Output
    from dvemap.encoders import FrameEncoder
    from dvemap.prediction.predictor import Predictor
    from sequences import Sequence

app = new_app()

EPILOG = """Examples:

  dvemap predict color.jpg depth.png -o panel.png --text "massage chair"

  dvemap predict scene0011_00 -o predicted --classes scannet-20 --npz

  dvemap predict color.png depth.png -o panel.png --depth-scale 5000
"""


@app.command(epilog=EPILOG)
def predict(
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RGB DEPTH | SEQUENCE",
            help="two images of one view (depth: 16 bits), or a posed sequence",
            show_default=False,
        ),
    ],
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", help="picture to write; of a sequence a folder for them", show_default=False
        ),
    ],
    encoder: EncoderOption = DEFAULT_ENCODER,
    classes: Annotated[
        str | None,
        typer.Option(
            help="label the pixels: scannet-20, scannet-40, scannet-200, nyuv2-40, sunrgbd-37 or a file"
        ),
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="labels by this linear probe instead of text")] = None,
    means: Annotated[Path | None, typer.Option(help="labels by these visual means instead of text")] = None,
    prompt: PromptOption = None,
    text: Annotated[str | None, typer.Option(help="show where this is")] = None,
    negatives: Annotated[
        list[str] | None, typer.Option("--not", help="phrase that it must not rather be; may be repeated")
    ] = None,
    npz: Annotated[
        bool, typer.Option("--npz", help="write codes, head, labels and heat beside each picture")
    ] = False,
    depth_scale: Annotated[
        float | None,
        typer.Option(help="depth units per metre  [default: 1000; of a sequence that of its format]"),
    ] = None,
    depth_folder: DepthFolder = None,
    start: Annotated[int, typer.Option(min=0, help="first frame of the sequence")] = 0,
    stop: Annotated[int | None, typer.Option(min=0, help="frame to stop before")] = None,
    stride: Annotated[int, typer.Option(min=1, help="take every n-th frame")] = 1,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="write frames anew that are in the folder already")
    ] = False,
    encoder_threads: EncoderThreads = 0,
    encoder_cache: EncoderCache = None,
    settings: EncoderSettings = None,
    as_json: Json = False,
) -> None:
    """Show what an encoder sees: colour, depth, embedding, labels of its pixels, and where a text is.

    Of a sequence, frames that are written already are skipped, and all pictures share their colours.
    """
    from dvemap.console import Output

    if len(inputs) > 2:
        raise typer.BadParameter("give RGB and DEPTH, or one SEQUENCE", param_hint="RGB DEPTH | SEQUENCE")
    out = Output(as_json)
    config = encoder_config(encoder, encoder_threads, encoder_cache, settings)
    reading: dict[str, Any] = {
        "classes": classes,
        "probe": probe,
        "means": means,
        "prompt": prompt,
        "text": text,
        "negatives": tuple(negatives or ()),
    }
    if len(inputs) == 2:
        if (start, stop, stride) != (0, None, 1):
            raise typer.BadParameter("--start, --stop and --stride choose frames of a sequence")
        if depth_folder is not None:
            raise typer.BadParameter("--depth-folder is of a sequence; name the depth image itself")
        _of_images(out, inputs[0], inputs[1], output, config, reading, depth_scale, npz)
        return
    opening = {
        "start": start,
        "stop": stop,
        "stride": stride,
        "depth_scale": depth_scale,
        "depth_folder": depth_folder or "depth",
    }
    _of_sequence(out, inputs[0], output, config, reading, opening, npz, overwrite)


def _of_images(
    out: "Output",
    rgb_path: Path,
    depth_path: Path,
    output: Path,
    config: "EncoderConfig",
    reading: dict[str, Any],
    depth_scale: float | None,
    npz: bool,
) -> None:
    """Predict one frame from two files."""
    import numpy as np

    from dvemap.outputs import check_picture
    from dvemap.prediction.inputs import read_images
    from dvemap.prediction.look import Look
    from dvemap.prediction.run import codes_of, write_prediction
    from sequences import Frame

    check_picture(output)
    if config.name == "labels":
        raise ValueError("--encoder labels needs a sequence with label images; name a network with --encoder")
    images = read_images(rgb_path, depth_path, 1000.0 if depth_scale is None else depth_scale)
    eye = np.eye(3)
    frame = Frame(images.rgb, images.depth, eye, eye, np.eye(4), 0.0, 0)
    with out.progress("predicting", 1) as bar:
        for note in images.notes:
            bar.say(f"note: {note}")
        frames, predictor = _prepare(
            config, reading, cast("Sequence", None), bar
        )  # only `labels` looks at it
        codes = codes_of(frames, frame, images.rgb)
    prediction = predictor.predict(codes, (images.rgb.shape[0], images.rgb.shape[1]))
    look = Look.fit([codes], [images.depth], predictor.space.head)
    files = write_prediction(
        output, images.rgb, images.depth, prediction, predictor, look, title=rgb_path.name, npz=npz
    )
    shares = {} if predictor.labeller is None else prediction.shares(predictor.labeller.classes)
    _show(out, files, shares)
    if not shares and prediction.heat is None:
        scale = () if depth_scale is None else ("--depth-scale", f"{depth_scale:g}")
        again = (*encoder_words(config), *scale)
        out.hint("dvemap", "predict", rgb_path, depth_path, "-o", output, *again, "--classes", "nyuv2-40")
    record: dict[str, Any] = {"rgb": str(rgb_path), "depth": str(depth_path), "codes": list(codes.shape)}
    if prediction.heat is not None:
        record["best"] = float(prediction.heat.max())
    out.result({**record, "encoder": frames.identity, "files": list(map(str, files)), "classes": shares})


def _of_sequence(
    out: "Output",
    path: Path,
    folder: Path,
    config: "EncoderConfig",
    reading: dict[str, Any],
    opening: dict[str, Any],
    npz: bool,
    overwrite: bool,
) -> None:
    """Predict the frames of a sequence into a folder."""
    from dvemap.prediction.run import predict_sequence
    from sequences import open_sequence

    if path.suffix.lower() in (".png", ".jpg", ".jpeg") and path.is_file():
        raise ValueError(f"{path}: an image alone; give its depth image behind it, or a sequence")
    if folder.suffix.lower() in (".png", ".jpg") or folder.is_file():
        raise ValueError(f"{folder}: expected a folder for the pictures of a sequence, got a file name")
    sequence = open_sequence(path, labels=config.name == "labels", **opening)
    with out.progress("predicting", len(sequence)) as bar:
        bar.say(f"{path}: {sequence.format}, {len(sequence)} frames")
        frames, predictor = _prepare(config, reading, sequence, bar)
        try:
            made = predict_sequence(
                sequence, frames, predictor, folder, npz=npz, overwrite=overwrite, watch=bar.update
            )
        except KeyboardInterrupt:
            bar.say("interrupted; the same command without --overwrite continues")
            raise
    for reason in made.skipped[:5]:
        out.say(f"skipped: {reason}", style="yellow")
    rows = [
        ("frames", f"{made.frames:,} ({made.kept:,} were there, {len(made.skipped):,} skipped)"),
        ("folder", folder),
    ]
    out.table(rows)
    _show(out, [], made.shares)
    out.hint("dvemap", "fuse", path, "-o", f"{sequence.name}.dvm", *encoder_words(config))
    out.result(
        {
            "sequence": str(path),
            "folder": str(folder),
            "frames": made.frames,
            "kept": made.kept,
            "skipped": len(made.skipped),
            "encoder": frames.identity,
            "files": list(map(str, made.files)),
            "classes": made.shares,
        }
    )


def _prepare(
    config: "EncoderConfig", reading: dict[str, Any], sequence: "Sequence", bar: "Bar"
) -> "tuple[FrameEncoder, Predictor]":
    """Make the encoder, and what reads its codes."""
    from dvemap.encoders import encoder
    from dvemap.prediction.predictor import make_predictor

    frames = encoder(config, sequence, note=bar.say)
    if frames.about:
        bar.say(frames.about)
    if frames.space is None:
        raise ValueError("--encoder none sees nothing; name a network")
    return frames, make_predictor(frames.space, **reading)


def _show(out: "Output", files: list[Path], shares: dict[str, float]) -> None:
    if shares:
        out.table([(name, f"{share:.1%}") for name, share in shares.items()], header=("class", "pixels"))
    for file in files:
        out.say(f"wrote {file}")
