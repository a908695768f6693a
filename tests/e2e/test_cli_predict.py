"""`dvemap predict`, as a user types it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

Cli = Callable[..., Any]


def files_of(painted: Path) -> tuple[Path, Path]:
    return painted / "color" / "0.png", painted / "depth" / "0.png"


@pytest.fixture
def classes(tmp_path: Path) -> Path:
    path = tmp_path / "colours.txt"
    path.write_text("7\tblue\n3\tred\n9\tgreen\n11\tdark\n")
    return path


def test_two_images_become_a_panel_and_numbers(
    cli: Cli, tiny: Path, painted: Path, classes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "panel.png"
    words = ("predict", *files_of(painted), "-o", out, "--encoder", tiny)
    ran = cli(*words, "--classes", classes, "--text", "red", "--not", "blue", "--npz", "--json")
    said = ran.json
    assert said["files"] == [str(tmp_path / "panel.npz"), str(out)]
    assert said["classes"] == pytest.approx({"red": 1 / 3, "green": 1 / 3, "blue": 1 / 3})
    panel = cv2.imread(str(out))
    assert panel.shape[1] > 3 * 480  # three tiles a row
    assert panel.shape[0] > 2 * 320
    with np.load(tmp_path / "panel.npz", allow_pickle=False) as made:
        assert made["codes"].shape == (8, 12, 3)
        assert made["codes"].dtype == np.float16
        assert "head" not in made.files
        expected = np.tile(np.repeat([3, 9, 7], 16), (32, 1))
        np.testing.assert_array_equal(made["label"], expected)
        assert dict(zip(made["class_ids"], made["class_names"], strict=True))[9] == "green"
        assert str(made["text"]) == "red"
        assert made["heat"].shape == (8, 12)
        assert (made["heat"][:, :4] > 0.99).all()
        assert (made["heat"][:, 4:8] == 0.5).all()  # green is as little red as it is blue
        assert (made["heat"][:, 8:] < 0.01).all()
        assert said["best"] == pytest.approx(float(made["heat"].max()))


def test_a_probe_and_visual_means_label_too(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    weight = np.eye(3, dtype=np.float32)
    np.savez(tmp_path / "probe.npz", weight=weight, names=np.array(["rot", "grün", "blau"]))
    np.savez(tmp_path / "means.npz", weight=7 * weight, names=np.array(["rot", "grün", "blau"]))
    words = ("predict", *files_of(painted), "-o", tmp_path / "x.png", "--encoder", tiny, "--json")
    for option in ("probe", "means"):
        said = cli(*words, f"--{option}", tmp_path / f"{option}.npz").json
        assert said["classes"] == pytest.approx({"rot": 1 / 3, "grün": 1 / 3, "blau": 1 / 3})
    np.savez(tmp_path / "wide.npz", weight=np.ones((2, 5), np.float32), names=np.array(["a", "b"]))
    error = cli(*words, "--probe", tmp_path / "wide.npz").error
    assert "is for embeddings of 5 numbers, those of 'colours' have 3" in error


def test_people_are_told_what_was_seen_and_what_to_try(
    cli: Cli, tiny: Path, painted: Path, classes: Path, tmp_path: Path
) -> None:
    out = tmp_path / "panel.png"
    words = ("predict", *files_of(painted), "-o", out, "--encoder", tiny)
    tried = re.search(r"^Next: (dvemap predict .* --classes nyuv2-40)$", cli(*words).out, re.M)
    assert tried is not None
    assert f" --encoder {tiny} " in tried[1]
    ran = cli(*words, "--classes", classes)
    assert re.search(r"^green +33\.3%$", ran.out, re.M)
    assert f"wrote {out}" in ran.out
    assert not out.with_suffix(".npz").exists()


def test_a_sequence_fills_a_folder_and_an_interrupted_run_goes_on(
    cli: Cli, tiny: Path, painted: Path, classes: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "seen"
    words = ("predict", painted, "-o", folder, "--encoder", tiny, "--classes", classes, "--json")
    first = cli(*words, "--stop", 2).json
    assert (first["frames"], first["kept"]) == (2, 0)
    mark = b"not drawn again"
    (folder / "000001.png").write_bytes(mark)
    again = cli(*words).json
    assert (again["frames"], again["kept"], again["files"]) == (1, 2, [str(folder / "000002.png")])
    assert (folder / "000001.png").read_bytes() == mark
    with_numbers = cli(*words, "--npz").json  # what lacks its numbers is made again
    assert (with_numbers["frames"], with_numbers["kept"]) == (3, 0)
    assert sorted(path.name for path in folder.iterdir()) == [
        *(f"{k:06d}.{ending}" for k in range(3) for ending in ("npz", "png")), "look.npz", "predict.json"
    ]  # fmt: skip
    (folder / "000001.png").write_bytes(mark)
    assert cli(*words, "--overwrite").json["frames"] == 3
    assert (folder / "000001.png").read_bytes() != mark


def test_a_folder_of_other_predictions_is_left_alone(
    cli: Cli, tiny: Path, painted: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "seen"
    words = ("predict", painted, "-o", folder, "--encoder", tiny)
    assert cli(*words).status == 0
    assert "holds predictions of another sequence, encoder or question" in cli(*words, "--text", "red").error
    assert cli(*words, "--text", "red", "--overwrite").status == 0
    (folder / "predict.json").unlink()
    assert "holds predictions of another" in cli(*words).error


def test_frames_of_other_settings_do_not_outlive_an_overwrite(
    cli: Cli, tiny: Path, painted: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the same command without --overwrite, after Ctrl-C or over more frames, would keep them."""
    folder = tmp_path / "seen"
    words = ("predict", painted, "-o", folder, "--encoder", tiny, "--json")
    assert cli(*words).json["frames"] == 3
    assert cli(*words, "--text", "red", "--overwrite", "--stop", 1).json["frames"] == 1
    assert cli(*words, "--text", "red").json["frames"] == 2

    def interrupted(*call: object, **options: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("dvemap.prediction.run.write_prediction", interrupted)
        assert cli(*words, "--overwrite").status != 0
    assert cli(*words).json["frames"] == 3


def test_frames_share_their_colours(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    """The bands move from frame to frame; the third tile must show each in one and the same colour."""
    folder = tmp_path / "seen"
    assert cli("predict", painted, "-o", folder, "--encoder", tiny).status == 0
    pictures = [cv2.imread(str(folder / f"{k:06d}.png")) for k in range(3)]
    row = pictures[0].shape[0] - 100
    shown = [[picture[row, -28 - 480 + 80 + 160 * band] for band in range(3)] for picture in pictures]
    for index in range(1, 3):
        np.testing.assert_array_equal(np.roll(shown[index], -index, axis=0), shown[0])
    assert len(np.unique(shown[0], axis=0)) == 3


def test_unusable_frames_are_skipped_and_told(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    (painted / "depth" / "1.png").write_bytes(b"")
    ran = cli("predict", painted, "-o", tmp_path / "seen", "--encoder", tiny, "--json")
    assert (ran.json["frames"], ran.json["skipped"]) == (2, 1)
    assert "1.png: the file is empty" in ran.err
    for name in "02":
        (painted / "depth" / f"{name}.png").write_bytes(b"")
    assert "the file is empty" in cli("predict", painted, "-o", tmp_path / "none", "--encoder", tiny).error


def broken(name: str, rgb: Path, depth: Path) -> None:
    """Damage one of two good files."""
    color, units = cv2.imread(str(rgb)), cv2.imread(str(depth), cv2.IMREAD_UNCHANGED)
    images: dict[str, tuple[Path, Any]] = {
        "16 bits": (rgb, color.astype(np.uint16) * 257),
        "see-through": (rgb, np.dstack([color, np.full(color.shape[:2], 9, np.uint8)])),
        "8 bits": (depth, (units // 10).astype(np.uint8)),
        "colour-mapped": (depth, color),
        "cropped": (depth, units[:, :40]),
        "empty": (depth, 0 * units),
        "metres": (depth, units // 1000),
    }
    path, image = images[name]
    assert cv2.imwrite(str(path), image)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("16 bits", r"0\.png: colour must have 8 bits a channel, got 16; convert it"),
        ("see-through", r"0\.png: has transparent pixels"),
        ("8 bits", r"0\.png: depth must be a 16-bit image of one channel, got uint8 with 1 channel"),
        ("colour-mapped", r"depth must be a 16-bit image of one channel, got uint8 with 3 channel"),
        ("cropped", r"is 40x32, but .* is 48x32; both must show the same view"),
        ("empty", r"no pixel has a depth"),
        ("metres", r"with 1000 units per metre its median is 0\.00. m; give the right unit"),
    ],
)
def test_images_that_cannot_be_right_are_named(
    cli: Cli, tiny: Path, painted: Path, tmp_path: Path, damage: str, said: str
) -> None:
    rgb, depth = files_of(painted)
    broken(damage, rgb, depth)
    out = tmp_path / "x.png"
    assert re.search(said, cli("predict", rgb, depth, "-o", out, "--encoder", tiny).error)
    assert not out.exists()


def test_grey_and_opaque_images_pass(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    rgb, depth = files_of(painted)
    color = cv2.imread(str(rgb))
    words = ("predict", rgb, depth, "-o", tmp_path / "x.png", "--encoder", tiny)
    cv2.imwrite(str(rgb), np.dstack([color, np.full(color.shape[:2], 255, np.uint8)]))
    assert "is grey" not in cli(*words).err
    cv2.imwrite(str(rgb), color[..., 0])
    assert "0.png: is grey" in cli(*words).err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["RGB"], "an image alone; give its depth image behind it"),
        (["RGB", "missing.png"], "missing.png: no such file or directory"),
        (
            ["DEPTH", "RGB"],
            r"16 bits in one channel, as depth images have; the colour image comes first: dve",
        ),
        (["RGB", "DEPTH", "--not", "sofa"], "give the --text too"),
        (["RGB", "DEPTH", "--text", " "], "a text is empty"),
        (["RGB", "DEPTH", "--probe", "a.npz", "--means", "b.npz"], "exclude each other"),
        (["RGB", "DEPTH", "--encoder", "labels"], "needs a sequence with label images"),
        (["RGB", "DEPTH", "--encoder", "none"], "sees nothing"),
        (["RGB", "DEPTH", "-o", "x.bmp"], "expected a name ending in .png or .jpg"),
        (["RGB", "DEPTH", "--depth-scale", "0"], "--depth-scale must be > 0"),
        (["SEQUENCE"], "expected a folder for the pictures of a sequence"),
    ],
)
def test_wrong_requests_are_refused(
    cli: Cli, tiny: Path, painted: Path, tmp_path: Path, words: list[str], said: str
) -> None:
    rgb, depth = files_of(painted)
    places = {"RGB": rgb, "DEPTH": depth, "SEQUENCE": painted}
    given = [str(places.get(word, word)) for word in words]
    assert said in cli("predict", "-o", tmp_path / "x.png", "--encoder", tiny, *given).error


def test_no_order_is_proposed_for_one_image_given_twice(
    cli: Cli, tiny: Path, painted: Path, tmp_path: Path
) -> None:
    depth = files_of(painted)[1]
    ran = cli("predict", depth, depth, "-o", tmp_path / "x.png", "--encoder", tiny)
    assert ran.error.rstrip().endswith("the colour image comes first")


def test_three_images_are_a_misuse(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    rgb, depth = files_of(painted)
    for extra in ([rgb], ["--start", 2]):
        ran = cli("predict", rgb, depth, *extra, "-o", tmp_path / "x.png", "--encoder", tiny)
        assert (ran.status, ran.out) == (2, "")


def test_what_was_asked_is_recorded(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    folder = tmp_path / "seen"
    cli("predict", painted, "-o", folder, "--encoder", tiny, "--text", "red", "--not", "blue")
    record = json.loads((folder / "predict.json").read_text())
    assert record["encoder"]["name"] == "colours"
    assert record["question"]["text"] == "red"


def test_depth_may_lie_in_another_folder(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    (painted / "depth").rename(painted / "depth_filled")
    words = ("predict", painted, "-o", tmp_path / "seen", "--encoder", tiny, "--depth-folder", "depth_filled")
    assert cli(*words, "--stop", 1, "--json").json["frames"] == 1
    pair = (painted / "color" / "0.png", painted / "depth_filled" / "0.png")
    ran = cli("predict", *pair, "-o", tmp_path / "a.png", "--encoder", tiny, "--depth-folder", "depth_filled")
    assert ran.status == 2
