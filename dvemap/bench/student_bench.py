"""How fast a student runs under each runtime, against the published network run as it is.

Each contender has a process of its own. They take turns, one run each, so that a busy machine slows all of
them alike; the peak of a matrix product is measured between them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from dvemap.bench.flops import count_flops
from dvemap.bench.official import fill_network
from dvemap.bench.student_contender import ContenderProcess
from dvemap.bench.student_worker import GEMM_SIDE
from student.checkpoints.shape import empty_student
from student.networks.config import StudentConfig
from student.student_export import ExportOptions, Images, export_checkpoint

PAUSE: Final = 0.05  # seconds between contenders, until the last one's threads sleep


@dataclass(frozen=True)
class Variant:
    """A runtime and how it is opened: what `open_student` takes."""

    runtime: str
    precision: str = "fp32"
    batch: int = 1


CPU: Final = {
    "torch": Variant("torch"),
    "torch-compiled": Variant("torch-compiled"),
    "onnx": Variant("onnx"),
    "onnx-int8": Variant("onnx", "int8"),
    "torch-bf16": Variant("torch", "bf16"),
}
_GPU: Final = {
    "torch-tf32": Variant("torch", "tf32"),
    "torch-compiled-tf32": Variant("torch-compiled", "tf32"),
    "torch-compiled-fp16": Variant("torch-compiled", "fp16"),
    "torch-compiled-bf16": Variant("torch-compiled", "bf16"),
    "onnx": Variant("onnx"),
    "onnx-fp16": Variant("onnx", "fp16"),
    "tensorrt-fp16": Variant("tensorrt", "fp16"),
}
GPU: Final = {
    f"{name}-b{batch}": Variant(variant.runtime, variant.precision, batch)
    for name, variant in _GPU.items()
    for batch in (1, 8)
}


def bench_student(
    checkpoint: Path,
    config: StudentConfig,
    images: Images,
    *,
    runtimes: Iterable[str] | None = None,
    calibration: Images = (),
    depth_statistics: str = "nyuv2",
    threads: int = 2,
    device: str = "cpu",
    rounds: int = 7,
    watch: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> dict[str, Any]:
    """Time a student under each runtime.

    Parameters
    ----------
    checkpoint
        Its weights.
    config
        Its shape, for the count of operations.
    images
        Frames of one size that are encoded in turn.
    runtimes
        Names of `CPU` or `GPU`; all of them by default.
    calibration
        Other frames of the same size, for int8; without them int8 is left out.
    depth_statistics
        What depth is normalised with.
    threads
        Of each contender on the CPU.
    device
        `"cpu"` or `"cuda"`.
    rounds
        How often each contender runs; medians are returned.
    watch
        Told steps done, steps in all, and what is being done.

    Returns
    -------
    gflop of the published network, gemm_gflops, eager_ms, eager_peak_mb, and runtimes by name: ms and
    gflops for an image, ratio (eager_ms / ms at the same batch size), gemm_share, peak_mb, and against the
    embeddings of the eager network rel_rms and the mean cosine; or error, why it did not run.

    Raises
    ------
    ValueError
        A name is unknown.
    """
    chosen = choose(runtimes, device)
    size = images[0][1].shape
    gflop = student_flops(config, (size[0], size[1])) / 1e9
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        _write_frames(folder / "frames.npz", images)
        base = {
            "frames": str(folder / "frames.npz"),
            "statistics": depth_statistics,
            "threads": threads,
            "device": device,
            "checkpoint": str(checkpoint),
        }
        exports = _Exports(checkpoint, folder, (size[0], size[1]), depth_statistics, calibration)
        batches = sorted({variant.batch for variant in chosen.values()} | {1})
        jobs: dict[str, dict[str, Any]] = {"gemm": {"kind": "gemm"}}
        jobs |= {f"eager-b{batch}": {"kind": "eager", "batch": batch} for batch in batches}
        total = len(jobs) + len(chosen) + rounds
        running, errors = {}, {}
        for done, runtime in enumerate([*jobs, *chosen]):
            watch(done, total, f"starting {runtime}")
            try:
                job = jobs[runtime] if runtime in jobs else exports.job(chosen[runtime], device)
                running[runtime] = stack.enter_context(ContenderProcess({**base, **job}))
            except ValueError as error:
                if runtime not in chosen:
                    raise
                errors[runtime] = str(error)
        samples: dict[str, list[float]] = {runtime: [] for runtime in running}
        for done in range(rounds):
            watch(total - rounds + done, total, "timing")
            for runtime, contender in running.items():
                samples[runtime].append(contender.run())
                time.sleep(PAUSE)
        watch(total, total, "comparing")
        ms = {runtime: statistics.median(values) for runtime, values in samples.items()}
        gemm = 2 * GEMM_SIDE**3 / ms["gemm"] / 1e6
        reference = running["eager-b1"].results(folder)["codes"]
        figures: dict[str, Any] = {}
        for runtime, variant in chosen.items():
            if runtime in errors:
                figures[runtime] = {"error": errors[runtime]}
                continue
            rate = gflop * variant.batch / ms[runtime] * 1e3
            rel_rms, cosine = compare(reference, **running[runtime].results(folder))
            figures[runtime] = {
                "ms": ms[runtime] / variant.batch,
                "batch": variant.batch,
                "gflops": rate,
                "ratio": ms[f"eager-b{variant.batch}"] / ms[runtime],
                "gemm_share": rate / gemm,
                "peak_mb": running[runtime].peak(),
                "rel_rms": rel_rms,
                "cosine": cosine,
            }
        eager = {f"eager_b{batch}_ms": ms[f"eager-b{batch}"] / batch for batch in batches if batch > 1}
        return {
            "gflop": gflop,
            "gemm_gflops": gemm,
            "eager_ms": ms["eager-b1"],
            **eager,
            "eager_peak_mb": running["eager-b1"].peak(),
            "runtimes": figures,
        }


def student_flops(config: StudentConfig, size: tuple[int, int]) -> int:
    """Count the operations of a student as published, for an image of a height and width."""
    import torch

    images = (torch.empty(1, channels, *size, device="meta") for channels in (3, 1))
    return count_flops(empty_student(config).eval(), *images)


def compare(
    reference: npt.NDArray[np.float32],
    codes: npt.NDArray[np.float16],
    head: npt.NDArray[np.float32] | None = None,
) -> tuple[float, float]:
    """Compare codes with the embeddings that they stand for.

    Parameters
    ----------
    reference
        (n, h, w, D) unit embeddings.
    codes
        (n, h, w, C).
    head
        (D, C), or None where codes are embeddings.

    Returns
    -------
    Relative RMS of the difference, and the mean cosine.
    """
    square = cosine = 0.0
    for wanted, code in zip(reference, codes, strict=True):
        embedding = code.astype(np.float32)
        if head is not None:
            embedding = embedding @ head.T
        square += float(np.square(embedding - wanted, dtype=np.float64).sum())
        norm = np.linalg.norm(embedding, axis=2) * np.linalg.norm(wanted, axis=2)
        cosine += float(((embedding * wanted).sum(axis=2) / norm).mean(dtype=np.float64))
    return (square / float(np.square(reference, dtype=np.float64).sum())) ** 0.5, cosine / len(reference)


def random_weights(path: Path, config: StudentConfig) -> Path:
    """Write a checkpoint of weights that depend on their names alone; the network's numbers stay ordinary."""
    from student.checkpoints import save_checkpoint
    from student.networks.dveformer import build

    save_checkpoint(fill_network(build(config)).eval(), path)
    return path


class _Exports:
    """What each runtime opens: the checkpoint, or a folder exported from it once for each precision."""

    def __init__(
        self,
        checkpoint: Path,
        folder: Path,
        size: tuple[int, int],
        depth_statistics: str,
        calibration: Images,
    ) -> None:
        self._checkpoint, self._folder, self._size = checkpoint, folder, size
        self._statistics, self._calibration = depth_statistics, calibration
        self._made: dict[str, Path] = {}

    def job(self, variant: Variant, device: str) -> dict[str, Any]:
        """Return the part of a job that says what to open and how."""
        options: dict[str, Any] = {"runtime": variant.runtime, "device": device}
        if variant.runtime.startswith("torch"):
            source = self._checkpoint
            options |= {"size": self._size, "statistics": self._statistics, "precision": variant.precision}
        else:
            source = self._export(variant.precision)
        return {"kind": "runtime", "source": str(source), "batch": variant.batch, "options": options}

    def _export(self, precision: str) -> Path:
        if precision not in self._made:
            options = ExportOptions(self._size, self._statistics, precision)
            self._made[precision] = export_checkpoint(
                self._checkpoint, self._folder / precision, options, calibration=self._calibration
            )
        return self._made[precision]


def choose(names: Iterable[str] | None, device: str) -> dict[str, Variant]:
    """Return runtimes by name, all of the device by default.

    Raises
    ------
    ValueError
        A name is unknown.
    """
    known = CPU if device == "cpu" else GPU
    chosen = list(known if names is None else names)
    for name in chosen:
        if name not in known:
            raise ValueError(f"runtimes on {device} must be of {', '.join(known)}, got {name!r}")
    return {name: known[name] for name in chosen}


def _write_frames(path: Path, images: Images) -> None:
    rgb, depth = (np.stack(parts) for parts in zip(*images, strict=True))
    np.savez(path, rgb=rgb, depth=depth)
