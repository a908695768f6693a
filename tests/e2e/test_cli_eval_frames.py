"""`dvemap eval frames`, as a user types it."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

Cli = Callable[..., Any]
COLORS = np.eye(3, dtype=np.float32)


def expected_confusion(folder: Path, weights: np.ndarray) -> np.ndarray:
    """The protocol in plain words: unit colours of every fourth pixel, cosines, bilinear, argmax, void."""
    confusion = np.zeros((3, 3), np.int64)
    for index in range(3):
        rgb = cv2.imread(str(folder / "color" / f"{index}.png"))[..., ::-1].astype(np.float32)
        label = cv2.imread(str(folder / "label-filt" / f"{index}.png"), cv2.IMREAD_UNCHANGED).astype(int)
        # Codes lie in the middle of blocks of 4 x 4 pixels: bands are 16 wide, so no block is mixed.
        codes = rgb[2::4, 2::4] / np.linalg.norm(rgb[2::4, 2::4], axis=2, keepdims=True)
        logits = torch.from_numpy(np.einsum("hwd,kd->khw", codes, weights))[None]
        fine = torch.nn.functional.interpolate(logits, size=label.shape, mode="bilinear")[0]
        for true, found in zip(label.ravel(), fine.argmax(0).numpy().ravel(), strict=True):
            if true:
                confusion[true - 1, found] += 1
    return confusion


def test_three_decoders_are_judged_by_the_protocol(
    cli: Cli, tiny: Path, painted: Path, tmp_path: Path
) -> None:
    probe, means, picture = tmp_path / "probe.npz", tmp_path / "means.npy", tmp_path / "confusion.png"
    skewed = COLORS.copy()
    skewed[0] *= 1.4  # red reaches farther than its edge
    np.savez(probe, weight=skewed)
    swapped = COLORS[[0, 2, 1]]
    np.save(means, 5 * swapped)
    words = ("eval", "frames", painted, "--encoder", tiny, "--probe", probe, "--means", means)
    said = cli(*words, "--confusion", picture, "--json").json
    assert (said["class_list"], said["frames"], said["skipped"]) == ("kinds in the frames", 3, 0)
    assert list(said["decoders"]) == ["text", "means", "probe"]
    for name, weights in (("text", COLORS), ("means", swapped), ("probe", skewed)):
        judged = said["decoders"][name]
        matrix = expected_confusion(painted, weights)
        assert matrix.sum() == said["pixels"] == 3 * 56 * 96
        np.testing.assert_array_equal(np.array(judged["confusion"]["matrix"])[:, :3], matrix)
        hit = np.diagonal(matrix)
        iou = hit / (matrix.sum(axis=0) + matrix.sum(axis=1) - hit)
        assert judged["miou"] == pytest.approx(iou.mean())
        assert judged["macc"] == pytest.approx((hit / matrix.sum(axis=1)).mean())
        assert judged["accuracy"] == pytest.approx(hit.sum() / matrix.sum())
        assert [row["iou"] for row in judged["classes"]] == pytest.approx(list(iou))
    mious = {name: judged["miou"] for name, judged in said["decoders"].items()}
    assert mious["means"] < 0.4 < 0.8 < mious["probe"] < mious["text"]
    assert cv2.imread(str(picture)).shape[0] > 3 * 26


def test_people_read_one_table(cli: Cli, tiny: Path, painted: Path) -> None:
    ran = cli("eval", "frames", painted, "--encoder", tiny, "--stop", 2)
    assert re.search(r"^IoU +text +pixels$", ran.out, re.M)
    assert re.search(r"^red +\d\.\d{3} +3,584$", ran.out, re.M)
    assert re.search(r"^mIoU +1\.0000$", ran.out, re.M)
    assert "2 frames" in ran.out


def test_confusion_is_pooled_over_sequences(cli: Cli, tiny: Path, painted: Path) -> None:
    one = cli("eval", "frames", painted, "--encoder", tiny, "--json").json
    two = cli("eval", "frames", painted, painted, "--encoder", tiny, "--json").json
    assert two["frames"] == 6
    matrices = [np.array(run["decoders"]["text"]["confusion"]["matrix"]) for run in (one, two)]
    np.testing.assert_array_equal(2 * matrices[0], matrices[1])
    assert two["decoders"]["text"]["miou"] == one["decoders"]["text"]["miou"]


def test_a_folder_of_scenes_is_judged_by_the_kinds_of_all_of_them(
    cli: Cli, tiny: Path, painted: Path, tmp_path: Path
) -> None:
    scenes = tmp_path / "scenes"
    for name in ("a", "b"):
        shutil.copytree(painted, scenes / name)
    for path in (scenes / "b" / "label-filt").iterdir():
        label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.uint16([0, 4, 2, 3])[label])  # no red, but "unseen"
    said = cli("eval", "frames", scenes, "--encoder", tiny, "--json").json
    assert said["class_names"] == ["red", "green", "blue", "unseen"]
    assert said["frames"] == 6
    (scenes / "b" / "label_names.txt").write_text("1\tred\n2\tgreen\n3\tgrey\n4\tunseen\n")
    assert (
        "label 3 is 'grey' here and 'blue' in another sequence"
        in cli("eval", "frames", scenes, "--encoder", tiny).error
    )


def test_depth_may_lie_in_another_folder(cli: Cli, tiny: Path, painted: Path) -> None:
    (painted / "depth").rename(painted / "depth_filled")
    words = ("eval", "frames", painted, "--encoder", tiny)
    assert cli(*words, "--depth-folder", "depth_filled", "--json").json["frames"] == 3
    assert "depth" in cli(*words).error


def test_ids_of_scannet_become_those_of_nyu40(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    (painted / "label_names.txt").unlink()
    for path in (painted / "label-filt").iterdir():
        label = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), np.uint16([0, 1, 1291, 700])[label])  # wall, massage chair, no class of NYU40
    probe = tmp_path / "probe.npz"
    weight = -np.ones((20, 3), np.float32)
    weight[0], weight[4] = COLORS[0], COLORS[1]  # ids 1 and 5 stand first and fifth in the list
    np.savez(probe, weight=weight)
    words = ("eval", "frames", painted, "--encoder", tiny, "--probe", probe, "--no-text")
    assert "has label 1291, but 'scannet-20' has NYU40 ids" in cli(*words).error
    table = (
        "id\traw_category\tcategory\tnyu40id\n1\twall\twall\t1\n1291\tmassage chair\tchair\t5\n700\tx\tx\t0\n"
    )
    (painted / "scannetv2-labels.combined.tsv").write_text(table)
    said = cli(*words, "--json").json
    assert said["class_list"] == "scannet-20"
    assert said["pixels"] == 3 * 56 * 64  # a third is no class
    assert {row["name"] for row in said["decoders"]["probe"]["classes"]} == {"wall", "chair"}
    assert said["decoders"]["probe"]["macc"] > 0.9


def test_true_labels_of_a_room_score_high(cli: Cli, room: Path) -> None:
    said = cli("eval", "frames", room, "--encoder", "labels", "--stride", 8, "--json").json
    assert said["frames"] == 5
    assert said["decoders"]["text"]["accuracy"] > 0.97
    assert said["decoders"]["text"]["miou"] > 0.8
    assert {"wall", "floor", "massage chair"} <= {row["name"] for row in said["decoders"]["text"]["classes"]}


def test_a_fall_below_an_earlier_run_fails(cli: Cli, tiny: Path, painted: Path, tmp_path: Path) -> None:
    before = tmp_path / "before.json"
    words = ("eval", "frames", painted, "--encoder", tiny)
    record = cli(*words, "--json").json
    before.write_text(json.dumps(record))
    assert cli(*words, "--against", before).status == 0
    record["decoders"]["text"]["miou"] += 0.02
    before.write_text(json.dumps(record))
    assert cli(*words, "--against", before, "--tolerance", 0.03).status == 0
    ran = cli(*words, "--against", before, "--tolerance", 0.01, "--json")
    assert ran.status == 1
    assert json.loads(ran.out)["frames"] == 3  # what was measured is told all the same
    assert re.search(r"before\.json: the mIoU of text fell from .* by more than 0\.01$", ran.err.strip())
    assert "this run of 2 and" in cli(*words, "--stop", 2, "--against", before).err
    before.write_text('{"miou": 1}')
    assert "expected what `dvemap eval frames --json` printed" in cli(*words, "--against", before).error


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--no-text"], "nothing to judge without text (--no-text); give --probe or --means"),
        (["--encoder", "none"], "gives no codes"),
        (["--classes", "scannet-20"], "leave --classes out"),
        (["--probe", "missing.npz"], "missing.npz: no such file"),
        (["--confusion", "x.bmp"], "expected a name ending in .png or .jpg"),
        (["--prompt", "a photo"], "must hold {} once"),
    ],
)
def test_wrong_requests_are_refused(cli: Cli, tiny: Path, painted: Path, words: list[str], said: str) -> None:
    assert said in cli("eval", "frames", painted, "--encoder", tiny, *words).error


def test_label_images_must_be_there(
    cli: Cli, tiny: Path, painted: Path, copy_of: Callable[..., Path]
) -> None:
    assert "there is no folder label-filt" in cli("eval", "frames", copy_of(), "--encoder", tiny).error
    (painted / "label-filt" / "1.png").unlink()
    ran = cli("eval", "frames", painted, "--encoder", tiny, "--json")
    assert (ran.json["frames"], ran.json["skipped"]) == (2, 1)
    assert "skipped:" in ran.err
