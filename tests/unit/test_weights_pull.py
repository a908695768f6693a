"""Weights are fetched whole or not at all, from a mirror and from Google Drive."""

import hashlib
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import gdown
import pytest
import requests
import torch

from student.errors import CheckpointError
from student.weights import CATALOGUE, find, pull, pulling, stored, weights_folder

NAME = "dveformer-reducedres-probe-nyuv2"


@dataclass
class Served:
    """A local server: what it holds, how it behaves, what it was asked."""

    content: bytes = b""
    status: int = 200
    kind: str = "application/octet-stream"
    break_after: int | None = None
    ranges: bool = True
    tag: str = '"1"'
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    sent: int = 0
    address: str = ""


@pytest.fixture
def served() -> Iterator[Served]:
    state = Served()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.asked.append((self.path, wanted))
            page = state.content
            if urlsplit(self.path).path == "/uc":  # the page on which Drive asks whether one is sure
                page = CONFIRM
            elif urlsplit(self.path).path == "/download" and parse_qs(self.path)["confirm"] != ["t"]:
                page = b"no"
            start = 0
            same = self.headers.get("If-Range", state.tag) == state.tag
            if wanted and state.ranges and same and page is state.content:
                start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1])  # type: ignore[index]
            if start >= len(page) > 0:
                self.send_error(416)
                return
            self.send_response(206 if start else state.status)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(page) - 1}/{len(page)}")
            if page is state.content:
                self.send_header("Content-Type", state.kind)
                self.send_header("ETag", state.tag)
                if state.kind != "text/html":
                    self.send_header("Content-Disposition", 'attachment; filename="w.pth.tar.gz"')
            else:
                self.send_header("Content-Type", "text/html")
            self.send_header("Content-Length", str(len(page) - start))
            self.end_headers()
            body = page[start:]
            if state.break_after is not None and page is state.content:
                body = body[: state.break_after]
            self.wfile.write(body)
            state.sent += len(body)
            self.close_connection = True

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    state.address = f"http://127.0.0.1:{server.server_port}"
    yield state
    server.shutdown()
    server.server_close()
    thread.join()


CONFIRM = b"""<!DOCTYPE html><html><body><form id="download-form" method="get"
 action="https://drive.usercontent.google.com/download"><input type="hidden" name="id" value="X"><input
 type="hidden" name="confirm" value="t"></form></body></html>""".replace(b"\n", b"")


@pytest.fixture(scope="module")
def probe(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return the bytes of a probe such as the published one."""
    path = tmp_path_factory.mktemp("probe") / "p.pth"
    weight = torch.randn((40, 768, 1, 1), generator=torch.Generator().manual_seed(1))
    torch.save({"linear_probing_head_state_dict": {"weight": weight}, "epoch": 49, "logs": {}}, path)
    return path.read_bytes()


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVEMAP_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(pulling, "RETRIES", 0)
    monkeypatch.setattr(sys.modules["gdown.download"], "CHUNK_SIZE", 10_000)


def left() -> list[str]:
    """Return the files in the folder of weights, but locks."""
    return sorted(
        path.name for path in weights_folder().rglob("*") if path.is_file() and path.suffix != ".lock"
    )


def assert_here(content: bytes) -> None:
    digest = hashlib.sha256(content).hexdigest()
    assert left() == [f"{NAME}-{digest[:8]}.pth", f"{NAME}.json"]
    path = find(NAME)
    assert path is not None
    assert path.read_bytes() == content


def test_a_mirror_is_fetched_once(served: Served, probe: bytes) -> None:
    served.content = probe
    steps: list[tuple[int, int | None]] = []
    record = pull(NAME, url=f"{served.address}/p.pth", progress=lambda *step: steps.append(step))
    assert (record.bytes, record.source) == (len(probe), f"{served.address}/p.pth")
    assert steps[-1] == (len(probe), len(probe))
    assert_here(probe)
    assert pull(NAME, url=f"{served.address}/p.pth") == record
    assert served.asked == [("/p.pth", None)]


def test_an_interrupted_download_goes_on(served: Served, probe: bytes) -> None:
    served.content, served.break_after = probe, 50_000
    with pytest.raises(CheckpointError, match=r"could not be fetched: .*the same command goes on from there"):
        pull(NAME, url=f"{served.address}/p.pth")
    assert (find(NAME), stored(NAME)) == (None, None)
    assert len(left()) == 1
    served.break_after = None
    sent = served.sent
    steps: list[tuple[int, int | None]] = []
    pull(NAME, url=f"{served.address}/p.pth", progress=lambda *step: steps.append(step))
    assert_here(probe)
    assert served.asked[-1] == ("/p.pth", "bytes=50000-")
    assert steps[-1] == (len(probe), len(probe))
    assert served.sent - sent >= len(probe) - 50_000


def test_a_connection_that_breaks_is_taken_up_again(
    served: Served, probe: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "RETRIES", 3)
    monkeypatch.setattr("random.uniform", lambda low, high: 0.0)
    served.content, served.break_after = probe, 50_000
    pull(NAME, url=f"{served.address}/p.pth")
    assert [wanted for _, wanted in served.asked] == [None, "bytes=50000-", "bytes=100000-"]
    assert_here(probe)


def test_a_server_that_only_begins_is_begun_again(served: Served, probe: bytes) -> None:
    served.content, served.break_after, served.ranges = probe, 50_000, False
    with pytest.raises(CheckpointError, match="could not be fetched"):
        pull(NAME, url=f"{served.address}/p.pth")
    served.break_after = None
    pull(NAME, url=f"{served.address}/p.pth")
    assert_here(probe)


def test_pieces_of_two_versions_are_not_put_together(served: Served, probe: bytes) -> None:
    served.content, served.break_after = bytes(len(probe)), 50_000
    with pytest.raises(CheckpointError, match="could not be fetched"):
        pull(NAME, url=f"{served.address}/p.pth")
    served.content, served.break_after, served.tag = probe, None, '"2"'
    pull(NAME, url=f"{served.address}/p.pth")
    assert_here(probe)


PAGE = b"<!DOCTYPE html><html><head><title>Quota exceeded</title></head><body>Sorry.</body></html>"


@pytest.mark.parametrize(
    ("behaviour", "message"),
    [
        ({"status": 404}, "could not be fetched: 404 Client Error"),
        ({"status": 503}, "could not be fetched: 503 Server Error"),
        (
            {"content": PAGE, "kind": "text/html"},
            f"gave no {NAME}: .*seems to be a web page titled 'Quota exceeded'",
        ),
        ({"content": b""}, f"gave no {NAME}: .*it seems to be empty"),
        ({"content": b"PK\x03\x04" + bytes(99)}, f"gave no {NAME}: .*it is cut off or damaged"),
    ],
    ids=["404", "503", "page", "empty", "damaged"],
)
def test_what_is_not_the_file_is_refused(served: Served, behaviour: dict[str, Any], message: str) -> None:
    for name, value in behaviour.items():
        setattr(served, name, value)
    with pytest.raises(CheckpointError, match=message):
        pull(NAME, url=f"{served.address}/p.pth")
    assert left() == []


def test_another_published_file_is_refused(served: Served, probe: bytes) -> None:
    served.content = probe
    with pytest.raises(
        CheckpointError, match="expected a student, it seems to be a linear probe of 40 classes"
    ):
        pull("dveformer-reducedres", url=f"{served.address}/p.pth")
    assert left() == []


def test_a_server_that_is_not_there(served: Served) -> None:
    with pytest.raises(
        CheckpointError, match=r"http://127\.0\.0\.1:1/p\.pth could not be fetched: .*refused"
    ):
        pull(NAME, url="http://127.0.0.1:1/p.pth")
    for url in ("ftp://host/p.pth", "p.pth", "http://"):
        with pytest.raises(ValueError, match="url must begin with http:// or https:// and name a host"):
            pull(NAME, url=url)


def test_ctrl_c_leaves_what_can_be_gone_on_from(served: Served, probe: bytes) -> None:
    def stop(done: int, total: int | None) -> None:
        raise KeyboardInterrupt

    served.content = probe
    with pytest.raises(KeyboardInterrupt):
        pull(NAME, url=f"{served.address}/p.pth", progress=stop)
    assert find(NAME) is None
    pull(NAME, url=f"{served.address}/p.pth")
    assert_here(probe)


def test_two_processes_do_not_disturb_each_other(served: Served, probe: bytes) -> None:
    served.content = probe
    code = f"from student.weights import pull; print(pull({NAME!r}, url='{served.address}/p.pth').sha256)"
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    digests = {process.communicate(timeout=120)[0].strip() for process in both}
    assert digests == {hashlib.sha256(probe).hexdigest()}
    assert served.asked == [("/p.pth", None)]
    assert_here(probe)


def test_weights_that_changed_are_fetched_again(served: Served, probe: bytes) -> None:
    served.content = probe
    record = pull(NAME, url=f"{served.address}/p.pth")
    record.path.write_bytes(bytes(len(probe)))
    pull(NAME, url=f"{served.address}/p.pth")
    assert_here(probe)


@pytest.fixture
def drive(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """Send what is asked of Google Drive to the local server."""
    get: Callable[..., requests.Response] = requests.Session.get

    def local(session: requests.Session, url: str, **options: Any) -> requests.Response:
        for host in ("https://drive.google.com", "https://drive.usercontent.google.com"):
            url = url.replace(host, served.address)
        assert url.startswith(served.address)
        return get(session, url, **options)

    monkeypatch.setattr(requests.Session, "get", local)
    return served


def test_google_drive_is_asked_and_confirmed(drive: Served, probe: bytes) -> None:
    drive.content, drive.break_after = probe, 60_000
    with pytest.raises(CheckpointError, match=f"{CATALOGUE[NAME].drive_id} could not be fetched"):
        pull(NAME)
    drive.break_after = None
    record = pull(NAME)
    assert record.source == CATALOGUE[NAME].source
    assert_here(probe)
    assert drive.asked[0] == (f"/uc?id={CATALOGUE[NAME].drive_id}", None)
    assert drive.asked[-1] == ("/download?id=X&confirm=t", "bytes=60000-")


def test_a_quota_of_google_drive_is_explained(drive: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    page = b'<p class="uc-error-subcaption">Too many users have viewed this file recently.</p>'
    monkeypatch.setitem(globals(), "CONFIRM", page)
    with pytest.raises(CheckpointError, match=r"Too many users .* over its quota, try again in a day"):
        pull(NAME)
    assert left() == []


def test_gdown_has_what_is_asked_of_it() -> None:
    import inspect

    options = {"url", "output", "quiet", "use_cookies", "resume", "progress", "timeout", "retries"}
    assert options <= set(inspect.signature(gdown.download).parameters)
