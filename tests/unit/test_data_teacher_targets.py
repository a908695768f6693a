"""Targets made of a teacher's files, as they lie beside the samples."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from student.data.augment import Augmentation
from student.data.augment_config import AugmentConfig
from student.data.batches import EpochBatches, TrainingSet, make_loader
from student.data.errors import DatasetError
from student.data.mixture import Mixture
from student.data.sample import Sample
from student.data.teacher_targets import TeacherTargets
from student.preprocessing import DepthStatistics
from student.targets import panoptic_segments
from student.teacher.auxiliary import AuxiliaryFolder
from student.teacher.errors import TeacherError
from student.teacher.teacher import SegmentEmbeddings

D = 6


class Boxes:
    """Samples with a wall (stuff), two chairs, a chair without instance, and void."""

    name, class_names, things = "boxes", ("wall", "chair"), (False, True)
    depth_statistics = DepthStatistics("boxes", 2.0, 1.0)

    def __len__(self) -> int:
        return 3

    def sample_name(self, i: int) -> str:
        return f"room/{i}"

    def sample(self, i: int) -> Sample:
        semantic, instance = np.ones((40, 50), np.uint16), np.zeros((40, 50), np.uint16)
        semantic[10:20], semantic[20:30] = 2, 2
        instance[10:20, :25], instance[10:20, 25:] = 4, 9
        semantic[30:] = 0
        rng = np.random.default_rng(i)
        rgb = rng.integers(0, 256, (40, 50, 3), dtype=np.uint8)
        depth = np.full((20, 25), 2, np.float32)
        return Sample(f"boxes room/{i}", rgb, depth, semantic, instance)


@pytest.fixture
def taught(tmp_path: Path) -> tuple[Boxes, AuxiliaryFolder, list[SegmentEmbeddings]]:
    source, folder = Boxes(), AuxiliaryFolder(tmp_path, "train", "None", "seer")
    seen = []
    for i in range(len(source)):
        rng, sample = np.random.default_rng(100 + i), source.sample(i)
        _, segments = panoptic_segments(sample.semantic, sample.instance, source.things)
        vectors = {s: rng.standard_normal(D).astype(np.float32) for s in segments}
        seen.append(SegmentEmbeddings(rng.standard_normal(D).astype(np.float32), vectors))
        folder.write(source.sample_name(i), seen[-1])
    return source, folder, seen


def unit(vector: Any) -> Any:
    return vector / np.linalg.norm(vector)


def test_each_pixel_gets_the_target_of_its_segment(taught: Any) -> None:
    source, folder, seen = taught
    table = TeacherTargets({source: folder})(source, 1, source.sample(1))
    places = {(0, 0): 65536, (12, 3): 2 * 65536 + 1, (12, 40): 2 * 65536 + 2}
    for (row, column), segment in places.items():
        target = unit(unit(seen[1].segments[segment]) - 0.65 * unit(seen[1].image))
        assert table.lut[table.index[row, column] - 1] == pytest.approx(target, abs=1e-6)
    assert not table.index[20:].any()  # a thing without instance, and void


def test_batches_of_a_taught_source_hold_unit_targets(taught: Any) -> None:
    source, folder, seen = taught
    mixture = Mixture([source], [1.0], seed=0)
    items = TrainingSet(
        mixture, Augmentation(AugmentConfig(size=(32, 32))), TeacherTargets({source: folder}), reduction=4
    )
    loader: Any = make_loader(items, EpochBatches(mixture, 3))
    (batch,) = loader
    assert batch.lut.shape == (3 * len(seen[0].segments), D)
    assert np.linalg.norm(batch.lut.numpy(), axis=1) == pytest.approx(1, abs=1e-6)
    assert batch.target_index.shape == (3, 8, 8)
    assert 0 < batch.target_index.max() <= len(batch.lut)


def test_missing_files_are_found_before_training_and_the_command_is_named(
    taught: Any, tmp_path: Path
) -> None:
    source, folder, _ = taught
    folder.image_file("room/1").unlink()
    folder.segments_file("room/2").unlink()
    message = (
        r"boxes: 2 of its 3 samples have no embeddings of the teacher seer, such as .*room/1\.npz; make "
        rf"them with `dvemap teach {tmp_path} --text-encoder NAME`"
    )
    with pytest.raises(DatasetError, match=message):
        TeacherTargets({source: folder})


def test_a_teacher_that_saw_other_labels_or_a_damaged_file_is_named(taught: Any) -> None:
    source, folder, seen = taught
    targets = TeacherTargets({source: folder})
    few = dict(list(seen[0].segments.items())[:-1])
    folder.write("room/0", SegmentEmbeddings(seen[0].image, few))
    with pytest.raises(DatasetError, match=r"room/0\.npz: segment 131074 \(class 2\) has no embedding"):
        targets(source, 0, source.sample(0))
    folder.segments_file("room/0").write_bytes(b"PK")
    with pytest.raises(TeacherError, match=r"room/0\.npz"):
        targets(source, 0, source.sample(0))
