"""What goes wrong around a map: damaged files, full disks, paths that cannot be. One line, nothing lost."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import mapping
from dvemap.cli import main

BARE = ("--encoder", "none")  # no network: shape, colour and occupancy alone

Cli = Callable[..., Any]


def flip(data: bytearray, position: int) -> bytearray:
    data[position] ^= 0x20
    return data


DAMAGE: dict[str, Callable[[bytearray], bytes | bytearray]] = {
    "header": lambda data: flip(data, 8 + int.from_bytes(data[:8], "little") // 2),
    "length of the header": lambda data: flip(data, 2),
    "first byte": lambda data: flip(data, 8),
    "body": lambda data: flip(data, len(data) // 2),
    "last byte": lambda data: flip(data, len(data) - 1),
    "truncated": lambda data: data[:-100],
    "truncated in the header": lambda data: data[:200],
    "empty": lambda data: b"",
    "longer": lambda data: data + b"\0",
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_map_is_never_believed(
    cli: Cli, labelled: Path, plain: Path, tmp_path: Path, damage: str
) -> None:
    whole = bytearray((plain if "body" not in damage else labelled).read_bytes())
    broken = tmp_path / "broken.dvm"
    broken.write_bytes(DAMAGE[damage](whole))
    merged = tmp_path / "merged.dvm"
    for words in (
        ("query", broken, "sofa"),
        ("info", "--verify", broken),
        ("merge", plain, broken, "-o", merged),
        ("export", broken, "-o", tmp_path / "points.ply"),
        ("compress", broken, "-o", tmp_path / "small.dvm"),
    ):
        ran = cli(*words)
        assert str(broken) in ran.error, words
        assert len(ran.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == [broken]


@pytest.mark.parametrize(
    "words", [("query", "sofa"), ("info",), ("label",), ("export",), ("info", "--verify")]
)
def test_what_is_no_map_is_refused(cli: Cli, tmp_path: Path, words: tuple[str, ...]) -> None:
    text = tmp_path / "notes.dvm"
    text.write_text("chairs and tables\n" * 100)
    name, *rest = words
    assert f"{text} is not a dvemap file" in cli(name, text, *rest).error
    assert "missing.dvm: no such file or directory" in cli(name, tmp_path / "missing.dvm", *rest).error
    if name != "info":
        assert f"{tmp_path}: is a directory" in cli(name, tmp_path, *rest).error


WRITERS = {
    "fuse": ("fuse", "{room}", "-o", "{out}", *BARE),
    "merge": ("merge", "{plain}", "{labelled}", "-o", "{out}"),
    "compress": ("compress", "{labelled}", "-o", "{out}"),
    "export": ("export", "{plain}", "-o", "{out}"),
    "label": ("label", "{labelled}", "-o", "{out}"),
    "vertices": ("label", "{labelled}", "--mesh", "{room}/mesh.labels.ply", "--txt", "{out}"),
    "points": ("query", "{labelled}", "sofa", "--ply", "{out}"),
    "picture": ("query", "{labelled}", "sofa", "--picture", "{out}"),
    "confusion": ("eval", "map", "{labelled}", "{room}", "--confusion", "{out}"),
}


@pytest.mark.parametrize("writer", WRITERS)
def test_an_impossible_output_is_refused_before_any_work(
    cli: Cli, room: Path, plain: Path, labelled: Path, tmp_path: Path, writer: str
) -> None:
    def run(out: Path) -> Any:
        return cli(*(w.format(room=room, plain=plain, labelled=labelled, out=out) for w in WRITERS[writer]))

    folder = tmp_path / "taken.png"
    folder.mkdir()
    for out, said in ((folder, "got a folder"), (tmp_path / "no" / "x.png", "there is no folder")):
        ran = run(out)
        assert f"{out}: " in ran.error
        assert said in ran.error
        assert len(ran.err.splitlines()) == 1
    if os.geteuid():
        tmp_path.chmod(0o500)
        assert "is not writable" in run(tmp_path / "x.png").error
        tmp_path.chmod(0o700)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("fuse", "{tmp}", "-o", "{tmp}/x.dvm"), "no known layout. Looked for: scannet:"),
        (("fuse", "{tmp}/missing", "-o", "{tmp}/x.dvm"), "missing: no such file or directory"),
        (("fuse", "{room}", "-o", "{tmp}/x.dvm", "--format", "kitti"), "format must be one of scannet"),
        (("fuse", "{room}", "-o", "{tmp}/x.dvm", "--start", "99"), "the sequence has 40 frames"),
        (("fuse", "{room}", "-o", "{tmp}/x.dvm", "--encoder", "nope"), "or published student 'nope'"),
        (("fuse", "{room}", "-o", "{tmp}/x.dvm", "--encoder", "{tmp}"), "is no encoder folder"),
        (("fuse", "{bare}", "-o", "{tmp}/x.dvm", "--encoder", "labels"), "there is no folder label-filt"),
        (("fuse", "{room}", "-o", "{tmp}/x.dvm", "--depth-scale", "4000"), "--depth-scale 1000"),
        (("synth", "{room}/color"), "choose another folder"),
        (("synth", "{tmp}/x", "--kind", "castle"), "kind must be one of flat, room"),
        (("info", "{tmp}"), "no known layout"),
    ],
)
def test_wrong_input_is_one_line(
    cli: Cli, room: Path, copy_of: Callable[..., Path], tmp_path: Path, words: tuple[str, ...], said: str
) -> None:
    bare = copy_of("bare", frames=3)
    ran = cli(*(word.format(room=room, tmp=tmp_path, bare=bare) for word in words))
    assert said in ran.error
    assert [path.name for path in tmp_path.iterdir()] == ["bare"]


@pytest.mark.parametrize(
    "words",
    [
        ("fuse",),
        ("fuse", "room"),
        ("query",),
        ("query", "room.dvm", "sofa", "--colour"),
        ("query", "room.dvm", "sofa", "--top", "0"),
        ("compress", "room.dvm", "-o", "x.dvm", "--to", "int4"),
        ("export", "room.dvm", "--to", "obj"),
        ("eval",),
        ("eval", "maps"),
    ],
)
def test_misuse_exits_with_2(cli: Cli, words: tuple[str, ...]) -> None:
    ran = cli(*words)
    assert (ran.status, ran.out) == (2, "")
    assert "Usage: dvemap " in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("word", "said"),
    [("quary", "did you mean 'query'?"), ("--colour", "the commands are fuse, "), ("", "the commands are")],
)
def test_an_unknown_command_exits_with_2(cli: Cli, word: str, said: str) -> None:
    ran = cli(word)
    assert (ran.status, ran.out) == (2, "")
    assert ran.err.startswith(f"dvemap: no command {word!r}; ")
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1


def test_a_bug_keeps_its_traceback(plain: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise TypeError("a bug")

    monkeypatch.setattr("dvemap.description.describe", broken)
    with pytest.raises(TypeError, match="a bug"):
        main(["info", str(plain)])


def test_errors_in_the_input_keep_theirs_on_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVEMAP_TRACEBACK", "1")
    with pytest.raises(FileNotFoundError):
        main(["info", str(tmp_path / "missing.dvm")])


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a file system of 4 MB, where that is allowed."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.name != "posix" or os.geteuid() or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_loses_nothing(cli: Cli, room: Path, small_disk: Path) -> None:
    out = small_disk / "room.dvm"
    old = cli("fuse", room, "-o", out, *BARE, "--stop", 3, "--json").json["digest"]
    ran = cli("fuse", room, "-o", out, *BARE)
    assert ran.error == f"dvemap: {out}: no space left on device"
    assert list(small_disk.iterdir()) == [out]
    mapping.verify(out)
    assert mapping.load(out).digest() == old


def test_a_checkpoint_on_a_full_disk_does_not_end_the_run(
    cli: Cli, room: Path, small_disk: Path, plain: Path, tmp_path: Path
) -> None:
    out = small_disk / "room.dvm"
    filler = small_disk / "filler"
    filler.write_bytes(bytes(3 << 20))
    (tmp_path / "elsewhere").mkdir()
    ran = cli("fuse", room, "-o", out, *BARE, "--cell-size", 0.1, "--checkpoint-seconds", 0.001)
    assert "warning: no checkpoint" in ran.err
    assert "no space left on device" in ran.error
    left = {path.name for path in small_disk.iterdir()} - {"filler", "room.dvm.partial"}
    assert left == set()
    filler.unlink()
    again = cli("fuse", room, "-o", out, *BARE, "--cell-size", 0.1, "--resume", "--json").json
    assert again["digest"] == mapping.load(plain).digest()


def test_a_file_that_may_not_grow_loses_nothing(room: Path, tmp_path: Path) -> None:
    """What a full disk does, for those who may not mount one."""
    resource = pytest.importorskip("resource")
    assert resource.RLIMIT_FSIZE is not None
    out = tmp_path / "room.dvm"
    program = (
        "import resource, sys; from dvemap.cli import main; "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (3 << 20, resource.RLIM_INFINITY)); main()"
    )

    def run(*words: object) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", program, "fuse", str(room), "-o", str(out), *BARE, *map(str, words)]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)

    assert run("--stop", 3).returncode == 0
    old = out.read_bytes()
    failed = run()
    assert (failed.returncode, failed.stdout) == (1, "")
    assert failed.stderr.splitlines()[-1] == f"dvemap: {out}: file too large"
    assert [path.name for path in tmp_path.iterdir()] == ["room.dvm"]
    assert out.read_bytes() == old
