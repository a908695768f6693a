"""Exported students: the graph under ONNX Runtime is the network, the folder is whole, faults are named."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import student
from student import EncoderError, StudentConfig
from student.inference.codes_network import CodesNetwork
from student.inference.operations import Convolution
from student.networks.dveformer import DVEFormer
from student.onnx_export import export_student
from student.preprocessing import DepthStatistics
from student.student_folder import FILE_NAME, read_head, read_student_folder

STATISTICS = DepthStatistics("toy", 2.5, 1.2)
SIZE = (64, 96)
TINY = StudentConfig(
    rgb_channels=12,
    depth_channels=4,
    depths=(2, 1, 1, 1),
    head_channels=8,
    context_channels=8,
    main_channels=12,
    skip_channels=(8, 4, 4),
    fuse_channels=20,
    embedding_dim=30,
)


@pytest.fixture
def network(deterministic: SimpleNamespace) -> DVEFormer:
    filled: DVEFormer = deterministic.fill(student.build(TINY)).eval()
    return filled


def frames(count: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    rgb = random.integers(0, 256, (count, *SIZE, 3), dtype=np.uint8)
    depth = random.uniform(0, 6, (count, *SIZE)).astype(np.float32)
    return rgb, np.where(depth < 1, 0, depth).astype(np.float32)


def export(network: DVEFormer, folder: Path, **changes: Any) -> Any:
    options = {"size": SIZE, "statistics": STATISTICS, "name": "toy", **changes}
    return export_student(network, folder, **options)


def run(folder: Path, rgb: np.ndarray, depth: np.ndarray) -> np.ndarray:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(folder / "model.onnx", options, providers=["CPUExecutionProvider"])
    codes: np.ndarray = session.run(["codes"], {"rgb": rgb, "depth": depth})[0]
    return codes


@pytest.mark.parametrize(("precision", "tolerance"), [("fp32", 1e-4), ("fp16", 1e-2), ("int8", 0.1)])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"upsamplings": 2},
        {"encoder": "residual"},
        {"encoder": "dformer-small", "decoder": "dpt"},
        {"encoder": "dformerv2-small"},
    ],
    ids=str,
)
@pytest.mark.usefixtures("shallow")
def test_graph_returns_what_torch_returns(
    precision: str, tolerance: float, changes: dict[str, Any], deterministic: SimpleNamespace, tmp_path: Path
) -> None:
    network = deterministic.fill(student.build(TINY.model_copy(update=changes))).eval()
    calibration = list(zip(*frames(2), strict=True))
    described = export(network, tmp_path / "s", precision=precision, calibration=calibration)
    assert described == read_student_folder(tmp_path / "s")
    assert described.statistics.mean == 2.5
    for count in (1, 3):
        rgb, depth = frames(count)
        got = run(tmp_path / "s", rgb, depth)
        with torch.inference_mode():
            wanted = CodesNetwork(network, SIZE, STATISTICS)(torch.from_numpy(rgb), torch.from_numpy(depth))
        assert got.dtype == np.float16
        assert got.shape == (count, 16, 24, described.code_dim)
        difference = got.astype(np.float32) - wanted.float().numpy()
        assert np.linalg.norm(difference) / np.linalg.norm(wanted.float()) < tolerance


def test_convolutions_of_a_residual_encoder_multiply_integers(
    deterministic: SimpleNamespace, tmp_path: Path
) -> None:
    network = deterministic.fill(student.build(TINY.model_copy(update={"encoder": "residual"}))).eval()
    export(network, tmp_path / "s", precision="int8", calibration=list(zip(*frames(2), strict=True)))
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimised.onnx")
    options.log_severity_level = 3
    onnxruntime.InferenceSession(tmp_path / "s" / "model.onnx", options, providers=["CPUExecutionProvider"])
    kinds = Counter(node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node)
    convolutions = sum(
        isinstance(module, Convolution) for module in CodesNetwork(network, SIZE, STATISTICS).modules()
    )
    assert kinds["QLinearConv"] >= 0.8 * convolutions
    assert kinds["Conv"] <= 0.2 * convolutions


def test_a_channel_without_weights_keeps_its_bias(deterministic: SimpleNamespace, tmp_path: Path) -> None:
    network = deterministic.fill(student.build(TINY.model_copy(update={"encoder": "residual"}))).eval()
    with torch.no_grad():  # what a batch norm that learnt to close a channel leaves
        network.backbone.stages[1][0].norm1.weight[:8] = 1e-8
        network.backbone.stages[1][0].norm1.bias[:8] = 0.7
    export(network, tmp_path / "s", precision="int8", calibration=list(zip(*frames(2), strict=True)))
    rgb, depth = frames(1)
    with torch.inference_mode():
        wanted = CodesNetwork(network, SIZE, STATISTICS)(
            torch.from_numpy(rgb), torch.from_numpy(depth)
        ).float()
    difference = run(tmp_path / "s", rgb, depth).astype(np.float32) - wanted.numpy()
    assert np.linalg.norm(difference) / np.linalg.norm(wanted) < 0.1


def test_head_turns_codes_into_unit_embeddings(network: DVEFormer, tmp_path: Path) -> None:
    described = export(network, tmp_path, checkpoint_sha256="ab" * 32, text_encoder="minilm")
    head = read_head(tmp_path, described)
    assert head is not None
    assert head.shape == (described.embedding_dim, described.code_dim) == (30, 21)
    codes = run(tmp_path, *frames(1)).astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(codes @ head.T, axis=-1), 1, atol=2e-3)
    assert described.code_scale * np.abs(codes).max() < 71_582
    assert (described.checkpoint_sha256, described.text_encoder) == ("ab" * 32, "minilm")


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"encoder": "dformer-small"}, {"encoder": "dformerv2-small"}, {"decoder": "dpt"}],
    ids=str,
)
@pytest.mark.usefixtures("shallow")
def test_graphs_for_tensorrt_use_standard_operations_and_typed_casts(
    changes: dict[str, Any], precision: str, deterministic: SimpleNamespace, tmp_path: Path
) -> None:
    network = deterministic.fill(student.build(TINY.model_copy(update=changes))).eval()
    export(network, tmp_path, precision=precision)
    model = onnx.load(tmp_path / "model.onnx")
    assert [(opset.domain, opset.version) for opset in model.opset_import] == [("", 20)]
    assert {node.domain for node in model.graph.node} == {""}
    (consumer,) = [node for node in model.graph.node if "rgb" in node.input]
    assert consumer.op_type == "Cast"  # what TensorRT allows a uint8 input
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)  # no mixed types


def test_missing_depth_is_the_mean_whatever_the_statistics(network: DVEFormer, tmp_path: Path) -> None:
    export(network, tmp_path)
    rgb, _ = frames(1)
    mean = np.full((1, *SIZE), 2.5, np.float32)
    np.testing.assert_array_equal(run(tmp_path, rgb, np.zeros_like(mean)), run(tmp_path, rgb, mean))


def test_runs_repeat_to_the_bit(network: DVEFormer, tmp_path: Path) -> None:
    export(network, tmp_path / "a")
    export(network, tmp_path / "b")
    np.testing.assert_array_equal(run(tmp_path / "a", *frames(2)), run(tmp_path / "b", *frames(2)))
    assert (tmp_path / "a" / "model.onnx").read_bytes() == (tmp_path / "b" / "model.onnx").read_bytes()


def test_a_graph_that_differs_is_not_written(
    network: DVEFormer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "student.inference.onnx_graph.GraphWriter.gelu", lambda self, x: self._node("Relu", x), raising=True
    )
    with pytest.raises(EncoderError, match=r"must return torch's codes .* nothing was written"):
        export(network, tmp_path / "s")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_replaced_whole_and_others_are_left_alone(network: DVEFormer, tmp_path: Path) -> None:
    folder = tmp_path / "s"
    export(network, folder)
    (folder / "head.npy").write_bytes(b"damaged")
    described = export(network, folder)
    assert read_head(folder, described) is not None
    assert sorted(file.name for file in folder.iterdir()) == ["head.npy", "model.onnx", FILE_NAME]
    assert [path.name for path in tmp_path.iterdir()] == ["s"]
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").touch()
    with pytest.raises(EncoderError, match=r"photos holds cat\.png, which would be lost"):
        export(network, tmp_path / "photos")
    (folder / "notes.txt").touch()
    with pytest.raises(EncoderError, match=r"holds notes\.txt, which would be lost"):
        export(network, folder)
    with pytest.raises(EncoderError, match="is a file; choose another name"):
        export(network, folder / "notes.txt")


def test_impossible_exports_are_refused(network: DVEFormer, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="precision must be one of fp32, fp16, int8, got 'int4'"):
        export(network, tmp_path / "s", precision="int4")
    with pytest.raises(EncoderError, match="calibrated on real frames, got none"):
        export(network, tmp_path / "s", precision="int8")


def test_wrong_folders_say_what_is_wrong(network: DVEFormer, tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"is no exported student: it must hold student\.json"):
        read_student_folder(tmp_path)
    folder = tmp_path / "s"
    described = export(network, folder)
    (folder / "head.npy").write_bytes(b"no array")
    with pytest.raises(EncoderError, match=r"head\.npy is no readable npy file"):
        read_head(folder, described)
    np.save(folder / "head.npy", np.zeros((3, 21), np.float32))
    with pytest.raises(EncoderError, match=r"must be \(30, 21\) finite float32, got \(3, 21\)"):
        read_head(folder, described)
    text = (folder / FILE_NAME).read_text()
    (folder / FILE_NAME).write_text(text.replace('"exporter": 1', '"exporter": 0'))
    with pytest.raises(EncoderError, match="written by version 0 of the exporter"):
        read_student_folder(folder)
    (folder / FILE_NAME).write_text(text.replace('"stride": 4', '"stride": "four"'))
    with pytest.raises(EncoderError, match=r"stride: .* export the student again"):
        read_student_folder(folder)
