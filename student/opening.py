"""From a checkpoint, a name or an exported folder to an encoder."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, cast

from student.code_scale import code_scale
from student.disk_cache import file_sha256
from student.preprocessing import Preprocessing
from student.space import EmbeddingSpace
from student.student_encoder import StudentEncoder
from student.student_export import export_checkpoint, space_name, text_encoder_of
from student.student_folder import read_head, read_student_folder
from student.student_source import find_source
from student.trained_student import TrainedStudent

if TYPE_CHECKING:
    from student.runtimes import Runtime
    from student.runtimes.tensorrt_engine import Progress
    from student.runtimes.torch_runtime import Precision

RUNTIMES: Final = ("auto", "onnx", "torch", "torch-compiled", "tensorrt")
DEVICES: Final = ("cpu", "cuda")
_GPU_DEVICES: Final = ("/dev/nvidiactl", "/dev/nvmap", "/dev/dxg")  # a card, a Jetson, Windows' Linux
_COMPUTED: Final = (
    "relative_coords_table",
    "relative_position_index",
    "running_mean",
    "running_var",
    "tracked",
)
Note = Callable[[str], None]


def open_student(
    source: str | Path,
    *,
    runtime: str = "auto",
    size: tuple[int, int] | None = None,
    statistics: str | None = None,
    precision: str | None = None,
    stride: int | Literal["finest"] | None = None,
    threads: int = 0,
    device: str | None = None,
    note: Note = lambda text: None,
    progress: Progress | None = None,
) -> StudentEncoder:
    """Open a student as an encoder.

    Parameters
    ----------
    source
        A student that comes with the package or is published, by name, a checkpoint, or a folder that `dvemap
        engine onnx` wrote.
    runtime
        `"onnx"`, `"torch"`, `"torch-compiled"` or `"tensorrt"`; `"auto"` is torch for a checkpoint on a GPU,
        else onnx. For onnx and tensorrt a checkpoint is exported once; the cache keeps what was made.
    size
        Height and width that the network sees, multiples of 32; by default what the folder has, or what the
        checkpoint says that it was trained or judged at, else 480 x 640.
    statistics
        Name of what depth is normalised with (`student.preprocessing`); by default the folder's or the
        checkpoint's, else nyuv2.
    precision
        Of weights and features: fp32 or fp16 in ONNX graphs and engines; fp32, bf16, fp16, tf32 in torch. By
        default fp32, or that of the folder; int8 comes in a folder alone.
    stride
        Pixels a code; by default 4, which is all that a map needs, or that of the folder. `"finest"`: all
        that the student tells apart, as figures on images need.
    threads
        On the CPU; 0 lets the runtime choose.
    device
        `"cpu"` or `"cuda"`; by default what fits the runtime and the machine.
    note, progress
        Told what takes time, and how the build of a TensorRT engine goes.

    Returns
    -------
    StudentEncoder

    Raises
    ------
    EncoderError
        There is no such student, or the runtime cannot be had.
    CheckpointError
        The file holds no student.
    ValueError
        An option is not possible, or contradicts the folder.
    """
    _check_choice("runtime", runtime, RUNTIMES)
    if device is not None:
        _check_choice("device", device, DEVICES)
    path = find_source(source)
    wishes: dict[str, Any] = {"size": size, "statistics": statistics, "precision": precision}
    if path.is_dir():
        _check_folder(path, wishes | {"stride": None if stride == "finest" else stride})
        if runtime.startswith("torch"):
            raise ValueError(f"runtime {runtime} runs checkpoints, got the exported folder {path}; use onnx")
        return _open_folder(path, "onnx" if runtime == "auto" else runtime, threads, device, note, progress)
    trained = TrainedStudent(path)
    wishes["stride"] = trained.checkpoint.config.stride if stride == "finest" else stride
    if runtime == "auto":
        runtime = "torch" if device == "cuda" or (device is None and gpu_is_there()) else "onnx"
    if runtime.startswith("torch"):
        return _open_torch(trained, wishes, runtime == "torch-compiled", threads, device)
    folder = export_checkpoint(trained, options=trained.options(**wishes), note=note)
    return _open_folder(folder, runtime, threads, device, note, progress)


def gpu_is_there() -> bool:
    """Say whether torch sees a GPU; torch is not loaded on machines that plainly have none."""
    if sys.platform == "linux" and not any(Path(device).exists() for device in _GPU_DEVICES):
        return False
    import torch

    return torch.cuda.is_available()


def _open_torch(
    student: TrainedStudent, wishes: dict[str, Any], compiled: bool, threads: int, device: str | None
) -> StudentEncoder:
    from student.inference.codes_network import CodesNetwork
    from student.runtimes.torch_runtime import TorchRuntime

    precision = wishes.pop("precision") or "fp32"
    if precision == "int8":
        raise ValueError(
            "precision int8 is for ONNX Runtime; use runtime onnx with a folder exported in int8"
        )
    options = student.options(**wishes)
    checkpoint, statistics = student.checkpoint, options.depth
    trained = checkpoint.build()
    network = CodesNetwork(trained, options.size, statistics, options.stride)
    space = EmbeddingSpace(
        space_name(checkpoint, student.sha256),
        checkpoint.config.embedding_dim,
        network.head,
        text_encoder_of(checkpoint),
        code_scale(trained),
    )
    place = device or ("cuda" if gpu_is_there() else "cpu")
    runtime = TorchRuntime(
        network,
        device=cast(Literal["cpu", "cuda"], place),
        precision=cast("Precision", precision),
        compiled=compiled,
        threads=threads,
    )
    count = sum(value.numel() for name, value in checkpoint.state.items() if not name.endswith(_COMPUTED))
    weights = f"{count / 1e6:.1f} M parameters in {student.path}"
    made_from = {
        "checkpoint": student.sha256,
        "size": options.size,
        "stride": options.stride,
        "statistics": (statistics.mean, statistics.std),
    }
    return _encoder(runtime, space, made_from, weights)


def _open_folder(
    path: Path, runtime: str, threads: int, device: str | None, note: Note, progress: Progress | None
) -> StudentEncoder:
    config = read_student_folder(path)
    running: Runtime
    if runtime == "tensorrt":
        from student.runtimes.tensorrt_runtime import TensorRTRuntime

        if device == "cpu":
            raise ValueError("runtime tensorrt runs on cuda, got device cpu")
        note("loading the TensorRT engine; the first time it is built, which takes minutes")
        running = TensorRTRuntime(path, progress=progress)
    else:
        from student.runtimes.onnx_runtime import OnnxRuntime

        running = OnnxRuntime(path, threads=threads, device=cast(Literal["cpu", "cuda"], device or "cpu"))
    space = EmbeddingSpace(
        config.name, config.embedding_dim, read_head(path, config), config.text_encoder, config.code_scale
    )
    model = path / config.model
    weights = f"{model.stat().st_size / 1e6:.1f} MB in {model}"
    # The graph holds all of it, what int8 was calibrated on too.
    return _encoder(running, space, {"graph": file_sha256(model)}, weights)


def _encoder(
    runtime: Runtime, space: EmbeddingSpace, made_from: dict[str, Any], weights: str
) -> StudentEncoder:
    parts = {"space": space.name, "runtime": runtime.name, **made_from}
    fingerprint = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return StudentEncoder(runtime, Preprocessing(runtime.size), space, fingerprint, weights)


def _check_folder(path: Path, wishes: dict[str, Any]) -> None:
    """Raise if something else is asked of an exported folder than it was made for."""
    config = read_student_folder(path)
    has = {
        "size": config.size,
        "statistics": config.statistics.name,
        "precision": config.precision,
        "stride": config.stride,
    }
    for name, value in wishes.items():
        if value is not None and value != has[name]:
            raise ValueError(
                f"{path} was exported with {name} {_text(has[name])}, asked for {_text(value)}; export the "
                "checkpoint again with: dvemap engine onnx"
            )


def _text(value: object) -> str:
    return f"{value[0]}x{value[1]}" if isinstance(value, tuple) else str(value)


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
