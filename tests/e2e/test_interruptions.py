"""Runs that end early: Ctrl-C, kill -9, and taking them up again."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import dvemap
import mapping

Cli = Callable[..., Any]
FRAMES = 400  # the room's, again and again
SLOW = 0.02  # seconds a frame takes more in the runs that are disturbed, so that they never end before
BARE = ("--encoder", "none")  # no network: shape, colour and occupancy alone
OPTIONS = ("--cell-size", "0.2", "--trust", *BARE)


@pytest.fixture
def walk(copy_of: Callable[..., Path]) -> Path:
    return copy_of("walk", FRAMES)


@pytest.fixture(scope="module")
def undisturbed(room: Path) -> str:
    """Return the digest of an undisturbed run over the walk."""
    sequence = dvemap.open_sequence(room)
    order = [index % len(sequence) for index in range(FRAMES)]
    return dvemap.fuse(sequence, order=order, cell_size=0.2, encoder="none").digest


def start(*words: object) -> subprocess.Popen[str]:
    """Start a command on a slow machine, where Ctrl-C works even if the tests run in the background."""
    program = f"""
import signal, time
from dvemap.cli import main
from mapping import VoxelMap
fast = VoxelMap.integrate
VoxelMap.integrate = lambda *frame, **options: (fast(*frame, **options), time.sleep({SLOW}))[0]
signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
    return subprocess.Popen(
        [sys.executable, "-c", program, *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_for_line(process: subprocess.Popen[str], beginning: str) -> None:
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith(beginning):
            return
    pytest.fail(f"the run ended without the line {beginning!r}")


def test_ctrl_c_leaves_a_checkpoint_that_continues_to_the_same_map(
    cli: Cli, walk: Path, undisturbed: str, tmp_path: Path
) -> None:
    out = tmp_path / "maps" / "room.dvm"
    out.parent.mkdir()
    with start("fuse", walk, "-o", out, *OPTIONS) as process:
        wait_for_line(process, "after 10 frames")
        process.send_signal(signal.SIGINT)
        said, err = process.communicate(timeout=60)
    assert (process.returncode, said) == (130, "")
    told = re.fullmatch(
        rf"interrupted after (\d+) of {FRAMES} frames; the same command with --resume continues\n", err
    )
    assert told is not None, err
    partial = out.with_name("room.dvm.partial")
    assert list(out.parent.iterdir()) == [partial]
    mapping.verify(partial)
    assert 10 <= int(told[1]) < FRAMES
    assert mapping.read_header(partial).provenance["frames"] == int(told[1])
    ran = cli("fuse", walk, "-o", out, *OPTIONS, "--resume", "--json")
    assert f"continuing after {told[1]} of {FRAMES} frames" in ran.err
    assert (ran.json["frames"], ran.json["digest"]) == (FRAMES, undisturbed)
    assert list(out.parent.iterdir()) == [out]


def test_killed_again_and_again_a_run_ends_in_the_same_map(
    cli: Cli, walk: Path, undisturbed: str, tmp_path: Path
) -> None:
    out = tmp_path / "maps" / "room.dvm"
    out.parent.mkdir()
    partial = out.with_name("room.dvm.partial")

    def saved() -> int:
        return mapping.read_header(partial).provenance["frames"] if partial.exists() else 0

    done = 0
    for delay in (0.0, 0.021, 0.047):
        with start("fuse", walk, "-o", out, *OPTIONS, "--checkpoint-seconds", 0.05, "--resume") as process:
            while saved() == done and process.poll() is None:
                time.sleep(0.002)
            time.sleep(delay)
            process.kill()
            process.communicate(timeout=60)
        assert process.returncode == -signal.SIGKILL
        assert not out.exists()
        mapping.verify(partial)
        assert done < saved() < FRAMES
        done = saved()
    resumed = cli("fuse", walk, "-o", out, *OPTIONS, "--resume", "--checkpoint-seconds", 0.01, "--json")
    assert f"continuing after {done} of {FRAMES} frames" in resumed.err
    assert (resumed.json["frames"], resumed.json["digest"]) == (FRAMES, undisturbed)
    assert list(out.parent.iterdir()) == [out]


@pytest.fixture
def interrupted(room: Path, tmp_path: Path) -> Path:
    """Return the output of a run that was interrupted after 5 frames, with its checkpoint beside it."""

    def stop(status: Any) -> None:
        if status.done == 5:
            signal.raise_signal(signal.SIGINT)

    out = tmp_path / "maps" / "room.dvm"
    out.parent.mkdir()
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            dvemap.fuse(room, out, cell_size=0.1, watch=stop, encoder="none")
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, former)
    return out


def test_the_python_call_can_be_interrupted_and_resumed(room: Path, plain: Path, interrupted: Path) -> None:
    assert [path.name for path in interrupted.parent.iterdir()] == ["room.dvm.partial"]
    lines: list[str] = []
    again = dvemap.fuse(
        room,
        interrupted,
        cell_size=0.1,
        resume=True,
        watch=lambda s: lines.append(s.message or ""),
        encoder="none",
    )
    assert any("continuing after 5 of 40 frames" in line for line in lines)
    assert (again.frames, again.digest) == (40, mapping.load(plain).digest())


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--cell-size", "0.2"], "map.cell_size was 0.1, is 0.2"),
        (["--cell-size", "0.1", "--stop", "30"], "sequence.stop was None, is 30"),
        (["--cell-size", "0.1", "--set", "map.edge_weight=no"], "map.edge_weight was True, is False"),
        (["--cell-size", "0.1", "--encoder", "labels"], "encoder.name was 'none', is 'labels'"),
    ],
)
def test_another_run_is_not_continued(
    cli: Cli, room: Path, interrupted: Path, words: list[str], named: str
) -> None:
    partial = interrupted.with_name("room.dvm.partial")
    before = partial.read_bytes()
    error = cli("fuse", room, "-o", interrupted, *BARE, *words, "--resume").error
    assert named in error
    assert "leave --resume out" in error
    assert partial.read_bytes() == before


def test_another_sequence_is_not_continued(cli: Cli, copy_of: Callable[..., Path], interrupted: Path) -> None:
    error = cli("fuse", copy_of(frames=39), "-o", interrupted, *BARE, "--cell-size", 0.1, "--resume").error
    assert "the interrupted run differs: another sequence" in error


def test_a_run_that_starts_anew_says_that_it_could_have_continued(
    cli: Cli, room: Path, plain: Path, interrupted: Path
) -> None:
    ran = cli("fuse", room, "-o", interrupted, *BARE, "--cell-size", 0.1, "--json")
    assert f"--resume would have continued {interrupted}.partial" in ran.err
    assert ran.json["digest"] == mapping.load(plain).digest()
    assert list(interrupted.parent.iterdir()) == [interrupted]


def test_a_damaged_checkpoint_is_not_continued(cli: Cli, room: Path, interrupted: Path) -> None:
    partial = interrupted.with_name("room.dvm.partial")
    data = bytearray(partial.read_bytes())
    data[len(data) // 2] ^= 1
    partial.write_bytes(data)
    error = cli("fuse", room, "-o", interrupted, *BARE, "--cell-size", 0.1, "--resume").error
    assert f"{partial} is damaged" in error


def test_resuming_a_finished_run_or_none_at_all_is_no_error(
    cli: Cli, room: Path, plain: Path, tmp_path: Path
) -> None:
    out = tmp_path / "room.dvm"
    first = cli("fuse", room, "-o", out, *BARE, "--cell-size", 0.1, "--resume", "--json")
    assert "starting from the first frame" in first.err
    second = cli("fuse", room, "-o", out, *BARE, "--cell-size", 0.1, "--resume", "--json")
    assert "continuing after 40 of 40 frames" in second.err
    assert first.json["digest"] == second.json["digest"] == mapping.load(plain).digest()


def test_what_a_killed_run_left_behind_is_cleared_by_the_next(
    cli: Cli, room: Path, interrupted: Path
) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as dead:
        dead.wait()
    partial = interrupted.with_name("room.dvm.partial")
    from mapping import atomic

    left = partial.with_name(f".{partial.name}.{atomic._HOST}-{dead.pid}-0123abcd.tmp")
    left.write_bytes(os.urandom(100))
    options = ("--cell-size", 0.1, "--resume", "--checkpoint-seconds", 0.001)
    assert cli("fuse", room, "-o", interrupted, *BARE, *options).status == 0
    assert list(interrupted.parent.iterdir()) == [interrupted]
