"""One contender of the student benchmark, in a process of its own: its peak memory is its own too.

It answers on stdout to each line on stdin: `run` by the milliseconds of one run, `codes PATH` when the codes
of all frames lie there, `peak` by megabytes. It leaves when stdin closes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from dvemap.bench.map_memory import peak_bytes

GEMM_SIDE = 2048


class Contender(Protocol):
    """What is timed."""

    def run(self) -> None:
        """Do it once, until the result is there."""

    def results(self) -> dict[str, npt.NDArray[Any]]:
        """Return what it makes of all frames, and the head if it has one."""


class Gemm:
    """A large fp32 matrix product (TF32 on a GPU): what the same threads can do at best."""

    def __init__(self, job: dict[str, Any]) -> None:
        import torch

        if job["device"] == "cuda":  # as the contenders may
            torch.set_float32_matmul_precision("high")
        self._wait = _wait_for(job["device"])
        generator = torch.Generator().manual_seed(0)
        self._factors = [
            torch.randn((GEMM_SIDE, GEMM_SIDE), generator=generator).to(job["device"]) for _ in range(2)
        ]
        self._out = torch.empty_like(self._factors[0])
        self._matmul = torch.mm

    def run(self) -> None:
        """Multiply."""
        self._matmul(*self._factors, out=self._out)
        self._wait()

    def results(self) -> dict[str, npt.NDArray[Any]]:
        """Return nothing."""
        return {}


class Eager:
    """The network as published, on normalised images that lie ready."""

    def __init__(self, job: dict[str, Any]) -> None:
        import torch

        from student.checkpoints import load_checkpoint
        from student.preprocessing import DEPTH_STATISTICS, normalise

        self._torch, self._device = torch, job["device"]
        if job["device"] == "cuda":  # the baseline has TF32 on
            torch.set_float32_matmul_precision("high")
        self._wait = _wait_for(job["device"])
        self._network = load_checkpoint(job["checkpoint"]).to(job["device"])
        statistics = DEPTH_STATISTICS[job["statistics"]]
        images = [normalise(rgb, depth, statistics) for rgb, depth in zip(*_frames(job), strict=True)]
        self._images = [
            tuple(torch.from_numpy(np.stack([image] * job["batch"])).to(job["device"]) for image in pair)
            for pair in images
        ]
        self._next = 0

    def run(self) -> None:
        """Encode the next frame."""
        self._embed(self._next % len(self._images))
        self._wait()
        self._next += 1

    def results(self) -> dict[str, npt.NDArray[Any]]:
        """Return the unit embeddings of the pixels that codes belong to."""
        stride = self._network.config.stride
        grid = slice(2 // stride, None, 4 // stride)
        embeddings = []
        for i in range(len(self._images)):
            embedding = self._embed(i)[0, :, grid, grid].permute(1, 2, 0).double()
            embedding /= embedding.norm(dim=2, keepdim=True)
            embeddings.append(embedding.float().cpu().numpy())
        return {"codes": np.stack(embeddings)}

    def _embed(self, i: int) -> Any:
        with self._torch.inference_mode():
            return self._network(*self._images[i])


class Encoding:
    """A runtime, from resized images to codes."""

    def __init__(self, job: dict[str, Any]) -> None:
        from student.opening import open_student

        encoder = open_student(job["source"], threads=job["threads"], **job["options"])
        self._runtime, self._head = encoder.runtime, encoder.space.head
        rgb, depth = _frames(job)
        self._images = [
            (np.stack([one] * job["batch"]), np.stack([other] * job["batch"]))
            for one, other in zip(rgb, depth, strict=True)
        ]
        self._next = 0

    def run(self) -> None:
        """Encode the next frame."""
        self._runtime.run(*self._images[self._next % len(self._images)])
        self._next += 1

    def results(self) -> dict[str, npt.NDArray[Any]]:
        """Return the codes of all frames, and the head."""
        codes = np.stack([self._runtime.run(rgb, depth)[0] for rgb, depth in self._images])
        return {"codes": codes} if self._head is None else {"codes": codes, "head": self._head}


KINDS: dict[str, Callable[[dict[str, Any]], Contender]] = {
    "gemm": Gemm,
    "eager": Eager,
    "runtime": Encoding,
}


def serve(job: dict[str, Any]) -> None:
    """Make the contender of a job and obey stdin."""
    answers, sys.stdout = sys.stdout, sys.stderr  # what libraries print must not look like an answer

    def answer(line: str) -> None:
        answers.write(line + "\n")
        answers.flush()

    try:
        free = _gpu_free(job)
        _limit_threads(job)
        contender = KINDS[job["kind"]](job)
        contender.run()  # loads, compiles, allocates
        # Now, since contenders that start later take from the same GPU.
        held = None if free is None else free - (_gpu_free(job) or 0)
    except (ValueError, OSError) as error:
        answer(f"failed {' '.join(str(error).split())}")
        return
    answer("ready")
    for line in sys.stdin:
        command, _, argument = line.strip().partition(" ")
        if command == "run":
            begin = time.perf_counter()
            contender.run()
            answer(repr(1e3 * (time.perf_counter() - begin)))
        elif command == "codes":
            np.savez(argument, allow_pickle=False, **contender.results())
            answer("done")
        elif command == "peak":
            answer(repr((peak_bytes() if held is None else held) / 1e6))


def _frames(job: dict[str, Any]) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.float32]]:
    with np.load(Path(job["frames"])) as frames:
        return frames["rgb"], frames["depth"]


def _limit_threads(job: dict[str, Any]) -> None:
    if job["kind"] == "runtime" and job["options"]["runtime"] == "onnx":
        return  # torch stays unloaded; ONNX Runtime is told its threads
    import torch

    torch.set_num_threads(job["threads"])


def _wait_for(device: str) -> Callable[[], object]:
    """Return what waits until the device is done."""
    import torch

    return torch.cuda.synchronize if device == "cuda" else lambda: None


def _gpu_free(job: dict[str, Any]) -> int | None:
    """Return the free bytes of the GPU, None for a job on the CPU."""
    if job["device"] != "cuda":
        return None
    import torch

    return int(torch.cuda.mem_get_info()[0])


if __name__ == "__main__":
    serve(json.loads(sys.argv[1]))
