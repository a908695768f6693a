"""ONNX encoders: geometry, codes, and every way a folder can be wrong."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from safetensors.numpy import save_file

from student.cached_encoder import CachedEncoder
from student.encoder import block_middles
from student.errors import EncoderError
from student.onnx_encoder import OnnxEncoder

BASE: dict[str, Any] = {
    "name": "toy",
    "image": {"name": "image", "policy": "keep", "mean": [0, 0, 0], "std": [1, 1, 1]},
    "output": {"name": "out"},
}


def write_model(path: Path, nodes: list[Any], inputs: dict[str, list[Any]], channels: int | str = 3) -> None:
    """Save a network with output "out"; nodes are ONNX nodes from the inputs to it."""
    value = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes,
        "toy",
        [value(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [value("out", TensorProto.FLOAT, [1, channels, "oh", "ow"])],
        [helper.make_tensor("half", TensorProto.FLOAT, [4], [1, 1, 0.5, 0.5])],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)


def make_folder(folder: Path, changes: dict[str, Any] | None = None, node: Any = None) -> Path:
    """Write an encoder folder whose network is the identity, or `node`."""
    folder.mkdir(exist_ok=True)
    node = node or helper.make_node("Identity", ["image"], ["out"])
    write_model(folder / "model.onnx", [node], {"image": [1, 3, "h", "w"]})
    config = {**BASE, **(changes or {})}
    (folder / "encoder.json").write_text(json.dumps(config))
    return folder


def ramp(height: int, width: int) -> np.ndarray:
    """Colours that tell where a pixel is: red along x, green along y, 4 grey levels a pixel."""
    rgb = np.zeros((height, width, 3), np.uint8)
    rgb[..., 0] = np.arange(width) * 4
    rgb[..., 1] = np.arange(height)[:, None] * 4
    return rgb


HALVES = {
    "identity": (None, False),
    "pooled": (
        helper.make_node("AveragePool", ["image"], ["out"], kernel_shape=[2, 2], strides=[2, 2]),
        False,
    ),
    "corners": (
        helper.make_node(
            "Resize",
            ["image", "", "half"],
            ["out"],
            mode="linear",
            coordinate_transformation_mode="align_corners",
        ),
        True,
    ),
}


@pytest.mark.parametrize("network", HALVES)
@pytest.mark.parametrize(
    ("policy", "size"), [("keep", None), ("squash", (96, 96)), ("letterbox", (100, 128))]
)
def test_codes_lie_where_the_image_shows_them(tmp_path: Path, network: str, policy: str, size: Any) -> None:
    """Fails for a forgotten letterbox, swapped axes, a wrong half pixel and a wrong align_corners."""
    node, corners = HALVES[network]
    image = {**BASE["image"], "policy": policy, "size": size, "fill": 9.0}
    output = {"name": "out", "align_corners": corners}
    encoder = OnnxEncoder(make_folder(tmp_path / "e", {"image": image, "output": output, "stride": 4}, node))
    codes = encoder.encode(ramp(48, 64), np.ones((96, 128), np.float32))
    assert codes.shape == (24, 32, 3)
    # Depth has twice the pixels of colour: depth pixel i has its middle at i + 0.5, colour at twice that.
    x = (block_middles(128, 4) + 0.5) / 2 - 0.5
    y = (block_middles(96, 4) + 0.5) / 2 - 0.5
    inner = slice(2, -2)  # a network's borders are its own affair
    np.testing.assert_allclose(codes[:, inner, 0] * 255 / 4, np.tile(x[inner], (24, 1)), atol=0.2)
    np.testing.assert_allclose(codes[inner, :, 1] * 255 / 4, np.tile(y[inner, None], (1, 32)), atol=0.2)


def test_stride_falls_back_to_a_divisor(tmp_path: Path) -> None:
    encoder = OnnxEncoder(make_folder(tmp_path / "e", {"stride": 4}))
    assert encoder.encode(ramp(45, 49), np.ones((45, 49), np.float32)).shape == (15, 49, 3)


def test_softmax_runs_over_what_is_left_of_the_channels(tmp_path: Path) -> None:
    changes = {"output": {"name": "out", "drop_channels": [1], "softmax": True}, "stride": 1}
    rgb = np.zeros((2, 2, 3), np.uint8)
    rgb[..., 0], rgb[..., 1] = 255, 200
    codes = OnnxEncoder(make_folder(tmp_path / "e", changes)).encode(rgb, np.ones((2, 2), np.float32))
    np.testing.assert_allclose(codes[0, 0], [np.e / (np.e + 1), 1 / (np.e + 1)], atol=1e-3)


def test_homogeneous_codes_have_unit_embeddings(tmp_path: Path) -> None:
    """z = A c with A = [W b] and c = [f; 1] / |W f + b|, in fewer numbers than dimensions."""
    changes = {"output": {"name": "out", "append_one": True, "normalize": True}, "head": "head.safetensors"}
    folder = make_folder(tmp_path / "e", changes)
    head = np.random.default_rng(0).normal(size=(7, 4)).astype(np.float32)
    save_file({"head": head}, folder / "head.safetensors")
    encoder = OnnxEncoder(folder)
    assert (encoder.code_dim, encoder.space.dimension) == (4, 7)
    codes = encoder.encode(ramp(16, 16), np.ones((16, 16), np.float32)).astype(np.float32)
    np.testing.assert_allclose(np.linalg.norm(codes @ head.T, axis=2), 1, atol=2e-3)
    assert (codes[..., 3] > 0).all()


def test_depth_goes_in_standardised_with_holes_marked(tmp_path: Path) -> None:
    folder = tmp_path / "e"
    changes = {"depth": {"name": "depth", "mean": 2.0, "std": 0.5, "invalid": -7.0}, "stride": 1}
    make_folder(folder, changes)
    node = helper.make_node("Concat", ["image", "depth"], ["out"], axis=1)
    inputs = {"image": [1, 3, "h", "w"], "depth": [1, 1, "h", "w"]}
    write_model(folder / "model.onnx", [node], inputs, channels=4)
    depth = np.full((4, 4), 3, np.float32)
    depth[1, 2] = 0
    codes = OnnxEncoder(folder).encode(ramp(4, 4), depth)
    assert codes[0, 0, 3] == 2
    assert codes[1, 2, 3] == -7


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"strid": 3}, "unknown key 'strid', did you mean 'stride'"),
        (
            {"output": {"name": "out", "soft_max": True}},
            "unknown key 'output.soft_max', did you mean 'softmax'",
        ),
        ({"image": {**BASE["image"], "policy": "crop"}}, "image.policy"),
        ({"image": {**BASE["image"], "policy": "squash"}}, "size must be given"),
        ({"image": {**BASE["image"], "std": [1, 0, 1]}}, "std must be > 0"),
        ({"image": {**BASE["image"], "name": "rgb"}}, r"inputs \['image'\], encoder.json names \['rgb'\]"),
        ({"output": {"name": "logits"}}, r"outputs \['out'\], encoder.json names 'logits'"),
        ({"output": {"name": "out", "drop_channels": [3]}}, "drop_channels must be below 3"),
        ({"head": "head.npy"}, "no readable npy"),
        ({"model": "other.onnx"}, "no such file"),
        ({"stride": 0}, "stride"),
    ],
)
def test_wrong_folders_say_what_is_wrong(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(EncoderError, match=message):
        OnnxEncoder(make_folder(tmp_path / "e", changes))


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"is no encoder folder: it must hold encoder\.json"):
        OnnxEncoder(tmp_path)
    folder = make_folder(tmp_path / "e", {"head": "head.npy"})
    np.save(folder / "head.npy", np.ones((5, 9), np.float32))
    with pytest.raises(EncoderError, match=r"must be \(D, 3\)"):
        OnnxEncoder(folder)
    (folder / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(EncoderError, match="is not a model that ONNX Runtime can run"):
        OnnxEncoder(folder)
    with pytest.raises(EncoderError, match="has no MagicProvider"):
        OnnxEncoder(make_folder(tmp_path / "f"), providers=["MagicProvider"])


def test_bad_images_and_codes_are_refused(tmp_path: Path) -> None:
    encoder = OnnxEncoder(make_folder(tmp_path / "e"))
    with pytest.raises(ValueError, match=r"rgb must be \(H, W, 3\) uint8, got \(4, 4\) uint8"):
        encoder.encode(np.zeros((4, 4), np.uint8), np.ones((4, 4), np.float32))
    with pytest.raises(ValueError, match="depth must be"):
        encoder.encode(ramp(4, 4), np.ones((4, 4), np.uint16))  # type: ignore[arg-type]
    loud = {**BASE["image"], "std": [1e-6, 1, 1]}
    with pytest.raises(EncoderError, match="beyond half floats"):
        OnnxEncoder(make_folder(tmp_path / "loud", {"image": loud})).encode(
            ramp(8, 8), np.ones((8, 8), np.float32)
        )


def test_cache_returns_the_same_codes_and_knows_encoders_apart(tmp_path: Path) -> None:
    first = OnnxEncoder(make_folder(tmp_path / "a"))
    other = OnnxEncoder(make_folder(tmp_path / "b", {"stride": 2}))
    assert first.fingerprint == OnnxEncoder(make_folder(tmp_path / "c")).fingerprint != other.fingerprint
    rgb, depth = ramp(16, 16), np.ones((16, 16), np.float32)
    cached = CachedEncoder(first, tmp_path / "codes")
    codes = cached.encode(rgb, depth)
    again = CachedEncoder(first, tmp_path / "codes")
    np.testing.assert_array_equal(again.encode(rgb, depth), codes)
    assert (cached.misses, cached.hits, again.misses, again.hits) == (1, 0, 0, 1)
    assert CachedEncoder(other, tmp_path / "codes").encode(rgb, depth).shape == (8, 8, 3)
    again.encode(rgb, depth * 2)
    assert again.misses == 1
    for file in (tmp_path / "codes").rglob("*"):
        if file.is_file():
            file.write_bytes(file.read_bytes()[:-1] + b"\xff")
    np.testing.assert_array_equal(again.encode(rgb, depth), codes)
    assert again.misses == 2
