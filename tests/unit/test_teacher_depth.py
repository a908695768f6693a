"""Estimated depth: a tiny Depth Anything V2, against transformers itself."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from student.errors import CheckpointError
from student.teacher.depth import RELEASED, DepthEstimator, depth_file, depth_statistics_of
from student.teacher.depth_run import estimate_depths, list_samples

transformers: Any = pytest.importorskip("transformers")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("depth-anything")
    save(folder, "metric")
    return folder


def save(folder: Path, kind: str) -> None:
    torch.manual_seed(0)
    backbone = transformers.Dinov2Config(
        hidden_size=32,
        num_hidden_layers=4,
        num_attention_heads=2,
        image_size=70,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        apply_layernorm=True,
        reshape_hidden_states=False,
    )
    config = transformers.DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=32,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=8,
        depth_estimation_type=kind,
        max_depth=20,
    )
    network = transformers.DepthAnythingForDepthEstimation(config)
    with torch.no_grad():
        for weights in network.parameters():
            weights.normal_(0, 0.15)  # the usual start gives one depth everywhere
    network.save_pretrained(folder)
    transformers.DPTImageProcessor(
        size={"height": 70, "width": 70},
        keep_aspect_ratio=True,
        ensure_multiple_of=14,
        resample=3,
        image_mean=[0.485, 0.456, 0.406],
        image_std=[0.229, 0.224, 0.225],
    ).save_pretrained(folder)


def picture(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(height)
    return cv2.resize(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8), (width, height))


@pytest.mark.parametrize("size", [(60, 80), (143, 97)])
def test_depth_is_that_of_transformers(model: Path, size: tuple[int, int]) -> None:
    rgb = picture(*size)
    made = DepthEstimator(str(model)).estimate(rgb)
    assert (made.shape, made.dtype) == (size, np.uint16)
    processor = transformers.AutoImageProcessor.from_pretrained(model, backend="pil")
    network = transformers.AutoModelForDepthEstimation.from_pretrained(model).eval()
    with torch.no_grad():
        metres = network(**processor(images=rgb, return_tensors="pt")).predicted_depth[0].numpy()
    rows, columns = (np.arange(n) * length // n for n, length in zip(size, metres.shape, strict=True))
    expected = metres[rows[:, None], columns] * 1000
    assert np.abs(made - expected).max() <= 1  # millimetres, cut off
    assert made.min() > 0
    assert made.std() > 1


def test_names(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert DepthEstimator(str(model)).estimator.startswith("depthanything_v2__")
    sha256 = next(key for key, name in RELEASED.items() if name.endswith("large"))
    monkeypatch.setattr("student.teacher.depth.file_sha256", lambda _: sha256)
    assert DepthEstimator(str(model)).estimator == "depthanything_v2__indoor_large"


def test_weights_that_cannot_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(
        CheckpointError, match=r"is no Depth Anything that can be loaded .*; expected a folder"
    ):
        DepthEstimator(str(tmp_path))
    save(tmp_path, "relative")
    with pytest.raises(
        CheckpointError, match="estimates no metres; take one of depth-anything/Depth-Anything-V2"
    ):
        DepthEstimator(str(tmp_path))


def test_small_base_and_large_are_those_for_rooms(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def load(source: str) -> None:
        asked.append(source)
        raise CheckpointError("offline")

    monkeypatch.setattr("student.teacher.depth._load", load)
    for name in ("large", "depth-anything/Other"):
        with pytest.raises(CheckpointError, match="offline"):
            DepthEstimator(name)
    assert asked == ["depth-anything/Depth-Anything-V2-Metric-Indoor-Large-hf", "depth-anything/Other"]


def test_statistics_are_those_of_all_pixels_with_depth() -> None:
    rng = np.random.default_rng(3)
    depths = [rng.integers(0, 65536, (20, 30)).astype(np.uint16) for _ in range(3)]
    depths[1][:10] = 0
    pixels = np.concatenate([depth[depth > 0] for depth in depths]).astype(np.float64)
    made = depth_statistics_of(depths)
    expected = {"mean": pixels.mean(), "std": pixels.std(), "min": pixels.min(), "max": pixels.max()}
    assert made == pytest.approx(expected, rel=1e-12)
    with pytest.raises(ValueError, match="need a pixel with depth"):
        depth_statistics_of([np.zeros((2, 2), np.uint16)])


class Flat:
    """An estimator of one depth everywhere."""

    estimator = "flat"

    def __init__(self) -> None:
        self.images = 0

    def estimate(self, rgb: np.ndarray) -> np.ndarray:
        self.images += 1
        return np.full(rgb.shape[:2], 1500, np.uint16)


def test_a_run_is_resumable_and_notes_faults(tmp_path: Path) -> None:
    names = ["a/0", "a/1", "b/0"]
    for name in names:
        file = tmp_path / "train" / "rgb" / f"{name}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), np.full((4, 6, 3), 0, np.uint8))
    (tmp_path / "train" / "rgb" / "a" / "1.jpg").write_bytes(b"\xff\xd8nothing")
    flat: Any = Flat()
    made = estimate_depths(tmp_path, "train", names, ".jpg", flat)
    assert (made.samples, made.kept, len(made.faults)) == (2, 0, 1)
    assert made.faults[0].startswith("a/1: ")
    assert made.statistics == {"mean": 1500, "std": 0, "min": 1500, "max": 1500}
    image = cv2.imread(str(depth_file(tmp_path, "train", "flat", "b/0")), cv2.IMREAD_UNCHANGED)
    assert (image.shape, image.dtype) == ((4, 6), np.uint16)
    cv2.imwrite(str(tmp_path / "train" / "rgb" / "a" / "1.jpg"), np.zeros((4, 6, 3), np.uint8))
    heard: list[tuple[int, int]] = []
    again = estimate_depths(
        tmp_path, "train", names, ".jpg", flat, progress=lambda done, total: heard.append((done, total))
    )
    assert (again.samples, again.kept, again.faults) == (1, 2, [])
    assert flat.images == 3
    assert heard == [(2, 3), (3, 3)]


def test_lists_of_samples(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("a\nb\n\nc\nd\n")
    assert list_samples(tmp_path, "train") == ["a", "b", "c", "d"]
    assert list_samples(tmp_path, "train", 2) == ["a", "c"]
    (tmp_path / "train_every_2th.txt").write_text("b\nd\n")
    assert list_samples(tmp_path, "train", 2) == ["b", "d"]
    with pytest.raises(FileNotFoundError):
        list_samples(tmp_path, "valid")
