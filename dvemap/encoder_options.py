"""The options that choose an encoder, for the commands that look at single frames."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dvemap.config import EncoderConfig

EncoderOption = Annotated[
    str,
    typer.Option(
        help="home (comes along), another name of `dvemap weights list`, a checkpoint, a folder with a "
        "network, or labels"
    ),
]
EncoderThreads = Annotated[
    int, typer.Option(min=0, help="threads of the network; 0: its runtime chooses", show_default=False)
]
EncoderCache = Annotated[Path | None, typer.Option(help="folder to keep the network's codes in")]
EncoderSettings = Annotated[
    list[str] | None, typer.Option("--set", help="one more setting, as in encoder.threads=1")
]
PromptOption = Annotated[
    str | None,
    typer.Option(
        help="what the text encoder is asked for a class, with {} for its name  "
        "[default: a detailed photo of a {}; of a sentence encoder {}]"
    ),
]


def encoder_config(
    name: str, threads: int, cache: Path | None, assignments: list[str] | None
) -> "EncoderConfig":
    """Build the settings of an encoder from the options of a command line."""
    from dvemap.config import load_config

    overrides = {
        "encoder.name": name,
        "encoder.threads": threads,
        "encoder.cache": None if cache is None else str(cache),
    }
    return load_config(None, overrides, assignments or []).encoder


def encoder_words(config: "EncoderConfig") -> list[str]:
    """Return the options that choose an encoder again, for a command to try next."""
    changed = config.model_dump(exclude_defaults=True, exclude_none=True)
    name = changed.pop("name", config.name)
    settings = [word for key, value in changed.items() for word in ("--set", f"encoder.{key}={value}")]
    return ["--encoder", name, *settings]
