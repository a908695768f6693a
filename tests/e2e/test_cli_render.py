"""`dvemap render`, and `dvemap eval map --frames`, on the generated room."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import mapping
from mapping.rendering import Camera
from sequences import open_sequence

BARE = ("--encoder", "none")  # no network: shape, colour and occupancy alone

Cli = Callable[..., Any]
HERE = "1 0 0 2  0 0 1 0.5  0 -1 0 1.5  0 0 0 1"


def picture_of(path: Path) -> np.ndarray[Any, Any]:
    image = cv2.imread(str(path))
    assert image is not None
    return image[..., ::-1]


def test_the_whole_room_is_seen_from_outside(cli: Cli, labelled: Path, tmp_path: Path) -> None:
    out = tmp_path / "room.png"
    said = cli("render", labelled, "-o", out, "--size", "120x160", "--json").json
    picture = picture_of(out)
    assert picture.shape == (120, 160, 3)
    assert (said["opened"], said["pictures"], said["show"]) == (True, 1, ["color"])
    drawn = np.abs(np.diff(picture.astype(int), axis=1)).max(axis=2) > 6
    columns = np.flatnonzero(drawn.any(axis=0))
    assert columns[0] > 2
    assert columns[-1] < 157
    assert len(columns) > 100
    camera = Camera(np.array(said["intrinsics"]), np.array(said["poses"][0]), (120, 160))
    room = mapping.load(labelled)
    image, _ = camera.project(mapping.mean(room)[mapping.solid(room)])
    low, high = np.percentile(image, [1, 99], axis=0)
    assert (low > 0).all()
    assert (high < [160, 120]).all()


def test_several_looks_stand_side_by_side(cli: Cli, labelled: Path, tmp_path: Path) -> None:
    out, classes = tmp_path / "all.png", tmp_path / "classes.txt"
    classes.write_text("massage chair\nwall\nfloor\n")
    looks = ("color", "depth", "normals", "labels", "heat", "pca", "confidence")
    shows = [word for look in looks for word in ("--show", look)]
    ran = cli(
        "render", labelled, *shows, "--text", "massage chair", "--view", "hit", "--boxes", "--classes",
        classes, "--size", "90x120", "--samples", 1, "-o", out,
    )  # fmt: skip
    assert ran.status == 0, ran.err
    assert f"wrote {out}" in ran.out
    assert picture_of(out).shape[1] == 7 * 120 + 6 * 16


def test_a_hit_is_hot_where_the_generator_put_it(
    cli: Cli, labelled: Path, things: list[dict[str, Any]], tmp_path: Path
) -> None:
    (chair,) = (thing for thing in things if thing["kind"] == "massage chair")
    out = tmp_path / "hit.png"
    said = cli(
        "render",
        labelled,
        "--text",
        "massage chair",
        "--view",
        "hit",
        "--size",
        "90x120",
        "-o",
        out,
        "--json",
    ).json
    camera = Camera(np.array(said["intrinsics"]), np.array(said["poses"][0]), (90, 120))
    (place,), (depth,) = camera.project(np.array([chair["center"]]))
    picture = picture_of(out)[-90:].astype(int)  # below the caption
    hot = picture[..., 0] - picture[..., 2] > 110
    assert hot.sum() > 200
    assert depth > 0.5
    assert np.linalg.norm(np.argwhere(hot).mean(axis=0)[::-1] - place) < 12


def test_a_film_follows_the_sequence(cli: Cli, labelled: Path, room: Path, tmp_path: Path) -> None:
    out = tmp_path / "walk.mp4"
    said = cli(
        "render", labelled, "--trajectory", room, "--stride", 10, "--size", "60x80", "-o", out, "--json"
    ).json
    film = cv2.VideoCapture(str(out))
    frames = []
    while (got := film.read())[0]:
        frames.append(got[1][..., ::-1])
    assert len(frames) == said["pictures"] == 4
    for k, frame in enumerate(frames):
        seen = cv2.resize(open_sequence(room)[10 * k].rgb, (80, 60), interpolation=cv2.INTER_AREA)
        assert np.abs(frame.astype(int) - seen).mean() < 45
    assert not list(tmp_path.glob(".*"))


def test_a_pose_is_taken_from_numbers_and_from_a_file(cli: Cli, plain: Path, tmp_path: Path) -> None:
    file = tmp_path / "pose.txt"
    file.write_text(HERE.replace("  ", "\n"))
    size = ("--size", "30x40", "--samples", 1)
    for name, pose in (("a.png", HERE), ("b.png", file)):
        assert cli("render", plain, "--pose", pose, *size, "-o", tmp_path / name).status == 0
    np.testing.assert_array_equal(picture_of(tmp_path / "a.png"), picture_of(tmp_path / "b.png"))
    bare = cli("render", plain, "--view", "plan", *size)
    assert bare.status == 0
    assert plain.with_suffix(".png").is_file()


def test_poses_make_a_film(cli: Cli, plain: Path, tmp_path: Path) -> None:
    poses, out = tmp_path / "poses.txt", tmp_path / "film.mp4"
    poses.write_text(
        "# time x y z qx qy qz qw\n" + "".join(f"{k} {2 + k / 9} 1 1.5 0.7 0 0 0.7\n" for k in range(3))
    )
    said = cli("render", plain, "--trajectory", poses, "--size", "30x40", "-o", out, "--json").json
    assert said["pictures"] == 3
    np.testing.assert_allclose(np.array(said["poses"])[:, 0, 3], [2, 2 + 1 / 9, 2 + 2 / 9])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["-o", "x.gif"], "x.gif: expected a name ending in .png or .jpg or .mp4"),
        (["--pose", "1 2 3"], "--pose: expected 16 numbers or a file, got 3 words"),
        (["--pose", "1 " * 16], "not a rigid motion"),
        (["--text", "chair"], "shape and colour only"),
        (["--show", "pca"], "holds no embeddings"),
        (["--show", "labels"], "shape and colour only"),
        (["--size", "640"], "a size is written HEIGHTxWIDTH"),
    ],
)
def test_what_cannot_be_shown(cli: Cli, plain: Path, tmp_path: Path, words: list[str], message: str) -> None:
    if "-o" not in words:
        words = [*words, "-o", str(tmp_path / "x.png")]
    assert message in cli("render", plain, *words).error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "words",
    [
        ["--pose", HERE, "--view", "eye"],
        ["--trajectory", "poses.txt", "-o", "x.png"],
        ["--pose", HERE, "-o", "x.mp4"],
        ["--view", "hit"],
        ["--boxes"],
        ["--fov", "200"],
    ],
)
def test_options_that_exclude_each_other(cli: Cli, plain: Path, words: list[str]) -> None:
    assert cli("render", plain, *words).status == 2


@pytest.mark.parametrize("text", ["", "1 2 3\n", "1 2\n3 4 5\n", "one two three four\n"])
def test_files_that_hold_no_poses(cli: Cli, plain: Path, tmp_path: Path, text: str) -> None:
    file = tmp_path / "poses.txt"
    file.write_text(text)
    ran = cli("render", plain, "--trajectory", file, "-o", tmp_path / "x.mp4")
    assert f"{file}: expected poses as 16 numbers a line" in ran.error


def test_labels_in_the_frames_gain_by_the_gaussians(
    cli: Cli, labelled: Path, room: Path, tmp_path: Path
) -> None:
    confusion = tmp_path / "confusion.png"
    ran = cli("eval", "map", labelled, "--frames", room, "--stride", 8, "--confusion", confusion, "--json")
    shapes = ran.json["shapes"]
    assert ran.json["frames"] == 5
    assert shapes["gaussian"]["miou"] > 0.75
    assert ran.json["gain"] == pytest.approx(shapes["gaussian"]["miou"] - shapes["cube"]["miou"])
    assert ran.json["gain"] > 0.05
    assert shapes["gaussian"]["coverage"] > 0.98
    assert re.search(r"the Gaussians of the cells add \d+\.\d points of mIoU", ran.err)
    assert confusion.is_file()
    assert cli("eval", "map", labelled).status == 2
    assert cli("eval", "map", labelled, room, "--frames", room).status == 2


def test_fuse_draws_what_it_made(cli: Cli, room: Path, tmp_path: Path) -> None:
    out, picture = tmp_path / "room.dvm", tmp_path / "room.png"
    ran = cli("fuse", room, "-o", out, *BARE, "--stride", 8, "--cell-size", "0.1", "--picture", picture)
    assert ran.status == 0, ran.err
    assert f"wrote {picture}" in ran.out
    assert picture_of(picture).std() > 20


def test_json_holds_the_poses(cli: Cli, plain: Path, tmp_path: Path) -> None:
    ran = cli("render", plain, "--view", "eye", "--size", "30x40", "-o", tmp_path / "eye.png", "--json")
    pose = np.array(json.loads(ran.out)["poses"][0])
    assert 1.0 < pose[2, 3] < 2.0  # the generator's rooms stand on z = 0
