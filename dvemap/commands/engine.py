"""`dvemap engine`: a student exported to ONNX, or built into a TensorRT engine."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap engine onnx dveformer-reducedres

  dvemap engine tensorrt dveformer-reducedres --precision fp16
"""

ONNX_EPILOG = """Examples:

  dvemap engine onnx dveformer-reducedres

  dvemap engine onnx my.pth -o my-int8 --precision int8 --calibrate flat
"""

TENSORRT_EPILOG = """Examples:

  dvemap engine tensorrt dveformer-reducedres

  dvemap engine tensorrt my-fp16-folder --best-batch 4 --most-batch 16
"""

Source = Annotated[
    str,
    typer.Argument(
        metavar="STUDENT",
        help="checkpoint, name that `dvemap weights list` shows, or (tensorrt) exported folder",
        show_default=False,
    ),
]
Size = Annotated[
    str | None, typer.Option(help="height x width that it sees  [default: as trained, else 480x640]")
]
Statistics = Annotated[
    str | None,
    typer.Option(help="depth statistics: nyuv2, sunrgbd, scannet, hypersim  [default: as trained]"),
]
Stride = Annotated[int, typer.Option(min=1, help="input pixels a code")]


@app.callback(epilog=EPILOG)
def choose() -> None:
    """Turn a student into what runs fastest."""


@app.command("onnx", epilog=ONNX_EPILOG)
def onnx(
    student: Source,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="folder to write  [default: one in the cache]", show_default=False
        ),
    ] = None,
    precision: Annotated[str, typer.Option(help="fp32, fp16 or int8")] = "fp32",
    size: Size = None,
    statistics: Statistics = None,
    stride: Stride = 4,
    calibrate: Annotated[
        Path | None, typer.Option(help="sequence whose frames int8 is calibrated on", show_default=False)
    ] = None,
    frames: Annotated[int, typer.Option(min=1, help="frames of it, evenly spread")] = 32,
    as_json: Json = False,
) -> None:
    """Export a student to an ONNX folder and check it against torch.

    The folder runs anywhere: `dvemap fuse SEQUENCE --encoder FOLDER`.
    """
    from dvemap.console import Output
    from dvemap.engines import export_onnx, make_options

    out = Output(as_json)
    options = make_options(student, size, statistics, precision, stride)
    made = export_onnx(student, output, options, calibrate=calibrate, frames=frames, out=out)
    out.table(made.rows)
    out.hint("dvemap", "fuse", "SEQUENCE", "-o", "map.dvm", "--encoder", made.folder)
    out.result(made.record)


@app.command("tensorrt", epilog=TENSORRT_EPILOG)
def tensorrt(
    student: Source,
    precision: Annotated[str, typer.Option(help="fp32 or fp16; a folder has its own")] = "fp16",
    size: Size = None,
    statistics: Statistics = None,
    stride: Stride = 4,
    best_batch: Annotated[int, typer.Option(min=1, help="images a run that it is tuned for")] = 1,
    most_batch: Annotated[int, typer.Option(min=1, help="images a run at most")] = 8,
    as_json: Json = False,
) -> None:
    """Build a TensorRT engine for this GPU and keep it in the cache.

    `dvemap fuse SEQUENCE --encoder STUDENT --set encoder.runtime=tensorrt` then starts at once.
    """
    from dvemap.console import Output
    from dvemap.engines import build_tensorrt, make_options

    out = Output(as_json)
    options = make_options(student, size, statistics, precision, stride)
    made = build_tensorrt(student, options, best_batch, most_batch, out)
    out.table(made.rows)
    shown = ("--encoder", made.folder, "--set", "encoder.runtime=tensorrt")
    out.hint("dvemap", "fuse", "SEQUENCE", "-o", "map.dvm", *shown)
    out.result(made.record)
