"""The options that several commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer

MapPath = Annotated[Path, typer.Argument(metavar="MAP", help="map file (.dvm)", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="print one JSON object on stdout and nothing else there")]
DataFormat = Annotated[
    str | None,
    typer.Option(
        help="nicr-nyuv2, nicr-sunrgbd, nicr-scannet, nicr-hypersim, nicr-ade20k or sequence  "
        "[default: by files and name]"
    ),
]
DepthFolder = Annotated[
    str | None, typer.Option(help="folder of depth images in exported ScanNet layout  [default: depth]")
]
DepthFrom = Annotated[
    str | None,
    typer.Option(
        help="estimate depth from colour, for what brings none: a name of `dvemap weights list` such as "
        "depth-anything-v2-metric-indoor-small, a file of weights, or a folder or hub id of Hugging Face",
        show_default=False,
    ),
]
DepthCache = Annotated[
    Path | None, typer.Option(help="folder to keep estimated depth in", show_default=False)
]
TextEncoderOption = Annotated[
    str | None,
    typer.Option(
        "--text-encoder",
        help="minilm or openclip:MODEL/TAG-OR-PATH; by default the map's own",
        show_default=False,
    ),
]


def new_app() -> typer.Typer:
    """Make the app of one command: errors keep their type, help knows rich text."""
    return typer.Typer(
        add_completion=False,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )


def parse_size(text: str) -> tuple[int, int]:
    """Read the height and width of an image, as in 480x640.

    Raises
    ------
    ValueError
        If it is written another way.
    """
    height, _, width = text.lower().partition("x")
    if not (height.isdecimal() and width.isdecimal()):
        raise ValueError(f"a size is written HEIGHTxWIDTH in pixels, as in 480x640, got {text!r}")
    return int(height), int(width)


def vector(values: Any, digits: int = 3) -> list[float]:
    """Turn three coordinates into what JSON and people read."""
    return [round(float(value), digits) for value in values]
