"""`dvemap label`, `eval map`, `export` and `info`, as a user types them."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

import dvemap
import mapping
from student import load_text_encoder
from viewer import read_ply

Cli = Callable[..., Any]
NAMES = ("wall", "floor", "sofa", "massage chair")


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    path = tmp_path / "classes.txt"
    path.write_text("# mine\n" + "\n".join(NAMES) + "\n")
    return path


def ids_of(path: Path) -> np.ndarray:
    return read_ply(path).properties["label"]


def test_labels_by_names_are_a_coloured_cloud(
    cli: Cli, labelled: Path, classes: Path, tmp_path: Path
) -> None:
    out, picture = tmp_path / "labels.ply", tmp_path / "labels.png"
    said = cli("label", labelled, "--classes", classes, "-o", out, "--picture", picture, "--json").json
    assert said["files"] == [str(out), str(picture)]
    assert set(said["cells"]) <= {*NAMES, "(no label)"}
    assert min(said["cells"][name] for name in NAMES) > 100
    cloud = read_ply(out)
    assert len(cloud.vertices) == sum(said["cells"].values())
    assert {name: int((ids_of(out) == k).sum()) for k, name in enumerate(NAMES, start=1)} == {
        name: said["cells"][name] for name in NAMES
    }
    assert len(np.unique(cloud.colors, axis=0)) == len(said["cells"])
    read = trimesh.load(out)
    assert np.allclose(read.bounds, [cloud.vertices.min(axis=0), cloud.vertices.max(axis=0)])
    assert cv2.imread(str(picture)) is not None


def test_the_default_output_lies_beside_the_map(cli: Cli, labelled: Path, tmp_path: Path) -> None:
    own = tmp_path / "room.dvm"
    own.symlink_to(labelled)
    ran = cli("label", own)
    assert f"wrote {tmp_path / 'room.labels.ply'}" in ran.out
    assert re.search(r"^chair +[\d,]+$", ran.out, re.M)
    cli("export", own)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["room.dvm", "room.labels.ply", "room.ply"]


def test_a_probe_and_visual_means_of_the_names_give_the_labels_of_the_names(
    cli: Cli, labelled: Path, classes: Path, tmp_path: Path
) -> None:
    vectors = load_text_encoder("minilm").encode(list(NAMES))
    probe, means = tmp_path / "probe.npz", tmp_path / "means.npy"
    np.savez(probe, weight=vectors, names=np.array(NAMES))
    np.save(means, 3 * vectors)
    for k, words in enumerate(
        (["--classes", classes], ["--probe", probe], ["--classes", classes, "--means", means])
    ):
        assert cli("label", labelled, *words, "-o", tmp_path / f"{k}.ply").status == 0
    by_names, by_probe, by_means = (ids_of(tmp_path / f"{k}.ply") for k in range(3))
    assert len(np.unique(by_names)) >= len(NAMES)
    assert np.array_equal(by_names, by_probe)
    assert (by_names == by_means).mean() > 0.9999  # the length of the means rounds


def test_the_bias_of_a_probe_counts(cli: Cli, labelled: Path, classes: Path, tmp_path: Path) -> None:
    probe = tmp_path / "probe.npz"
    bias = np.array([0, 0, 9, 0], np.float32)
    np.savez(probe, weight=load_text_encoder("minilm").encode(list(NAMES)), bias=bias)
    said = cli("label", labelled, "--classes", classes, "--probe", probe, "-o", tmp_path / "x.ply", "--json")
    assert set(said.json["cells"]) <= {"sofa", "(no label)"}


def test_vertices_of_a_mesh_get_one_id_a_line(cli: Cli, room: Path, labelled: Path, tmp_path: Path) -> None:
    txt, names = tmp_path / "scene.txt", room / "label_names.txt"
    ran = cli(
        "label", labelled, "--classes", names, "-o", tmp_path / "x.ply",
        "--mesh", room / "mesh.labels.ply", "--txt", txt, "--json",
    )  # fmt: skip
    truth = ids_of(room / "mesh.labels.ply")
    found = np.array([int(line) for line in txt.read_text().splitlines()])
    assert len(found) == len(truth)
    assert ran.json["coverage"] == pytest.approx((found > 0).mean(), abs=0.01)
    assert (found == truth).mean() > 0.9


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--classes", "scannet20"], "did you mean 'scannet-20'"),
        (["--probe", "missing.npz"], "missing.npz: no such file or directory"),
        (["--probe", "a.npz", "--means", "b.npy"], "--probe and --means exclude each other"),
        (["--mesh", "missing.ply", "--txt", "x.txt"], "missing.ply: no such file or directory"),
        (["--picture", "x.bmp"], "x.bmp: expected a name ending in .png or .jpg"),
    ],
)
def test_wrong_requests_for_labels_are_refused(
    cli: Cli, labelled: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    out = tmp_path / "x.ply"
    assert said in cli("label", labelled, *words, "-o", out).error
    assert not out.exists()


def test_a_probe_must_fit_the_map_and_the_classes(
    cli: Cli, labelled: Path, plain: Path, classes: Path, tmp_path: Path
) -> None:
    narrow, few = tmp_path / "narrow.npz", tmp_path / "few.npz"
    np.savez(narrow, weight=np.ones((4, 10), np.float32))
    np.savez(few, weight=np.ones((3, 384), np.float32))
    options = ("--classes", classes, "-o", tmp_path / "x.ply", "--probe")
    assert "embeddings of 384 numbers" in cli("label", labelled, *options, narrow).error
    assert "has 3 classes, the list 'classes' has 4" in cli("label", labelled, *options, few).error
    assert "no embeddings" in cli("label", plain, *options, narrow).error


def test_mesh_and_txt_belong_together(cli: Cli, room: Path, labelled: Path) -> None:
    ran = cli("label", labelled, "--mesh", room / "mesh.labels.ply")
    assert (ran.status, ran.out) == (2, "")
    assert "belong together" in ran.err


def test_the_map_of_true_labels_scores_high(
    cli: Cli, room: Path, labelled: Path, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    confusion = tmp_path / "confusion.png"
    said = cli("eval", "map", labelled, room, "--confusion", confusion, "--json").json
    assert {"miou", "macc", "fmiou", "coverage"} <= set(said)
    assert 0.9 < said["miou"] <= said["macc"] <= 1
    assert 0.9 < said["fmiou"] <= 1
    assert 0.97 < said["coverage"] <= 1
    assert {thing["kind"] for thing in things} >= {
        row["name"] for row in said["classes"] if row["name"] not in ("wall", "floor", "ceiling")
    }
    matrix = np.array(said["confusion"]["matrix"])
    assert matrix.sum() == sum(row["vertices"] for row in said["classes"])
    assert cv2.imread(str(confusion)) is not None
    table = cli("eval", "map", labelled, room).out
    assert re.search(r"^massage chair +\d\.\d{3} +\d\.\d{3} +[\d,]+$", table, re.M)
    assert re.search(rf"^mIoU +{said['miou']:.4f}$", table, re.M)


def test_a_worse_map_scores_lower(cli: Cli, room: Path, fused: dvemap.FuseResult, tmp_path: Path) -> None:
    part = tmp_path / "part.dvm"
    cli("fuse", room, "-o", part, "--encoder", "labels", "--stop", 8, "--cell-size", 0.2)
    said = cli("eval", "map", part, room, "--max-distance", 1, "--json").json
    best = dvemap.evaluate_map(fused.map, room)
    assert said["coverage"] < best.coverage - 0.05
    assert said["miou"] < best.miou - 0.1


def test_ground_truth_must_be_there_and_fit(
    cli: Cli, room: Path, labelled: Path, plain: Path, copy_of: Callable[..., Path], tmp_path: Path
) -> None:
    bare = copy_of("bare", frames=1)
    assert "no ground-truth mesh; looked for" in cli("eval", "map", labelled, bare).error
    assert "missing: no such file" in cli("eval", "map", labelled, tmp_path / "missing").error
    clash = cli("eval", "map", labelled, room, "--classes", "scannet-20").error
    assert "leave --classes out" in clash
    cloud = tmp_path / "cloud.ply"
    cli("export", labelled, "-o", cloud)
    assert "expected a vertex property 'label'" in cli("eval", "map", labelled, cloud).error
    assert "shape and colour only" in cli("eval", "map", plain, room).error


def test_two_meshes_are_not_guessed_between(
    cli: Cli, room: Path, labelled: Path, copy_of: Callable[..., Path]
) -> None:
    folder = copy_of("scene0000_01", frames=1)
    for name in ("scene0000_00", "scene0000_02"):
        (folder / f"{name}_vh_clean_2.labels.ply").symlink_to(room / "mesh.labels.ply")
    assert "several ground-truth meshes" in cli("eval", "map", labelled, folder).error
    own = folder / "scene0000_01_vh_clean_2.labels.ply"
    own.symlink_to(room / "mesh.labels.ply")
    assert cli("eval", "map", labelled, folder, "--json").json["mesh"] == str(own)


def test_exported_points_are_the_occupied_cells(cli: Cli, labelled: Path, tmp_path: Path) -> None:
    out = tmp_path / "points.ply"
    said = cli("export", labelled, "--to", "ply", "-o", out, "--json").json
    cloud = read_ply(out)
    whole = mapping.load(labelled)
    assert said["points"] == len(cloud.vertices) == len(trimesh.load(out).vertices)
    assert 0.9 * len(whole) < len(cloud.vertices) <= len(whole)
    assert {"nx", "ny", "nz", "weight", "surface", "occupancy", "confidence"} <= set(cloud.properties)
    normals = np.stack([cloud.properties[name] for name in ("nx", "ny", "nz")], axis=1)
    assert np.allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-3)
    assert (cloud.properties["occupancy"] >= 0.5).all()


def test_info_says_what_a_map_is(cli: Cli, room: Path, fused: dvemap.FuseResult, labelled: Path) -> None:
    said = cli("info", labelled, "--verify", "--json").json
    assert {"cells", "cell_size", "digest", "space", "code_dim", "frames"} <= set(said)
    assert said["digest"] == fused.digest
    assert (said["cells"], said["cell_size"], said["frames"]) == (len(fused.map), 0.05, 40)
    assert (said["space"], said["code_dim"], said["verified"]) == ("minilm", 384, True)
    assert said["provenance"]["sources"][0]["path"] == str(room)
    assert f"{len(fused.map):,} of 5 cm" in cli("info", labelled).out


def test_info_says_what_a_sequence_is(cli: Cli, room: Path) -> None:
    said = cli("info", room, "--json").json
    assert (said["kind"], said["format"], said["frames"]) == ("sequence", "scannet", 40)
    assert said["inspection"]["agreement"]["camera-to-world"] > 0.9
    ran = cli("info", room)
    assert re.search(r"^poses +camera-to-world", ran.out, re.M)
    assert ran.out.splitlines()[-1] == f"Next: dvemap fuse {room} -o {room.name}.dvm"


def test_info_says_what_an_encoder_is(cli: Cli, tmp_path: Path) -> None:
    settings = tmp_path / "encoder.json"
    settings.write_text(
        '{"name": "mine", "text_encoder": "minilm", "output": {"name": "codes"}, "image": '
        '{"name": "rgb", "policy": "keep", "mean": [0, 0, 0], "std": [1, 1, 1]}}'
    )
    said = cli("info", tmp_path, "--json").json
    assert (said["kind"], said["name"], said["text_encoder"]) == ("encoder", "mine", "minilm")
    settings.write_text('{"naem": "mine"}')
    assert "did you mean 'name'" in cli("info", tmp_path).error
