"""What a command says: lines and tables for people, one JSON object for machines.

With `--json` stdout holds that object and nothing else; what people would read goes to stderr.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table


class Output:
    """The two channels of a command.

    Parameters
    ----------
    as_json : bool
        Whether the result goes to stdout as JSON.
    """

    def __init__(self, as_json: bool = False) -> None:
        self.as_json = as_json
        self._errors = Console(stderr=True, highlight=False, soft_wrap=True)
        self._people = self._errors if as_json else Console(highlight=False, soft_wrap=True)

    def say(self, text: str = "", style: str | None = None) -> None:
        """Print one line for people."""
        self._people.print(text, style=style, markup=False)

    def table(
        self, rows: Iterable[Sequence[object]], header: Sequence[str] = (), title: str | None = None
    ) -> None:
        """Print a small table; without a header the first column holds the names."""
        table = Table(title=title, show_header=bool(header), box=None, pad_edge=False, title_justify="left")
        texts = [[str(cell) for cell in row] for row in rows]
        width = max([len(header), *(len(row) for row in texts)], default=0)
        for column in range(width):
            name = header[column] if column < len(header) else ""
            table.add_column(name, style="bold" if column == 0 and not header else None)
        for row in texts:
            table.add_row(*row)
        self._people.print(table)

    def hint(self, command: str) -> None:
        """Name the next command to try."""
        self._people.print(f"Next: {command}", style="cyan", markup=False)

    def result(self, record: Mapping[str, Any]) -> None:
        """Print the result for machines, where they asked for it."""
        if self.as_json:
            print(json.dumps(record, indent=2, ensure_ascii=False))  # noqa: T201

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator["Bar"]:
        """Show a progress bar with rate and remaining time on stderr while the block runs."""
        columns = (
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[note]}"),
        )
        with Progress(*columns, console=self._errors, transient=True) as shown:
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
