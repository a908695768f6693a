"""Questions typed on the terminal or listed in a file, and how an answer is shown."""

import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from dvemap.console import Output
from mapping import Answer


def read_texts(map_path: Path, out: Output) -> Iterator[str]:
    """Yield what the user types, line by line, until an empty line, Ctrl-C or the end of input."""
    with suppress(ImportError):
        import readline  # noqa: F401  gives the prompt a history
    prompt = "> " if sys.stdin.isatty() else ""
    out.say(f"Asking {map_path}. Type what to look for; an empty line ends.")
    while True:
        try:
            text = input(prompt).strip()
        except (EOFError, KeyboardInterrupt):
            out.say()
            return
        if not text:
            return
        yield text


def read_batch(path: Path) -> list[str]:
    """Return the texts of a file, one a line; empty lines do not count.

    Raises
    ------
    ValueError
        If there is none, or the file is no text.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path}: expected UTF-8 text, one question a line") from None
    texts = [line.strip() for line in lines if line.strip()]
    if not texts:
        raise ValueError(f"{path}: expected one text a line, got none")
    return texts


def show_answer(out: Output, text: str, answer: Answer) -> None:
    """Print the hits of one text as a table, or why there are none."""
    if not answer.hits:
        out.say(f'"{text}": no hit: {answer.reason}', style="yellow")
        return
    rows = [
        (
            hit.rank,
            f"{hit.score:.2f}",
            f"{hit.confidence:.2f}",
            _triple(hit.center),
            _triple(hit.extent),
            f"{hit.cells:,}",
            f"{hit.frames:,}",
        )
        for hit in answer.hits
    ]
    header = ("rank", "score", "confidence", "centre (m)", "extent (m)", "cells", "frames")
    out.table(rows, header=header, title=f'"{text}"')


def _triple(values: tuple[float, float, float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)
