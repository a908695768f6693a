"""Batches on a GPU: pinned buffers, one stream, and a CUDA graph where it is wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from student.errors import EncoderError

if TYPE_CHECKING:
    import torch

Launch = Callable[["torch.Tensor", "torch.Tensor"], "torch.Tensor"]
"""Queues the network on the current stream: rgb and depth on the GPU to codes on the GPU."""

WARM_UP = 3
"""Runs before a graph is captured: libraries choose kernels and allocate in their first ones."""


def require_cuda(what: str) -> None:
    """Raise unless torch sees a CUDA device.

    Parameters
    ----------
    what
        Needs it, as in `"runtime tensorrt"`.

    Raises
    ------
    EncoderError
        There is no GPU, or this torch is built without CUDA.
    """
    import torch

    if torch.cuda.is_available():
        return
    if torch.version.cuda is None:
        raise EncoderError(
            f"{what} needs a GPU and a torch built with CUDA, got torch {torch.__version__}; "
            "install one from pytorch.org/get-started, or use runtime onnx"
        )
    raise EncoderError(
        f"{what} needs an NVIDIA GPU and its driver, and torch {torch.__version__} sees none; "
        "check nvidia-smi, or use runtime onnx"
    )


class CudaBatch:
    """Buffers of one batch size, and the network that runs on them.

    Copies to the GPU, the network and the copy back are queued on a stream of its own; the caller waits once,
    for the codes.

    Parameters
    ----------
    count
        Images in a batch, N.
    size
        Their height and width.
    launch
        Queues the network. Its buffers must stay where they are from one launch to the next if `graph`.
    graph
        Capture the launch once as a CUDA graph and replay it.
    """

    def __init__(self, count: int, size: tuple[int, int], launch: Launch, *, graph: bool) -> None:
        import torch

        self._launch = launch
        self._stream: Any = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._host_rgb = torch.empty((count, *size, 3), dtype=torch.uint8, pin_memory=True)
        self._host_depth = torch.empty((count, *size), dtype=torch.float32, pin_memory=True)
        with torch.cuda.stream(self._stream), torch.inference_mode():
            self._rgb = torch.zeros(self._host_rgb.shape, dtype=torch.uint8, device="cuda")
            self._depth = torch.zeros(self._host_depth.shape, dtype=torch.float32, device="cuda")
            for _ in range(WARM_UP if graph else 1):
                codes = launch(self._rgb, self._depth)
        self._stream.synchronize()
        self._host_codes = torch.empty(codes.shape, dtype=torch.float16, pin_memory=True)
        self._graph: torch.cuda.CUDAGraph | None = None
        if graph:
            self._graph = torch.cuda.CUDAGraph()
            with torch.inference_mode(), torch.cuda.graph(self._graph, stream=self._stream):
                codes = launch(self._rgb, self._depth)
        self._codes = codes

    def run(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        """Encode a batch, as `student.runtimes.Runtime` says."""
        import torch

        self._host_rgb.numpy()[:] = rgb
        self._host_depth.numpy()[:] = depth
        with torch.cuda.stream(self._stream), torch.inference_mode():
            self._rgb.copy_(self._host_rgb, non_blocking=True)
            self._depth.copy_(self._host_depth, non_blocking=True)
            if self._graph is None:
                self._codes = self._launch(self._rgb, self._depth)
            else:
                self._graph.replay()
            self._host_codes.copy_(self._codes, non_blocking=True)
        self._stream.synchronize()
        codes: npt.NDArray[np.float16] = self._host_codes.numpy().copy()
        return codes
