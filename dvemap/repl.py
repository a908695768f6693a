"""Questions typed on the terminal, and how an answer is shown there."""

from collections.abc import Iterator
from pathlib import Path

from dvemap.console import Output
from mapping import Answer


def read_texts(map_path: Path, out: Output) -> Iterator[str]:
    """Yield what the user types, line by line, until an empty line or the end of input."""
    out.say(f"Asking {map_path}. Type what to look for; an empty line ends.")
    while True:
        try:
            text = input("> ").strip()
        except EOFError:
            return
        if not text:
            return
        yield text


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
