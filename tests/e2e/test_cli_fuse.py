"""`dvemap fuse`, `merge` and the settings of a run, as a user types them."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import dvemap
import mapping

BARE = ("--encoder", "none")  # no network: shape, colour and occupancy alone

Cli = Callable[..., Any]


@pytest.mark.parametrize("encoder", ["none", "labels"])
def test_fuse_says_what_it_made(cli: Cli, room: Path, tmp_path: Path, encoder: str) -> None:
    out = tmp_path / "room.dvm"
    ran = cli("fuse", room, "-o", out, "--encoder", encoder, "--cell-size", 0.1, "--json")
    assert ran.status == 0
    made = ran.json
    assert {"map", "frames", "skipped", "cells", "digest", "seconds", "stages"} <= set(made)
    assert (made["map"], made["frames"], made["skipped"]) == (str(out), 40, 0)
    assert made["cells"] == len(mapping.load(out)) > 1000
    assert made["digest"] == mapping.load(out).digest()
    assert made["stages"]["update"] > 0
    assert made["seconds"] > 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["room.dvm"]
    assert mapping.load(out).code_dim == (384 if encoder == "labels" else 0)


def test_fuse_tells_people_what_it_understood_and_what_to_do_next(
    cli: Cli, room: Path, tmp_path: Path
) -> None:
    ran = cli("fuse", room, "-o", tmp_path / "my room.dvm", "--stop", 12, "--encoder", "labels")
    assert "scannet, 12 frames, colour 160x120, depth 160x120" in ran.err
    assert "poses: camera-to-world" in ran.err
    assert re.search(r"after 10 frames: about .* to go, a map of at most .*B", ran.err)
    assert re.search(r"^frames +12 \(0 skipped\)$", ran.out, re.M)
    assert re.search(r"^Next: dvemap query '.*my room.dvm' chair$", ran.out, re.M)


def test_any_threads_order_and_parts_give_the_same_map(room: Path, plain: Path) -> None:
    expected = mapping.load(plain).digest()
    count = len(dvemap.open_sequence(room))
    shuffled = [int(i) for i in np.random.default_rng(0).permutation(count)]
    for options in ({"threads": 2}, {"order": list(range(count))[::-1]}, {"order": shuffled, "threads": 2}):
        assert dvemap.fuse(room, cell_size=0.1, encoder="none", **options).digest == expected, options


def test_merged_parts_are_the_map_of_the_whole(cli: Cli, room: Path, plain: Path, tmp_path: Path) -> None:
    parts = [tmp_path / f"part-{k}.dvm" for k in range(4)]
    for k, part in enumerate(parts):
        ran = cli(
            "fuse", room, "-o", part, *BARE, "--cell-size", 0.1, "--start", 10 * k, "--stop", 10 * (k + 1)
        )
        assert ran.status == 0
    whole = cli("merge", *parts[::-1], "-o", tmp_path / "whole.dvm", "--json").json
    assert whole["digest"] == mapping.load(plain).digest()
    assert whole["frames"] == 40
    halves = [tmp_path / "first.dvm", tmp_path / "second.dvm"]
    cli("merge", parts[0], parts[3], "-o", halves[0])
    cli("merge", parts[1], parts[2], "-o", halves[1])
    assert cli("merge", *halves, "-o", tmp_path / "again.dvm", "--json").json["digest"] == whole["digest"]


def test_merged_halves_with_embeddings_are_the_map_of_the_whole(
    cli: Cli, room: Path, fused: dvemap.FuseResult, tmp_path: Path
) -> None:
    halves = [tmp_path / "a.dvm", tmp_path / "b.dvm"]
    cli("fuse", room, "-o", halves[0], "--encoder", "labels", "--stop", 17)
    cli("fuse", room, "-o", halves[1], "--encoder", "labels", "--start", 17)
    ran = cli("merge", *halves, "-o", tmp_path / "ab.dvm")
    assert fused.digest in ran.out


def test_what_cannot_be_merged_is_refused(
    cli: Cli, labelled: Path, plain: Path, room: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out.dvm"
    fine = tmp_path / "fine.dvm"
    cli("fuse", room, "-o", fine, *BARE, "--stop", 2)
    assert "cell_size" in cli("merge", fine, plain, "-o", out).error
    assert "code_dim" in cli("merge", fine, labelled, "-o", out).error
    assert "given twice" in cli("merge", fine, fine, "-o", out).error
    alone = cli("merge", fine, "-o", out)
    assert (alone.status, alone.out) == (2, "")
    assert "two or more maps" in alone.err
    assert not out.exists()


def test_settings_come_from_a_file_flags_and_assignments(cli: Cli, room: Path, tmp_path: Path) -> None:
    config = tmp_path / "settings.yaml"
    config.write_text("map:\n  cell_size: 0.2\n  occupancy: false\nsequence:\n  stop: 3\nrun:\n")
    out = tmp_path / "room.dvm"
    ran = cli(
        "fuse", room, "-o", out, *BARE, "--config", config, "--cell-size", 0.15, "--set", "sequence.stop=2"
    )
    assert ran.status == 0
    made = mapping.load(out)
    assert (made.cell_size, made.settings.occupancy, len(made.occupancy.key)) == (0.15, False, 0)
    used = mapping.read_header(out).provenance["config"]
    assert (used["sequence"]["stop"], used["map"]["cell_size"]) == (2, 0.15)


@pytest.mark.parametrize(
    ("assignment", "said"),
    [
        ("map.cellsize=0.1", "unknown setting 'map.cellsize'; did you mean 'map.cell_size'?"),
        ("map.cell_size=-1", "setting 'map.cell_size': input should be greater than 0, got -1"),
        ("map.cell_size=wide", "setting 'map.cell_size': input should be a valid number"),
        ("map.cell_size=.inf", "setting 'map.cell_size': input should be a finite number"),
        ("map=3", "setting 'map': expected a section of settings, got 3"),
        ("map.cell_size", "--set map.cell_size: expected name=value"),
        ("map.cell_size=[", "--set map.cell_size=[: expected a plain value"),
        ("run.max_bad=2", "setting 'run.max_bad': input should be less than or equal to 1, got 2"),
    ],
)
def test_wrong_settings_are_named(cli: Cli, room: Path, tmp_path: Path, assignment: str, said: str) -> None:
    assert said in cli("fuse", room, "-o", tmp_path / "out.dvm", *BARE, "--set", assignment).error


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"map:\n  cell_sise: 0.1\n", "unknown setting 'map.cell_sise'; did you mean 'map.cell_size'?"),
        (b"mapp:\n  cell_size: 0.1\n", "unknown setting 'mapp'; did you mean 'map'?"),
        (b"map:\n  cell_size: [1\n", "line 3: expected YAML"),
        (b"- map\n", "expected sections such as 'map:' at the top, got list"),
        (b"\xff\xfe\x00", "expected YAML, got a file that is no UTF-8 text"),
    ],
)
def test_wrong_settings_files_are_named(cli: Cli, room: Path, tmp_path: Path, text: bytes, said: str) -> None:
    config = tmp_path / "settings.yaml"
    config.write_bytes(text)
    error = cli("fuse", room, "-o", tmp_path / "out.dvm", *BARE, "--config", config).error
    assert str(config) in error
    assert said in error


def test_settings_of_the_python_call_are_checked_too(room: Path) -> None:
    with pytest.raises(TypeError, match="no setting 'cellsize'; did you mean 'cell_size'"):
        dvemap.fuse(room, cellsize=0.1, encoder="none")
    with pytest.raises(ValueError, match=r"fuse\(\): setting 'map.cell_size': input should be greater"):
        dvemap.fuse(room, cell_size=-1, encoder="none")
    with pytest.raises(ValueError, match="give stride to open_sequence"):
        dvemap.fuse(dvemap.open_sequence(room), stride=2, encoder="none")


def invert_poses(folder: Path) -> None:
    for path in (folder / "pose").iterdir():
        inverse = np.linalg.inv(np.loadtxt(path))
        path.unlink()
        path.write_text("\n".join(" ".join(repr(float(v)) for v in row) for row in inverse) + "\n")


def test_inverted_poses_are_refused_and_the_named_option_mends_them(
    cli: Cli, copy_of: Callable[..., Path], plain: Path, tmp_path: Path
) -> None:
    folder, out = copy_of(), tmp_path / "room.dvm"
    invert_poses(folder)
    error = cli("fuse", folder, "-o", out, *BARE, "--cell-size", 0.1).error
    assert "--pose-convention world-to-camera" in error
    assert not out.exists()
    fix = ("--pose-convention", "world-to-camera")
    mended = cli("fuse", folder, "-o", out, *BARE, "--cell-size", 0.1, *fix, "--json").json
    assert mended["digest"] == mapping.load(plain).digest()
    trusted = cli("fuse", folder, "-o", out, *BARE, "--cell-size", 0.1, "--trust", "--json").json
    assert trusted["digest"] != mended["digest"]


def damage(folder: Path, frames: list[int]) -> None:
    """Damage every other frame's depth image and the others' poses."""
    for number, index in enumerate(frames):
        depth, pose = folder / "depth" / f"{index}.png", folder / "pose" / f"{index}.txt"
        data = depth.read_bytes()
        path = pose if number % 2 else depth
        path.unlink()
        path.write_bytes(b"-inf " * 16 if number % 2 else data[: len(data) // 2])


def test_a_few_damaged_frames_are_skipped_and_counted(
    cli: Cli, copy_of: Callable[..., Path], room: Path, tmp_path: Path
) -> None:
    folder = copy_of()
    damage(folder, [13, 29])
    ran = cli("fuse", folder, "-o", tmp_path / "room.dvm", *BARE, "--cell-size", 0.1)
    assert ran.status == 0
    assert re.search(r"^frames +38 \(2 skipped\)$", ran.out, re.M)
    assert re.search(r"^skipped: .*13", ran.out, re.M)
    rest = [i for i in range(40) if i not in (13, 29)]
    assert dvemap.fuse(room, cell_size=0.1, order=rest, encoder="none").digest in ran.out


def test_many_damaged_frames_fail_the_run_unless_allowed(
    cli: Cli, copy_of: Callable[..., Path], tmp_path: Path
) -> None:
    folder, out = copy_of(), tmp_path / "maps" / "room.dvm"
    out.parent.mkdir()
    damage(folder, list(range(1, 40, 3))[:12])
    error = cli("fuse", folder, "-o", out, *BARE, "--cell-size", 0.1).error
    assert "--max-bad" in error
    assert "of 40 frames cannot be used" in error
    assert list(out.parent.iterdir()) == []
    allowed = cli("fuse", folder, "-o", out, *BARE, "--cell-size", 0.1, "--max-bad", 0.5, "--json").json
    assert (allowed["frames"], allowed["skipped"]) == (28, 12)


def test_json_is_one_object_in_ascii(process: Cli, room: Path, tmp_path: Path) -> None:
    out = tmp_path / "café.dvm"
    ran = process("fuse", room, "-o", out, *BARE, "--stop", 2, "--json")
    assert ran.out.isascii()
    assert json.loads(ran.out)["map"] == str(out)
