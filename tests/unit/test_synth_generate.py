"""Written sequences: layout, determinism, agreement of images, poses, objects and mesh, and clean failure."""

import hashlib
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from sequences import SequenceError, open_sequence
from sequences.synth import generate, vocabulary
from sequences.synth.generator import SynthSummary

SEED = 9
SIZE = {"width": 128, "height": 96}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> SynthSummary:
    out = tmp_path_factory.mktemp("synth") / "bath"
    return generate(out, SEED, kind="bathroom", noise=False, **SIZE)


def digest(folder: Path) -> dict[str, str]:
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(folder.rglob("*"))
        if p.is_file()
    }


def image(summary: SynthSummary, folder: str, index: int) -> np.ndarray:
    suffix = "jpg" if folder == "color" else "png"
    return cv2.imread(str(summary.path / folder / f"{index}.{suffix}"), cv2.IMREAD_UNCHANGED)


def test_the_layout_is_that_of_exported_scannet(written: SynthSummary) -> None:
    n = written.frames
    for folder, suffix in (
        ("color", "jpg"),
        ("depth", "png"),
        ("label-filt", "png"),
        ("instance-filt", "png"),
        ("pose", "txt"),
    ):
        names = {p.name for p in (written.path / folder).iterdir()}
        assert names == {f"{i}.{suffix}" for i in range(n)}
    assert image(written, "color", 0).shape == (96, 128, 3)
    assert image(written, "depth", 0).dtype == np.uint16
    assert image(written, "label-filt", 0).dtype == np.uint16
    assert image(written, "instance-filt", 0).dtype == np.uint8
    assert {p.name for p in (written.path / "intrinsic").iterdir()} == {
        f"{a}_{b}.txt" for a in ("intrinsic", "extrinsic") for b in ("color", "depth")
    }
    lines = (written.path / "label_names.txt").read_text().splitlines()
    assert {int(a): b for a, b in (line.split("\t") for line in lines)} == vocabulary()


def test_the_reader_of_this_package_opens_it(written: SynthSummary) -> None:
    sequence = open_sequence(written.path, labels=True)
    assert len(sequence) == written.frames
    frame = sequence[3]
    pose = np.loadtxt(written.path / "pose" / "3.txt")
    np.testing.assert_array_equal(frame.T_world_camera, pose)
    np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
    assert frame.label is not None
    np.testing.assert_array_equal(frame.label, image(written, "label-filt", 3))
    assert sequence.label_names[92] == "toilet"


def test_objects_agree_with_the_images(written: SynthSummary) -> None:
    objects = {o["instance"]: o for o in json.loads((written.path / "objects.json").read_text())}
    seen: dict[int, int] = {}
    names = {name: i for i, name in vocabulary().items()}
    for index in range(written.frames):
        kind, instance = image(written, "label-filt", index), image(written, "instance-filt", index)
        for number in np.unique(instance[instance > 0]):
            pixels = instance == number
            o = objects[int(number)]
            assert set(np.unique(kind[pixels])) == {o["label"]} == {names[o["kind"]]}
            seen[int(number)] = max(seen.get(int(number), 0), int(pixels.sum()))
        assert (kind > 0).all()  # rooms are closed
    assert set(seen) == set(objects)  # everything listed is shown, and everything shown is listed
    assert min(seen.values()) >= 6
    assert written.objects == len(objects)
    assert {"toilet", "washbasin", "door"} <= {o["kind"] for o in objects.values()}
    for o in objects.values():
        assert set(o["attributes"]) == {"color", "material", "size"}
        assert o["caption"].endswith(o["kind"])


def back_project(summary: SynthSummary, index: int) -> tuple[np.ndarray, np.ndarray]:
    """World points (h, w, 3) of exact depth, and the pose."""
    depth = image(summary, "depth", index).astype(float) / 1000
    K = np.loadtxt(summary.path / "intrinsic" / "intrinsic_depth.txt")[:3, :3]
    T = np.loadtxt(summary.path / "pose" / f"{index}.txt")
    v, u = np.mgrid[: depth.shape[0], : depth.shape[1]]
    p = np.stack([u, v, np.ones_like(u)], -1) @ np.linalg.inv(K).T * depth[..., None]
    return p @ T[:3, :3].T + T[:3, 3], T


def test_neighbouring_frames_agree_without_noise(written: SynthSummary) -> None:
    K = np.loadtxt(written.path / "intrinsic" / "intrinsic_depth.txt")[:3, :3]
    errors = []
    for index in range(0, written.frames - 1, 7):
        points, _ = back_project(written, index)
        T = np.linalg.inv(np.loadtxt(written.path / "pose" / f"{index + 1}.txt"))
        p = points.reshape(-1, 3) @ T[:3, :3].T + T[:3, 3]
        p = p[p[:, 2] > 0.1]
        uv = np.round(p @ K.T / p[:, 2:])[:, :2].astype(int)
        inside = (uv >= 0).all(1) & (uv < [128, 96]).all(1)
        other = image(written, "depth", index + 1)[uv[inside, 1], uv[inside, 0]] / 1000
        errors.append(np.abs(other - p[inside, 2]))
    error = np.concatenate(errors)
    assert len(error) > 10000
    assert np.median(error) < 0.006
    assert (error < 0.05).mean() > 0.85


def test_instances_lie_in_their_boxes(written: SynthSummary) -> None:
    objects = {o["instance"]: o for o in json.loads((written.path / "objects.json").read_text())}
    for index in range(0, written.frames, 5):
        points, _ = back_project(written, index)
        instance = image(written, "instance-filt", index)
        for number in np.unique(instance[instance > 0]):
            o = objects[int(number)]
            away = np.abs(points[instance == number] - o["center"]) - np.array(o["extent"]) / 2
            assert away.max() < 0.01, o["caption"]


def test_the_camera_is_held_at_the_height_of_a_walker(written: SynthSummary) -> None:
    poses = np.array([np.loadtxt(written.path / "pose" / f"{i}.txt") for i in range(written.frames)])
    assert poses[:, 2, 3].min() >= 1.2
    assert poses[:, 2, 3].max() <= 1.7
    assert np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1).max() < 0.3
    assert np.median(poses[:, 2, 1]) < -0.8  # the y axis points down


def read_mesh(path: Path) -> tuple[np.ndarray, np.ndarray]:
    data = path.read_bytes()
    head, body = data.split(b"end_header\n", 1)
    count = {w.split()[1]: int(w.split()[2]) for w in head.decode().splitlines() if w.startswith("element")}
    vertex = np.dtype([("p", "<f4", 3), ("rgb", "u1", 3), ("label", "<u2"), ("instance", "<u2")])
    face = np.dtype([("n", "u1"), ("v", "<i4", 3)])
    rows = np.frombuffer(body, vertex, count["vertex"])
    return rows, np.frombuffer(body, face, count["face"], offset=rows.nbytes)


def test_the_mesh_holds_what_frames_show(written: SynthSummary) -> None:
    vertices, faces = read_mesh(written.path / "mesh.labels.ply")
    assert len(vertices) == written.vertices > 10000
    assert faces["v"].max() < len(vertices)
    assert (faces["n"] == 3).all()
    objects = {o["instance"]: o for o in json.loads((written.path / "objects.json").read_text())}
    shown = set(np.unique(vertices["instance"])) - {0}
    assert set(objects) <= shown
    for number in objects:
        own = vertices[vertices["instance"] == number]
        assert set(np.unique(own["label"])) == {objects[number]["label"]}
        away = np.abs(own["p"] - objects[number]["center"]) - np.array(objects[number]["extent"]) / 2
        assert away.max() < 0.002
    corner = vertices["p"][faces["v"]]
    edges = np.linalg.norm(corner - np.roll(corner, 1, 1), axis=2)
    assert np.quantile(edges, 0.99) < 0.08
    walls = vertices[vertices["label"] == 1]["p"]
    points = np.concatenate(
        [back_project(written, i)[0].reshape(-1, 3)[::7] for i in range(0, written.frames, 3)]
    )
    assert walls.min() > points.min() - 0.01  # no outer sides
    assert walls.max() < points.max() + 0.01


def test_the_record_says_how_to_repeat_it(written: SynthSummary) -> None:
    record = json.loads((written.path / "scene.json").read_text())
    assert record["generator"] == "dvemap synth"
    assert record["seed"] == SEED
    assert record["arguments"] == {"kind": "bathroom", "frames": None, **SIZE, "noise": False}


def test_pictures_are_pictures(written: SynthSummary) -> None:
    means = [image(written, "color", i).mean() for i in range(0, written.frames, 3)]
    spreads = [image(written, "color", i).std() for i in range(0, written.frames, 3)]
    assert 50 < np.median(means) < 210
    assert np.median(spreads) > 20


def test_workers_do_not_change_a_byte(tmp_path: Path) -> None:
    kept = {}
    for workers in (1, 2):
        done: list[tuple[int, int]] = []
        generate(
            tmp_path / str(workers), 4, kind="hall", frames=7, width=64, height=48, workers=workers,
            progress=lambda i, n, done=done: done.append((i, n)),
        )  # fmt: skip
        assert done == [(i, 7) for i in range(1, 8)]
        kept[workers] = digest(tmp_path / str(workers))
    assert len(kept[1]) == 5 * 7 + 4 + 4
    assert kept[1] == kept[2]


def test_an_interrupted_run_leaves_nothing(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        generate(tmp_path / "out", 4, kind="hall", frames=6, width=32, height=24, progress=stop)
    assert list(tmp_path.iterdir()) == []


def test_an_earlier_output_is_replaced_and_anything_else_refused(tmp_path: Path) -> None:
    out = tmp_path / "out"
    small = {"kind": "hall", "width": 32, "height": 24}
    out.mkdir()
    generate(out, 4, frames=3, **small)
    generate(out, 4, frames=2, **small)
    assert len(list((out / "color").iterdir())) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["out"]
    foreign = tmp_path / "thesis"
    foreign.mkdir()
    (foreign / "chapter1.txt").write_text("years of work")
    with pytest.raises(SequenceError, match="not written by dvemap synth"):
        generate(foreign, 4, frames=2, **small)
    assert (foreign / "chapter1.txt").read_text() == "years of work"
    with pytest.raises(SequenceError, match="this is a file"):
        generate(foreign / "chapter1.txt", 4, frames=2, **small)


@pytest.mark.parametrize(("name", "value"), [("width", 8), ("height", 0), ("workers", 0), ("frames", 0)])
def test_bad_arguments_are_named(tmp_path: Path, name: str, value: int) -> None:
    with pytest.raises(ValueError, match=f"{name} must be >= "):
        generate(tmp_path / "out", 0, **{name: value})
    assert list(tmp_path.iterdir()) == []
