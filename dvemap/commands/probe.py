"""`dvemap probe`: a linear classifier of an encoder's embeddings."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dvemap.encoder_options import EncoderCache, EncoderThreads
from dvemap.options import DataFormat, Json, new_app

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dvemap.console import Output
    from dvemap.probe_score import ProbeScore
    from dvemap.probing import Probed

app = new_app()

EPILOG = """Examples:

  dvemap probe runs/home/best.safetensors flats -o probe.pth --fast --val held-out-flats

  dvemap probe dveformer-reducedres nyuv2 -o probe.pth --val nyuv2 --set run.precision=bf16-mixed

  dvemap probe dveformer-reducedres nyuv2 -o probe.pth --val nyuv2 --resume
"""


@app.command(epilog=EPILOG)
def probe(
    encoder: Annotated[
        str,
        typer.Argument(
            metavar="ENCODER",
            help="a checkpoint or a name that `dvemap weights list` shows; with --fast also a folder with a "
            "network",
            show_default=False,
        ),
    ],
    data: Annotated[
        list[Path],
        typer.Argument(
            metavar="DATA...",
            help="labelled sequences, folders of such, or data sets in the layout of the NICR packages",
            show_default=False,
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="probe to write (.pth)", show_default=False)],
    fast: Annotated[
        bool, typer.Option("--fast", help="read each image once and fit; minutes in place of hours")
    ] = False,
    val: Annotated[
        list[Path] | None,
        typer.Option(help="data to judge by; may be repeated", show_default=False),
    ] = None,
    init: Annotated[
        str | None,
        typer.Option(
            help="what training starts from: means, text, random or a file  [default: the first of these "
            "that is there]"
        ),
    ] = None,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="passes through the images  [default: 50]")
    ] = None,
    format: DataFormat = None,
    split: Annotated[
        str | None,
        typer.Option(help="part of DATA  [default: of NICR layouts the one for training; else all]"),
    ] = None,
    val_split: Annotated[
        str | None,
        typer.Option(help="part of --val  [default: of NICR layouts test or valid; else all]"),
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="number of classes of the labels  [default: the usual]")
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="take every n-th image")] = 1,
    val_stride: Annotated[int, typer.Option(min=1, help="of --val, take every n-th image")] = 1,
    depth: Annotated[
        str | None,
        typer.Option(help="NICR layouts: raw, refined or an estimator; sequences: folder of depth images"),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="go on with an interrupted training")] = False,
    encoder_threads: EncoderThreads = 0,
    encoder_cache: EncoderCache = None,
    settings: Annotated[
        list[str] | None, typer.Option("--set", help="one more setting, as in run.batch=8")
    ] = None,
    as_json: Json = False,
) -> None:
    """Train a linear classifier of an encoder's embeddings, the encoder staying as it is.

    As published: 50 epochs of augmented images, cross entropy with median-frequency weights, from visual
    means. --fast minimises the same loss over some pixels of each image as the encoder sees it, in one go.
    The file is what `dvemap label`, `predict` and `eval` take as --probe.
    """
    from dvemap.console import Output
    from dvemap.outputs import check_output
    from dvemap.probe_config import load_probe_config
    from dvemap.probe_data import DataOptions, check_vocabulary, open_data
    from dvemap.probe_score import judge_probe
    from dvemap.probe_training import ProbeTraining, space_of, trained_student
    from dvemap.probing import fit_fast, open_network
    from dvemap.sequence_source import SequenceSource
    from student.probing.probe_file import save_probe

    if fast and (init is not None or epochs is not None or resume):
        raise typer.BadParameter("--init, --epochs and --resume are of the training, which --fast replaces")
    if not val and (val_split is not None or val_stride != 1):
        raise typer.BadParameter("--val-split and --val-stride choose a part of --val, which is missing")
    check_output(output, ".pth")
    out = Output(as_json)
    trained = trained_student(encoder, needed=not fast)
    overrides = {
        "encoder.name": encoder,
        "encoder.threads": encoder_threads,
        "encoder.cache": None if encoder_cache is None else str(encoder_cache),
        "run.epochs": epochs,
    }
    config = load_probe_config(trained, overrides, settings or [])
    sources = open_data(data, DataOptions(format, split, classes, stride, depth))
    judges = []
    if val:
        judges = open_data(val, DataOptions(format, val_split, classes, val_stride, depth), held_out=True)
        check_vocabulary(sources[0], judges[0], data[0], val[0])
    training = None
    if trained is not None and not fast:
        training = ProbeTraining(trained, sources, config, output)
        training.check(resume)
    score = None
    with out.progress("probing", sum(map(len, sources))) as bar:
        bar.say("data: " + ", ".join(f"{source.name} {len(source):,} images" for source in sources))
        frames = open_network(config.encoder, bar.say) if judges or training is None else None
        if training is not None and trained is not None:
            probed = training.run(space_of(trained), init, bar, resume=resume)
        elif frames is not None:
            probed = fit_fast(frames, sources, config, bar)
        if frames is not None and judges and probed.finished:
            bar.update(0, note="judging", total=sum(map(len, judges)))
            score = judge_probe(probed, frames, judges, lambda done: bar.update(done, note="judging"))
    if training is not None and not probed.finished:
        out.say(f"stopped and saved after {probed.epochs} of {config.run.epochs} epochs: {training.part}")
        out.say("the same command with --resume goes on")
        raise KeyboardInterrupt
    identity = {"name": encoder} if trained is None else {"name": encoder, "sha256": trained.sha256}
    logs = {"loss": probed.losses[-1]} if probed.losses else {}
    if score is not None:
        logs["miou"] = score.metrics.miou
    save_probe(
        output,
        probed.weight,
        probed.classes.names,
        epoch=probed.epochs,
        logs=logs,
        provenance=probed.provenance(identity, data),
    )
    if training is not None:
        training.part.unlink(missing_ok=True)
    _show(out, output, probed, score)
    judged = (val or data)[0]
    if isinstance(sources[0], SequenceSource):
        out.hint("dvemap", "eval", "frames", judged, "--encoder", encoder, "--probe", output)
    else:
        out.hint("dvemap", "label", "MAP", "--probe", output)
    out.result(
        {
            "probe": str(output),
            "encoder": identity,
            "how": probed.how,
            "classes": list(probed.classes.names),
            "absent": list(probed.classes.absent),
            "epochs": probed.epochs,
            "losses": probed.losses,
            "seconds": round(probed.seconds, 3),
            "val": None if score is None else score.to_dict(),
        }
    )


def _show(out: "Output", output: Path, probed: "Probed", score: "ProbeScore | None") -> None:
    """Print the closing table."""
    from dvemap.console import duration

    count, dimension = probed.weight.shape
    rows: list[tuple[str, object]] = [
        ("probe", f"{output}, {count} classes over {dimension} numbers"),
        ("how", probed.how),
        ("time", duration(probed.seconds)),
    ]
    unlearned = [name for name in probed.classes.names if name in probed.classes.absent]
    if unlearned:
        rows.append(("unseen", f"{_some(unlearned)}: in no image of DATA, so never answered"))
    if probed.losses:
        rows.append(
            ("loss", f"{probed.losses[-1]:.4f} in the last epoch, {probed.losses[0]:.4f} in the first")
        )
    if score is not None:
        judged = f"{int(score.confusion.sum()):,} pixels of {len(score.to_dict()['classes'])} classes"
        rows.append(("mIoU", f"{score.metrics.miou:.4f}, accuracy {score.metrics.accuracy:.4f}, {judged}"))
        if score.unknown:
            rows.append(("unknown", f"{_some(score.unknown)}: in --val alone, counted as wrong"))
    out.table(rows)


def _some(names: "Sequence[str]") -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more
