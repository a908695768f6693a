"""`dvemap weights` as a user types it."""

import io
import os
import random
import re
import subprocess
import sys
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import torch

from student.checkpoints.shape import empty_student
from student.errors import CheckpointError
from student.networks.config import CONFIGS
from student.probe import load_probe
from student.weights import CATALOGUE

Cli = Callable[..., Any]
PROBE = "dveformer-reducedres-probe-sunrgbd"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def student(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a full-resolution student as it is published, of zeros."""
    shapes = empty_student(CONFIGS["dveformer-fullres"]).state_dict()
    state = {key: torch.zeros((), dtype=like.dtype).expand(like.shape) for key, like in shapes.items()}
    return write_archive(
        tmp_path_factory.mktemp("published") / "dveformer_fullres_mixed.pth.tar.gz",
        "mixed/dveformer_fullres_mixed.pth",
        {"state_dict": state, "epoch": 249, "logs": {}},
    )


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a probe as it is published, beside two megabytes of notes."""
    weight = torch.randn((37, 768, 1, 1), generator=torch.Generator().manual_seed(1))
    return write_archive(
        tmp_path_factory.mktemp("published") / "p.pth.tar.gz",
        "sunrgbd/dveformer_reducedres_linear_probing_sunrgbd.pth",
        {"linear_probing_head_state_dict": {"weight": weight}, "epoch": 49, "logs": {}},
        notes=random.Random(1).randbytes(2_000_000),
    )


def write_archive(path: Path, member: str, content: Any, notes: bytes = b"") -> Path:
    buffer = io.BytesIO()
    torch.save(content, buffer)
    with tarfile.open(path, "w:gz") as archive:
        for name, data in (("notes.bin", notes), (member, buffer.getvalue())):
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_list_tells_what_there_is_and_what_is_here(cli: Cli, student: Path, own_cache: Path) -> None:
    ran = cli("weights", "list")
    assert ran.status == 0
    assert re.search(r"\ndveformer-reducedres-probe-scannet20 +linear probe: 20 classes", ran.out)
    assert "1tkhkEA6RsvjznY-WlWqL3LtAGYU3wse_" in ran.out
    assert (
        "\nlicence  DVEFormer's code is Apache-2.0; its authors state no licence for the weights." in ran.out
    )
    assert ran.out.splitlines()[-1] == "Next: dvemap weights pull dveformer-fullres"
    assert cli("weights", "import", student).status == 0
    listed = {entry["name"]: entry for entry in cli("weights", "list", "--json").json["weights"]}
    assert len(listed) == len(CATALOGUE)
    here = listed.pop("dveformer-fullres")
    assert Path(here["path"]).parent == own_cache / "weights"
    assert here["bytes"] == Path(here["path"]).stat().st_size
    assert {entry["path"] for entry in listed.values()} == {None}
    Path(here["path"]).write_bytes(b"x" * here["bytes"])
    assert f"{Path(here['path']).name} (changed, pull it again)" in cli("weights", "list").out


def test_import_recognises_a_student(cli: Cli, student: Path) -> None:
    ran = cli("weights", "import", student)
    assert ran.status == 0
    assert "weights  dveformer-fullres (student: an embedding a pixel), imported" in ran.out
    assert ran.out.splitlines()[-1].startswith(
        "Next: dvemap fuse SEQUENCE -o room.dvm --encoder dveformer-full"
    )
    record = cli("weights", "import", student, "--json").json
    assert (record["name"], record["kind"], record["how"]) == ("dveformer-fullres", "student", "imported")
    assert record["came_from"] == str(student)


def test_import_says_what_a_wrong_file_is(cli: Cli, student: Path, probe: Path, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.pth"
    wrong.write_bytes(b"<html><title>Sign in</title>")
    assert cli("weights", "import", wrong).error.startswith(
        f"dvemap: {wrong} is no readable checkpoint: it seems to be a web page titled 'Sign in'"
    )
    wrong.write_bytes(student.read_bytes()[:-9])
    assert "is no readable archive" in cli("weights", "import", wrong).error
    assert "expected a student, it seems to be a linear probe of 37 classes over 768 numbers" in (
        cli("weights", "import", probe, "--name", "dveformer-fullres").error
    )
    forced = cli("weights", "import", student, "--name", "dveformer-reducedres").error
    assert "is no dveformer-reducedres: of its keys 4 unexpected" in forced
    assert "it seems to be a DVEFormer student (full-res, 768 numbers a pixel)" in forced
    assert (
        cli("weights", "import", tmp_path / "none").error
        == f"dvemap: {tmp_path / 'none'}: no such file or directory"
    )
    assert "did you mean 'dveformer-fullres'?" in cli("weights", "pull", "dveformer-fullre").error


def test_a_probe_that_is_not_here_is_named_with_what_to_do() -> None:
    with pytest.raises(CheckpointError, match=f"fetch them with: dvemap weights pull {PROBE}, or"):
        load_probe(PROBE)


def test_info_says_what_weights_are(cli: Cli, student: Path, probe: Path, tmp_path: Path) -> None:
    ran = cli("info", student)
    assert (
        "\nwhat     a DVEFormer student (full-res, 768 numbers a pixel)\nvariant  dveformer-full" in ran.out
    )
    assert ran.out.splitlines()[-1] == f"Next: dvemap fuse SEQUENCE -o map.dvm --encoder {student}"
    record = cli("info", probe, "--json").json
    assert (record["kind"], record["what"]) == ("probe", "a linear probe of 37 classes over 768 numbers")
    missing = cli("info", "dveformer-fullres")
    assert missing.status == 0
    assert missing.out.splitlines()[-1] == "Next: dvemap weights pull dveformer-fullres"
    assert cli("weights", "import", student).status == 0
    assert cli("info", "dveformer-fullres", "--json").json["variant"] == "dveformer-fullres"
    cut = tmp_path / "cut.pth"
    cut.write_bytes(b"PK\x03\x04" + bytes(99))
    assert cli("info", cut).error.startswith(f"dvemap: {cut} is no readable checkpoint: it is cut off")


class Server:
    """Serves one file, from any byte on; may stop in the middle."""

    def __init__(self, content: bytes) -> None:
        self.content, self.stop_after = content, len(content)
        self.asked: list[str | None] = []
        self.going = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                wanted = self.headers.get("Range")
                outer.asked.append(wanted)
                start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
                self.send_response(206 if wanted else 200)
                self.send_header("Content-Length", str(len(outer.content) - start))
                if wanted:
                    last = len(outer.content) - 1
                    self.send_header("Content-Range", f"bytes {start}-{last}/{last + 1}")
                self.end_headers()
                try:
                    self.wfile.write(outer.content[start : outer.stop_after])
                    outer.going.wait(30)
                    self.wfile.write(outer.content[max(start, outer.stop_after) :])
                except OSError:  # the other side is gone
                    pass
                self.close_connection = True

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/p.pth.tar.gz"


@pytest.fixture
def server(probe: Path) -> Iterator[Server]:
    served = Server(probe.read_bytes())
    thread = threading.Thread(target=served.http.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield served
    served.going.set()
    served.http.shutdown()
    served.http.server_close()
    thread.join()


def test_pull_fetches_and_says_where(cli: Cli, server: Server, own_cache: Path) -> None:
    server.going.set()
    ran = cli("weights", "pull", PROBE, "--url", server.url)
    assert ran.status == 0
    assert ran.out.startswith(f"{PROBE}: linear probe: 37 classes of sunrgbd, from {server.url}\nLicence: ")
    path = next((own_cache / "weights").glob("*.pth"))
    assert ran.out.splitlines()[-1] == f"Next: dvemap label room.dvm --probe {PROBE} --classes sunrgbd-37"
    assert load_probe(PROBE).weight.shape == (37, 768)
    record = cli("weights", "pull", PROBE, "--json").json
    assert (record["how"], record["path"], record["came_from"]) == ("was here", str(path), server.url)
    assert server.asked == [None]


def test_pull_goes_on_after_the_process_was_killed(cli: Cli, server: Server, own_cache: Path) -> None:
    server.stop_after = 1_600_000
    words = [sys.executable, "-m", "dvemap", "weights", "pull", PROBE, "--url", server.url]
    with subprocess.Popen(words, env=os.environ, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 60
        while not any(path.stat().st_size > 1_000_000 for path in own_cache.rglob("*.part")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.kill()
    assert [record["path"] for record in cli("weights", "list", "--json").json["weights"]] == [None] * len(
        CATALOGUE
    )
    server.going.set()
    record = cli("weights", "pull", PROBE, "--url", server.url, "--json").json
    assert (record["how"], record["name"]) == ("fetched", PROBE)
    assert server.asked[-1] in ("bytes=1048576-", "bytes=1572864-")
    assert not list(own_cache.rglob("*.part"))
