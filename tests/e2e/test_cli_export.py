"""`dvemap export`: what is written is read back by other programs, or by the rules of the format."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import open3d
import pytest
import trimesh
import yaml
from plyfile import PlyData

import mapping

Cli = Callable[..., Any]


@pytest.fixture(scope="module")
def whole(labelled: Path) -> mapping.VoxelMap:
    return mapping.load(labelled)


@pytest.fixture(scope="module")
def rows(whole: mapping.VoxelMap) -> np.ndarray:
    return mapping.solid_rows(whole)


def columns(vertex: Any, *names: str) -> np.ndarray:
    return np.stack([vertex[name] for name in names], axis=1)


def srgb(linear: np.ndarray) -> np.ndarray:
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def test_points_have_all_that_is_known_of_a_cell(
    cli: Cli, labelled: Path, whole: mapping.VoxelMap, rows: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "points.ply"
    ran = cli("export", labelled, "-o", out)
    assert ran.out.splitlines()[-1].startswith(f"Next: open3d draw {out}")
    vertex = PlyData.read(str(out))["vertex"]
    np.testing.assert_allclose(columns(vertex, "x", "y", "z"), mapping.mean(whole, rows), atol=1e-6)
    np.testing.assert_array_equal(columns(vertex, "red", "green", "blue"), mapping.color(whole, rows))
    upper = mapping.covariance(whole, rows)[:, *np.triu_indices(3)]
    names = [f"cov_{pair}" for pair in ("xx", "xy", "xz", "yy", "yz", "zz")]
    np.testing.assert_allclose(columns(vertex, *names), upper, rtol=1e-6, atol=1e-12)
    shape = mapping.readout.shape(mapping.covariance(whole, rows))
    np.testing.assert_allclose(vertex["planarity"], shape.planarity, atol=1e-4)
    np.testing.assert_array_equal(columns(vertex, "hits", "misses").T, mapping.evidence(whole, rows))
    np.testing.assert_allclose(vertex["last_seen"], whole.last_seen[rows] / 1e9)
    np.testing.assert_allclose(vertex["confidence"], mapping.confidence(whole, rows))
    said = cli("export", labelled, "-o", out, "--surface", "--json").json
    assert said["points"] == PlyData.read(str(out))["vertex"].count == int(vertex["surface"].sum())


def test_normals_face_the_camera_that_saw_them(
    cli: Cli, room: Path, labelled: Path, whole: mapping.VoxelMap, tmp_path: Path
) -> None:
    out = tmp_path / "points.ply"
    cli("export", labelled, "-o", out, "--surface")
    vertex = PlyData.read(str(out))["vertex"]
    flat = vertex["planarity"] > 0.8
    eyes = np.stack([np.loadtxt(path)[:3, 3] for path in sorted((room / "pose").iterdir())])
    toward = eyes.mean(axis=0) - columns(vertex, "x", "y", "z")
    facing = np.einsum("nk,nk->n", toward, columns(vertex, "nx", "ny", "nz")) > 0
    assert facing[flat].mean() > 0.9  # the rest looks at another part of the walk


def test_ellipsoids_are_level_sets_of_the_gaussians(cli: Cli, plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "mesh.ply"
    whole = mapping.load(plain)
    rows = mapping.solid_rows(whole)
    said = cli("export", plain, "--to", "mesh", "--sigmas", 1.5, "-o", out, "--json").json
    mesh = open3d.io.read_triangle_mesh(str(out))
    assert (said["vertices"], said["triangles"]) == (len(mesh.vertices), len(mesh.triangles))
    points = np.asarray(mesh.vertices).reshape(len(rows), -1, 3)
    away = points - mapping.mean(whole, rows)[:, None]
    inverse = np.linalg.inv(mapping.regularise(mapping.covariance(whole, rows)))
    np.testing.assert_allclose(np.einsum("nmi,nij,nmj->nm", away, inverse, away), 1.5**2, rtol=0.02)
    outward = np.einsum("nmk,nmk->nm", away, np.asarray(mesh.vertex_normals).reshape(points.shape))
    assert (outward > 0).all()
    triangles = np.asarray(mesh.triangles)[: 100 * said["triangles"] // len(rows)]
    first = trimesh.Trimesh(np.asarray(mesh.vertices)[: triangles.max() + 1], triangles, process=False)
    whole_volume = 4 / 3 * np.pi * 1.5**3 * np.sqrt(1 / np.linalg.det(inverse[:100])).sum()
    assert first.is_watertight
    assert 0.3 < first.volume / whole_volume < 1  # a polyhedron in an ellipsoid


def test_a_glb_stands_upright_in_true_colours(cli: Cli, plain: Path, tmp_path: Path) -> None:
    out = tmp_path / "room.glb"
    whole = mapping.load(plain)
    rows = mapping.solid_rows(whole)
    rows = rows[mapping.holds_surface(whole)[rows]]
    cli("export", plain, "--to", "glb", "-o", out, "--surface")
    scene = trimesh.load(out, process=False)
    (mesh,) = scene.geometry.values()
    world = scene.graph[scene.graph.nodes_geometry[0]][0]
    low, high = mesh.bounds
    np.testing.assert_allclose(
        scene.bounds, [[low[0], low[2], -high[1]], [high[0], high[2], -low[1]]], atol=1e-5
    )
    np.testing.assert_allclose(world[:3, :3] @ [0, 0, 1], [0, 1, 0], atol=1e-6)
    each = len(mesh.vertices) // len(rows)
    linear = mesh.visual.vertex_attributes["color"][::each, :3] / 65535
    np.testing.assert_array_equal(np.rint(srgb(linear) * 255), mapping.color(whole, rows))
    read = open3d.io.read_triangle_mesh(str(out))
    assert (len(read.vertices), len(read.triangles)) == (len(mesh.vertices), len(mesh.faces))
    np.testing.assert_allclose(np.asarray(read.vertex_colors)[::each], linear, atol=1e-4)


def test_splats_become_the_gaussians_under_the_rules_of_the_reference(
    cli: Cli, labelled: Path, whole: mapping.VoxelMap, rows: np.ndarray, tmp_path: Path
) -> None:
    out = tmp_path / "room.splats.ply"
    said = cli("export", labelled, "--to", "splats", "-o", out, "--json").json
    vertex = PlyData.read(str(out))["vertex"]
    assert [p.name for p in vertex.properties] == [
        "x", "y", "z", "nx", "ny", "nz", *(f"f_dc_{k}" for k in range(3)),
        *(f"f_rest_{k}" for k in range(45)), "opacity", *(f"scale_{k}" for k in range(3)),
        *(f"rot_{k}" for k in range(4)),
    ]  # fmt: skip
    assert said["splats"] == vertex.count == len(rows)
    w, x, y, z = (vertex[f"rot_{k}"].astype(float) for k in range(4))
    np.testing.assert_allclose(w * w + x * x + y * y + z * z, 1, atol=1e-6)
    turn = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)],
            [2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)],
            [2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)],
        ]
    ).transpose(2, 0, 1)
    stretched = turn * np.exp(columns(vertex, "scale_0", "scale_1", "scale_2"))[:, None]
    wanted = 2.0**2 * mapping.regularise(mapping.covariance(whole, rows))
    np.testing.assert_allclose(stretched @ stretched.transpose(0, 2, 1), wanted, atol=2e-9)
    rgb = 0.5 + 0.28209479177387814 * columns(vertex, "f_dc_0", "f_dc_1", "f_dc_2")
    np.testing.assert_allclose(rgb * 255, mapping.color(whole, rows), atol=1e-3)
    np.testing.assert_allclose(1 / (1 + np.exp(-vertex["opacity"])), mapping.occupied(whole, rows), atol=4e-4)
    splats = open3d.t.io.read_point_cloud(str(out))
    assert list(splats.point.f_rest.shape) == [len(rows), 15, 3]  # it knows them for splats


def test_openlex3d_finds_the_feature_of_every_point(
    cli: Cli, labelled: Path, whole: mapping.VoxelMap, rows: np.ndarray, tmp_path: Path
) -> None:
    folder = tmp_path / "scene"
    for _ in range(2):  # an earlier output is replaced
        said = cli("export", labelled, "--to", "openlex3d", "-o", folder, "--json").json
    assert sorted(path.name for path in folder.iterdir()) == [
        "embeddings.npy", "index.npy", "point_cloud.pcd",
    ]  # fmt: skip
    cloud = open3d.io.read_point_cloud(str(folder / "point_cloud.pcd"))
    features = np.load(folder / "embeddings.npy")[np.load(folder / "index.npy").astype(int)]
    seen = rows[whole.embedding_norm[rows] > 0]
    assert (said["points"], said["dimension"]) == features.shape == (len(seen), 384)
    np.testing.assert_array_equal(features, mapping.embedding(whole, seen))
    np.testing.assert_allclose(np.asarray(cloud.points), mapping.mean(whole, seen), atol=1e-6)
    np.testing.assert_array_equal(np.rint(np.asarray(cloud.colors) * 255), mapping.color(whole, seen))


def test_an_interrupted_openlex3d_export_leaves_the_old_one(
    cli: Cli, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "scene"
    cli("export", labelled, "--to", "openlex3d", "-o", folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dvemap.exporting.openlex3d.write_pcd", full)
    assert "no space left" in cli("export", labelled, "--to", "openlex3d", "-o", folder).error
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    assert list(tmp_path.iterdir()) == [folder]
    (folder / "notes.txt").touch()
    assert "holds notes.txt" in cli("export", labelled, "--to", "openlex3d", "-o", folder).error


@pytest.fixture
def scenes(room: Path, labelled: Path, tmp_path: Path) -> list[Path]:
    """Two maps named like scenes; one mesh lies beside its map, one in a folder of the scene's name."""
    maps = [tmp_path / f"scene0707_0{k}.dvm" for k in range(2)]
    (tmp_path / "scene0707_01").mkdir()
    for path, folder in zip(maps, (tmp_path, tmp_path / "scene0707_01"), strict=True):
        path.symlink_to(labelled)
        (folder / f"{path.stem}_vh_clean_2.ply").symlink_to(room / "mesh.labels.ply")
    return maps


def test_a_scannet_submission_follows_the_rules_of_the_benchmark(
    cli: Cli, room: Path, scenes: list[Path], tmp_path: Path
) -> None:
    vertices = PlyData.read(str(room / "mesh.labels.ply"))["vertex"].count
    single = cli("export", scenes[0], "--to", "scannet", "--json").json
    assert single["files"] == [str(tmp_path / "scene0707_00.txt")]
    one = (tmp_path / "scene0707_00.txt").read_text()
    out = tmp_path / "submission.zip"
    ran = cli("export", *scenes, "--to", "scannet", "-o", out)
    assert "all 100 scenes of the test split" in ran.out
    with zipfile.ZipFile(out) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["scene0707_00.txt", "scene0707_01.txt"]
        texts = [archive.read(name).decode() for name in archive.namelist()]
    assert texts == [one, one]
    ids = [int(line) for line in one.splitlines()]
    assert len(ids) == vertices == single["vertices"]
    valid = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 14, 16, 24, 28, 33, 34, 36, 39}
    assert {2, 5} < set(ids) <= valid | {0}


def test_wrong_submissions_are_refused(cli: Cli, scenes: list[Path], labelled: Path, plain: Path) -> None:
    folder = scenes[0].parent
    out = ("--to", "scannet", "-o", folder / "x.zip")
    assert "must be named like its scene" in cli("export", labelled, *out).error
    assert "scene0707_00 more than once" in cli("export", scenes[0], scenes[0], *out).error
    assert "the benchmark knows the classes" in cli("export", scenes[0], *out, "--classes", "nyuv2-40").error
    assert "names the folder of the meshes" in cli("export", *scenes, *out, "--mesh", scenes[0]).error
    assert "name it .zip" in cli("export", *scenes, *out[:3], folder / "x.txt").error
    (folder / "scene0707_00_vh_clean_2.ply").rename(folder / "mesh.ply")
    assert "no mesh of scene0707_00; looked for" in cli("export", *scenes, *out).error
    words = ("--to", "scannet", "--mesh", folder / "mesh.ply", "-o", folder / "x.txt")
    assert "shape and colour only" in cli("export", plain, *words).error
    assert not [path for path in folder.iterdir() if path.suffix in (".zip", ".txt", ".tmp")]


def served(path: Path) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """Read an occupancy grid as the ROS map server does: 100, 0 or -1 by row from the least y on."""
    about = yaml.safe_load(path.read_text())
    assert (about["mode"], about["negate"]) == ("trinary", 0)
    share = (
        255 - cv2.imread(str(path.parent / about["image"]), cv2.IMREAD_UNCHANGED)[::-1].astype(float)
    ) / 255
    grid = np.where(share > about["occupied_thresh"], 100, np.where(share < about["free_thresh"], 0, -1))

    def pixel(points: np.ndarray) -> np.ndarray:
        x, y = np.floor((points[:, :2] - about["origin"][:2]) / about["resolution"]).astype(int).T
        return grid[y, x]

    return grid, pixel


def test_a_ros_map_is_free_where_the_camera_went_and_occupied_where_things_stand(
    cli: Cli, room: Path, labelled: Path, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    out = tmp_path / "room.yaml"
    said = cli("export", labelled, "--to", "ros-map", "-o", out, "--json").json
    grid, pixel = served(out)
    assert said["files"] == [str(out), str(tmp_path / "room.pgm")]
    assert grid.shape == (said["height"], said["width"])
    counted = [said[name] for name in ("occupied", "free", "unknown")]
    assert [int((grid == value).sum()) for value in (100, 0, -1)] == counted
    assert abs(said["floor"]) < 0.03
    eyes = np.stack([np.loadtxt(path)[:3, 3] for path in (room / "pose").iterdir()])
    assert (pixel(eyes) == 0).mean() > 0.95
    large = [np.array(t["center"]) for t in things if t["kind"] in ("massage chair", "sofa", "bookshelf")]
    assert large
    assert (pixel(np.stack(large)) == 100).all()
    low = cli("export", labelled, "--to", "ros-map", "-o", out, "--band", 0.1, 0.3, "--json").json
    assert low["occupied"] < said["occupied"]


def test_ros_maps_that_would_say_nothing_are_refused(
    cli: Cli, room: Path, labelled: Path, tmp_path: Path
) -> None:
    bare, out = tmp_path / "bare.dvm", tmp_path / "x.yaml"
    cli("fuse", room, "-o", bare, "--encoder", "none", "--stop", 2, "--set", "map.occupancy=false")
    assert "fused without occupancy" in cli("export", bare, "--to", "ros-map", "-o", out).error
    for band, said in (
        ((2, 1), "from a lower to a higher"),
        ((50, 60), "nothing is known between 50 and 60 m"),
    ):
        assert said in cli("export", labelled, "--to", "ros-map", "-o", out, "--band", *band).error
    assert list(tmp_path.iterdir()) == [bare]


def test_raw_fields_explain_themselves(
    cli: Cli, labelled: Path, whole: mapping.VoxelMap, tmp_path: Path
) -> None:
    out = tmp_path / "room.npz"
    cli("export", labelled, "--to", "npz", "-o", out)
    with np.load(out, allow_pickle=False) as archive:
        raw = dict(archive)
    about = json.loads(str(raw["about"]))
    inside = raw["s"] / np.maximum(raw["weight"], 1)[:, None] / about["position_one"]
    still = raw["weight"] > 0
    position = (raw["ijk"] + 0.5 + inside) * about["cell_size"]
    np.testing.assert_allclose(position[still], mapping.mean(whole)[still], atol=1e-12)
    code = raw["code"][:50].astype(np.float32)
    unit = code / np.maximum(np.linalg.norm(code, axis=1, keepdims=True), 1)
    np.testing.assert_allclose(unit, mapping.embedding(whole, slice(50)), atol=1e-6)
    for name in ("s", "Q", "color", "code", "code_weight", "first_seen", "last_seen"):
        np.testing.assert_array_equal(raw[name], getattr(whole, name))
    np.testing.assert_array_equal(raw["occupancy_misses"], whole.occupancy.misses)
    assert about["space"] == whole.space


def test_a_recording_holds_every_cell_at_its_time(
    cli: Cli, labelled: Path, whole: mapping.VoxelMap, rows: np.ndarray, tmp_path: Path
) -> None:
    chunk = pytest.importorskip("rerun.chunk")
    out = tmp_path / "room.rrd"
    said = cli("export", labelled, "--to", "rerun", "-o", out, "--json").json
    assert (said["cells"], list(tmp_path.iterdir())) == (len(rows), [out])
    layers: dict[str, list[Any]] = {"cells": [], "ellipsoids": []}
    for part in chunk.RrdReader(out).stream():
        batch, layer = part.to_record_batch(), part.entity_path.split("/")[2:3]
        for name in ("Points3D:positions", "Ellipsoids3D:centers"):
            if layer and name in batch.schema.names:
                (time,) = batch.column("first seen").cast("int64").to_pylist()
                places = batch.column(name).flatten().flatten().to_numpy().reshape(-1, 3)
                layers[layer[0]].append((time, places))
    since = np.sort(whole.first_seen[rows]) - whole.first_seen[rows].min()
    wanted = mapping.mean(whole, rows).astype(np.float32)
    for steps in layers.values():
        assert len(steps) == said["steps"] > 10
        steps.sort(key=lambda step: step[0])
        points = np.concatenate([places for _, places in steps])
        np.testing.assert_array_equal(points[np.lexsort(points.T)], wanted[np.lexsort(wanted.T)])
        before = np.cumsum([0, *(len(places) for _, places in steps[:-1])])
        assert (since[before] == [time for time, _ in steps]).all()


def test_a_recording_needs_the_sdk(
    cli: Cli, labelled: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "rerun", None)
    ran = cli("export", labelled, "--to", "rerun", "-o", tmp_path / "x.rrd")
    assert "pip install 'dvemap[rerun]'" in ran.error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("MAP", "--band", "0", "1"), "is for --to ros-map, not ply"),
        (
            ("MAP", "--to", "npz", "--surface"),
            "is for --to ply, mesh, glb, splats, openlex3d, rerun, not npz",
        ),
        (("MAP", "MAP"), "--to ply takes one map, got 2"),
        (("MAP", "MAP", "--to", "scannet"), "name the archive"),
        (("MAP", "--to", "glb", "--sigmas", "0"), "0.01"),
    ],
)
def test_options_belong_to_their_format(
    cli: Cli, labelled: Path, words: tuple[str, ...], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    ran = cli("export", *(str(labelled) if word == "MAP" else word for word in words))
    assert (ran.status, ran.out) == (2, "")
    assert said in " ".join(ran.err.replace("│", " ").split())


def test_the_ending_must_fit_and_the_map_must_hold_something(
    cli: Cli, plain: Path, labelled: Path, tmp_path: Path
) -> None:
    assert "ending in .glb" in cli("export", labelled, "--to", "glb", "-o", tmp_path / "x.ply").error
    assert "no embeddings" in cli("export", plain, "--to", "openlex3d", "-o", tmp_path / "x").error
    empty = tmp_path / "empty.dvm"
    mapping.save(mapping.VoxelMap(), empty)
    for to in ("ply", "mesh", "splats", "ros-map"):
        assert "this map is empty" in cli("export", empty, "--to", to).error
    assert list(tmp_path.iterdir()) == [empty]
