"""What a command says: lines and tables for people, one JSON object for machines.

With `--json` stdout holds that object and nothing else; what people would read goes to stderr.
"""

import json
import math
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text


class Output:
    """The two channels of a command.

    Parameters
    ----------
    as_json : bool
        Whether the result goes to stdout as JSON.
    quiet : bool
        Whether nothing is said at all, as by all processes of a run but the first.
    """

    def __init__(self, as_json: bool = False, *, quiet: bool = False) -> None:
        self.as_json = as_json and not quiet
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True, quiet=quiet)
        self._people = self._errors if as_json else Console(highlight=False, soft_wrap=True, quiet=quiet)

    def say(self, text: str = "", style: str | None = None) -> None:
        """Print one line for people."""
        self._people.print(text, style=style, markup=False)

    def table(
        self, rows: Iterable[Sequence[object]], header: Sequence[str] = (), title: str | None = None
    ) -> None:
        """Print a small table; without a header the first column holds the names.

        Numbers below a header stand right. Lines are never cut or broken, so that paths and digests can be
        copied.
        """
        body = [[str(cell) for cell in row] for row in rows]
        columns = list(zip(*([list(header)] if header else []), *body, strict=True))
        widths = [max(map(len, column)) for column in columns]
        right = [bool(header) and all(map(_is_number, column[1:])) for column in columns]
        if title is not None:
            self.say(title, style="bold")
        for cells in zip(*columns, strict=True):
            padded = [
                cell.rjust(width) if number else cell.ljust(width)
                for cell, width, number in zip(cells, widths, right, strict=True)
            ]
            line = Text("  ".join(padded).rstrip())
            line.stylize("bold", 0, None if header and cells == tuple(header) else widths[0])
            self._people.print(line)

    def hint(self, *words: object) -> None:
        """Name the next command to try, quoted so that a shell takes it."""
        self._people.print(f"Next: {shlex.join(map(str, words))}", style="cyan", markup=False)

    def result(self, record: Mapping[str, Any]) -> None:
        """Print the result for machines, where they asked for it; numbers that are not finite become null."""
        if self.as_json:
            print(json.dumps(_plain(record), indent=2, allow_nan=False))  # noqa: T201

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator["Bar"]:
        """Show a progress bar with rate and remaining time on stderr while the block runs."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=20),
            MofNCompleteColumn(),
            _Rate(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        quiet = not self._errors.is_terminal
        with Progress(*columns, console=self._errors, transient=True, disable=quiet) as shown:
            yield Bar(shown, shown.add_task(what, total=total, note=""))


class Bar:
    """A running progress bar."""

    def __init__(self, shown: Progress, task: Any) -> None:
        self._shown = shown
        self._task = task

    def update(self, done: int, note: str = "", total: int | None = None) -> None:
        """Move the bar to `done` and show a note behind it."""
        self._shown.update(self._task, completed=done, note=note, total=total)

    def say(self, text: str) -> None:
        """Print a line above the bar."""
        self._shown.console.print(text, markup=False)


class _Rate(ProgressColumn):
    """Steps a second."""

    def render(self, task: Task) -> Text:
        """Return `12.3/s`, nothing before it is known."""
        return Text(f"{task.speed:.1f}/s" if task.speed else "")


def _is_number(cell: str) -> bool:
    return cell.replace(",", "").replace(".", "", 1).isdecimal()


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(entry) for name, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def try_next(path: object, space: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the command to try on a map: a question where its space has words for it, else an export."""
    if space.get("text_encoder"):
        return "dvemap", "query", str(path), "chair"
    return "dvemap", "export", str(path)


def quantity(size: float) -> str:
    """Write a number of bytes the way people say it: `1.4 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def duration(seconds: float) -> str:
    """Write a duration the way people say it: `3 min 20 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
