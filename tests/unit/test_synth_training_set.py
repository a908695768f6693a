"""Training sets: complete scenes of random views, every instance with its caption, and runs that go on."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest

from sequences import SequenceError, open_sequence
from sequences.synth import TrainingSet, generate_training_set, vocabulary
from sequences.synth.materials import COLORS

WHAT = TrainingSet(2, frames=4, seed=30, kind="hall", width=64, height=48, vary=1.0)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("training") / "set"
    done: list[tuple[int, int]] = []
    made = generate_training_set(out, WHAT, workers=1, progress=lambda i, n: done.append((i, n)))
    assert done == [(0, 8), (4, 8), (8, 8)]
    assert (made.scenes, made.kept, made.frames) == (2, 0, 8)
    return out


def digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def image(scene: Path, folder: str, index: int) -> np.ndarray:
    return cv2.imread(str(scene / folder / f"{index}.png"), cv2.IMREAD_UNCHANGED)


def test_scenes_are_sequences(written: Path) -> None:
    assert [p.name for p in sorted(written.iterdir())] == ["00000", "00001"]
    fields = set()
    for scene in written.iterdir():
        sequence = open_sequence(scene, labels=True)
        assert len(sequence) == WHAT.frames
        assert sequence.label_names == vocabulary()
        frame = sequence[1]
        assert frame.rgb.shape == (48, 64, 3)
        assert (frame.depth > 0).mean() > 0.3
        K = np.loadtxt(scene / "intrinsic" / "intrinsic_depth.txt")
        np.testing.assert_array_equal(K, np.loadtxt(scene / "intrinsic" / "intrinsic_color.txt"))
        np.testing.assert_allclose(frame.intrinsics[:3, :3], K[:3, :3])
        assert K[0, 0] == K[1, 1]
        fields.add(np.degrees(2 * np.arctan(32 / K[0, 0])))
    assert len(fields) == 2
    assert 50 <= min(fields) < max(fields) <= 75


def test_everything_that_is_seen_has_a_number_and_a_caption(written: Path) -> None:
    for scene in written.iterdir():
        objects = json.loads((scene / "objects.json").read_text())
        of = {o["instance"]: o for o in objects}
        assert len(of) == len(objects)
        assert min(of) >= 1
        assert max(of) <= 255
        for o in objects:
            assert o["caption"].endswith(o["kind"])
            assert o["attributes"]["color"] in COLORS
        for index in range(WHAT.frames):
            kind, instance = image(scene, "label-filt", index), image(scene, "instance-filt", index)
            assert (instance[kind > 3] > 0).all()  # all but void, walls, floors and ceilings
            for number in np.unique(instance[instance > 0]):
                assert set(np.unique(kind[instance == number])) == {of[int(number)]["label"]}


def test_views_are_independent_and_held_by_somebody(written: Path) -> None:
    for scene in written.iterdir():
        poses = np.array([np.loadtxt(scene / "pose" / f"{i}.txt") for i in range(WHAT.frames)])
        assert (poses[:, 2, 3] >= 0.25).all()
        assert (poses[:, 2, 3] <= 1.9).all()
        for T in poses:
            np.testing.assert_allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-12)
            assert abs(np.arcsin(T[2, 0])) <= np.radians(10.1)  # roll
        things = [len(np.unique(image(scene, "instance-filt", i))) for i in range(WHAT.frames)]
        assert np.mean(things) > 2


def test_a_scene_is_that_of_its_seed(written: Path, tmp_path: Path) -> None:
    other = TrainingSet(1, frames=4, seed=31, kind="hall", width=64, height=48, vary=1.0)
    generate_training_set(tmp_path / "set", other, workers=1)
    assert digest(tmp_path / "set" / "00000") == digest(written / "00001")


def test_a_larger_set_keeps_the_scenes_there_are(written: Path) -> None:
    (written / "auxiliary").mkdir()  # of a teacher
    before = {p: p.stat().st_mtime_ns for p in written.rglob("*")}
    made = generate_training_set(written, WHAT, workers=1)
    assert made.kept == 2
    assert {p: p.stat().st_mtime_ns for p in written.rglob("*") if p in before and p != written} == {
        p: t for p, t in before.items() if p != written
    }
    (written / "auxiliary").rmdir()


def test_scenes_of_other_arguments_are_refused(written: Path) -> None:
    for changed in ({"vary": 0.5}, {"seed": 31}, {"frames": 3}):
        what = TrainingSet(**{**WHAT.arguments(), "scenes": 2, "seed": WHAT.seed, **changed})
        with pytest.raises(SequenceError, match=f"written with {next(iter(changed))}"):
            generate_training_set(written, what, workers=1)


def test_anything_else_in_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(SequenceError, match="not a scene that dvemap synth wrote"):
        generate_training_set(tmp_path, WHAT, workers=1)
    with pytest.raises(SequenceError, match="this is a file"):
        generate_training_set(tmp_path / "thesis.txt", WHAT, workers=1)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"scenes": 0}, "scenes must be >= 1, got 0"),
        ({"frames": 0}, "frames must be >= 1"),
        ({"seed": -1}, "seed must be >= 0"),
        ({"vary": 1.5}, "vary must be within 0 and 1, got 1.5"),
        ({"kind": "castle"}, "kind must be one of mixed, flat"),
    ],
)
def test_bad_arguments_are_named(changed: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TrainingSet(**{"scenes": 1, **changed})  # type: ignore[arg-type]


def test_a_killed_run_goes_on(written: Path, tmp_path: Path) -> None:
    """SIGKILL after the first scene: its processes end too, and the same command makes the set complete."""
    out = tmp_path / "set"
    command = [
        *(sys.executable, "-m", "dvemap", "synth", str(out), "--scenes", "60", "--frames", "4"),
        *("--seed", "30", "--kind", "hall", "--width", "64", "--height", "48", "--vary", "1.0"),
    ]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (out / "00000").exists() or not (out / "00001").exists():
            assert process.poll() is None
            time.sleep(0.02)
        children = children_of(process.pid)
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL
    deadline = time.monotonic() + 20
    while any(Path(f"/proc/{child}/exe").exists() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [c for c in children if Path(f"/proc/{c}/exe").exists()]
    there = sorted(p.name for p in out.iterdir() if p.name != ".partial")
    assert 2 <= len(there) < 60
    before = {p: p.stat().st_mtime_ns for p in (out / "00000").rglob("*")}
    assert all(digest(out / name) == digest(written / name) for name in ("00000", "00001"))
    what = TrainingSet(len(there) + 1, **{**WHAT.arguments(), "seed": WHAT.seed})
    made = generate_training_set(out, what, workers=1)
    assert made.kept >= len(there) - 1
    assert sorted(p.name for p in out.iterdir()) == sorted(
        {*there, *(f"{i:05d}" for i in range(made.scenes))}
    )
    assert {p: p.stat().st_mtime_ns for p in before} == before


def children_of(pid: int) -> list[int]:
    """Processes that render for another one, where /proc says so."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if int((folder / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(folder.name))
        except OSError:
            continue
    return [child for child in found if child != os.getpid()]
