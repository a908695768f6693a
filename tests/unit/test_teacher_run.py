"""Runs over a data set: what is written, what is kept, and what happens when they end early."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from student.data.errors import DatasetError
from student.data.sample import Sample
from student.preprocessing import DepthStatistics
from student.teacher.auxiliary import AuxiliaryFolder
from student.teacher.errors import TeacherError
from student.teacher.run import teach
from student.teacher.teacher import SegmentEmbeddings


class Rooms:
    """Eight samples; of each, a wall and as many chairs as its number says."""

    name = "rooms"
    class_names = ("wall", "chair")
    things = (False, True)
    depth_statistics = DepthStatistics("rooms", 2.0, 1.0)
    broken: tuple[int, ...] = ()

    def __len__(self) -> int:
        return 8

    def sample_name(self, i: int) -> str:
        return f"flat/{i:02d}"

    def sample(self, i: int) -> Sample:
        if i in self.broken:
            raise DatasetError(f"{i}.png: truncated")
        instance = np.arange(10, dtype=np.uint16)[None] * (np.arange(10) <= i)
        semantic = np.where(instance > 0, 2, 1).astype(np.uint16)
        return Sample(
            str(i), np.zeros((1, 10, 3), np.uint8), np.ones((1, 10), np.float32), semantic, instance
        )


class Counting:
    """A teacher that embeds a segment as its id, and counts."""

    estimator = "counting"

    def __init__(self, weights: str = "1") -> None:
        self.identity = {"weights": weights}
        self.seen: list[str] = []

    def embed(self, name: str, sample: Sample, ids: Any, segments: Sequence[int]) -> SegmentEmbeddings:
        self.seen.append(name)
        assert set(np.unique(ids)) - {0} == set(segments)
        vectors = {segment: np.array([segment, 1], np.float32) for segment in segments}
        return SegmentEmbeddings(np.ones(2, np.float32), vectors)

    def embed_texts(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([[len(text), 1] for text in texts], np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> AuxiliaryFolder:
    return AuxiliaryFolder(tmp_path, "train", "None", "counting")


def test_everything_is_written(folder: AuxiliaryFolder) -> None:
    heard: list[tuple[int, int]] = []
    made = teach(Rooms(), Counting(), folder, progress=lambda done, total: heard.append((done, total)))
    assert (made.samples, made.kept, made.faults) == (8, 0, [])
    assert made.segments == 8 + sum(range(8))
    assert heard == [(done, 8) for done in range(9)]
    assert list(folder.read("flat/03").segments) == [65536, 131073, 131074, 131075]
    texts = folder.read_texts()
    assert list(texts) == [f"a detailed photo of a {name}" for name in ("void", "wall", "chair")]
    assert not list(folder.root.rglob("*.tmp"))


def test_an_interrupted_run_goes_on_where_it_stopped(folder: AuxiliaryFolder) -> None:
    def stop(done: int, _: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    first, second = Counting(), Counting()
    with pytest.raises(KeyboardInterrupt):
        teach(Rooms(), first, folder, progress=stop)
    assert first.seen == ["flat/00", "flat/01", "flat/02"]
    heard: list[int] = []
    made = teach(Rooms(), second, folder, progress=lambda done, _: heard.append(done))
    assert (made.samples, made.kept) == (5, 3)
    assert second.seen == [f"flat/{i:02d}" for i in range(3, 8)]
    assert heard[0] == 3
    again = Counting()
    assert teach(Rooms(), again, folder).kept == 8
    assert again.seen == []


def test_half_a_sample_is_not_finished(folder: AuxiliaryFolder) -> None:
    teach(Rooms(), Counting(), folder)
    folder.image_file("flat/02").unlink()
    folder.segments_file("flat/05").unlink()
    second = Counting()
    teach(Rooms(), second, folder)
    assert second.seen == ["flat/02", "flat/05"]


def test_other_weights_need_to_be_told_to_overwrite(folder: AuxiliaryFolder) -> None:
    teach(Rooms(), Counting("1"), folder)
    with pytest.raises(TeacherError, match="with another weights; write all of them again with --overwrite"):
        teach(Rooms(), Counting("2"), folder)
    other = Counting("2")
    assert teach(Rooms(), other, folder, overwrite=True).samples == 8
    assert len(other.seen) == 8
    teach(Rooms(), Counting("2"), folder)


def test_an_interrupted_overwrite_leaves_one_teachers_files(folder: AuxiliaryFolder) -> None:
    def stop(done: int, _: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    teach(Rooms(), Counting("1"), folder)
    with pytest.raises(KeyboardInterrupt):
        teach(Rooms(), Counting("2"), folder, overwrite=True, progress=stop)
    rest = Counting("2")
    assert teach(Rooms(), rest, folder).kept == 2
    assert rest.seen == [f"flat/{i:02d}" for i in range(2, 8)]


def test_overwriting_a_part_removes_what_another_teacher_left(folder: AuxiliaryFolder) -> None:
    class Two(Rooms):
        def __len__(self) -> int:
            return 2

    teach(Rooms(), Counting("1"), folder)
    teach(Two(), Counting("1"), folder, overwrite=True)
    assert folder.has("flat/07")  # the same teacher's
    teach(Two(), Counting("2"), folder, overwrite=True)
    assert folder.has("flat/01")
    assert not folder.has("flat/07")


def test_files_of_the_nicr_tools_are_kept(folder: AuxiliaryFolder) -> None:
    """They note no identity."""
    folder.write("flat/00", SegmentEmbeddings(np.ones(2, np.float32), {}))
    made = teach(Rooms(), Counting(), folder)
    assert (made.samples, made.kept) == (7, 1)
    assert folder.read("flat/00").segments == {}


def test_samples_that_cannot_be_used_are_noted_and_the_others_written(folder: AuxiliaryFolder) -> None:
    rooms = Rooms()
    rooms.broken = (0, 5)
    made = teach(rooms, Counting(), folder)
    assert made.faults == ["flat/00: 0.png: truncated", "flat/05: 5.png: truncated"]
    assert made.samples == 6
    rooms.broken = ()
    second = Counting()
    teach(rooms, second, folder)
    assert second.seen == ["flat/00", "flat/05"]
