"""`dvemap predict`: what an encoder or a segmentation network sees in single frames."""

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
)
from dvemap.network_options import FlipOption, NetworkOption, ScalesOption, WindowOption, network_options
from dvemap.options import DepthCache, DepthFolder, DepthFrom, Json, new_app

if TYPE_CHECKING:
    from dvemap.console import Output
    from dvemap.frame_depth import FrameDepth
    from dvemap.prediction.reader import Reader
    from sequences import Sequence

app = new_app()

_IMAGES = (".png", ".jpg", ".jpeg")

EPILOG = """Examples:

  dvemap predict color.jpg depth.png -o panel.png --text "massage chair"

  dvemap predict scene0011_00 -o predicted --classes scannet-20 --npz

  dvemap predict color.png depth.png -o panel.png --depth-scale 5000

  dvemap predict color.jpg -o panel.png --depth-from depth-anything-v2-metric-indoor-small

  dvemap predict color.png depth.png -o panel.png --network dformerv2-small --flip
"""


@app.command(epilog=EPILOG)
def predict(
    context: typer.Context,
    inputs: Annotated[
        list[Path],
        typer.Argument(
            metavar="RGB DEPTH | SEQUENCE",
            help="two images of one view (depth: 16 bits; with --network 8 bits of grey, too), or a posed "
            "sequence; no depth with --depth-from",
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
    network: NetworkOption = None,
    scales: ScalesOption = None,
    flip: FlipOption = False,
    window: WindowOption = None,
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
    depth_from: DepthFrom = None,
    depth_cache: DepthCache = None,
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

    Or show what a segmentation network labels.

    Of a sequence, frames that are written already are skipped, and all pictures share their colours.
    """
    from dvemap.console import Output
    from dvemap.prediction.reader import Reader

    if len(inputs) > 2:
        raise typer.BadParameter("give RGB and DEPTH, or one SEQUENCE", param_hint="RGB DEPTH | SEQUENCE")
    out = Output(as_json)
    config = encoder_config(encoder, encoder_threads, encoder_cache, settings)
    estimated = _frame_depth(depth_from, depth_cache, settings)
    reading: dict[str, Any] = {
        "classes": classes,
        "probe": probe,
        "means": means,
        "prompt": prompt,
        "text": text,
        "negatives": tuple(negatives or ()),
    }
    reader = Reader(config, reading, network_options(context, network, scales, flip, window, config))
    alone = estimated is not None and inputs[0].suffix.lower() in _IMAGES and inputs[0].is_file()
    if len(inputs) == 2 or alone:
        if (start, stop, stride) != (0, None, 1):
            raise typer.BadParameter("--start, --stop and --stride choose frames of a sequence")
        if depth_folder is not None:
            raise typer.BadParameter("--depth-folder is of a sequence; name the depth image itself")
        depth = inputs[1] if len(inputs) == 2 else None
        _of_images(out, inputs[0], depth, output, reader, depth_scale, npz, estimated)
        return
    opening = {
        "start": start,
        "stop": stop,
        "stride": stride,
        "depth_scale": depth_scale,
        "depth_folder": depth_folder or "depth",
    }
    _of_sequence(out, inputs[0], output, reader, opening, npz, overwrite, estimated)


def _frame_depth(
    source: str | None, cache: Path | None, assignments: list[str] | None
) -> "FrameDepth | None":
    """Open what estimates the depth, where it is asked for."""
    from dvemap.config import load_config

    overrides = {"depth.source": source, "depth.cache": None if cache is None else str(cache)}
    config = load_config(None, overrides, assignments or []).depth
    if config.source is None:
        return None
    from dvemap.frame_depth import open_frame_depth

    return open_frame_depth(config)


def _of_images(
    out: "Output",
    rgb_path: Path,
    depth_path: Path | None,
    output: Path,
    reader: "Reader",
    depth_scale: float | None,
    npz: bool,
    estimated: "FrameDepth | None",
) -> None:
    """Predict one frame from two files, or from one and an estimator of depth."""
    import numpy as np

    from dvemap.outputs import check_picture
    from dvemap.prediction.inputs import estimate_images, read_images
    from dvemap.prediction.look import Look
    from dvemap.prediction.run import codes_of, write_prediction
    from sequences import Frame

    check_picture(output)
    if reader.config.name == "labels":
        raise ValueError("--encoder labels needs a sequence with label images; name a network with --encoder")
    scale = 1000.0 if depth_scale is None else depth_scale
    if estimated is not None:
        images = estimate_images(rgb_path, depth_path, estimated, scale)
    elif depth_path is not None:
        images = read_images(rgb_path, depth_path, scale, grey=reader.network is not None)
    eye = np.eye(3)
    frame = Frame(images.rgb, images.depth, eye, eye, np.eye(4), 0.0, 0)
    with out.progress("predicting", 1) as bar:
        if estimated is not None:
            bar.say(estimated.about)
        for note in images.notes:
            bar.say(f"note: {note}")
        frames, predictor = reader.open(
            cast("Sequence", None), bar, metric=images.metric
        )  # only `labels` looks at the sequence
        codes = codes_of(frames, frame, images.rgb)
    prediction = predictor.predict(codes, (images.rgb.shape[0], images.rgb.shape[1]))
    look = Look.fit([codes], [images.depth], predictor.space.head)
    files = write_prediction(
        output,
        images.rgb,
        images.depth,
        prediction,
        predictor,
        look,
        title=rgb_path.name,
        npz=npz,
        metric=images.metric,
    )
    shares = {} if predictor.labeller is None else prediction.shares(predictor.labeller.classes)
    _show(out, files, shares)
    if not shares and prediction.heat is None:
        given = (rgb_path,) if depth_path is None else (rgb_path, depth_path)
        again = [*reader.words, *_depth_words(depth_scale, estimated)]
        out.hint("dvemap", "predict", *given, "-o", output, *again, "--classes", "nyuv2-40")
    shown = None if depth_path is None else str(depth_path)
    record: dict[str, Any] = {"rgb": str(rgb_path), "depth": shown, "codes": list(codes.shape)}
    if estimated is not None:
        record["depth_from"] = estimated.identity
    if prediction.heat is not None:
        record["best"] = float(prediction.heat.max())
    out.result({**record, "encoder": frames.identity, "files": list(map(str, files)), "classes": shares})


def _of_sequence(
    out: "Output",
    path: Path,
    folder: Path,
    reader: "Reader",
    opening: dict[str, Any],
    npz: bool,
    overwrite: bool,
    estimated: "FrameDepth | None",
) -> None:
    """Predict the frames of a sequence into a folder."""
    from dvemap.estimated_depth import EstimatedSequence
    from dvemap.prediction.run import predict_sequence
    from sequences import open_sequence

    if path.suffix.lower() in _IMAGES and path.is_file():
        raise ValueError(
            f"{path}: an image alone; give its depth image behind it, or a sequence, or estimate depth with "
            "--depth-from depth-anything-v2-metric-indoor-small"
        )
    if folder.suffix.lower() in (".png", ".jpg") or folder.is_file():
        raise ValueError(f"{folder}: expected a folder for the pictures of a sequence, got a file name")
    sequence = open_sequence(
        path, labels=reader.config.name == "labels", depth_optional=estimated is not None, **opening
    )
    if estimated is not None:
        sequence = EstimatedSequence(sequence, estimated)
    with out.progress("predicting", len(sequence)) as bar:
        bar.say(f"{path}: {sequence.format}, {len(sequence)} frames")
        if estimated is not None:
            bar.say(estimated.about)
        for note in sequence.notes:
            bar.say(f"note: {note}")
        frames, predictor = reader.open(sequence, bar)
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
    again = [*reader.words, *_depth_words(None, estimated)]
    out.hint("dvemap", "fuse", path, "-o", f"{sequence.name}.dvm", *again)
    out.result(
        {
            "sequence": str(path),
            "folder": str(folder),
            "frames": made.frames,
            "kept": made.kept,
            "skipped": len(made.skipped),
            "encoder": frames.identity,
            "depth_from": None if estimated is None else estimated.identity,
            "files": list(map(str, made.files)),
            "classes": made.shares,
        }
    )


def _depth_words(depth_scale: float | None, estimated: "FrameDepth | None") -> list[str]:
    """Return the options that read the depth again, for a command to try next."""
    scale = [] if depth_scale is None else ["--depth-scale", f"{depth_scale:g}"]
    return scale if estimated is None else [*scale, "--depth-from", estimated.source]


def _show(out: "Output", files: list[Path], shares: dict[str, float]) -> None:
    if shares:
        out.table([(name, f"{share:.1%}") for name, share in shares.items()], header=("class", "pixels"))
    for file in files:
        out.say(f"wrote {file}")
