"""An exported student run by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from student.errors import EncoderError
from student.runtimes.runtime import check_batch
from student.student_folder import StudentFolder, read_student_folder

PROVIDERS: Final = {"cpu": "CPUExecutionProvider", "cuda": "CUDAExecutionProvider"}
_INPUTS: Final = {"rgb": "tensor(uint8)", "depth": "tensor(float)"}
_OUTPUTS: Final = {"codes": "tensor(float16)"}


class OnnxRuntime:
    """Runs an exported student under ONNX Runtime.

    Parameters
    ----------
    folder
        Of the exported student.
    threads
        Of the network on the CPU; 0 lets ONNX Runtime choose. With the same number the same computer returns
        the same codes.
    device
        `"cpu"` or `"cuda"`.

    Raises
    ------
    EncoderError
        The folder or its model cannot be used, or this ONNX Runtime has no such device.
    """

    def __init__(
        self, folder: str | Path, *, threads: int = 0, device: Literal["cpu", "cuda"] = "cpu"
    ) -> None:
        if threads < 0:
            raise ValueError(f"threads must be >= 0, got {threads}")
        self.config = read_student_folder(Path(folder))
        if device == "cuda" and self.config.precision == "int8":
            raise EncoderError(
                f"{folder} is exported in int8, which runs on the CPU; export it in fp16 for the GPU"
            )
        self.size, self.code_dim = self.config.size, self.config.code_dim
        self.name = f"onnx {device} {self.config.precision}"
        self._path = Path(folder) / self.config.model
        self._session: Any = _open(self._path, self.config, threads, device)

    def run(self, rgb: npt.NDArray[np.uint8], depth: npt.NDArray[np.float32]) -> npt.NDArray[np.float16]:
        """Encode a batch, as `student.runtimes.Runtime` says."""
        rgb, depth = check_batch(rgb, depth, self.size)
        try:
            codes: npt.NDArray[np.float16] = self._session.run(["codes"], {"rgb": rgb, "depth": depth})[0]
        except Exception as error:  # ONNX Runtime raises its own types, which share no other base
            raise EncoderError(f"{self._path}: {error}") from error
        return codes

    def close(self) -> None:
        """Give the memory back."""
        self._session = None


def _open(path: Path, config: StudentFolder, threads: int, device: str) -> Any:
    """Start a session and check that the graph is what student.json says."""
    import onnxruntime

    if not path.is_file():
        raise EncoderError(f"{path}: no such file; export the student again with: dvemap engine onnx")
    provider = PROVIDERS[device]
    if provider not in onnxruntime.get_available_providers():
        raise EncoderError(
            f"this ONNX Runtime has no {provider}, only {', '.join(onnxruntime.get_available_providers())}; "
            "pip install onnxruntime-gpu in its place, or use the CPU"
        )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    # Threads that spin while they wait for each other take the processor from the rest of the pipeline.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=[provider])
    except Exception as error:  # as above
        raise EncoderError(
            f"{path} is not a model that ONNX Runtime can run ({error}); export the student again with: "
            "dvemap engine onnx"
        ) from error
    if session.get_providers()[0] != provider:
        raise EncoderError(
            f"ONNX Runtime could not start {provider}; it needs an NVIDIA driver, CUDA and cuDNN of the "
            "versions that onnxruntime-gpu names"
        )
    for found, wanted in ((session.get_inputs(), _INPUTS), (session.get_outputs(), _OUTPUTS)):
        types = {tensor.name: tensor.type for tensor in found}
        if types != wanted:
            raise EncoderError(f"{path} must have {wanted}, got {types}; export the student again")
    height, width = config.size
    shapes = {tensor.name: list(tensor.shape)[1:] for tensor in session.get_inputs()}
    channels = session.get_outputs()[0].shape[-1]
    if shapes != {"rgb": [height, width, 3], "depth": [height, width]} or channels != config.code_dim:
        raise EncoderError(
            f"{path} takes {shapes} and returns {channels} numbers a code, student.json says {height} x "
            f"{width} and {config.code_dim}; export the student again"
        )
    return session
