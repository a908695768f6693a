"""Runtimes: the same codes from each, batches, and what a user is told where one cannot run."""

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper

from student.errors import EncoderError
from student.inference.codes_network import CodesNetwork
from student.networks.config import StudentConfig
from student.networks.dveformer import DVEFormer, build
from student.preprocessing import DEPTH_STATISTICS, normalise
from student.runtimes.onnx_runtime import OnnxRuntime
from student.runtimes.torch_runtime import TorchRuntime

SIZE = (64, 96)


def images(count: int = 1) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    rgb = draw.integers(0, 256, (count, *SIZE, 3), dtype=np.uint8)
    depth = draw.uniform(0.0, 5.0, (count, *SIZE)).astype(np.float32)
    return rgb, np.where(depth < 0.5, np.float32(0), depth)


@pytest.fixture(scope="module")
def network(deterministic: SimpleNamespace, tiny_config: StudentConfig) -> DVEFormer:
    filled: DVEFormer = deterministic.fill(build(tiny_config)).eval()
    return filled


def codes_network(network: DVEFormer) -> CodesNetwork:
    return CodesNetwork(network, SIZE, DEPTH_STATISTICS["nyuv2"])


def relative(codes: np.ndarray, wanted: np.ndarray) -> float:
    difference = codes.astype(np.float64) - wanted.astype(np.float64)
    return float(np.linalg.norm(difference) / np.linalg.norm(wanted.astype(np.float64)))


def test_torch_gives_the_embeddings_of_the_network(network: DVEFormer) -> None:
    rgb, depth = images(2)
    with torch.inference_mode():
        wanted = network(*map(torch.from_numpy, normalise(rgb, depth, DEPTH_STATISTICS["nyuv2"])))
    wanted = torch.nn.functional.normalize(wanted, dim=1).permute(0, 2, 3, 1).numpy()
    runtime = TorchRuntime(codes_network(network))
    codes = runtime.run(rgb, depth)
    assert (runtime.name, runtime.size, runtime.code_dim) == ("torch cpu fp32", SIZE, 25)
    assert (codes.shape, codes.dtype) == ((2, 16, 24, 25), np.float16)
    assert relative(codes.astype(np.float32) @ network.head_matrix().T, wanted) < 1e-3
    alone = runtime.run(rgb[1:], depth[1:])
    assert relative(alone, codes[1:]) < 1e-3
    runtime.close()


def test_bf16_is_near_and_named(network: DVEFormer) -> None:
    rgb, depth = images()
    exact = TorchRuntime(codes_network(network)).run(rgb, depth)
    runtime = TorchRuntime(codes_network(network), precision="bf16")
    assert runtime.name == "torch cpu bf16"
    assert 1e-4 < relative(runtime.run(rgb, depth), exact) < 0.1


def test_read_only_and_strided_images_are_taken(network: DVEFormer) -> None:
    rgb, depth = images()
    runtime = TorchRuntime(codes_network(network))
    wanted = runtime.run(rgb, depth)
    rgb.flags.writeable = False
    flipped = np.ascontiguousarray(depth[:, ::-1])[:, ::-1]
    assert not flipped.flags.c_contiguous
    np.testing.assert_array_equal(runtime.run(rgb, flipped), wanted)


@pytest.mark.parametrize(
    ("rgb", "depth", "said"),
    [
        (
            np.zeros((1, 64, 64, 3), np.uint8),
            np.zeros((1, 64, 64), np.float32),
            r"rgb must be \(N, 64, 96, 3\)",
        ),
        (np.zeros((1, *SIZE, 3), np.float32), np.zeros((1, *SIZE), np.float32), "uint8, got .* float32"),
        (np.zeros((*SIZE, 3), np.uint8), np.zeros(SIZE, np.float32), r"rgb must be \(N, 64, 96, 3\)"),
        (
            np.zeros((0, *SIZE, 3), np.uint8),
            np.zeros((0, *SIZE), np.float32),
            r"rgb must be \(N, 64, 96, 3\)",
        ),
        (np.zeros((2, *SIZE, 3), np.uint8), np.zeros((1, *SIZE), np.float32), r"depth must be \(2, 64, 96\)"),
        (np.zeros((1, *SIZE, 3), np.uint8), np.zeros((1, *SIZE), np.uint16), "float32 metres, got .* uint16"),
    ],
)
def test_wrong_batches_are_named(network: DVEFormer, rgb: Any, depth: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        TorchRuntime(codes_network(network)).run(rgb, depth)


def test_what_torch_cannot_do_here_is_said(network: DVEFormer, monkeypatch: pytest.MonkeyPatch) -> None:
    for precision in ("tf32", "fp16"):
        with pytest.raises(
            ValueError, match=f"precision {precision} needs a GPU; use fp32 or bf16 on the CPU"
        ):
            TorchRuntime(codes_network(network), precision=precision)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="one of fp32, tf32, fp16, bf16, got 'int8'"):
        TorchRuntime(codes_network(network), precision="int8")  # type: ignore[arg-type]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(EncoderError, match="runtime torch on cuda needs"):
        TorchRuntime(codes_network(network), device="cuda")
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CXX", raising=False)
    with pytest.raises(EncoderError, match=r"needs a C\+\+ compiler, and there is no g\+\+, clang\+\+"):
        TorchRuntime(codes_network(network), compiled=True)


def test_compiled_runs_what_torch_compiles(network: DVEFormer, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiler itself takes most of a minute; that it is asked, and named, is seen without it."""
    asked: list[dict[str, Any]] = []

    def compile(module: Any, **options: Any) -> Any:
        asked.append(options)
        return module

    monkeypatch.setattr(torch, "compile", compile)
    rgb, depth = images()
    runtime = TorchRuntime(codes_network(network), compiled=True)
    assert runtime.name == "torch-compiled cpu fp32"
    assert asked == [{"dynamic": False}]
    np.testing.assert_array_equal(
        runtime.run(rgb, depth), TorchRuntime(codes_network(network)).run(rgb, depth)
    )


def test_a_failing_network_is_an_error_of_the_runtime(network: DVEFormer) -> None:
    runtime = TorchRuntime(codes_network(network))

    def fail(*images: object) -> None:
        raise RuntimeError("\n  no memory left\nat line 7")

    runtime._module = fail
    with pytest.raises(EncoderError, match=r"^runtime torch cpu fp32 failed: no memory left$"):
        runtime.run(*images())


def test_threads_are_the_networks_alone(network: DVEFormer) -> None:
    before = torch.get_num_threads()
    seen: list[int] = []
    runtime = TorchRuntime(codes_network(network), threads=before + 1)
    assert torch.get_num_threads() == before
    runtime._module.register_forward_pre_hook(lambda *call: seen.append(torch.get_num_threads()))
    runtime.run(*images())
    assert (seen, torch.get_num_threads()) == ([before + 1], before)
    with pytest.raises(ValueError, match="threads must be >= 0"):
        TorchRuntime(codes_network(network), threads=-1)


# ONNX Runtime, on a graph made by hand: codes are the mean colour and depth of 4 x 4 pixels.


def write_folder(folder: Path, **changes: Any) -> Path:
    folder.mkdir()
    height, width = SIZE
    value = helper.make_tensor_value_info
    nodes = [
        helper.make_node("Cast", ["rgb"], ["color"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["color"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Unsqueeze", ["depth", "axis"], ["distance"]),
        helper.make_node("Concat", ["planes", "distance"], ["image"], axis=1),
        helper.make_node("AveragePool", ["image"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Transpose", ["pooled"], ["last"], perm=[0, 2, 3, 1]),
        helper.make_node("Cast", ["last"], ["codes"], to=TensorProto.FLOAT16),
    ]
    graph = helper.make_graph(
        nodes,
        "means",
        [
            value("rgb", TensorProto.UINT8, ["N", height, width, 3]),
            value("depth", TensorProto.FLOAT, ["N", height, width]),
        ],
        [value("codes", TensorProto.FLOAT16, ["N", height // 4, width // 4, 4])],
        [helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.save(model, folder / "model.onnx")
    config: dict[str, Any] = {
        "name": "means",
        "size": SIZE,
        "stride": 4,
        "code_dim": 4,
        "embedding_dim": 4,
        "text_encoder": None,
        "code_scale": 65536.0,
        "statistics": {"name": "nyuv2", "mean": 2.8, "std": 1.4},
        "precision": "fp32",
        "model": "model.onnx",
        "head": None,
        "checkpoint_sha256": "0" * 64,
        "exporter": 1,
    }
    (folder / "student.json").write_text(json.dumps({**config, **changes}))
    return folder


def test_onnx_runs_batches_on_as_many_threads_as_asked(tmp_path: Path) -> None:
    rgb, depth = images(3)
    runtime = OnnxRuntime(write_folder(tmp_path / "means"), threads=1)
    assert (runtime.name, runtime.size, runtime.code_dim) == ("onnx cpu fp32", SIZE, 4)
    codes = runtime.run(rgb, depth)
    blocks = np.concatenate([rgb, depth[..., None]], axis=3).reshape(3, 16, 4, 24, 4, 4)
    assert codes.dtype == np.float16
    np.testing.assert_allclose(codes, blocks.mean(axis=(2, 4)), rtol=1e-3)
    np.testing.assert_array_equal(runtime.run(rgb, depth), codes)
    with pytest.raises(ValueError, match="rgb must be"):
        runtime.run(rgb[:, :32], depth)
    runtime.close()
    with pytest.raises(ValueError, match="threads must be >= 0"):
        OnnxRuntime(tmp_path / "means", threads=-1)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": [64, 64]}, "student.json says 64 x 64 and 4; export the student again"),
        ({"code_dim": 5, "embedding_dim": 5}, "returns 4 numbers a code, student.json says 64 x 96 and 5"),
        ({"model": "other.onnx"}, "other.onnx: no such file"),
    ],
)
def test_a_folder_that_contradicts_its_graph_is_refused(
    tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(EncoderError, match=said):
        OnnxRuntime(write_folder(tmp_path / "means", **changes))


def test_another_graph_or_none_is_refused(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "means")
    model = onnx.load(folder / "model.onnx")
    content = (folder / "model.onnx").read_bytes()
    (folder / "model.onnx").write_bytes(content[: len(content) // 2])
    with pytest.raises(EncoderError, match="is not a model that ONNX Runtime can run"):
        OnnxRuntime(folder)
    model.graph.node[-1].output[0] = "embedding"
    model.graph.output[0].name = "embedding"
    onnx.save(model, folder / "model.onnx")
    with pytest.raises(EncoderError, match=r"must have {'codes': .*got {'embedding'"):
        OnnxRuntime(folder)


def test_a_device_that_is_not_there_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    folder = write_folder(tmp_path / "means")
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(EncoderError, match=r"has no CUDAExecutionProvider.*pip install onnxruntime-gpu"):
        OnnxRuntime(folder, device="cuda")


def test_int8_is_refused_on_a_gpu(tmp_path: Path) -> None:
    folder = write_folder(tmp_path / "int8", precision="int8")
    with pytest.raises(EncoderError, match="is exported in int8, which runs on the CPU"):
        OnnxRuntime(folder, device="cuda")


def test_triton_is_named_where_it_is_missing(network: DVEFormer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setitem(sys.modules, "triton", None)
    with pytest.raises(EncoderError, match="needs triton"):
        TorchRuntime(codes_network(network), device="cuda", compiled=True)
