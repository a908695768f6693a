"""Data sets in NICR layout: small folders as the specification describes them, read back."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from mapping import class_list
from student.data.augment import Augmentation
from student.data.augment_config import AugmentConfig
from student.data.batches import EpochBatches, TrainingSet, make_loader
from student.data.classes import class_set
from student.data.errors import DatasetError
from student.data.mixture import Mixture
from student.data.nicr import NicrSource
from student.data.nicr_layout import DEPTH_ESTIMATOR
from student.data.sample import Sample, Source
from student.preprocessing import DEPTH_STATISTICS
from student.targets import TargetTable

H, W = 24, 32
Image = np.ndarray[Any, Any]


def save(path: Path, image: Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image[..., ::-1] if image.ndim == 3 else image)


def smooth(seed: int, shape: tuple[int, int] = (H, W)) -> Image:
    """A colour image that JPEG keeps within a few levels."""
    corners = np.random.default_rng(seed).integers(30, 220, (2, 2, 3)).astype(np.float32)
    return cv2.resize(corners, shape[::-1]).astype(np.uint8)


def numbers(seed: int, high: int, dtype: type = np.uint8, shape: tuple[int, int] = (H, W)) -> Image:
    return np.random.default_rng(seed).integers(0, high, shape).astype(dtype)


def write_nyuv2(root: Path, names: tuple[str, ...] = ("0000", "0007"), split: str = "train") -> Path:
    base = root / split
    for k, name in enumerate(names):
        save(base / "rgb" / f"{name}.png", smooth(k))
        save(base / "depth" / f"{name}.png", numbers(k + 10, 10000, np.uint16))
        save(base / "depth_raw" / f"{name}.png", numbers(k + 20, 10000, np.uint16))
        save(base / "semantic_40" / f"{name}.png", numbers(k + 30, 41))
        save(base / "instance" / f"{name}.png", numbers(k + 40, 300, np.uint16))
    (root / f"{split}.txt").write_text("\n".join(names) + "\n")
    return root


def write_sunrgbd(root: Path) -> Path:
    name, base = "kv2/kinect2data/00012", root / "train"
    save(base / "rgb" / f"{name}.jpg", smooth(0))
    raw = np.full((H, W), (8000 << 3) + 5, np.uint16)
    raw[0, 0], raw[0, 1], raw[0, 2] = 0, (8001 << 3), (1234 << 3) + 7
    save(base / "depth" / f"{name}.png", raw)
    save(base / "depth_raw" / f"{name}.png", raw)
    save(base / "semantic" / f"{name}.png", numbers(3, 38))
    save(base / "instance_panopticndt" / f"{name}.png", numbers(4, 300, np.uint16))
    (root / "train.txt").write_text(name + "\n")
    return root


def write_scannet(root: Path) -> Path:
    names = [f"structureio_968x1296/scene0000_00/{k:05d}" for k in (0, 50, 100)]
    base = root / "train"
    for k, name in enumerate(names):
        save(base / "rgb" / f"{name}.jpg", smooth(k, (2 * H, 2 * W)))
        save(base / "depth" / f"{name}.png", numbers(k, 5000, np.uint16))
        for count in (20, 40):
            save(base / f"semantic_refined_{count}" / f"{name}.png", numbers(k, count, shape=(2 * H, 2 * W)))
        save(base / "instance_refined" / f"{name}.png", numbers(k, 100, shape=(2 * H, 2 * W)))
    (root / "train.txt").write_text("\n".join([*names, names[0][:-1] + "7"]) + "\n")
    (root / "train_every_50th.txt").write_text("\n".join(names) + "\n")
    return root


def write_hypersim(root: Path) -> Path:
    name, base = "ai_001_001/cam_00/0000", root / "train"
    semantic, instance = numbers(1, 41), numbers(2, 65536, np.uint16)
    save(base / "rgb" / f"{name}.png", smooth(0))
    save(base / "depth" / f"{name}.png", numbers(3, 65536, np.uint16))
    save(base / "semantic_40" / f"{name}.png", semantic)
    packed = np.stack([semantic, instance >> 8, instance & 255], axis=-1).astype(np.uint8)
    save(base / "instance" / f"{name}.png", packed)
    (root / "train.txt").write_text(name + "\n")
    return root


def write_ade20k(root: Path) -> Path:
    name, base = "683x512/ADE_train_00000001", root / "train_panoptic_2017"
    save(base / "rgb" / f"{name}.jpg", smooth(0)[..., 0])  # there are grey images
    save(base / f"depth_{DEPTH_ESTIMATOR}" / f"{name}.png", numbers(3, 9000, np.uint16))
    save(base / "semantic_150" / f"{name}.png", numbers(1, 151))
    save(base / "instance" / f"{name}.png", numbers(2, 200))
    (root / "train_panoptic_2017.txt").write_text(name + "\n")
    return root


def test_nyuv2_is_read_as_it_was_written(tmp_path: Path) -> None:
    source = NicrSource(write_nyuv2(tmp_path), "nyuv2", "train")
    sample = source.sample(1)
    assert (len(source), source.sample_name(1), sample.name) == (2, "0007", "nyuv2 0007")
    assert (sample.rgb == smooth(1)).all()
    assert (sample.depth == numbers(21, 10000, np.uint16).astype(np.float32) / 1000).all()
    assert (sample.semantic == numbers(31, 41)).all()
    assert (sample.instance == numbers(41, 300, np.uint16)).all()
    assert [a.dtype for a in (sample.rgb, sample.depth, sample.semantic, sample.instance)] == [
        np.dtype(t) for t in (np.uint8, np.float32, np.uint16, np.uint16)
    ]
    assert source.depth_statistics == DEPTH_STATISTICS["nyuv2"]
    assert source.spectrum == "40"


def test_refined_depth_is_the_in_painted_one(tmp_path: Path) -> None:
    sample = NicrSource(write_nyuv2(tmp_path), "nyuv2", depth="refined").sample(0)
    assert (sample.depth == numbers(10, 10000, np.uint16).astype(np.float32) / 1000).all()


@pytest.mark.parametrize(("depth", "beyond"), [("raw", 0.0), ("refined", 8.0)])
def test_sunrgbd_depth_is_forced_to_millimetres(tmp_path: Path, depth: str, beyond: float) -> None:
    source = NicrSource(write_sunrgbd(tmp_path), "sunrgbd", "train", depth=depth)
    metres = source.sample(0).depth
    assert metres[0, :4].tolist() == pytest.approx([0.0, beyond, 1.234, 8.0])
    assert len(source.class_names) == 37
    assert source.spectrum == "None"


def test_scannet_thinned_list_and_its_two_image_sizes(tmp_path: Path) -> None:
    source = NicrSource(write_scannet(tmp_path), "scannet", "train", stride=50, classes=20)
    sample = source.sample(2)
    assert len(source) == 3
    assert source.sample_name(2).endswith("scene0000_00/00100")
    assert sample.rgb.shape == (2 * H, 2 * W, 3)
    assert sample.semantic.shape == sample.instance.shape == (2 * H, 2 * W)
    assert sample.depth.shape == (H, W)
    assert len(source.class_names) == 20
    assert np.abs(sample.rgb.astype(int) - smooth(2, (2 * H, 2 * W))).max() < 12  # JPEG


def test_hypersim_instances_are_two_bytes(tmp_path: Path) -> None:
    sample = NicrSource(write_hypersim(tmp_path), "hypersim", "train").sample(0)
    assert (sample.instance == numbers(2, 65536, np.uint16)).all()
    assert (sample.semantic == numbers(1, 41)).all()


def test_ade20k_has_estimated_depth_grey_images_and_classes_of_its_own(tmp_path: Path) -> None:
    source = NicrSource(write_ade20k(tmp_path), "ade20k")
    sample = source.sample(0)
    assert source.split == "train_panoptic_2017"
    assert (sample.rgb[..., 0] == sample.rgb[..., 2]).all()
    assert (sample.depth == numbers(3, 9000, np.uint16).astype(np.float32) / 1000).all()
    assert (len(source.class_names), sum(source.things)) == (150, 100)


def test_statistics_of_estimated_depth_are_those_of_the_training_split(tmp_path: Path) -> None:
    write_ade20k(tmp_path)
    assert NicrSource(tmp_path, "ade20k").depth_statistics == DEPTH_STATISTICS["nyuv2"]
    stats = {DEPTH_ESTIMATOR: {"train_panoptic_2017": {"mean": 2500.0, "std": 800.0, "min": 1, "max": 9}}}
    runs: list[dict[str, Any]] = [
        {"additional_meta": None},
        {"additional_meta": {"auxiliary_depth_stats": stats}},
    ]
    (tmp_path / "creation_meta.json").write_text(json.dumps(runs))
    found = NicrSource(tmp_path, "ade20k").depth_statistics
    assert (found.name, found.mean, found.std) == (DEPTH_ESTIMATOR, 2.5, 0.8)


def test_stride_of_a_plain_list_takes_every_nth(tmp_path: Path) -> None:
    names = tuple(f"{k:04d}" for k in range(7))
    source = NicrSource(write_nyuv2(tmp_path, names), "nyuv2", "train", stride=3)
    assert [source.sample_name(i) for i in range(len(source))] == ["0000", "0003", "0006"]


@pytest.mark.parametrize(
    ("name", "builtin"),
    [
        ("nyu-40", "nyuv2-40"),
        ("nyu-40", "scannet-40"),
        ("sunrgbd-37", "sunrgbd-37"),
        ("scannet-20", "scannet-20"),
        ("scannet-200", "scannet-200"),
    ],
)
def test_classes_are_those_that_maps_are_labelled_with(name: str, builtin: str) -> None:
    known = class_set(name)
    assert known.names == class_list(builtin).names
    stuff = [n for n, thing in zip(known.names, known.things, strict=True) if not thing]
    assert stuff == [n for n in known.names if n in ("wall", "floor", "ceiling")]


def test_the_five_data_sets_make_batches_together(tmp_path: Path) -> None:
    writers = {
        "nyuv2": write_nyuv2,
        "hypersim": write_hypersim,
        "sunrgbd": write_sunrgbd,
        "scannet": write_scannet,
        "ade20k": write_ade20k,
    }
    strides = {"scannet": 50}
    sources = [
        NicrSource(write(tmp_path / name), name, stride=strides.get(name, 1))
        for name, write in writers.items()
    ]
    mixture = Mixture(sources, [1.0] * 5, seed=0)

    def classes_as_targets(source: Source, i: int, sample: Sample) -> TargetTable:
        lut = np.eye(150, dtype=np.float32)[: len(source.class_names)]
        return TargetTable(lut, sample.semantic.astype(np.int32))

    items = TrainingSet(mixture, Augmentation(AugmentConfig(size=(32, 64))), classes_as_targets)
    loader: Any = make_loader(items, EpochBatches(mixture, 8))
    (batch,) = loader
    assert sorted({name.split()[0] for name in batch.names}) == sorted(writers)
    assert batch.rgb.shape == (8, 3, 32, 64)
    assert len(batch.lut) == 2 * 40 + 40 + 37 + 3 * 40 + 150
    again = pickle.loads(pickle.dumps(mixture))  # as for worker processes that are not forked
    assert all((again.sources[k].sample(0).rgb == sources[k].sample(0).rgb).all() for k in range(5))


REFUSED: list[tuple[Callable[[Path], Path], dict[str, Any], str]] = [
    (write_nyuv2, {"dataset": "nyu2"}, r"got 'nyu2'; did you mean 'nyuv2'\?"),
    (write_nyuv2, {"split": "trian"}, r"are train, test, got 'trian'; did you mean 'train'\?"),
    (write_nyuv2, {"split": "test"}, r"test\.txt: no such list of samples; lists there: train\.txt"),
    (write_nyuv2, {"classes": 13}, "nyuv2 can be read with 40 classes, got 13"),
    (write_nyuv2, {"stride": 0}, "stride must be >= 1, got 0"),
    (
        write_nyuv2,
        {"depth": "dav2"},
        r"depth_dav2: no such folder; depth is in depth, depth_raw; .*`dvemap teach ",
    ),
    (
        write_scannet,
        {"dataset": "scannet", "stride": 30},
        r"every_30th\.txt: no such list.*train_every_50th\.txt",
    ),
    (write_scannet, {"dataset": "scannet", "classes": 200}, r"semantic_refined_200: no such folder"),
    (
        write_scannet,
        {"dataset": "scannet", "split": "test"},
        "splits of scannet with labels are train, valid",
    ),
]


@pytest.mark.parametrize(("write", "arguments", "message"), REFUSED)
def test_what_is_not_there_is_named(
    tmp_path: Path, write: Callable[[Path], Path], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(DatasetError, match=message):
        NicrSource(write(tmp_path), **{"dataset": "nyuv2", "split": "train", **arguments})


def test_estimated_depth_that_is_missing_names_the_command(tmp_path: Path) -> None:
    write_nyuv2(tmp_path, split="train_panoptic_2017")
    with pytest.raises(
        DatasetError, match=f"{DEPTH_ESTIMATOR}: no such folder.*dvemap teach {tmp_path} --depth large`"
    ):
        NicrSource(tmp_path, "ade20k")


def test_a_class_beyond_the_list_is_an_error_with_the_file(tmp_path: Path) -> None:
    source = NicrSource(write_nyuv2(tmp_path), "nyuv2", "train")
    save(tmp_path / "train" / "semantic_40" / "0000.png", np.full((H, W), 41, np.uint8))
    with pytest.raises(DatasetError, match=r"semantic_40/0000\.png: has class 41, but nyuv2 is read with 40"):
        source.sample(0)


def test_images_of_the_wrong_kind_or_size_or_cut_short_are_named(tmp_path: Path) -> None:
    source, base = NicrSource(write_nyuv2(tmp_path), "nyuv2", "train"), tmp_path / "train"
    save(base / "instance" / "0000.png", numbers(0, 9, shape=(H, W + 1)))
    with pytest.raises(
        DatasetError, match=rf"instance/0000\.png: expected the size .* {H}x{W}, got {H}x{W + 1}"
    ):
        source.sample(0)
    save(base / "semantic_40" / "0000.png", smooth(0))
    with pytest.raises(DatasetError, match=r"0000\.png: expected an image of 8 or 16 bits with 1 channel"):
        source.sample(0)
    file = base / "rgb" / "0000.png"
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DatasetError, match=r"rgb/0000\.png: the file is truncated"):
        source.sample(0)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"0000\.png"):
        source.sample(0)
