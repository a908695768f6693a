"""A student run by torch, as it is or compiled."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import numpy.typing as npt

from student.errors import EncoderError
from student.runtimes.cuda_batch import CudaBatch, require_cuda
from student.runtimes.runtime import check_batch, first_line
from student.runtimes.threads import on_threads

if TYPE_CHECKING:
    import torch

    from student.inference.codes_network import CodesNetwork

Precision = Literal["fp32", "tf32", "fp16", "bf16"]
PRECISIONS: Final[tuple[Precision, ...]] = ("fp32", "tf32", "fp16", "bf16")
_COMPILERS: Final = ("g++", "clang++", "c++", "cl")


class TorchRuntime:
    """Runs a student under torch.

    Parameters
    ----------
    network
        The inference form of the student, channels last by its making; it is moved and converted.
    device
        `"cpu"` or `"cuda"`.
    precision
        Of weights and features. `"tf32"` keeps them in fp32 and rounds the inputs of products to 10 bits; it
        needs a GPU. So does `"fp16"`: torch's products of half floats on the CPU take a hundred times as
        long.
    compiled
        Compile the network when it first runs; takes a minute, and on the CPU a C++ compiler.
    threads
        On the CPU, while the network runs; 0 leaves them as torch has them.
    graph
        On a GPU: replay a CUDA graph for each batch size.

    Raises
    ------
    EncoderError
        There is no GPU, or no compiler.
    ValueError
        The options do not fit each other.
    """

    def __init__(
        self,
        network: CodesNetwork,
        *,
        device: Literal["cpu", "cuda"] = "cpu",
        precision: Precision = "fp32",
        compiled: bool = False,
        threads: int = 0,
        graph: bool = True,
    ) -> None:
        import torch

        if threads < 0:
            raise ValueError(f"threads must be >= 0, got {threads}")
        if precision not in PRECISIONS:
            raise ValueError(f"precision of torch must be one of {', '.join(PRECISIONS)}, got {precision!r}")
        if device == "cuda":
            require_cuda("runtime torch on cuda")
        elif precision in ("tf32", "fp16"):
            raise ValueError(f"precision {precision} needs a GPU; use fp32 or bf16 on the CPU")
        if compiled:
            _require_compiler(device)
        self.size, self.code_dim = network.size, network.code_dim
        self.name = f"torch{'-compiled' if compiled else ''} {device} {precision}"
        self._device, self._precision = device, precision
        self._graph, self._threads = graph, threads
        module: Any = network.eval().to(device, _dtype(precision))
        self._module = torch.compile(module, dynamic=False) if compiled else module
        self._batches: dict[int, CudaBatch] = {}

    def run(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        """Encode a batch, as `student.runtimes.Runtime` says."""
        rgb, depth = check_batch(rgb, depth, self.size)
        try:
            return self._run_cuda(rgb, depth) if self._device == "cuda" else self._run_cpu(rgb, depth)
        except RuntimeError as error:  # no memory left, or a compiler that failed
            raise EncoderError(f"runtime {self.name} failed: {first_line(error)}") from error

    def close(self) -> None:
        """Give the memory back."""
        self._batches.clear()
        self._module = None

    def _run_cpu(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        import torch

        with torch.inference_mode(), on_threads(self._threads):
            codes = self._launch(_tensor(rgb), _tensor(depth))
        result: npt.NDArray[np.float16] = codes.numpy()
        return result

    def _run_cuda(
        self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float16]:
        count = len(rgb)
        if count not in self._batches:
            self._batches[count] = CudaBatch(count, self.size, self._launch, graph=self._graph)
        return self._batches[count].run(rgb, depth)

    def _launch(self, rgb: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
        with _tf32(self._precision == "tf32") if self._device == "cuda" else nullcontext():
            codes: torch.Tensor = self._module(rgb, depth)
        return codes


def _dtype(precision: Precision) -> torch.dtype:
    import torch

    return {"fp16": torch.float16, "bf16": torch.bfloat16}.get(precision, torch.float32)


@contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Allow or forbid TF32 in matrix products and convolutions; torch's settings return afterwards."""
    import torch

    products, convolutions = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("high" if allowed else "highest")
    torch.backends.cudnn.allow_tf32 = allowed
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        torch.backends.cudnn.allow_tf32 = convolutions


def _tensor(array: npt.NDArray[Any]) -> torch.Tensor:
    """Return a tensor on the same memory; torch warns of arrays that are read-only, so those are copied."""
    import torch

    return torch.from_numpy(array if array.flags.writeable else array.copy())


def _require_compiler(device: str) -> None:
    """Raise unless torch can compile for the device."""
    if device == "cuda":
        if importlib.util.find_spec("triton") is None:
            raise EncoderError(
                "runtime torch-compiled on cuda needs triton; pip install triton, or use runtime torch"
            )
        return
    chosen = os.environ.get("CXX")
    if not any(shutil.which(name) for name in ((chosen,) if chosen else _COMPILERS)):
        looked = chosen or ", ".join(_COMPILERS)
        raise EncoderError(
            f"runtime torch-compiled on the CPU needs a C++ compiler, and there is no {looked} on PATH; "
            "install one (Debian: apt-get install g++) or use runtime onnx"
        )
