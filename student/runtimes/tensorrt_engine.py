"""TensorRT engines: built from an exported student, kept in the cache.

Written against the documented Python API of TensorRT 10.3 (JetPack 6) to 11: networks are strongly typed, so
the types of the ONNX graph decide the precision. An engine fits one GPU model and one version of TensorRT;
the cache key says so.
"""

from __future__ import annotations

import hashlib
import importlib
import platform
import re
import threading
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from student.atomic_file import atomic_file
from student.disk_cache import cache_folder, file_sha256
from student.errors import EncoderError
from student.runtimes.cuda_batch import require_cuda
from student.student_folder import StudentFolder, read_student_folder

Progress = Callable[[int, int, str], None]
"""Told steps done, steps in all, and what is being done."""

OLDEST: Final = (10, 3)
INPUTS: Final = ("rgb", "depth")


@dataclass(frozen=True)
class BatchProfile:
    """Batch sizes that an engine takes, and the one it is tuned for.

    Raises
    ------
    ValueError
        They are not in order.
    """

    least: int = 1
    best: int = 1
    most: int = 8

    def __post_init__(self) -> None:
        """Check once, where a profile is made."""
        if not 1 <= self.least <= self.best <= self.most:
            raise ValueError(
                f"batch sizes must be 1 <= least <= best <= most, got {self.least}, {self.best}, {self.most}"
            )


def require_tensorrt() -> Any:
    """Return the tensorrt module.

    Raises
    ------
    EncoderError
        It is not installed, or too old.
    """
    try:
        tensorrt = importlib.import_module("tensorrt")
    except ImportError as error:
        jetson = platform.machine() == "aarch64"
        fix = (
            "on a Jetson it comes with JetPack 6 (apt-get install python3-libnvinfer, and a virtual "
            "environment with --system-site-packages), elsewhere: pip install 'dvemap[tensorrt]'"
            if jetson
            else "install it with: pip install 'dvemap[tensorrt]' (on a Jetson it comes with JetPack 6)"
        )
        raise EncoderError(
            f"runtime tensorrt needs TensorRT, which cannot be loaded ({error}); {fix}"
        ) from None
    version = tuple(int(part) for part in tensorrt.__version__.split(".")[:2])
    if version < OLDEST:
        raise EncoderError(
            f"runtime tensorrt needs TensorRT {OLDEST[0]}.{OLDEST[1]} or later, got {tensorrt.__version__}; "
            "update it (on a Jetson: JetPack 6.1 or later)"
        )
    return tensorrt


def require_device() -> Any:
    """Return the tensorrt module where there is a GPU for it.

    Raises
    ------
    EncoderError
        TensorRT or a GPU is missing.
    """
    module = require_tensorrt()
    require_cuda("runtime tensorrt")
    return module


def engine_path(folder: Path, profile: BatchProfile) -> Path:
    """Return where the engine of an exported student lies in the cache, built or not.

    Its key covers the ONNX graph, the GPU, the versions of TensorRT and CUDA, and the batch sizes.

    Raises
    ------
    EncoderError
        TensorRT or a GPU is missing, or the folder holds no student that TensorRT can run.
    """
    trt = require_device()
    import torch

    config = _readable(folder)
    major, minor = torch.cuda.get_device_capability()
    parts = {
        "onnx": file_sha256(folder / config.model),
        "gpu": torch.cuda.get_device_name(),
        "capability": f"{major}.{minor}",
        "tensorrt": trt.__version__,
        "cuda": torch.version.cuda,
        "precision": config.precision,
        **asdict(profile),
    }
    text = "\n".join(f"{name}={value}" for name, value in parts.items())
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    name = re.sub(r"[^\w.-]", "_", config.name)  # anything, in a folder that came from elsewhere
    return cache_folder() / "engines" / f"{name}-{config.precision}-{key}.engine"


def build_engine(
    folder: str | Path, profile: BatchProfile | None = None, *, progress: Progress | None = None
) -> Path:
    """Build the engine of an exported student, unless the cache has it.

    Parameters
    ----------
    folder
        Of an exported student (`student.onnx_export`), fp32 or fp16.
    profile
        Batch sizes.
    progress
        Told how the build goes; it takes minutes.

    Returns
    -------
    The engine file.

    Raises
    ------
    EncoderError
        TensorRT or a GPU is missing, or the graph cannot be built; it says why.
    """
    folder, profile = Path(folder), profile or BatchProfile()
    target = engine_path(folder, profile)
    if target.is_file():
        return target
    trt = require_tensorrt()
    config = read_student_folder(folder)
    log = make_log(trt)
    builder = trt.Builder(log)
    # Since 11 every network is strongly typed and the flag is deprecated.
    old = int(trt.__version__.split(".")[0]) < 11
    flags = 1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED) if old else 0
    network = builder.create_network(flags)
    parser = trt.OnnxParser(network, log)
    if not parser.parse_from_file(str(folder / config.model)):
        faults = "; ".join(parser.get_error(i).desc() for i in range(parser.num_errors))
        raise EncoderError(f"{folder / config.model}: TensorRT {trt.__version__} cannot read it: {faults}")
    settings = builder.create_builder_config()
    if config.precision == "fp32":
        settings.clear_flag(trt.BuilderFlag.TF32)  # fp32 is fp32
    shapes = builder.create_optimization_profile()
    for name, rest in zip(INPUTS, ((*config.size, 3), config.size), strict=True):
        sizes = [(count, *rest) for count in (profile.least, profile.best, profile.most)]
        shapes.set_shape(name, *sizes)
    settings.add_optimization_profile(shapes)
    monitor = _make_monitor(trt, progress)
    settings.progress_monitor = monitor
    serialized = builder.build_serialized_network(network, settings)
    if monitor.stopped_by is not None:
        raise monitor.stopped_by
    if serialized is None:
        raise EncoderError(
            f"{folder / config.model}: TensorRT {trt.__version__} built no engine: {log.text()}"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(target) as temporary:
        temporary.write_bytes(memoryview(serialized))
    return target


def make_log(trt: Any) -> Any:
    """Return a TensorRT logger that keeps what went wrong instead of printing it."""

    class Log(trt.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.ILogger.__init__(self)
            self._lines: list[str] = []

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                self._lines = [*self._lines[-4:], message]

        def text(self) -> str:
            return "; ".join(self._lines) or "it gave no reason"

    return Log()


def _readable(folder: Path) -> StudentFolder:
    config = read_student_folder(folder)
    if config.precision == "int8":
        raise EncoderError(
            f"{folder}: TensorRT takes fp32 and fp16 students, got int8, which is made for CPUs; export one "
            f"with: dvemap engine onnx CHECKPOINT --precision fp16"
        )
    return config


def _make_monitor(trt: Any, progress: Progress | None) -> Any:
    """Return a TensorRT progress monitor: steps of the outermost phase, named by the innermost.

    TensorRT calls it from threads of its own, where an exception would end the process, so one raised by
    `progress` (Ctrl-C) is kept in `stopped_by` and the build cancelled.
    """

    class Monitor(trt.IProgressMonitor):  # type: ignore[misc]
        def __init__(self) -> None:
            trt.IProgressMonitor.__init__(self)
            self.stopped_by: BaseException | None = None
            self._lock = threading.Lock()
            self._phases: dict[str, tuple[int, int]] = {}  # outermost first: steps done, steps

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            with self._lock:
                if not parent_phase:
                    self._phases.clear()
                self._phases[phase_name] = (0, num_steps)
                self._tell()

        def step_complete(self, phase_name: str, step: int) -> bool:
            with self._lock:
                if phase_name in self._phases:
                    self._phases[phase_name] = (step + 1, self._phases[phase_name][1])
                    self._tell()
                return self.stopped_by is None

        def phase_finish(self, phase_name: str) -> None:
            with self._lock:
                self._phases.pop(phase_name, None)

        def _tell(self) -> None:
            if progress is None or self.stopped_by is not None:
                return
            done, steps = next(iter(self._phases.values()))
            try:
                progress(done, steps, next(reversed(self._phases)))
            except BaseException as error:
                self.stopped_by = error

    return Monitor()
