"""Teachers' files in the NICR layout: what is written, what is read, and what is refused."""

import io
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from student.teacher.auxiliary import AuxiliaryFolder
from student.teacher.creation_meta import note_run, read_additional
from student.teacher.errors import TeacherError
from student.teacher.means import visual_means_of
from student.teacher.pickled_npy import read_text_tables, write_text_tables
from student.teacher.teacher import SegmentEmbeddings

CHAIR = 5 * 65536 + 1


@pytest.fixture
def folder(tmp_path: Path) -> AuxiliaryFolder:
    return AuxiliaryFolder(tmp_path, "train", "40", "alpha_clip__l14-336-grit-20m")


def vector(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


def embeddings() -> SegmentEmbeddings:
    return SegmentEmbeddings(vector(1, 2, 3), {CHAIR: vector(4, 5, 6), 65536: vector(7, 8, 9)})


def test_layout_is_that_of_the_nicr_tools(folder: AuxiliaryFolder, tmp_path: Path) -> None:
    folder.write("scene0000_00/00000", embeddings())
    with np.load(
        tmp_path / "train/panoptic_40_embedding_alpha_clip__l14-336-grit-20m/scene0000_00/00000.npz"
    ) as file:
        assert file.files == ["327681", "65536"]
        assert (file["65536"].shape, file["65536"].dtype) == ((1, 3), np.float32)
    with np.load(
        tmp_path / "train/image_embedding_alpha_clip__l14-336-grit-20m/scene0000_00/00000.npz"
    ) as file:
        np.testing.assert_array_equal(file["arr_0"], [[1, 2, 3]])


def test_round_trip(folder: AuxiliaryFolder) -> None:
    assert not folder.has("0")
    folder.write("0", embeddings())
    assert folder.has("0")
    read = folder.read("0")
    np.testing.assert_array_equal(read.image, [1, 2, 3])
    assert list(read.segments) == [CHAIR, 65536]  # stored order is kept
    np.testing.assert_array_equal(read.segments[CHAIR], [4, 5, 6])
    folder.write("1", SegmentEmbeddings(vector(1), {}))
    assert folder.read("1").segments == {}


def test_vectors_without_batch_axis_are_read(folder: AuxiliaryFolder) -> None:
    folder.write("0", embeddings())
    np.savez(folder.segments_file("0"), **{"65536": vector(1, 0, 0)})
    np.testing.assert_array_equal(folder.read("0").segments[65536], [1, 0, 0])


@pytest.mark.parametrize(
    ("arrays", "fault"),
    [
        ({"chair": np.ones((1, 3))}, "expected panoptic ids with vectors of 3 numbers, got 'chair' with 3"),
        ({"7": np.ones((1, 4))}, "got '7' with 4"),
        ({"7": np.ones((2, 3))}, r"7 must be one finite vector, got \(2, 3\)"),
        ({"7": np.full((1, 3), np.nan)}, "7 must be one finite vector"),
        ({"7": np.array([{}], object)}, r"is no readable \.npz file"),
    ],
)
def test_files_of_something_else_are_refused(folder: AuxiliaryFolder, arrays: Any, fault: str) -> None:
    folder.write("0", embeddings())
    np.savez(folder.segments_file("0"), **arrays)
    with pytest.raises(TeacherError, match=fault):
        folder.read("0")


def test_missing_and_damaged_files_are_named(folder: AuxiliaryFolder) -> None:
    with pytest.raises(TeacherError, match=r"image_embedding_\S+/0\.npz: no such file; let the teacher"):
        folder.read("0")
    folder.write("0", embeddings())
    file = folder.segments_file("0")
    whole = file.read_bytes()
    for length in (0, 20, len(whole) // 2, len(whole) - 10):
        file.write_bytes(whole[:length])
        with pytest.raises(TeacherError, match=r"0\.npz is no readable \.npz file"):
            folder.read("0")


def test_a_failed_write_leaves_nothing(folder: AuxiliaryFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "savez_compressed", full)
    with pytest.raises(OSError, match="No space"):
        folder.write("0", embeddings())
    assert [path for path in folder.root.rglob("*") if path.is_file()] == []


def test_remains_of_a_killed_run_are_removed(folder: AuxiliaryFolder) -> None:
    folder.write("a/0", embeddings())
    old, new = (folder.segments_file("a/0").with_name(f".1.npz.{name}.tmp") for name in ("ab", "cd"))
    old.touch()
    new.touch()
    os.utime(old, (0, 0))
    folder.remove_remains()
    assert not old.exists()
    assert new.exists()  # another process may be writing it
    assert folder.has("a/0")


def test_another_teacher_of_the_same_name_is_refused(folder: AuxiliaryFolder) -> None:
    folder.check_identity({"alpha": "1"})
    folder.write_identity({"alpha": "1", "precision": "fp32"})
    folder.check_identity({"alpha": "1", "precision": "fp32"})
    with pytest.raises(TeacherError, match="with another alpha and base; write all of them again"):
        folder.check_identity({"alpha": "2", "base": "x", "precision": "fp32"})


# --- the pickled file -------------------------------------------------------------------------------------


def test_text_tables_round_trip_and_are_numpys(tmp_path: Path) -> None:
    tables = {"semantic_40_embedding_x": {"a detailed photo of a void": vector(1, 2)}, "y": {}}
    file = tmp_path / "texts.npy"
    write_text_tables(file, tables)
    theirs = np.load(file, allow_pickle=True).item()
    assert theirs["semantic_40_embedding_x"]["a detailed photo of a void"].tolist() == [1, 2]
    read = read_text_tables(file)
    assert list(read) == ["semantic_40_embedding_x", "y"]
    np.testing.assert_array_equal(read["semantic_40_embedding_x"]["a detailed photo of a void"], [1, 2])


@pytest.mark.parametrize(
    ("protocol", "module"),
    [(3, "numpy._core.multiarray"), (3, "numpy.core.multiarray"), (4, "numpy._core.multiarray")],
)
def test_pickles_of_other_versions(tmp_path: Path, protocol: int, module: str) -> None:
    """NumPy 1 names its module differently and pickles by an older protocol."""
    rows = np.arange(6, dtype=">f2").reshape(2, 3)
    header, _ = saved({})
    array = np.array({"t": {"first": rows[0], "second": rows[1:].astype("<f8")}}, object)
    content = pickle.dumps(array, protocol)
    content = content.replace(b"numpy._core.multiarray", module.encode())
    (tmp_path / "t.npy").write_bytes(header + content)
    table = read_text_tables(tmp_path / "t.npy")["t"]
    np.testing.assert_array_equal(table["first"], [0, 1, 2])
    np.testing.assert_array_equal(table["second"], [3, 4, 5])
    assert table["first"].dtype == np.float32


class Evil:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.system, (f"touch {self.path}",))


def saved(content: Any) -> tuple[bytes, bytes]:
    """Return header and pickle of what numpy.save writes."""
    buffer = io.BytesIO()
    np.save(buffer, np.array(content, object), allow_pickle=True)
    end = buffer.getvalue().index(b"\n") + 1
    return buffer.getvalue()[:end], buffer.getvalue()[end:]


def test_code_in_a_pickle_is_not_run(tmp_path: Path) -> None:
    for content in ({"t": {"a": Evil(tmp_path / "ran")}}, {"t": Evil(tmp_path / "ran")}):
        (tmp_path / "t.npy").write_bytes(b"".join(saved(content)))
        with pytest.raises(TeacherError, match=r"posix\.system, which only code could load"):
            read_text_tables(tmp_path / "t.npy")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ({"t": {"a": np.arange(3)}}, "an array of <i8"),
        ({"t": {"a": np.array([{}], object)}}, "an array of"),
        ({"t": {"a": np.ones((2, 3), np.float32)}}, r"6 numbers for an array \(2, 3\)"),
        ({"t": {3: np.ones(3, np.float32)}}, "a key that is a int"),
        ({"t": [1]}, "something else"),
        ({"t": {"a": "text"}}, "something else"),
        ([{}, {}], "an array of several objects"),
    ],
)
def test_other_contents_are_refused(tmp_path: Path, content: Any, fault: str) -> None:
    (tmp_path / "t.npy").write_bytes(b"".join(saved(content)))
    with pytest.raises(TeacherError, match=rf"t\.npy: expected text embeddings, .*, got {fault}"):
        read_text_tables(tmp_path / "t.npy")


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    whole = b"".join(saved({"t": {"a": vector(1, 2, 3)}}))
    for content in (
        b"",
        b"PK\x03\x04",
        whole[:60],
        whole[:150],
        whole[:-20],
        b"\x93NUMPY\x09\x00" + whole[8:],
    ):
        (tmp_path / "t.npy").write_bytes(content)
        with pytest.raises(TeacherError, match="expected text embeddings"):
            read_text_tables(tmp_path / "t.npy")
    np.save(tmp_path / "t.npy", vector(1, 2))
    with pytest.raises(TeacherError, match="got an array of numbers"):
        read_text_tables(tmp_path / "t.npy")


def test_each_flipped_byte_is_read_or_refused(tmp_path: Path) -> None:
    whole = bytearray(b"".join(saved({"t": {"a": vector(1, 2, 3)}})))
    file = tmp_path / "t.npy"
    for place in range(len(whole)):
        for bit in (1, 0x40):
            changed = bytearray(whole)
            changed[place] ^= bit
            file.write_bytes(changed)
            try:
                tables = read_text_tables(file)
            except TeacherError:
                continue
            assert all(array.dtype == np.float32 for table in tables.values() for array in table.values())


def test_texts_are_added_to_what_is_there(folder: AuxiliaryFolder, tmp_path: Path) -> None:
    with pytest.raises(TeacherError, match="no such file; let the teacher write it"):
        folder.read_texts()
    other = AuxiliaryFolder(tmp_path, "test", "13", "x")
    other.write_texts({"a": vector(1)})
    with pytest.raises(
        TeacherError, match=r"has no table semantic_40_embedding_.*only semantic_13_embedding_x"
    ):
        folder.read_texts()
    folder.write_texts({"a": vector(2), "b": vector(3)})
    folder.write_texts({"b": vector(4)})
    assert {key: value.tolist() for key, value in folder.read_texts().items()} == {"a": [2], "b": [4]}
    assert other.read_texts()["a"].tolist() == [1]


# --- creation_meta.json -----------------------------------------------------------------------------------


def test_runs_are_appended_and_repeat_what_they_replace(tmp_path: Path) -> None:
    first = {"command": "prepare", "version": "0.7.0+ab", "additional_meta": {"instances": "panopticndt"}}
    (tmp_path / "creation_meta.json").write_text(json.dumps([first]))
    note_run(
        tmp_path,
        "dvemap teach a",
        image_embedding_estimators=["x"],
        depth_stats={"d": {"train": {"mean": 1}}},
    )
    note_run(
        tmp_path,
        "dvemap teach b",
        image_embedding_estimators=["y"],
        depth_stats={"d": {"valid": {"mean": 2}}},
    )
    note_run(tmp_path, "dvemap teach b", image_embedding_estimators=["y"])
    runs = json.loads((tmp_path / "creation_meta.json").read_text())
    assert [run["command"] for run in runs] == ["prepare", "dvemap teach a", "dvemap teach b"]
    assert {run["version"] for run in runs} == {"0.7.0+ab"}  # of the layout, which readers compare
    last = runs[-1]["additional_meta"]
    assert last["auxiliary_image_embedding_estimators"] == ["x", "y"]
    assert last["auxiliary_depth_stats"] == {"d": {"train": {"mean": 1}, "valid": {"mean": 2}}}
    assert read_additional(tmp_path) == {"instances": "panopticndt", **last}


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    for content, fault in (
        ("[{", "is damaged"),
        ("[3]", "expected a list of runs"),
        ("7", "expected a list"),
    ):
        (tmp_path / "creation_meta.json").write_text(content)
        with pytest.raises(TeacherError, match=rf"creation_meta\.json:? {fault}"):
            note_run(tmp_path, "dvemap teach", image_embedding_estimators=["x"])


def test_archives_are_compressed(folder: AuxiliaryFolder) -> None:
    folder.write("0", embeddings())
    with zipfile.ZipFile(folder.segments_file("0")) as archive:
        assert {entry.compress_type for entry in archive.infolist()} == {zipfile.ZIP_DEFLATED}


# --- class visual means -----------------------------------------------------------------------------------


def test_visual_means_of_files_are_those_of_the_formula(folder: AuxiliaryFolder) -> None:
    rng = np.random.default_rng(0)
    sums = np.zeros((2, 3, 4))  # segments and images, by class
    for number in range(5):
        image = rng.normal(size=4).astype(np.float32)
        segments = {
            c * 65536 + k: rng.normal(size=4).astype(np.float32) for c in (1, 3) for k in range(number)
        }
        folder.write(str(number), SegmentEmbeddings(image, segments))
        for segment, vector_ in segments.items():
            sums[0, segment // 65536 - 1] += vector_ / np.linalg.norm(vector_)
            sums[1, segment // 65536 - 1] += image / np.linalg.norm(image)
    made = visual_means_of(folder, map(str, range(5)), classes=3)
    np.testing.assert_allclose(made.segments, sums[0], atol=1e-6)
    np.testing.assert_allclose(made.images, sums[1], atol=1e-6)
    assert made.count.tolist() == [10, 0, 10]
    with pytest.raises(ValueError, match="visual means need at least one sample"):
        visual_means_of(folder, [], classes=3)


def test_visual_means_of_captions_are_the_captions(folder: AuxiliaryFolder) -> None:
    folder.write("0", SegmentEmbeddings(vector(0, 0), {65536: vector(3, 0), 131073: vector(0, 1)}))
    made = visual_means_of(folder, ["0", "0"], classes=2)
    assert not made.images.any()
    np.testing.assert_allclose(made.weights(np.ones((2, 2), np.float32)), [[1, 0], [0, 1]], atol=1e-7)
