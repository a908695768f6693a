"""How much faster DFormerv2 is when the blocks of a stage share their geometry and attention is fused.

    python tests/bench/dformerv2_speed.py

Both forms run in turn on one image with the same weights, so that what else the machine does meets both; the
medians are compared. `--profile` also prints where the shared form spends its time.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from dformerv2_plain import plain

from student.networks.dformer_config import published_dformer
from student.networks.dformerv2 import DFormerV2


def main() -> None:
    """Measure, and print milliseconds and the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--encoder", default="dformerv2-small")
    parser.add_argument("--size", type=int, nargs=2, default=(480, 640), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--profile", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    encoder = DFormerV2(published_dformer(options.encoder)).eval()
    rgb, depth = torch.randn(1, 3, *options.size), torch.randn(1, 1, *options.size)
    forms = {"plain": lambda: plain(encoder, rgb, depth), "shared": lambda: encoder(rgb, depth)}
    with torch.inference_mode():
        wanted, found = (form() for form in forms.values())  # also warms up
        error = max(float((y - x).abs().max() / x.std()) for x, y in zip(wanted, found, strict=True))
        wall: dict[str, list[float]] = {name: [] for name in forms}
        processor: dict[str, list[float]] = {name: [] for name in forms}
        for _ in range(options.rounds):
            for name, form in forms.items():
                began, used = time.perf_counter(), time.process_time()
                form()
                wall[name].append(1e3 * (time.perf_counter() - began))
                processor[name].append(1e3 * (time.process_time() - used))
        if options.profile:
            with torch.profiler.profile() as profile:
                forms["shared"]()
            print(profile.key_averages().table(sort_by="self_cpu_time_total", row_limit=12))  # noqa: T201
    height, width = options.size
    print(f"{options.encoder}, {height} x {width}, {options.threads} threads, {options.rounds} rounds")  # noqa: T201
    for name in forms:
        print(  # noqa: T201
            f"{name:6} median {statistics.median(wall[name]):5.0f} ms, best {min(wall[name]):5.0f} ms, "
            f"processor time {statistics.median(processor[name]):5.0f} ms"
        )
    ratios = [
        f"{statistics.median(times['plain']) / statistics.median(times['shared']):.2f}"
        for times in (wall, processor)
    ]
    print(f"shared is {ratios[0]} times faster ({ratios[1]} in processor time)")  # noqa: T201
    print(f"largest difference {error:.1e} standard deviations")  # noqa: T201


if __name__ == "__main__":
    main()
