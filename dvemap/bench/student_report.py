"""What `dvemap bench student` runs and prints."""

import tempfile
from pathlib import Path
from typing import Any

from dvemap.bench.student_bench import bench_student, choose, random_weights
from dvemap.console import Output
from dvemap.engines import resized_frames, spread
from sequences import open_sequence
from sequences.synth import generate
from student.checkpoints import read_checkpoint
from student.networks.config import CONFIGS
from student.preprocessing import Preprocessing

CALIBRATION = 16  # frames for int8


def run_student_bench(
    checkpoint: Path | None,
    variant: str,
    sequence: Path | None,
    depth_folder: str,
    *,
    size: tuple[int, int],
    frames: int,
    rounds: int,
    threads: int,
    device: str,
    runtimes: list[str] | None,
    out: Output,
) -> dict[str, Any]:
    """Time a student under each runtime and print a table.

    Returns
    -------
    dict
        What `bench_student` returns, and what was timed.
    """
    choose(runtimes, device)  # a wrong name ends it before any work
    Preprocessing(size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if checkpoint is None:
            weights = random_weights(folder / "random.safetensors", CONFIGS[variant])
        else:
            weights = checkpoint
        config = read_checkpoint(weights).config
        if sequence is None:
            shown = generate(folder / "room", 0, kind="room", frames=2 * frames, width=640, height=480).path
        else:
            shown = sequence
        opened = open_sequence(shown, depth_folder=depth_folder)
        timed = spread(frames, len(opened))
        images = resized_frames(opened, size, timed)
        # int8 is judged on frames that it was not calibrated on.
        others = spread(CALIBRATION, len(opened), beside=timed)
        calibration = resized_frames(opened, size, others) if others else []
        said = {
            "student": variant if checkpoint is None else str(checkpoint),
            "weights": "random" if checkpoint is None else "trained",
            "frames": "a synthetic room" if sequence is None else str(sequence),
            "size": list(size),
            "device": device_name(device),
            "threads": threads,
        }
        out.say(
            f"{said['student']}, {said['weights']} weights, {size[0]}x{size[1]}; frames: {said['frames']}; "
            f"{said['device']}" + (f", {threads} threads" if device == "cpu" else "")
        )
        with out.progress("student", 1) as bar:
            figures = bench_student(
                weights,
                config,
                images,
                runtimes=runtimes,
                calibration=calibration,
                threads=threads,
                device=device,
                rounds=rounds,
                watch=lambda done, total, note: bar.update(done, note, total),
            )
    _show(figures, out)
    return {**said, **figures}


def device_name(device: str) -> str:
    """Return the name of the GPU, or of the processor."""
    if device == "cuda":
        import torch

        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "CPU"
    return next((line.partition(": ")[2] for line in lines if line.startswith("model name")), "CPU")


def _show(figures: dict[str, Any], out: Output) -> None:
    gflop, peak = figures["gflop"], figures["gemm_gflops"]
    rate = gflop / figures["eager_ms"] * 1e3
    rows = [
        (
            "eager, as published",
            f"{figures['eager_ms']:.0f}",
            "1.00",
            f"{rate:.0f}",
            f"{rate / peak:.0%}",
            f"{figures['eager_peak_mb']:,.0f}",
            "",
            "",
        )
    ]
    for name, run in figures["runtimes"].items():
        if "error" in run:
            continue
        rows.append(
            (
                name,
                f"{run['ms']:.3g}" if run["ms"] < 100 else f"{run['ms']:.0f}",
                f"{run['ratio']:.2f}",
                f"{run['gflops']:.0f}",
                f"{run['gemm_share']:.0%}",
                f"{run['peak_mb']:,.0f}",
                f"{run['rel_rms']:.1e}",
                f"{run['cosine']:.5f}",
            )
        )
    header = ("runtime", "ms", "times faster", "GFLOP/s", "of GEMM", "peak MB", "rel. RMS", "cosine")
    out.table(rows, header=header)
    for name, run in figures["runtimes"].items():
        if "error" in run:
            out.say(f"{name} did not run: {run['error']}", style="yellow")
    out.say(
        f"{gflop:.1f} GFLOP an image as published; a large fp32 matrix product runs at {peak:.0f} GFLOP/s"
    )
