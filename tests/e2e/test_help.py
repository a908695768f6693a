"""Help, as a terminal shows it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from dvemap.cli import COMMANDS

Cli = Callable[..., Any]
NAMES = [name for group in COMMANDS.values() for name in group]
PARTS = {
    "eval": ("map", "frames"),
    "bench": ("map", "student"),
    "weights": ("list", "import", "pull"),
    "engine": ("onnx", "tensorrt"),
}
PAGES = [
    page for name in NAMES for page in ([(name, p) for p in PARTS[name]] if name in PARTS else [(name,)])
]


@pytest.mark.parametrize("words", PAGES, ids=" ".join)
@pytest.mark.parametrize("columns", [80, 120])
def test_help_pages_fit_and_show_examples_on_lines_of_their_own(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERMINAL_WIDTH", str(columns))
    ran = cli(*words, "--help")
    assert (ran.status, ran.err) == (0, "")
    lines = ran.out.splitlines()
    assert max(map(len, lines)) <= columns
    examples = lines[next(k for k, line in enumerate(lines) if line.strip() == "Examples:") :]
    assert sum(line.startswith(f" dvemap {' '.join(words)} ") for line in examples) >= 2


@pytest.mark.parametrize("word", ["--help", "-h", "help", None])
def test_the_overview_names_every_command(cli: Cli, word: str | None) -> None:
    ran = cli(*([word] if word else []))
    assert (ran.status, ran.err) == (0, "")
    assert all(f"\n  {name} " in ran.out for name in NAMES)
    assert max(map(len, ran.out.splitlines())) <= 80


def test_defaults_are_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERMINAL_WIDTH", "120")
    shown = cli("fuse", "--help").out
    assert "[default: 0.05]" in shown
    assert "[default: that of the format]" in shown


def test_the_version_is_told(cli: Cli) -> None:
    assert cli("--version").out.startswith("dvemap 0.")


@pytest.mark.skipif(os.name != "posix", reason="needs the CPU time of children")
def test_the_overview_costs_little() -> None:
    def once() -> float:
        before = os.times()
        subprocess.run([sys.executable, "-m", "dvemap", "--help"], check=True, capture_output=True)
        after = os.times()
        return after.children_user + after.children_system - before.children_user - before.children_system

    deadline = time.monotonic() + 10
    while (spent := once()) > 0.4 and time.monotonic() < deadline:
        pass
    assert spent <= 0.4
