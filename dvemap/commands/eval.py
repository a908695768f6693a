"""`dvemap eval`: how good a map is, and how good an encoder is on frames."""

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
from dvemap.options import DataFormat, DepthFolder, Json, MapPath, TextEncoderOption, new_app

if TYPE_CHECKING:
    from dvemap.backprojection import BackprojectionScore
    from dvemap.console import Output
    from dvemap.frame_evaluation import FrameScore
    from mapping import VoxelMap
    from sequences import Sequence as RgbdSequence

app = new_app()

EPILOG = """Examples:

  dvemap eval map flat.dvm flat

  dvemap eval map scene0000_00.dvm scene0000_00 --classes scannet-20 --probe scannet20.pth --json

  dvemap eval map flat.dvm --frames flat --stride 10
"""

FRAMES_EPILOG = """Examples:

  dvemap eval frames scene0011_00 scene0015_00 --stride 50 --probe probe.pth

  dvemap eval frames flat --encoder ade --json > before.json

  dvemap eval frames flat --encoder ade --against before.json
"""


@app.callback()
def choose() -> None:
    """Compare what dvemap made with ground truth."""


@app.command("map", epilog=EPILOG)
def evaluate(
    map_path: MapPath,
    sequence: Annotated[
        Path | None,
        typer.Argument(metavar="SEQUENCE", help="the sequence, or a mesh with labels", show_default=False),
    ] = None,
    frames: Annotated[
        Path | None,
        typer.Option(help="render the labels into the frames of this sequence, and judge them there"),
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="take every n-th frame of --frames")] = 1,
    classes: Annotated[
        str | None,
        typer.Option(
            help="scannet-20, scannet-40, scannet-200, nyuv2-40, sunrgbd-37 or a file  "
            "[default: by the mesh or the label images]"
        ),
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="linear probe instead of text")] = None,
    means: Annotated[Path | None, typer.Option(help="visual means instead of text")] = None,
    max_distance: Annotated[
        float, typer.Option(help="farthest a vertex may lie from a cell's mean, in cells")
    ] = 2.0,
    confusion: Annotated[Path | None, typer.Option(help="write the confusion matrix as a PNG")] = None,
    text_encoder: TextEncoderOption = None,
    as_json: Json = False,
) -> None:
    """Label the vertices of the ground-truth mesh and compare: mIoU, mAcc, f-mIoU, coverage.

    Every vertex counts: one that no cell explains is wrong, one without a true label is left out. The means
    are over the classes that occur in the ground truth; all class names are candidates.

    With --frames the labels are rendered into the frames of a sequence instead and compared with its label
    images, once with the Gaussians of the cells and once with the cells as cubes.
    """
    import mapping
    from dvemap.console import Output
    from dvemap.evaluation import evaluate_map
    from dvemap.outputs import check_picture

    check_picture(confusion)
    if (sequence is None) == (frames is None):
        raise typer.BadParameter("give either of them", param_hint="SEQUENCE / --frames")
    out = Output(as_json)
    voxel_map = mapping.load(map_path)
    if sequence is None:
        rendered = _evaluate_rendered(
            out,
            voxel_map,
            Path(frames or "."),
            stride,
            classes=classes,
            probe=probe,
            means=means,
            text_encoder=text_encoder,
        )
        if confusion is not None:
            from dvemap.confusion_picture import write_confusion

            write_confusion(confusion, rendered.shapes["gaussian"].confusion, rendered.classes.names)
            out.say(f"wrote {confusion}")
        out.hint("dvemap", "render", map_path, "--trajectory", frames, "--show", "labels")
        out.result({"map": str(map_path), "frames_of": str(frames), **rendered.to_dict()})
        return
    score = evaluate_map(
        voxel_map,
        sequence,
        classes=classes,
        probe=probe,
        means=means,
        max_distance=max_distance * voxel_map.cell_size,
        text_encoder=text_encoder,
    )
    rows = sorted(score.per_class(), key=lambda row: -row.vertices)
    out.table(
        [(row.name, f"{row.iou:.3f}", f"{row.accuracy:.3f}", f"{row.vertices:,}") for row in rows],
        header=("class", "IoU", "accuracy", "vertices"),
    )
    out.say()
    out.table(
        [
            ("mIoU", f"{score.miou:.4f}"),
            ("mAcc", f"{score.macc:.4f}"),
            ("f-mIoU", f"{score.fmiou:.4f}"),
            ("coverage", f"{score.coverage:.4f}"),
        ]
    )
    if confusion is not None:
        from dvemap.confusion_picture import write_confusion

        write_confusion(confusion, score.confusion, score.classes.names)
        out.say(f"wrote {confusion}")
    out.hint("dvemap", "query", map_path, rows[-1].name, "--picture", "heat.png")
    out.result({"map": str(map_path), "mesh": str(score.mesh), **score.to_dict()})


def _evaluate_rendered(
    out: "Output", voxel_map: "VoxelMap", path: Path, stride: int, **options: Any
) -> "BackprojectionScore":
    """Render labels into frames, judge them, and print a row a class and the means below."""
    from dvemap.backprojection import evaluate_backprojection
    from sequences import open_sequence

    sequence = open_sequence(path, stride=stride, labels=True)
    with out.progress("rendering", len(sequence)) as bar:
        score = evaluate_backprojection(voxel_map, sequence, watch=bar.update, **options)
    for reason in score.skipped[:5]:
        out.say(f"skipped: {reason}", style="yellow")
    gaussian, cube = score.shapes["gaussian"], score.shapes["cube"]
    support = gaussian.confusion.sum(axis=1)
    order = sorted((int(k) for k in support.nonzero()[0]), key=lambda k: -int(support[k]))
    out.table(
        [
            (
                score.classes.names[k],
                f"{gaussian.metrics.iou[k]:.3f}",
                f"{cube.metrics.iou[k]:.3f}",
                f"{support[k]:,}",
            )
            for k in order
        ],
        header=("IoU", "Gaussians", "cubes", "pixels"),
    )
    out.say()
    means = (("mIoU", "miou"), ("mAcc", "macc"), ("f-mIoU", "fmiou"), ("coverage", "coverage"))
    out.table(
        [
            (name, *(f"{getattr(shape.metrics, field):.4f}" for shape in (gaussian, cube)))
            for name, field in means
        ],
        header=(f"{score.frames} frames", "Gaussians", "cubes"),
    )
    out.say(f"the Gaussians of the cells add {100 * score.gain:.1f} points of mIoU")
    return score


@app.command("frames", epilog=FRAMES_EPILOG)
def evaluate_frames(
    sequences: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="labelled sequences, folders of such, or data sets in the layout of the NICR packages",
            show_default=False,
        ),
    ],
    encoder: EncoderOption = DEFAULT_ENCODER,
    classes: Annotated[
        str | None,
        typer.Option(
            help="scannet-20, scannet-40, scannet-200, nyuv2-40, sunrgbd-37 or a file  "
            "[default: by the label images]"
        ),
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="judge this linear probe too")] = None,
    means: Annotated[Path | None, typer.Option(help="judge these visual means too")] = None,
    text: Annotated[
        bool | None,
        typer.Option("--text/--no-text", help="judge text prompts  [default: if the encoder knows words]"),
    ] = None,
    prompt: PromptOption = None,
    format: DataFormat = None,
    split: Annotated[
        str | None, typer.Option(help="part of it  [default: of NICR layouts test or valid; else all]")
    ] = None,
    depth_folder: DepthFolder = None,
    start: Annotated[int, typer.Option(min=0, help="first frame")] = 0,
    stop: Annotated[int | None, typer.Option(min=0, help="frame to stop before")] = None,
    stride: Annotated[int, typer.Option(min=1, help="take every n-th frame")] = 1,
    confusion: Annotated[
        Path | None,
        typer.Option(help="write the confusion matrix as a PNG; of several decoders, that of the last one"),
    ] = None,
    against: Annotated[Path | None, typer.Option(help="what an earlier run printed with --json")] = None,
    tolerance: Annotated[
        float, typer.Option(min=0, help="how far a mIoU may be below the earlier one")
    ] = 0.005,
    encoder_threads: EncoderThreads = 0,
    encoder_cache: EncoderCache = None,
    settings: EncoderSettings = None,
    as_json: Json = False,
) -> None:
    """Label the frames of sequences and compare with their label images: the mIoU of each decoder.

    Logits are brought to the size of the label image bilinearly; the confusion is pooled over all frames;
    pixels without a class do not count; means are over the classes that occur in the ground truth.
    """
    from dvemap.console import Output
    from dvemap.encoders import encoder as make_encoder
    from dvemap.frame_comparison import compare_with, read_earlier
    from dvemap.frame_evaluation import evaluate_frames
    from dvemap.labelled_frames import open_labelled
    from dvemap.outputs import check_picture
    from dvemap.probe_data import DataOptions
    from dvemap.training_data import NICR

    check_picture(confusion)
    if against is not None:
        read_earlier(against)
    out = Output(as_json)
    finest = ["encoder.finest=true", *(settings or [])]
    config = encoder_config(encoder, encoder_threads, encoder_cache, finest)
    reading = DataOptions(format, split, depth=depth_folder)
    span: dict[str, Any] = {"start": start, "stop": stop, "stride": stride}
    opened = [
        frames
        for path in sequences
        for frames in open_labelled(path, options=reading, classes=classes, **span)
    ]
    with out.progress("labelling", sum(map(len, opened))) as bar:
        frames = make_encoder(config, cast("RgbdSequence", opened[0]), note=bar.say)
        for sequence in opened:
            bar.say(f"{sequence.path}: {sequence.format}, {len(sequence)} frames")
        if frames.about:
            bar.say(frames.about)
        score = evaluate_frames(
            opened,
            frames,
            classes=classes,
            probe=probe,
            means=means,
            text=text,
            prompt=prompt,
            watch=bar.update,
        )
    for reason in score.skipped[:5]:
        out.say(f"skipped: {reason}", style="yellow")
    _show_frames(out, score)
    if confusion is not None:
        from dvemap.confusion_picture import write_confusion

        last = list(score.decoders.values())[-1]
        write_confusion(confusion, last.confusion, score.classes.names)
        out.say(f"wrote {confusion}")
    record = {
        "sequences": [str(path) for path in sequences],
        "encoder": frames.identity,
        **score.to_dict(),
    }
    out.result(record)
    compared = [] if against is None else compare_with(score, against)
    if compared:
        out.say()
        out.table(
            [(name, f"{then:.4f}", f"{now:.4f}", f"{now - then:+.4f}") for name, then, now in compared],
            header=("mIoU", "before", "now", "change"),
        )
    fallen = [name for name, then, now in compared if now < then - tolerance]
    if fallen:
        said = ", ".join(
            f"of {name} fell from {then:.4f} to {now:.4f}" for name, then, now in compared if name in fallen
        )
        raise ValueError(f"{against}: the mIoU {said}, by more than {tolerance:g}")
    if opened[0].format.startswith(NICR):
        out.hint("dvemap", "fuse", "SEQUENCE", "-o", "map.dvm", "--encoder", encoder)
    else:
        out.hint("dvemap", "predict", opened[0].path, "-o", "predicted", "--encoder", encoder)


def _show_frames(out: "Output", score: "FrameScore") -> None:
    """Print a row a class, a column a decoder, and the means below."""
    decoders = score.decoders
    first = next(iter(decoders.values()))
    support = first.confusion.sum(axis=1)
    order = sorted((int(k) for k in support.nonzero()[0]), key=lambda k: -int(support[k]))
    out.table(
        [
            (
                score.classes.names[k],
                *(f"{decoder.metrics.iou[k]:.3f}" for decoder in decoders.values()),
                f"{support[k]:,}",
            )
            for k in order
        ],
        header=("IoU", *decoders, "pixels"),
    )
    out.say()
    rows = (("mIoU", "miou"), ("mAcc", "macc"), ("f-mIoU", "fmiou"), ("accuracy", "accuracy"))
    out.table(
        [
            (name, *(f"{getattr(decoder.metrics, field):.4f}" for decoder in decoders.values()))
            for name, field in rows
        ],
        header=(f"{score.frames} frames", *decoders),
    )
