"""The Python example of the README, as a reader would try it."""

import re
from pathlib import Path

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"


def test_the_python_example_runs(
    room: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    block = re.search(r"^```python\n(.*?)^```$", README.read_text(encoding="utf-8"), re.M | re.S)
    assert block is not None
    assert len([line for line in block[1].splitlines() if line.strip()]) == 5
    (tmp_path / "flat").symlink_to(room)
    monkeypatch.chdir(tmp_path)
    exec(compile(block[1], str(README), "exec"), {"__name__": "__main__"})
    *hits, score = capsys.readouterr().out.splitlines()
    assert hits
    assert [int(line.split()[0]) for line in hits] == list(range(1, len(hits) + 1))
    assert 0.1 < float(score) <= 1
    assert (tmp_path / "flat.dvm").is_file()
