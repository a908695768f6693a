"""From a checkpoint, a name or a folder to codes on the depth image."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

import student.checkpoints
from student.checkpoints import load_checkpoint, save_checkpoint
from student.errors import CheckpointError, EncoderError
from student.inference.codes_network import CodesNetwork
from student.networks.config import StudentConfig
from student.networks.dveformer import DVEFormer, build
from student.opening import open_student
from student.placement import place_codes
from student.preprocessing import (
    DEPTH_STATISTICS,
    DepthStatistics,
    Preprocessing,
    depth_statistics,
    normalise,
)
from student.space import EmbeddingSpace
from student.student_encoder import StudentEncoder
from student.student_export import ExportOptions, export_checkpoint
from student.student_source import find_source
from student.trained_student import TrainedStudent

SIZE = (64, 96)


@pytest.fixture(scope="module")
def network(deterministic: SimpleNamespace, tiny_config: StudentConfig) -> DVEFormer:
    filled: DVEFormer = deterministic.fill(build(tiny_config)).eval()
    return filled


@pytest.fixture(scope="module")
def checkpoint(network: DVEFormer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "tiny.safetensors"
    save_checkpoint(network, path, {"text_encoder": "minilm"})
    return path


def frame(
    rgb_size: tuple[int, int] = SIZE, depth_size: tuple[int, int] = SIZE
) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(0)
    rgb = draw.integers(0, 256, (*rgb_size, 3), dtype=np.uint8)
    depth = draw.uniform(0.5, 5.0, depth_size).astype(np.float32)
    depth[0, :5] = 0
    return rgb, depth


def unit(embedding: np.ndarray) -> np.ndarray:
    return embedding / np.linalg.norm(embedding, axis=-1, keepdims=True)


@pytest.mark.parametrize("runtime", ["onnx", "torch"])
def test_codes_are_the_networks_embeddings(network: DVEFormer, checkpoint: Path, runtime: str) -> None:
    rgb, depth = frame()
    encoder = open_student(checkpoint, runtime=runtime, size=SIZE, threads=1)
    codes = encoder.encode(rgb, depth)
    with torch.inference_mode():
        images = normalise(rgb[None], depth[None], DEPTH_STATISTICS["nyuv2"])
        wanted = network(*map(torch.from_numpy, images))[0].permute(1, 2, 0).numpy()
    assert encoder.space.head is not None
    np.testing.assert_allclose(codes.astype(np.float32) @ encoder.space.head.T, unit(wanted), atol=2e-3)
    assert (codes.shape, encoder.code_dim, encoder.space.dimension) == ((16, 24, 25), 25, 20)
    assert encoder.space.text_encoder == "minilm"
    assert encoder.runtime.name == f"{runtime} cpu fp32"


def test_sizes_are_mapped_back_to_the_depth_image(checkpoint: Path) -> None:
    encoder = open_student(checkpoint, runtime="torch", size=SIZE)
    rgb, depth = frame((130, 170), (128, 192))
    assert encoder.encode(rgb, depth).shape == (16, 24, 25)
    rows, columns, channels = encoder.encode(rgb, depth[:99, :131]).shape
    assert (99 % rows, 131 % columns, channels) == (0, 0, 25)
    with pytest.raises(ValueError, match="depth must be"):
        encoder.encode(rgb, depth[None])


def test_spaces_are_the_same_whatever_runs_the_student(checkpoint: Path) -> None:
    """Else maps made here and there could not be merged."""
    one, two = (open_student(checkpoint, runtime=name, size=SIZE).space for name in ("onnx", "torch"))
    assert (one.name, one.code_scale, one.text_encoder) == (two.name, two.code_scale, two.text_encoder)
    assert one.head is not None
    np.testing.assert_array_equal(one.head, two.head)


def test_runtimes_and_options_tell_codes_apart(checkpoint: Path) -> None:
    def fingerprint(**options: Any) -> str:
        return open_student(checkpoint, **{"runtime": "torch", "size": SIZE, **options}).fingerprint

    plain = fingerprint()
    assert fingerprint() == plain
    others = [
        fingerprint(runtime="onnx"),
        fingerprint(size=(96, 96)),
        fingerprint(statistics="scannet"),
        fingerprint(precision="bf16"),
    ]
    assert len({plain, *others}) == 5


def test_spaces_of_different_weights_have_different_names(
    checkpoint: Path, tmp_path: Path, deterministic: SimpleNamespace, tiny_config: StudentConfig
) -> None:
    network = deterministic.fill(build(tiny_config)).eval()
    with torch.no_grad():
        network.head.conv.weight[0, 0] += 1
    other = tmp_path / "tiny.safetensors"
    save_checkpoint(network, other)
    one, two = (open_student(path, runtime="torch", size=SIZE).space for path in (checkpoint, other))
    assert one.name.startswith("student-")
    assert one.name != two.name
    assert (one.text_encoder, two.text_encoder) == ("minilm", None)
    renamed = tmp_path / "renamed.safetensors"
    renamed.write_bytes(checkpoint.read_bytes())
    assert open_student(renamed, runtime="torch", size=SIZE).space.name == one.name


def test_a_student_without_a_linear_head_has_embeddings_for_codes(
    tmp_path: Path, deterministic: SimpleNamespace, tiny_config: StudentConfig
) -> None:
    path = tmp_path / "fine.safetensors"
    network = deterministic.fill(build(tiny_config.model_copy(update={"upsamplings": 2}))).eval()
    save_checkpoint(network, path, {"space": "mine"})
    space = open_student(path, runtime="onnx", size=SIZE).space
    assert (space.name, space.head, space.dimension) == ("mine", None, 20)


def test_an_export_is_made_once(checkpoint: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path))
    notes: list[str] = []
    for _ in range(2):
        open_student(checkpoint, runtime="onnx", size=SIZE, note=notes.append)
    assert len(notes) == 1
    assert notes[0].startswith("exporting tiny.safetensors to ONNX, once; it is kept in ")
    open_student(checkpoint, runtime="onnx", size=(64, 64), note=notes.append)
    assert len(notes) == 2
    monkeypatch.setattr("student.student_export.OFFICIAL_TEXT_ENCODER", "minilm")
    open_student(checkpoint, runtime="onnx", size=SIZE, note=notes.append)
    assert len(notes) == 3


def test_folders_of_one_checkpoint_calibrated_apart_are_told_apart(checkpoint: Path, tmp_path: Path) -> None:
    """Else codes kept of the one would be taken for the other's."""
    rgb, depth = frame()
    calibrations = ([(rgb, depth)], [(rgb // 2, 2 * depth)])
    fingerprints = {
        open_student(
            export_checkpoint(
                checkpoint, tmp_path / str(k), ExportOptions(SIZE, precision="int8"), calibration=images
            )
        ).fingerprint
        for k, images in enumerate(calibrations)
    }
    assert len(fingerprints) == 2


def test_a_folder_keeps_what_it_was_exported_with(checkpoint: Path, tmp_path: Path) -> None:
    folder = export_checkpoint(checkpoint, tmp_path / "student", ExportOptions(SIZE, "scannet"))
    encoder = open_student(folder)
    assert encoder.runtime.size == SIZE
    assert open_student(folder, size=SIZE, statistics="scannet").fingerprint == encoder.fingerprint
    assert f"in {folder / 'model.onnx'}" in encoder.weights
    for wish, said in (
        ({"size": (96, 96)}, "exported with size 64x96, asked for 96x96"),
        ({"statistics": "nyuv2"}, "exported with statistics scannet, asked for nyuv2"),
        ({"precision": "fp16"}, "exported with precision fp32, asked for fp16"),
        ({"runtime": "torch"}, "runtime torch runs checkpoints, got the exported folder"),
    ):
        with pytest.raises(ValueError, match=said):
            open_student(folder, **wish)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"runtime": "tvm"}, "runtime must be one of auto, onnx, torch, torch-compiled, tensorrt, got 'tvm'"),
        ({"device": "tpu"}, "device must be one of cpu, cuda, got 'tpu'"),
        ({"size": (100, 96)}, "multiples of 32 pixels, got 100x96; take 96x96"),
        ({"statistics": "mine"}, "one of nyuv2, sunrgbd, scannet, hypersim, got 'mine'"),
        ({"precision": "fp8"}, "one of fp32, fp16, int8, got 'fp8'"),
        ({"precision": "int8"}, "dvemap engine onnx CHECKPOINT -o FOLDER --precision int8 --calibrate"),
        ({"precision": "int8", "runtime": "torch"}, "precision int8 is for ONNX Runtime"),
        ({"stride": 3}, "stride must be 4"),
    ],
)
def test_impossible_options_are_named(checkpoint: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        open_student(checkpoint, **{"runtime": "onnx", "size": SIZE, **options})


NOTES = {"size": "32x64", "depth_statistics": '{"name": "flats", "mean": 2.0, "std": 0.5}'}


@pytest.fixture
def noted(checkpoint: Path, tmp_path: Path) -> Path:
    """The student, saved as training saves it."""
    path = tmp_path / "noted.safetensors"
    save_checkpoint(load_checkpoint(checkpoint), path, NOTES)
    return path


def test_a_student_of_our_training_is_run_as_it_was_trained(noted: Path) -> None:
    trained = TrainedStudent(noted)
    flats = DepthStatistics("flats", 2.0, 0.5)
    assert (trained.options().size, trained.options().depth) == ((32, 64), flats)
    chosen = trained.options(size=SIZE, statistics="scannet", stride=None)
    assert (chosen.size, chosen.depth, chosen.stride) == (SIZE, depth_statistics("scannet"), 4)
    opened = open_student(noted, runtime="torch", device="cpu")
    assert opened.runtime.size == (32, 64)
    by_hand = CodesNetwork(load_checkpoint(noted), (32, 64), flats)
    rgb, depth = frame()
    small = Preprocessing((32, 64)).resize(rgb, depth)
    with torch.inference_mode():
        expected = by_hand(*(torch.from_numpy(image)[None] for image in small))[0].numpy()
    np.testing.assert_allclose(
        opened.encode(rgb, depth).astype(float), place_codes(expected, depth.shape), atol=2e-3
    )


def test_the_weights_are_read_once(noted: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = []
    real = student.checkpoints.read_checkpoint
    monkeypatch.setattr("student.checkpoints.read_checkpoint", lambda path: read.append(path) or real(path))
    open_student(noted, runtime="torch", device="cpu", stride="finest")
    assert read == [noted]


@pytest.mark.parametrize(
    ("notes", "said"),
    [
        ({"size": "64"}, "note size must be HEIGHTxWIDTH, got '64'"),
        ({"size": "50x96"}, "note size is wrong: size must be multiples of 32"),
        ({"depth_statistics": "{}"}, "must hold name, mean and std"),
        ({"depth_statistics": '{"name": "x", "mean": 1, "std": 0}'}, "must hold name, mean and std"),
    ],
)
def test_damaged_notes_are_named(checkpoint: Path, tmp_path: Path, notes: dict[str, str], said: str) -> None:
    path = tmp_path / "noted.safetensors"
    save_checkpoint(load_checkpoint(checkpoint), path, notes)
    with pytest.raises(CheckpointError, match=said):
        TrainedStudent(path).options()
    assert TrainedStudent(path).options(size=SIZE, statistics="nyuv2").size == SIZE


def test_what_is_no_student_is_named(tmp_path: Path, checkpoint: Path) -> None:
    probe = tmp_path / "probe.pth"
    torch.save({"linear_probing_head_state_dict": {"weight": torch.zeros(40, 20, 1, 1)}}, probe)
    with pytest.raises(CheckpointError, match="holds no student, it seems to be a linear probe"):
        open_student(probe)
    cut = tmp_path / "cut.safetensors"
    cut.write_bytes(checkpoint.read_bytes()[:-1000])
    with pytest.raises(CheckpointError, match="cut off or damaged"):
        open_student(cut)
    with pytest.raises(EncoderError, match=r"missing\.pth: no such file"):
        open_student(tmp_path / "missing.pth")
    with pytest.raises(EncoderError, match=r"is no encoder folder: it must hold student\.json"):
        open_student(tmp_path)


def test_names_are_looked_up_in_the_catalogue(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path))
    with pytest.raises(EncoderError) as missing:
        find_source("dveformer-reducedres")
    assert "dvemap weights pull dveformer-reducedres" in str(missing.value)
    assert "dvemap weights import FILE" in str(missing.value)
    with pytest.raises(
        EncoderError, match="student 'dveformer-reducedress'; did you mean 'dveformer-reducedres'"
    ):
        find_source("dveformer-reducedress")
    with pytest.raises(EncoderError, match="dveformer-fullres-probe-nyuv2 is a probe, no student"):
        find_source("dveformer-fullres-probe-nyuv2")
    monkeypatch.setattr("student.weights.find", lambda name: tmp_path / name)
    assert find_source("dveformer-reducedres") == tmp_path / "dveformer-reducedres"


class Broken:
    """A runtime whose codes are not finite."""

    name, size, code_dim = "broken cpu fp32", SIZE, 2

    def run(self, rgb: np.ndarray, depth: np.ndarray) -> np.ndarray:
        return np.full((1, 16, 24, 2), np.nan, np.float16)

    def close(self) -> None: ...


def test_parts_that_do_not_fit_are_refused() -> None:
    space = EmbeddingSpace("two", 2)
    with pytest.raises(EncoderError, match="runtime broken cpu fp32 returned codes that are not finite"):
        StudentEncoder(Broken(), Preprocessing(SIZE), space, "0").encode(*frame())
    with pytest.raises(ValueError, match=r"must resize to \(64, 96\)"):
        StudentEncoder(Broken(), Preprocessing(), space, "0")
    with pytest.raises(ValueError, match="codes of 2 numbers, got 3"):
        StudentEncoder(Broken(), Preprocessing(SIZE), EmbeddingSpace("three", 3), "0")
