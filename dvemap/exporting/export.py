"""The run of `dvemap export`: checks first, then the writer, then what was made and what opens it."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from dvemap.console import Output, duration, quantity
from dvemap.exporting.formats import FORMATS, Job, Options


def run_export(
    maps: Sequence[Path], to: str, output: Path | None, options: Options, out: Output
) -> dict[str, Any]:
    """Write a map as another format.

    Parameters
    ----------
    maps : sequence of Path
        One map; several for an archive of the ScanNet benchmark.
    to : str
        One of `FORMATS`.
    output : Path or None
        What to make; by default beside the map, named like it.
    options : dict
        What the user set.
    out : Output

    Returns
    -------
    dict
        What was written.

    Raises
    ------
    typer.BadParameter
        If an option is not one of the format, or it takes one map and several are given.
    ValueError, OSError
        If the map lacks what the format shows, or something cannot be read or written.
    """
    form = FORMATS[to]
    for name in options:
        if name not in form.options:
            users = ", ".join(other for other, its in FORMATS.items() if name in its.options)
            raise typer.BadParameter(
                f"is for --to {users}, not {to}", param_hint=f"--{name.replace('_', '-')}"
            )
    if len(maps) > 1 and to != "scannet":
        raise typer.BadParameter(f"--to {to} takes one map, got {len(maps)}", param_hint="MAP")
    if len(maps) > 1 and output is None:
        raise typer.BadParameter("name the archive of several scenes: -o submission.zip", param_hint="-o")
    target = output or maps[0].with_name(maps[0].stem + form.ending)
    form.check(target)
    started = time.perf_counter()
    done = form.write(Job(maps, target, options, out))
    seconds = time.perf_counter() - started
    files = [path for path in done.files if path.is_file()]
    size = sum(path.stat().st_size for path in files)
    out.table(
        [
            *((name, _shown(value)) for name, value in done.facts.items()),
            ("size", quantity(size)),
            ("time", duration(seconds)),
            *(("file", path) for path in files),
        ]
    )
    for note in done.notes:
        out.say(note)
    out.say("Next: " + form.opened_with.format(file=shlex.quote(str(done.files[0]))), style="cyan")
    record = {
        "maps": [str(path) for path in maps],
        "to": to,
        "files": [str(path) for path in files],
        "bytes": size,
        "seconds": round(seconds, 3),
        **done.facts,
    }
    out.result(record)
    return record


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(value)
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return f"{value:,}" if isinstance(value, int) else str(value)
