"""A student run by TensorRT."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from student.errors import EncoderError
from student.runtimes.cuda_batch import CudaBatch, Launch
from student.runtimes.runtime import check_batch, first_line
from student.runtimes.tensorrt_engine import BatchProfile, Progress, build_engine, make_log, require_tensorrt
from student.student_folder import read_student_folder

if TYPE_CHECKING:
    import torch


class TensorRTRuntime:
    """Runs the TensorRT engine of an exported student; builds it first where the cache has none.

    Parameters
    ----------
    folder
        Of the exported student, fp32 or fp16.
    profile
        Batch sizes that can come.
    graph
        Replay a CUDA graph for each batch size.
    progress
        Told how a build goes.

    Raises
    ------
    EncoderError
        TensorRT or a GPU is missing, or the engine cannot be built or loaded.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        profile: BatchProfile | None = None,
        graph: bool = True,
        progress: Progress | None = None,
    ) -> None:
        self._profile = profile or BatchProfile()
        path = build_engine(folder, self._profile, progress=progress)
        config = read_student_folder(Path(folder))
        self.size, self.code_dim = config.size, config.code_dim
        self.name = f"tensorrt cuda {config.precision}"
        trt = require_tensorrt()
        self._log = make_log(trt)
        self._runtime = trt.Runtime(self._log)  # must outlive the engine
        self._engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
        if self._engine is None:
            raise EncoderError(
                f"{path}: TensorRT {trt.__version__} cannot load this engine: {self._log.text()}; remove it, "
                "it is then built again"
            )
        self._graph = graph
        self._batches: dict[int, CudaBatch] = {}

    def run(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        """Encode a batch, as `student.runtimes.Runtime` says."""
        rgb, depth = check_batch(rgb, depth, self.size)
        count = len(rgb)
        if not self._profile.least <= count <= self._profile.most:
            raise ValueError(
                f"a batch must have {self._profile.least} to {self._profile.most} images for this engine, "
                f"got {count}"
            )
        try:
            if count not in self._batches:
                launch = self._make_launch(count)
                self._batches[count] = CudaBatch(count, self.size, launch, graph=self._graph)
            return self._batches[count].run(rgb, depth)
        except RuntimeError as error:  # torch's: no memory left, or a fault of the GPU
            raise EncoderError(f"runtime {self.name} failed: {first_line(error)}") from error

    def close(self) -> None:
        """Give the memory back, batches and their contexts first."""
        self._batches.clear()
        self._engine = None

    def _make_launch(self, count: int) -> Launch:
        """Return what queues the engine for one batch size, in an execution context of its own.

        A captured graph stays valid only as long as its context keeps its shapes.
        """
        import torch

        context: Any = self._engine.create_execution_context()
        if context is None:
            raise EncoderError(f"TensorRT has no memory for a batch of {count}: {self._log.text()}")
        context.set_input_shape("rgb", (count, *self.size, 3))
        context.set_input_shape("depth", (count, *self.size))
        shape = tuple(context.get_tensor_shape("codes"))

        def launch(rgb: torch.Tensor, depth: torch.Tensor) -> torch.Tensor:
            codes = torch.empty(shape, dtype=torch.float16, device="cuda")
            for name, tensor in (("rgb", rgb), ("depth", depth), ("codes", codes)):
                context.set_tensor_address(name, tensor.data_ptr())
            if not context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
                raise EncoderError(f"TensorRT failed: {self._log.text()}")
            return codes

        return launch
