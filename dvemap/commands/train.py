"""`dvemap train`: a student learns what a teacher says of images."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap train configs/smoke.yaml

  dvemap train configs/dveformer-reducedres.yaml -o runs/mine --set run.precision=bf16-mixed

  dvemap train configs/dveformer-reducedres.yaml -o runs/mine --resume

  torchrun --nproc-per-node 4 -m dvemap train configs/dveformer-fullres.yaml --set run.batch=16
"""


@app.command(epilog=EPILOG)
def train(
    config: Annotated[
        Path,
        typer.Argument(metavar="CONFIG", help="settings of the run (YAML)", show_default=False),
    ],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="folder of the run  [default: runs/ and the config's name]"),
    ] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="change a setting, for example run.epochs=10"),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="go on with the run in the folder, where it stopped")
    ] = False,
    as_json: Json = False,
) -> None:
    """Train a student on data that a teacher has embedded (`dvemap teach`).

    The folder gets the resolved settings (config.yaml), students that `--encoder` opens (best.safetensors,
    last.safetensors), a row an epoch (history.json), pictures (panels/), curves (tensorboard/), and the
    state (state.pt) with which `--resume` goes on exactly. Ctrl-C saves first.
    """
    from dvemap.console import Output
    from dvemap.training import is_first_process
    from dvemap.training import train as run
    from dvemap.training_config import load_training_config
    from dvemap.training_folder import RunFolder

    out = Output(as_json, quiet=not is_first_process())
    chosen = load_training_config(config, settings or [])
    folder = RunFolder(output or Path("runs") / config.stem)
    trained = run(chosen, folder.path, out, resume=resume)
    repeat = [word for setting in settings or [] for word in ("--set", setting)]
    if not trained.finished:
        out.say(f"stopped and saved after {len(trained.history)} of {chosen.run.epochs} epochs")
        out.hint("dvemap", "train", config, "-o", folder.path, *repeat, "--resume")
        raise KeyboardInterrupt
    last = trained.history[-1]
    student = folder.last if trained.best is None else folder.best
    rows = [
        ("folder", str(folder.path)),
        ("student", f"{student}, epoch {last['epoch'] if trained.best is None else trained.best[0]}"),
        ("loss", f"{last['loss']:.4f} in the last of {len(trained.history)} epochs"),
        ("speed", f"{last['frames_per_second']:.3g} frames/s"),
    ]
    best = None
    if trained.best is not None and chosen.validation is not None:
        best = {"by": chosen.validation.best, "epoch": trained.best[0], "value": trained.best[1]}
        rows.insert(2, ("best", f"{best['by']} {best['value']:.4f} after epoch {best['epoch']}"))
    out.table(rows)
    watched = chosen.validation.data if chosen.validation is not None else chosen.data[0]
    if watched.format == "sequence":
        out.hint("dvemap", "predict", watched.path, "-o", "predicted", "--encoder", student)
    else:
        out.hint("dvemap", "engine", "onnx", student, "-o", folder.path / "onnx")
    out.result(
        {
            "folder": str(folder.path),
            "student": str(student),
            "epochs": len(trained.history),
            "steps": last["step"],
            "best": best,
            "last": last,
            "history": trained.history,
        }
    )
