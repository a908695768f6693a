"""`dvemap bench`: speed on this machine, against its memory bandwidth and against peers."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap bench map

  dvemap bench map --sequence rgbd-scene --json
"""

STUDENT_EPILOG = """Examples:

  dvemap bench student

  dvemap bench student --checkpoint my.pth --sequence flat --runtimes onnx,onnx-int8 --json
"""

NETWORKS_EPILOG = """Examples:

  dvemap bench networks

  dvemap bench networks --names dformerv2-small,depth-anything-v2-small --json
"""


@app.callback()
def choose() -> None:
    """Measure speed."""


@app.command("map", epilog=EPILOG)
def measure(
    sequence: Annotated[
        Path | None, typer.Option(help="posed RGB-D sequence  [default: a synthetic room]")
    ] = None,
    depth_folder: Annotated[
        str, typer.Option(help="folder of depth images in exported ScanNet layout")
    ] = "depth",
    pose_folder: Annotated[
        str | None, typer.Option(help="folder of poses in exported ScanNet layout")
    ] = None,
    frames: Annotated[int, typer.Option(min=2, help="frames to time")] = 60,
    cells: Annotated[int, typer.Option(min=1000, help="cells of the large map")] = 1_000_000,
    code_dim: Annotated[int, typer.Option(min=1, help="numbers of a code")] = 512,
    as_json: Json = False,
) -> None:
    """Time the update of a map, its growth and a query; needs some 8 GB of memory at the default size.

    Update: CPU time of one thread for a 640x480 frame with 120x160 codes, beside a plain torch running sum
    of the codes alone. Floors: bytes that must move at the bandwidth of a STREAM triad in the same run.
    """
    from dvemap.bench.report import run_map_bench
    from dvemap.console import Output

    out = Output(as_json)
    record = run_map_bench(sequence, depth_folder, pose_folder, frames, cells, code_dim, out)
    out.hint("dvemap", "bench", "map", "--json")
    out.result(record)


@app.command("student", epilog=STUDENT_EPILOG)
def student(
    checkpoint: Annotated[
        Path | None, typer.Option(help="weights of a student  [default: random ones of --variant]")
    ] = None,
    variant: Annotated[
        str, typer.Option(help="dveformer-reducedres or dveformer-fullres")
    ] = "dveformer-reducedres",
    sequence: Annotated[Path | None, typer.Option(help="RGB-D sequence  [default: a synthetic room]")] = None,
    depth_folder: Annotated[
        str, typer.Option(help="folder of depth images in exported ScanNet layout")
    ] = "depth",
    runtimes: Annotated[
        str | None, typer.Option(help="which, separated by commas  [default: all of the device]")
    ] = None,
    size: Annotated[str, typer.Option(help="height x width that the student sees")] = "480x640",
    frames: Annotated[int, typer.Option(min=1, help="different frames to encode")] = 3,
    rounds: Annotated[int, typer.Option(min=1, help="runs of each runtime; medians count")] = 7,
    threads: Annotated[int, typer.Option(min=1, help="threads on the CPU")] = 2,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    as_json: Json = False,
) -> None:
    """Time a student under each runtime, beside the published network run as it is by torch.

    Runtimes take turns, each in a process of its own. Times go from resized images to codes; operations are
    those of the published network. Accuracy is against its embeddings, on all frames.
    """
    from dvemap.bench.student_report import run_student_bench
    from dvemap.console import Output
    from dvemap.options import parse_size
    from student.networks.config import CONFIGS

    if variant not in CONFIGS:
        raise typer.BadParameter(f"expected one of {', '.join(CONFIGS)}", param_hint="--variant")
    if device not in ("cpu", "cuda"):
        raise typer.BadParameter("expected cpu or cuda", param_hint="--device")
    out = Output(as_json)
    record = run_student_bench(
        checkpoint,
        variant,
        sequence,
        depth_folder,
        size=parse_size(size),
        frames=frames,
        rounds=rounds,
        threads=threads,
        device=device,
        runtimes=None if runtimes is None else [name.strip() for name in runtimes.split(",")],
        out=out,
    )
    out.hint("dvemap", "engine", "onnx", checkpoint or variant)
    out.result(record)


@app.command("networks", epilog=NETWORKS_EPILOG)
def networks(
    names: Annotated[
        str | None, typer.Option(help="which, separated by commas  [default: all; minutes on a CPU]")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, help="runs of each; medians count")] = 5,
    threads: Annotated[int, typer.Option(min=1, help="threads on the CPU")] = 2,
    device: Annotated[str, typer.Option(help="cpu or cuda")] = "cpu",
    official: Annotated[
        Path | None,
        typer.Option(help="folder of official outputs to compare with, such as tests/golden of the sources"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Size, operations and time of every network, and what its authors report of it.

    Networks run one after another as torch runs them, with fresh weights; before each run, a large matrix
    product runs on the same threads.
    """
    from dvemap.bench.networks_bench import run_networks_bench
    from dvemap.console import Output

    if device not in ("cpu", "cuda"):
        raise typer.BadParameter("expected cpu or cuda", param_hint="--device")
    out = Output(as_json)
    chosen = None if names is None else [name.strip() for name in names.split(",")]
    record = run_networks_bench(chosen, rounds, threads, device, official, out)
    out.hint("dvemap", "weights", "list")
    out.result(record)
