"""What surrounds TensorRT: cache keys, batch sizes, progress, errors. The fake computes nothing."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from student.errors import EncoderError
from student.runtimes import cuda_batch
from student.runtimes.tensorrt_engine import BatchProfile, build_engine, engine_path
from student.runtimes.tensorrt_runtime import TensorRTRuntime

PHASES = ("Building Engine", "Timing")


class FakeTensorRT(ModuleType):
    """The parts of the tensorrt module that are used, with what was asked of them."""

    def __init__(self, version: str = "10.3.0") -> None:
        super().__init__("tensorrt")
        self.__version__ = version
        self.asked: dict[str, Any] = {"flags": None, "shapes": {}, "cleared": [], "builds": 0}
        self.parses, self.builds, self.loads = True, True, True
        self.engine: Any = None
        fake, asked = self, self.asked

        class ILogger:
            ERROR, INTERNAL_ERROR, WARNING = "error", "internal", "warning"

        class IProgressMonitor:
            pass

        class Builder:
            def __init__(self, log: Any) -> None:
                self.log = log

            def create_network(self, flags: int) -> object:
                asked["flags"] = flags
                return object()

            def create_builder_config(self) -> Any:
                settings = SimpleNamespace(
                    progress_monitor=None, add_optimization_profile=lambda shapes: None
                )
                settings.clear_flag = asked["cleared"].append
                return settings

            def create_optimization_profile(self) -> Any:
                return SimpleNamespace(set_shape=lambda name, *sizes: asked["shapes"].update({name: sizes}))

            def build_serialized_network(self, network: object, settings: Any) -> bytes | None:
                asked["builds"] += 1
                if not fake.builds:
                    self.log.log(ILogger.WARNING, "slow")
                    self.log.log(ILogger.ERROR, "no kernel for node 7")
                    return None
                monitor = settings.progress_monitor
                monitor.phase_start(PHASES[0], None, 2)
                monitor.phase_start(PHASES[1], PHASES[0], 3)
                if not monitor.step_complete(PHASES[1], 0):
                    return None
                monitor.phase_finish(PHASES[1])
                monitor.step_complete(PHASES[0], 0)
                monitor.phase_finish(PHASES[0])
                return b"engine"

        class OnnxParser:
            num_errors = 1

            def __init__(self, network: object, log: Any) -> None:
                pass

            def parse_from_file(self, path: str) -> bool:
                return fake.parses

            def get_error(self, index: int) -> Any:
                return SimpleNamespace(desc=lambda: "node Foo is unknown")

        class Runtime:
            def __init__(self, log: Any) -> None:
                self.log = log

            def deserialize_cuda_engine(self, content: bytes) -> Any:
                if not fake.loads:
                    self.log.log(ILogger.ERROR, "wrong version tag")
                    return None
                return fake.engine

        self.ILogger, self.IProgressMonitor, self.Builder = ILogger, IProgressMonitor, Builder
        self.OnnxParser, self.Runtime = OnnxParser, Runtime
        self.NetworkDefinitionCreationFlag = SimpleNamespace(STRONGLY_TYPED=1)
        self.BuilderFlag = SimpleNamespace(TF32="tf32")


@pytest.fixture
def trt(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FakeTensorRT:
    fake = FakeTensorRT()
    monkeypatch.setitem(sys.modules, "tensorrt", fake)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Orin")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (8, 7))
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))
    return fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_folder(tmp_path / "student")


def write_folder(folder: Path, precision: str = "fp16") -> Path:
    folder.mkdir()
    (folder / "model.onnx").write_bytes(b"graph")
    config = {
        "name": "tiny",
        "size": [32, 64],
        "stride": 4,
        "code_dim": 5,
        "embedding_dim": 5,
        "text_encoder": None,
        "code_scale": 65536.0,
        "statistics": {"name": "nyuv2", "mean": 2.8, "std": 1.4},
        "precision": precision,
        "model": "model.onnx",
        "head": None,
        "checkpoint_sha256": "0" * 64,
        "exporter": 1,
    }
    (folder / "student.json").write_text(json.dumps(config))
    return folder


def test_an_engine_is_built_once_and_told_step_by_step(trt: FakeTensorRT, folder: Path) -> None:
    told: list[tuple[int, int, str]] = []
    path = build_engine(folder, progress=lambda *step: told.append(step))
    assert path.read_bytes() == b"engine"
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    assert told == [(0, 2, "Building Engine"), (0, 2, "Timing"), (0, 2, "Timing"), (1, 2, "Building Engine")]
    assert build_engine(folder) == path
    assert trt.asked["builds"] == 1


@pytest.mark.parametrize(("version", "flags"), [("10.3.0", 2), ("10.15.1.29", 2), ("11.4.0", 0)])
def test_networks_are_strongly_typed_in_every_version(
    trt: FakeTensorRT, folder: Path, version: str, flags: int
) -> None:
    trt.__version__ = version
    build_engine(folder, BatchProfile(1, 2, 4))
    assert trt.asked["flags"] == flags
    assert trt.asked["shapes"] == {
        "rgb": ((1, 32, 64, 3), (2, 32, 64, 3), (4, 32, 64, 3)),
        "depth": ((1, 32, 64), (2, 32, 64), (4, 32, 64)),
    }


@pytest.mark.parametrize(("precision", "cleared"), [("fp32", ["tf32"]), ("fp16", [])])
def test_fp32_is_fp32(trt: FakeTensorRT, tmp_path: Path, precision: str, cleared: list[str]) -> None:
    build_engine(write_folder(tmp_path / "other", precision))
    assert trt.asked["cleared"] == cleared


def test_the_key_covers_all_that_an_engine_depends_on(
    trt: FakeTensorRT, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [engine_path(folder, BatchProfile())]
    assert engine_path(folder, BatchProfile()) == paths[0]

    def changed(change: Callable[[], object]) -> None:
        change()
        paths.append(engine_path(folder, BatchProfile()))

    paths.append(engine_path(folder, BatchProfile(most=4)))
    changed(lambda: monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "Thor"))
    changed(lambda: monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (11, 0)))
    changed(lambda: monkeypatch.setattr(torch.version, "cuda", "12.6"))
    changed(lambda: setattr(trt, "__version__", "10.3.1"))
    changed(lambda: (folder / "model.onnx").write_bytes(b"another graph"))
    assert len(set(paths)) == len(paths)
    assert all(path.name.startswith("tiny-fp16-") for path in paths)


def test_a_name_from_elsewhere_leads_nowhere_else(trt: FakeTensorRT, folder: Path) -> None:
    text = (folder / "student.json").read_text()
    (folder / "student.json").write_text(text.replace('"tiny"', '"../../mine"'))
    path = engine_path(folder, BatchProfile())
    assert (path.parent.name, path.name[:16]) == ("engines", ".._.._mine-fp16-")


def test_ctrl_c_during_a_build_leaves_nothing(trt: FakeTensorRT, folder: Path) -> None:
    def interrupted(done: int, total: int, what: str) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_engine(folder, progress=interrupted)
    path = engine_path(folder, BatchProfile())
    assert not path.exists()


def test_what_tensorrt_refuses_is_said_in_its_words(trt: FakeTensorRT, folder: Path) -> None:
    trt.builds = False
    with pytest.raises(EncoderError, match=r"built no engine: no kernel for node 7$"):
        build_engine(folder)
    trt.parses = False
    with pytest.raises(
        EncoderError, match=r"model\.onnx: TensorRT 10\.3\.0 cannot read it: node Foo is unknown"
    ):
        build_engine(folder)
    trt.builds = trt.parses = True
    trt.loads = False
    with pytest.raises(EncoderError, match="cannot load this engine: wrong version tag; remove it"):
        TensorRTRuntime(folder)


def test_int8_folders_are_for_cpus(trt: FakeTensorRT, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match="takes fp32 and fp16 students, got int8"):
        build_engine(write_folder(tmp_path / "int8", "int8"))


def test_a_missing_or_old_library_is_named_with_the_line_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    with pytest.raises(EncoderError, match=r"pip install 'dvemap\[tensorrt\]'.*Jetson"):
        build_engine(folder)
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    with pytest.raises(EncoderError, match="comes with JetPack 6"):
        build_engine(folder)
    monkeypatch.setitem(sys.modules, "tensorrt", FakeTensorRT("8.6.1"))
    with pytest.raises(EncoderError, match=r"needs TensorRT 10\.3 or later, got 8\.6\.1"):
        build_engine(folder)


def test_a_missing_gpu_is_named(trt: FakeTensorRT, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "cuda", "13.0")
    with pytest.raises(EncoderError, match="runtime tensorrt needs an NVIDIA GPU and its driver"):
        build_engine(folder)
    monkeypatch.setattr(torch.version, "cuda", None)
    with pytest.raises(EncoderError, match="torch built with CUDA"):
        build_engine(folder)


@pytest.mark.parametrize("sizes", [(0, 1, 1), (2, 1, 4), (1, 8, 4)])
def test_batch_sizes_must_be_in_order(sizes: tuple[int, int, int]) -> None:
    with pytest.raises(ValueError, match="1 <= least <= best <= most"):
        BatchProfile(*sizes)


class FakeBatch:
    """Stands for the buffers on the GPU; remembers what was made."""

    made: list[tuple[int, bool]]

    def __init__(self, count: int, size: tuple[int, int], launch: Any, *, graph: bool) -> None:
        self.made.append((count, graph))

    def run(self, rgb: np.ndarray, depth: np.ndarray) -> np.ndarray:
        return np.zeros((len(rgb), 8, 16, 5), np.float16)


def test_each_batch_size_has_a_context_and_buffers_of_its_own(
    trt: FakeTensorRT, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    contexts: list[dict[str, tuple[int, ...]]] = []

    class Context:
        def __init__(self) -> None:
            self.shapes: dict[str, tuple[int, ...]] = {}
            contexts.append(self.shapes)

        def set_input_shape(self, name: str, shape: tuple[int, ...]) -> bool:
            self.shapes[name] = shape
            return True

        def get_tensor_shape(self, name: str) -> tuple[int, ...]:
            return (self.shapes["rgb"][0], 8, 16, 5)

    trt.engine = SimpleNamespace(create_execution_context=Context)
    monkeypatch.setattr(FakeBatch, "made", [], raising=False)
    monkeypatch.setattr("student.runtimes.tensorrt_runtime.CudaBatch", FakeBatch)
    runtime = TensorRTRuntime(folder, profile=BatchProfile(1, 1, 2))
    assert (runtime.name, runtime.size, runtime.code_dim) == ("tensorrt cuda fp16", (32, 64), 5)
    for count in (1, 2, 1):
        codes = runtime.run(np.zeros((count, 32, 64, 3), np.uint8), np.zeros((count, 32, 64), np.float32))
        assert codes.shape == (count, 8, 16, 5)
    assert FakeBatch.made == [(1, True), (2, True)]
    assert [shapes["rgb"] for shapes in contexts] == [(1, 32, 64, 3), (2, 32, 64, 3)]
    with pytest.raises(ValueError, match="1 to 2 images for this engine, got 3"):
        runtime.run(np.zeros((3, 32, 64, 3), np.uint8), np.zeros((3, 32, 64), np.float32))
    with pytest.raises(ValueError, match=r"depth must be \(1, 32, 64\) float32"):
        runtime.run(np.zeros((1, 32, 64, 3), np.uint8), np.zeros((1, 32, 64), np.float64))
    runtime.close()


def test_a_gpu_that_fails_is_an_error_of_the_runtime(trt: FakeTensorRT, folder: Path) -> None:
    def fail() -> None:
        raise RuntimeError("CUDA error: an illegal memory access\nmore about it")

    trt.engine = SimpleNamespace(create_execution_context=fail)
    runtime = TensorRTRuntime(folder)
    with pytest.raises(EncoderError, match=r"^runtime tensorrt cuda fp16 failed: CUDA error.*access$"):
        runtime.run(np.zeros((1, 32, 64, 3), np.uint8), np.zeros((1, 32, 64), np.float32))


def test_no_gpu_names_another_runtime() -> None:
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(EncoderError, match="use runtime onnx"):
        cuda_batch.require_cuda("runtime torch on cuda")
