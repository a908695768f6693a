"""How fast each network is as torch runs it, beside the peak of a matrix product on the same threads."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from dvemap.bench.flops import count_flops
from dvemap.bench.networks import NETWORKS, Entry
from dvemap.bench.official import official_error
from dvemap.bench.student_report import device_name
from dvemap.bench.student_worker import GEMM_SIDE

if TYPE_CHECKING:
    from dvemap.console import Output

PAUSE: Final = 0.05  # seconds between runs, until the threads of the last one sleep


def bench_networks(
    names: Iterable[str] | None = None,
    *,
    rounds: int = 5,
    threads: int = 2,
    device: str = "cpu",
    official: Path | None = None,
    watch: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> dict[str, dict[str, Any]]:
    """Time networks of fresh weights on one image, float32, in eval mode.

    Parameters
    ----------
    names
        Of `NETWORKS`; all of them by default.
    rounds
        Runs of each; a matrix product runs before each of them, and medians count.
    threads
        On the CPU.
    device
        `"cpu"` or `"cuda"`, where products may use TF32.
    official
        Folder of official outputs, see `dvemap.bench.official.Official`.
    watch
        Told networks done, networks in all, and what is timed.

    Returns
    -------
    By name: size, parameters, gflop (two for a multiply-add), ms, gflops, gemm_gflops, gemm_share, figure,
    source, and official_error: in standard deviations of the official output, None where there is none.

    Raises
    ------
    ValueError
        A name is unknown.
    """
    chosen = list(NETWORKS if names is None else names)
    unknown = next((name for name in chosen if name not in NETWORKS), None)
    if unknown is not None:
        raise ValueError(f"networks must be of {', '.join(NETWORKS)}, got {unknown!r}")
    import torch

    from student.runtimes.threads import on_threads

    before = torch.get_float32_matmul_precision()
    if device == "cuda":
        torch.set_float32_matmul_precision("high")
    try:
        figures = {}
        with on_threads(threads):
            for done, name in enumerate(chosen):
                watch(done, len(chosen), name)
                figures[name] = _measure(NETWORKS[name], rounds, device, official)
        watch(len(chosen), len(chosen), "")
        return figures
    finally:
        torch.set_float32_matmul_precision(before)


def _measure(entry: Entry, rounds: int, device: str, official: Path | None) -> dict[str, Any]:
    import torch

    torch.manual_seed(0)
    network = entry.build().eval()
    parameters = sum(parameter.numel() for parameter in network.parameters())
    channels = (3, 1) if entry.depth else (3,)
    images = [torch.randn(1, count, *entry.size) for count in channels]
    gflop = count_flops(network, *images) / 1e9
    network, images = network.to(device), [image.to(device) for image in images]
    factors = [torch.randn(GEMM_SIDE, GEMM_SIDE, device=device) for _ in range(2)]
    product = torch.empty_like(factors[0])
    with torch.inference_mode():
        network(*images)
        torch.mm(factors[0], factors[1], out=product)
        runs, products = [], []
        for _ in range(rounds):
            products.append(_timed(lambda: torch.mm(factors[0], factors[1], out=product), device))
            runs.append(_timed(lambda: network(*images), device))
    ms, peak = statistics.median(runs), 2 * GEMM_SIDE**3 / statistics.median(products) / 1e6
    rate = gflop / ms * 1e3
    return {
        "size": list(entry.size),
        "parameters": parameters,
        "gflop": gflop,
        "ms": ms,
        "gflops": rate,
        "gemm_gflops": peak,
        "gemm_share": rate / peak,
        "figure": entry.figure,
        "source": entry.source,
        "official_error": None if official is None else official_error(entry.name, network.cpu(), official),
    }


def _timed(work: Callable[[], Any], device: str) -> float:
    """Return milliseconds."""
    import torch

    time.sleep(PAUSE)
    start = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return (time.perf_counter() - start) * 1e3


def run_networks_bench(
    names: list[str] | None,
    rounds: int,
    threads: int,
    device: str,
    official: Path | None,
    out: Output,
) -> dict[str, Any]:
    """Time networks and print a table; returns what `bench_networks` does, and what it was timed on."""
    said = {"device": device_name(device), "threads": threads, "rounds": rounds}
    on = f", {threads} threads" if device == "cpu" else ""
    out.say(f"fresh weights, one image, float32, as torch runs them; {said['device']}{on}")
    with out.progress("networks", len(NETWORKS if names is None else names)) as bar:
        figures = bench_networks(
            names,
            rounds=rounds,
            threads=threads,
            device=device,
            official=official,
            watch=lambda done, total, note: bar.update(done, note, total),
        )
    rows = [
        (
            name,
            "x".join(map(str, found["size"])),
            f"{found['parameters'] / 1e6:.2f}",
            f"{found['gflop']:.1f}",
            f"{found['ms']:.3g}" if found["ms"] < 100 else f"{found['ms']:.0f}",
            f"{found['gemm_share']:.0%}",
            "" if found["official_error"] is None else f"{found['official_error']:.0e}",
            f"{found['figure']} ({found['source']})" if found["figure"] else "",
        )
        for name, found in figures.items()
    ]
    out.table(rows, header=("network", "input", "M weights", "GFLOP", "ms", "of GEMM", "off", "published"))
    peak = statistics.median(found["gemm_gflops"] for found in figures.values())
    out.say(f"a large float32 matrix product runs at {peak:.0f} GFLOP/s")
    if official is not None:
        out.say("off: largest difference from the official output, in its standard deviations")
    return {**said, "networks": figures}
