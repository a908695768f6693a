"""`dvemap depth`, and fusing, predicting and teaching without a depth camera."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

import dvemap
from dvemap.depth_panel import marks
from dvemap.estimated_depth import EstimatedSequence
from dvemap.frame_depth import FrameDepth
from dvemap.viewing import Words, open_subject
from mapping import mean, solid_rows
from sequences import open_sequence

Cli = Callable[..., Any]
FRAMES = 12


def thumbnail(rgb: np.ndarray) -> np.ndarray:
    return cv2.resize(rgb, (16, 12), interpolation=cv2.INTER_AREA).astype(np.float32)


class Perfect:
    """An estimator that knows the depth of a room's frames: relative depth if asked for."""

    name, device = "perfect", "cpu"

    def __init__(self, room: Path, *, metric: bool = True) -> None:
        self.metric, self.fingerprint = metric, f"perfect {metric}"
        frames = list(open_sequence(room, stop=FRAMES))
        self.seen = np.stack([thumbnail(frame.rgb) for frame in frames])
        self.depths = [frame.depth for frame in frames]
        self.asked = 0

    def estimate(self, rgb: np.ndarray) -> np.ndarray:
        self.asked += 1
        nearest = np.abs(self.seen - thumbnail(rgb)).mean(axis=(1, 2, 3)).argmin()
        depth = self.depths[int(nearest)]
        if self.metric:
            return depth
        return np.asarray((1 / np.maximum(depth, 0.1) - 0.05) / 0.02, np.float32)


@pytest.fixture
def perfect(room: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Perfect]:
    """Let every name open an estimator that knows the room."""

    def install(*, metric: bool = True) -> Perfect:
        estimator = Perfect(room, metric=metric)
        monkeypatch.setattr("student.depth_estimator.open_depth_estimator", lambda *_, **__: estimator)
        return estimator

    return install


@pytest.fixture
def bare(room: Path, tmp_path: Path) -> Path:
    """Return the room without its depth."""
    folder = tmp_path / "bare"
    for part, ending in (("color", "jpg"), ("pose", "txt")):
        (folder / part).mkdir(parents=True)
        for index in range(FRAMES):
            (folder / part / f"{index}.{ending}").symlink_to(room / part / f"{index}.{ending}")
    (folder / "intrinsic").symlink_to(room / "intrinsic")
    return folder


@pytest.fixture
def film(room: Path, tmp_path: Path) -> Path:
    """Return the room as a video with poses."""
    folder = tmp_path / "film"
    folder.mkdir()
    frames = list(open_sequence(room, stop=FRAMES))
    height, width = frames[0].rgb.shape[:2]
    writer = cv2.VideoWriter(str(folder / "video.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 30, (width, height))
    for frame in frames:
        writer.write(frame.rgb[..., ::-1])
    writer.release()
    np.savetxt(folder / "poses.txt", [frame.T_world_camera.ravel() for frame in frames])
    np.savetxt(folder / "intrinsic.txt", frames[0].color_intrinsics)
    return folder


@pytest.fixture(scope="module")
def measured(room: Path) -> dvemap.FuseResult:
    """Return the map of the measured depth."""
    return dvemap.fuse(open_sequence(room, stop=FRAMES), encoder="none", trust=True)


def occupied(voxel_map: dvemap.VoxelMap) -> set[tuple[int, ...]]:
    """Return where the occupied cells of a map are."""
    centers = mean(voxel_map, solid_rows(voxel_map))
    return set(map(tuple, np.floor(centers / voxel_map.cell_size).astype(int).tolist()))


def test_perfect_estimates_give_the_map_of_measured_depth(
    bare: Path, perfect: Callable[..., Perfect], measured: dvemap.FuseResult, tmp_path: Path, cli: Cli
) -> None:
    perfect()
    made = dvemap.fuse(bare, encoder="none", depth_from="perfect", trust=True)
    assert made.digest == measured.digest
    cache = tmp_path / "estimates"
    options = ("fuse", bare, "-o", tmp_path / "m.dvm", "--encoder", "none", "--depth-from", "perfect")
    ran = cli(*options, "--depth-cache", cache, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["digest"] == measured.digest
    assert "depth: estimated from colour by perfect (metres) on cpu" in ran.err
    estimator = perfect()
    assert cli(*options, "--depth-cache", cache, "--json").json["digest"] == measured.digest
    assert estimator.asked == 0
    said = cli("info", tmp_path / "m.dvm", "--json").json["provenance"]
    assert said["depth"] == {"name": "perfect", "hash": "perfect True", "side": 640}
    assert said["config"]["depth"]["source"] == "perfect"


def test_a_video_with_poses(
    film: Path, perfect: Callable[..., Perfect], measured: dvemap.FuseResult, tmp_path: Path, cli: Cli
) -> None:
    refused = cli("fuse", film, "-o", tmp_path / "m.dvm", "--encoder", "none")
    assert "an RGB-only sequence (video): there is no depth" in refused.error
    assert "--depth-from depth-anything-v2-metric-indoor-small" in refused.error
    perfect()
    made = dvemap.fuse(film, encoder="none", depth_from="perfect")
    assert made.frames == FRAMES
    mine, theirs = (occupied(result.map) for result in (made, measured))
    assert len(mine & theirs) > 0.97 * len(mine | theirs)  # poses in text, the rest is equal


def test_info_says_that_depth_is_missing(bare: Path, film: Path, cli: Cli) -> None:
    ran = cli("info", bare)
    assert ran.status == 0, ran.err
    assert "it is RGB-only: depth must be estimated; use --depth-from" in ran.out
    assert ran.out.splitlines()[-1].endswith("--depth-from depth-anything-v2-metric-indoor-small")
    assert "no valid pixel" not in ran.out
    assert f"{FRAMES} frames, colour 160x120, no depth" in cli("info", film / "video.mp4").out


def test_relative_depth_needs_measured_depth(
    bare: Path, room: Path, perfect: Callable[..., Perfect], cli: Cli, tmp_path: Path
) -> None:
    estimator = perfect(metric=False)
    options = ("-o", tmp_path / "m.dvm", "--encoder", "none", "--depth-from", "x")
    refused = cli("fuse", bare, *options)
    assert "perfect estimates relative depth, which has no scale" in refused.error
    assert str(bare) in refused.error
    (bare / "depth").mkdir()
    rng = np.random.default_rng(0)
    truth = list(open_sequence(room, stop=FRAMES))
    for index, frame in enumerate(truth):
        raw = np.rint(frame.depth * 1000).astype(np.uint16)
        raw[rng.random(raw.shape) > 0.02] = 0  # about 380 pixels stay
        cv2.imwrite(str(bare / "depth" / f"{index}.png"), raw)
    filled = EstimatedSequence(open_sequence(bare, depth_optional=True), FrameDepth(estimator))
    for frame, true in zip(filled, truth, strict=True):
        there = true.depth > 0.1
        assert np.abs(frame.depth[there] / true.depth[there] - 1).max() < 0.02
    assert cli("fuse", bare, *options).status == 0
    cv2.imwrite(str(bare / "depth" / "3.png"), np.zeros_like(raw))
    once = dvemap.fuse(bare, encoder="none", depth_from="x")
    assert (once.frames, once.skipped) == (FRAMES - 1, 1)
    assert "at least 50 measured pixels, got 0" in once.reasons[0]


def test_resuming_with_another_estimator_is_refused(
    bare: Path, perfect: Callable[..., Perfect], tmp_path: Path, cli: Cli
) -> None:
    perfect()
    out = tmp_path / "m.dvm"
    assert cli("fuse", bare, "-o", out, "--encoder", "none", "--depth-from", "a").status == 0
    perfect().fingerprint = "another"
    options = ("fuse", bare, "-o", out, "--encoder", "none", "--resume", "--depth-from")
    assert "depth.source was 'a', is 'b'" in cli(*options, "b").error
    (bare / "depth").mkdir()
    for index in range(FRAMES):
        cv2.imwrite(str(bare / "depth" / f"{index}.png"), np.full((120, 160), 1000, np.uint16))
    assert "depth.source was 'a', is None" in cli(*options[:-1], "--trust").error


def test_a_way_is_read_without_an_estimator(
    film: Path, perfect: Callable[..., Perfect], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    perfect()
    out = tmp_path / "m.dvm"
    dvemap.fuse(film, out, encoder="none", depth_from="perfect", trust=True)
    monkeypatch.setattr("student.depth_estimator.open_depth_estimator", None)
    said: list[str] = []
    for sequence in (None, film):
        way = open_subject(out, Words(), sequence=sequence, note=said.append).trajectory
        assert way is not None
        assert np.isfinite(way[:FRAMES]).all()
    assert said == []


def test_large_images_get_smaller_depth(perfect: Callable[..., Perfect]) -> None:
    depth = FrameDepth(perfect())
    assert depth.size((480, 640)) == (480, 640)
    assert depth.size((968, 1296)) == (480, 640)
    assert depth.size((1920, 1080)) == (640, 360)
    rgb = np.zeros((480, 1280, 3), np.uint8)
    assert depth.estimate(rgb).shape == (240, 640)


def test_metric_depth_is_scaled_if_asked(perfect: Callable[..., Perfect]) -> None:
    estimator = perfect()
    rgb, truth = np.zeros((120, 160, 3), np.uint8), estimator.depths[0]
    estimator.estimate = lambda rgb: truth  # type: ignore[method-assign]
    sparse = (1.5 * truth * (np.random.default_rng(0).random(truth.shape) < 0.1)).astype(np.float32)
    np.testing.assert_array_equal(FrameDepth(estimator).metres(rgb, sparse), truth)
    np.testing.assert_allclose(FrameDepth(estimator, fit=True).metres(rgb, sparse), 1.5 * truth, rtol=1e-5)


def test_predict_from_colour_alone(
    bare: Path, film: Path, tiny: Path, tiny_depth: dict[str, Path], tmp_path: Path, cli: Cli
) -> None:
    photo, panel = bare / "color" / "0.jpg", tmp_path / "panel.png"
    assert "estimate depth with --depth-from" in cli("predict", photo, "-o", panel).error
    options = ("--encoder", tiny, "--depth-from", tiny_depth["metric"])
    ran = cli("predict", photo, "-o", panel, *options, "--json")
    assert ran.status == 0, ran.err
    assert ran.json["depth"] is None
    assert ran.json["depth_from"]["name"] == "tiny-metric"
    assert panel.is_file()
    made = cli("predict", film, "-o", tmp_path / "panels", *options, "--stride", 4)
    assert made.status == 0, made.err
    assert "by tiny-metric (metres) on" in made.err
    assert f"--depth-from {tiny_depth['metric']}" in made.out.splitlines()[-1]
    assert len(list((tmp_path / "panels").glob("*.png"))) == 3
    no_scale = cli("predict", photo, "-o", panel, "--encoder", tiny, "--depth-from", tiny_depth["relative"])
    assert "has no scale" in no_scale.error


def test_depth_of_images(bare: Path, tiny_depth: dict[str, Path], tmp_path: Path, cli: Cli) -> None:
    out, metric = tmp_path / "out", ("--depth-from", tiny_depth["metric"])
    ran = cli("depth", bare / "color" / "3.jpg", bare / "color" / "5.jpg", "-o", out, *metric, "--json")
    assert ran.status == 0, ran.err
    assert (ran.json["images"], ran.json["kept"], ran.json["metric"]) == (2, 0, True)
    raw = cv2.imread(str(out / "5.depth.png"), cv2.IMREAD_UNCHANGED)
    assert (raw.dtype, raw.shape) == (np.uint16, (120, 160))
    assert 0 < raw.min() < raw.max() < 20000
    view = cv2.imread(str(out / "5.view.png"))
    assert view.shape[1] > 2 * view.shape[0]
    before = (out / "5.depth.png").stat().st_mtime_ns
    again = cli("depth", bare / "color", "-o", out, *metric, "--json").json
    assert (again["images"], again["kept"]) == (FRAMES - 2, 2)
    assert (out / "5.depth.png").stat().st_mtime_ns == before
    other = cli("depth", bare / "color", "-o", out, "--depth-from", tiny_depth["relative"], "--relative")
    assert "holds depth by tiny-metric with other settings" in other.error
    assert cli("depth", bare / "color", "-o", out, *metric, "--overwrite", "--json").json["images"] == FRAMES
    assert json.loads((out / "depth.json").read_text())["name"] == "tiny-metric"


def test_depth_is_of_the_images_that_are_asked_for(
    bare: Path, tiny_depth: dict[str, Path], perfect: Callable[..., Perfect], tmp_path: Path, cli: Cli
) -> None:
    out = tmp_path / "out"
    first, second = tmp_path / "a" / "x.jpg", tmp_path / "b" / "x.jpg"
    for path, number in ((first, 2), (second, 7)):
        path.parent.mkdir()
        shutil.copy(bare / "color" / f"{number}.jpg", path)
    options = ("-o", out, "--depth-from", tiny_depth["metric"])
    assert cli("depth", first, bare / "color", *options).status == 0
    before = (out / "x.depth.png").read_bytes()
    again = cli("depth", second, *options, "--json").json
    assert (again["images"], again["kept"]) == (1, 0)
    assert (out / "x.depth.png").read_bytes() != before

    perfect()  # another estimator replaces all that is there
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(second.read_bytes()[:900])
    assert "1 of 2 images" in cli("depth", broken, second, *options, "--overwrite").error
    assert sorted(file.name for file in out.glob("*.png")) == ["x.depth.png", "x.view.png"]
    (out / "depth.json").unlink()
    assert "holds depth by an unknown estimator" in cli("depth", second, *options).error


def test_depth_of_a_video(film: Path, tiny_depth: dict[str, Path], tmp_path: Path, cli: Cli) -> None:
    out = tmp_path / "out"
    ran = cli("depth", film / "video.mp4", "-o", out, "--depth-from", tiny_depth["metric"], "--stride", 5)
    assert ran.status == 0, ran.err
    assert sorted(file.name for file in out.glob("*.depth.png")) == [
        f"video-{number:06d}.depth.png" for number in (0, 5, 10)
    ]
    assert "images  3 in " in ran.out


def test_relative_depth_is_drawn_or_fitted(
    bare: Path, room: Path, perfect: Callable[..., Perfect], tmp_path: Path, cli: Cli
) -> None:
    perfect(metric=False)
    photo, out = bare / "color" / "2.jpg", tmp_path / "out"
    refused = cli("depth", photo, "-o", out, "--depth-from", "x").error
    assert "fit it to measured depth with --sparse, draw it without metres with --relative" in refused
    assert not out.exists()
    assert cli("depth", photo, "-o", out, "--depth-from", "x", "--relative").status == 0
    assert sorted(file.name for file in out.iterdir()) == ["2.view.png", "depth.json"]
    fitted = cli("depth", photo, "-o", tmp_path / "m", "--depth-from", "x", "--sparse", room / "depth")
    assert fitted.status == 0, fitted.err
    raw = cv2.imread(str(tmp_path / "m" / "2.depth.png"), cv2.IMREAD_UNCHANGED)
    truth = cv2.imread(str(room / "depth" / "2.png"), cv2.IMREAD_UNCHANGED)
    np.testing.assert_array_equal(raw[truth > 0], truth[truth > 0])
    sparser = shutil.copytree(room / "depth", tmp_path / "sparser")
    other = cli("depth", photo, "-o", tmp_path / "m", "--depth-from", "x", "--sparse", sparser).error
    assert "with other settings" in other
    one = cli("depth", photo, bare / "color" / "4.jpg", "-o", tmp_path / "n", "--depth-from", "x",
              "--sparse", room / "depth" / "2.png")  # fmt: skip
    assert "one depth image for 2 images" in one.error


def test_what_is_wrong_is_said_in_one_line(
    bare: Path, tiny_depth: dict[str, Path], tmp_path: Path, cli: Cli
) -> None:
    photo, out = bare / "color" / "0.jpg", ("-o", tmp_path / "out")
    missing = cli("depth", photo, *out).error
    assert "dvemap weights pull depth-anything-v2-metric-indoor-small" in missing
    metric = ("--depth-from", tiny_depth["metric"])
    assert "no such file or directory" in cli("depth", tmp_path / "none.jpg", *out, *metric).error
    assert "expected an image, a folder" in cli("depth", bare / "pose" / "0.txt", *out, *metric).error
    assert "holds no image" in cli("depth", bare / "pose", *out, *metric).error
    assert "2 images are called 0" in cli("depth", photo, bare / "color", *out, *metric).error
    assert "estimates metres; leave --relative out" in cli("depth", photo, *out, *metric, "--relative").error
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(photo.resolve().read_bytes()[:900])
    partly = cli("depth", broken, photo, *out, *metric).error
    assert "1 of 2 images could not be used, the others are written; the first: " in partly
    assert (tmp_path / "out" / "0.depth.png").is_file()


def test_teach_writes_depth_that_sequences_lack(
    bare: Path, room: Path, tiny_depth: dict[str, Path], cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("label-filt", "instance-filt"):
        (bare / name).symlink_to(room / name)
    shutil.copy(room / "label_names.txt", bare)
    ran = cli("teach", bare, "--depth-from", tiny_depth["metric"], "--json")
    assert ran.status == 0, ran.err
    (made,) = ran.json["depth"].values()
    assert (made["samples"], made["kept"]) == (FRAMES, 0)
    (folder,) = bare.glob("depth_depthanything_v2__*")
    with_depth = open_sequence(bare, depth_folder=folder.name)
    assert with_depth.has_depth
    assert with_depth[3].depth.all()
    (again,) = cli("teach", bare, "--depth-from", tiny_depth["metric"], "--json").json["depth"].values()
    assert (again["samples"], again["kept"]) == (0, FRAMES)
    from dvemap.sequence_source import SequenceSource

    source = SequenceSource(bare, depth=folder.name)
    assert len(source) == FRAMES
    assert source.sample(0).depth.all()
    assert "a sequence has depth" in cli("teach", room, "--depth-from", tiny_depth["metric"]).error


def test_marks_of_a_scale() -> None:
    assert marks(0.6, 4.2) == [1, 2, 3, 4] or marks(0.6, 4.2) == [1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]
    assert len(marks(1.0, 79.0)) <= 8
    assert all(0.5 <= mark <= 0.9 for mark in marks(0.5, 0.9))
    assert marks(2.31, 2.311) == [2.31]
    assert len(marks(0.0, 160.0)) <= 8


def test_taught_depth_goes_with_the_poses_of_the_colour_camera(
    bare: Path, tiny_depth: dict[str, Path], cli: Cli
) -> None:
    shutil.copytree((bare / "intrinsic").resolve(), bare / "other")
    (bare / "intrinsic").unlink()
    (bare / "other").rename(bare / "intrinsic")
    T = np.eye(4)
    T[0, 3] = 0.05
    np.savetxt(bare / "intrinsic" / "extrinsic_color.txt", T)
    np.savetxt(bare / "intrinsic" / "extrinsic_depth.txt", np.eye(4))
    assert cli("teach", bare, "--depth-from", tiny_depth["metric"]).status == 0
    (folder,) = bare.glob("depth_depthanything_v2__*")
    taught = open_sequence(bare, depth_folder=folder.name)
    estimated = open_sequence(bare, depth_optional=True)
    assert estimated.T_color_depth is not None
    np.testing.assert_allclose(
        taught.poses, estimated.poses @ np.linalg.inv(estimated.T_color_depth), atol=1e-6
    )
