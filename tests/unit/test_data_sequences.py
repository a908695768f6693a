"""Sequences as a source of training samples, and the list of data sets in YAML."""

import pickle
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import yaml
from pydantic import ValidationError

from dvemap.sequence_source import SequenceSource
from dvemap.training_data import DataConfig, build_mixture
from mapping import class_list
from sequences import FrameError, open_sequence
from student.data.errors import DatasetError
from student.preprocessing import DEPTH_STATISTICS

# id, category, NYU40 id: a chair, a massage chair (NYU40: chair), a rubber duck (40), and 12 that is nothing.
TABLE = "id\traw_category\tcategory\tnyu40id\n2\tchair\tchair\t5\n1291\tmassage chair\tmassage chair\t5\n"
TABLE += "1290\trubber duck\trubber duck\t40\n12\tnothing\tnothing\t\n"
RAW = np.array([0, 2, 1291, 1290, 12], np.uint16)


@pytest.fixture
def scene(room: Any, layouts: SimpleNamespace) -> Any:
    """Write a scene of three frames whose label ids are some of the given ones, with instances if wanted."""

    def write(path: Path, ids: Any = RAW, names: str | None = None, instances: bool = True) -> Path:
        few = room.first(3)
        layouts.scannet(path, few)
        rng = np.random.default_rng(0)
        for k in range(3):
            shape = few.rgb.shape[1:3]
            layouts.save(path / "label-filt" / f"{k}.png", rng.choice(np.asarray(ids, np.uint16), shape))
            if instances:
                layouts.save(path / "instance-filt" / f"{k}.png", rng.integers(0, 9, shape).astype(np.uint8))
        if names is not None:
            (path / "label_names.txt").write_text(names)
        return path

    return write


def table(folder: Path) -> None:
    (folder / "scannetv2-labels.combined.tsv").write_text(TABLE)


KINDS = "1\twall\n2\tfloor\n7\tmassage chair\n240\that stand\n"


@pytest.mark.parametrize(
    ("classes", "expected"),
    [
        (40, [0, 5, 5, 40, 0]),
        (20, [0, 5, 5, 0, 0]),
        (200, [0, 2, 0, 0, 0]),  # chair is the second of ScanNet-200, the others are not among them
    ],
)
def test_scannet_labels_become_the_wanted_classes(
    tmp_path: Path, scene: Any, classes: int, expected: list[int]
) -> None:
    table(tmp_path)
    scene(tmp_path / "scene0000_00")
    source = SequenceSource(tmp_path, classes=classes)
    raw = open_sequence(tmp_path / "scene0000_00", labels=True)[1]
    sample = source.sample(1)
    assert raw.label is not None
    assert raw.instance is not None
    new_of = dict(zip(RAW.tolist(), expected, strict=True))
    assert (sample.semantic == np.vectorize(new_of.get)(raw.label)).all()
    assert (sample.instance == raw.instance).all()
    assert (sample.rgb == raw.rgb).all()
    assert (sample.depth == raw.depth).all()
    assert source.class_names == class_list(f"scannet-{classes}").names
    assert source.depth_statistics == DEPTH_STATISTICS["scannet"]
    assert source.things[0] is False
    assert (len(source), source.sample_name(2)) == (3, "scene0000_00/2")


def test_flats_have_their_kinds_and_only_walls_floors_and_ceilings_are_stuff(
    tmp_path: Path, scene: Any
) -> None:
    path = scene(tmp_path / "flat", ids=[0, 1, 2, 7, 240], names=KINDS)
    source = SequenceSource(path)
    assert source.class_names == ("wall", "floor", "massage chair", "hat stand")
    assert source.things == (False, False, True, True)
    assert source.sample_name(1) == "1"
    raw = open_sequence(path, labels=True)[1].label
    assert raw is not None
    assert (source.sample(1).semantic == np.vectorize({0: 0, 1: 1, 2: 2, 7: 3, 240: 4}.get)(raw)).all()


def test_a_generated_flat_is_a_source(tmp_path: Path) -> None:
    from sequences.synth import generate

    generate(tmp_path / "flat", seed=3, kind="room", frames=2, width=64, height=48, workers=1)
    source = SequenceSource(tmp_path / "flat")
    sample = source.sample(0)
    assert sample.semantic.max() <= len(source.class_names)
    seen = {source.class_names[c - 1] for c in np.unique(sample.semantic) if c}
    assert "wall" in seen
    assert "massage chair" in source.class_names
    assert dict(zip(source.class_names, source.things, strict=True))["door"]


def test_without_instance_images_a_class_is_one_segment(tmp_path: Path, scene: Any) -> None:
    source = SequenceSource(scene(tmp_path / "flat", ids=[0, 7], names=KINDS, instances=False))
    assert not any(source.things)
    assert not source.sample(0).instance.any()


def test_splits_are_lists_or_folders(tmp_path: Path, scene: Any) -> None:
    for name in ("a", "b", "train/c"):
        scene(tmp_path / name, ids=[1], names=KINDS)
    (tmp_path / "valid.txt").write_text("b\n\n")
    found = {split: SequenceSource(tmp_path, split=split) for split in (None, "valid", "train")}
    names = {split: [s.sample_name(i) for i in range(0, len(s), 3)] for split, s in found.items()}
    assert names == {None: ["a/0", "b/0"], "valid": ["b/0"], "train": ["train/c/0"]}
    assert len(SequenceSource(tmp_path, stride=2)) == 4
    with pytest.raises(DatasetError, match=r"no split 'trian': neither .* is there; did you mean 'train'\?"):
        SequenceSource(tmp_path, split="trian")
    (tmp_path / "test.txt").write_text("gone\n")
    with pytest.raises(DatasetError, match=r"test\.txt: names 'gone', but there is no"):
        SequenceSource(tmp_path, split="test")


def test_frames_without_a_pose_are_left_out_and_damaged_ones_are_errors(tmp_path: Path, scene: Any) -> None:
    path = scene(tmp_path / "flat", ids=[1], names=KINDS)
    (path / "pose" / "1.txt").write_text("-inf " * 16)
    source = SequenceSource(path)
    assert [source.sample_name(i) for i in range(len(source))] == ["0", "2"]
    (path / "color" / "2.png").write_bytes(b"")
    with pytest.raises(FrameError, match=r"2\.png"):
        source.sample(1)


def test_labels_without_names_are_errors(tmp_path: Path, scene: Any) -> None:
    nameless = scene(tmp_path / "one" / "flat")
    with pytest.raises(DatasetError, match=r"flat: nothing names its labels; expected label_names\.txt"):
        SequenceSource(nameless)
    partly = scene(tmp_path / "two" / "flat", ids=[1, 9], names=KINDS)
    with pytest.raises(DatasetError, match=r"frame 0: label 9 has no name; complete label_names\.txt"):
        SequenceSource(partly).sample(0)
    table(tmp_path / "one")
    with pytest.raises(DatasetError, match="can be read with 40, 20, 200 classes, got 13"):
        SequenceSource(nameless, classes=13)
    with pytest.raises(DatasetError, match="its labels have 4 names, got classes: 40"):
        SequenceSource(partly, classes=40)


def test_sequences_that_do_not_go_together_are_errors(tmp_path: Path, scene: Any) -> None:
    scene(tmp_path / "a", ids=[1], names=KINDS)
    scene(tmp_path / "b", ids=[1], names=KINDS.replace("hat stand", "hat"))
    with pytest.raises(DatasetError, match="b: label 240 is 'hat' here and 'hat stand' in another"):
        SequenceSource(tmp_path)
    (tmp_path / "b" / "label_names.txt").write_text(KINDS)
    assert len(SequenceSource(tmp_path)) == 6
    for file in (tmp_path / "b" / "instance-filt").iterdir():
        file.unlink()
    (tmp_path / "b" / "instance-filt").rmdir()
    with pytest.raises(DatasetError, match="b: brings no instance images, but others in"):
        SequenceSource(tmp_path).sample(3)


def test_scannet_scenes_without_the_table_of_the_others_are_errors(tmp_path: Path, scene: Any) -> None:
    table(scene(tmp_path / "a"))
    scene(tmp_path / "b")
    with pytest.raises(DatasetError, match=r"b: has another table of ScanNet's labels than .*a, or none"):
        SequenceSource(tmp_path)


def test_a_folder_without_sequences_says_what_it_looked_for(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no labelled sequence here nor .* format: nicr-nyuv2"):
        SequenceSource(tmp_path)
    with pytest.raises(FileNotFoundError):
        SequenceSource(tmp_path / "nowhere")


def test_a_yaml_list_becomes_a_mixture(tmp_path: Path, scene: Any, layouts: SimpleNamespace) -> None:
    scene(tmp_path / "flats" / "a", ids=[1], names=KINDS)
    scene(tmp_path / "flats" / "b", ids=[1], names=KINDS)
    nyu = tmp_path / "nyuv2"
    for kind, channels in (("rgb", 3), ("depth_raw", 1), ("semantic_40", 1), ("instance", 1)):
        shape = (8, 8, 3) if channels == 3 else (8, 8)
        for name in ("0000", "0001"):
            dtype = np.uint16 if kind == "depth_raw" else np.uint8
            layouts.save(nyu / "train" / kind / f"{name}.png", np.ones(shape, dtype))
    (nyu / "train.txt").write_text("0000\n0001\n")
    text = f"""
    - {{path: {nyu}, format: nicr-nyuv2, split: train, classes: 40, depth: raw}}
    - {{path: {tmp_path / "flats"}, fraction: 0.5, stride: 1}}
    """
    mixture = build_mixture([DataConfig.model_validate(entry) for entry in yaml.safe_load(text)], seed=7)
    assert [source.name for source in mixture.sources] == ["nyuv2", "flats"]
    assert mixture.depth_statistics == DEPTH_STATISTICS["nyuv2"]
    assert len(mixture) == 2 + 3
    assert mixture.sources[1].sample(5).name == "flats b/2"
    again = pickle.loads(pickle.dumps(mixture))  # as for worker processes that are not forked
    assert (again.sources[1].sample(5).rgb == mixture.sources[1].sample(5).rgb).all()


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"path": "x", "format": "nicr-nyu"}, "Input should be 'nicr-nyuv2', 'nicr-sunrgbd'"),
        ({"path": "x", "fraction": 0}, "greater than 0"),
        ({"path": "x", "stride": 0}, "greater than or equal to 1"),
        ({"path": "x", "fractoin": 1}, "Extra inputs"),
        ({"format": "sequence"}, "Field required"),
    ],
)
def test_entries_that_cannot_be(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        DataConfig.model_validate(entry)


def test_every_setting_is_described() -> None:
    assert all(field.description for field in DataConfig.model_fields.values())
