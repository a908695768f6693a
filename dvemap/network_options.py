"""The options that choose a segmentation network, for the command that labels single frames."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from dvemap.options import parse_size

if TYPE_CHECKING:
    from dvemap.config import EncoderConfig

NetworkOption = Annotated[
    str | None,
    typer.Option(
        help="label by a segmentation network instead of an encoder: dformerv2-small, another name of "
        "`dvemap weights list`, or a checkpoint",
        show_default=False,
    ),
]
ScalesOption = Annotated[
    str | None,
    typer.Option(
        help="scales of the image that --network averages over; published: 0.5,0.75,1,1.25,1.5  [default: 1]"
    ),
]
FlipOption = Annotated[bool, typer.Option("--flip", help="let --network see the mirrored image, too")]
WindowOption = Annotated[
    str | None, typer.Option(help="let --network see the image through a sliding window, as in 480x640")
]

OF_ENCODERS = {
    "encoder": "--encoder",
    "classes": "--classes",
    "probe": "--probe",
    "means": "--means",
    "prompt": "--prompt",
    "text": "--text",
    "negatives": "--not",
    "encoder_cache": "--encoder-cache",
}
"""Parameters of the command that are of encoders alone, and what users call them."""


@dataclass(frozen=True)
class NetworkOptions:
    """Which network looks at frames, and how; see `student.segmentation.segmenter.Segmenter`.

    Attributes
    ----------
    network : str
        A name of the weights catalogue, or a checkpoint.
    """

    network: str
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    window: tuple[int, int] | None = None
    threads: int = 0
    device: str | None = None


def network_options(
    context: typer.Context,
    network: str | None,
    scales: str | None,
    flip: bool,
    window: str | None,
    config: "EncoderConfig",
) -> "NetworkOptions | None":
    """Read the options of a segmentation network, and refuse those of encoders beside it.

    Raises
    ------
    typer.BadParameter
        The options do not go together, or one is written another way.
    """
    if network is None:
        for given, option in ((scales, "--scales"), (flip, "--flip"), (window, "--window")):
            if given:
                raise typer.BadParameter(
                    "is of a segmentation network; name one with --network", param_hint=option
                )
        return None
    for name, option in OF_ENCODERS.items():
        source = context.get_parameter_source(name)
        if source is not None and source.name == "COMMANDLINE":
            raise typer.BadParameter(
                f"is of encoders; leave it out with --network {network}", param_hint=option
            )
    others = config.model_dump(exclude_defaults=True).keys() - {"threads", "device"}
    if others:
        raise typer.BadParameter(
            f"encoder.{min(others)} is of encoders; --network takes encoder.threads and encoder.device",
            param_hint="--set",
        )
    try:
        chosen = (1.0,) if scales is None else tuple(map(float, scales.split(",")))
        side = None if window is None else parse_size(window)
    except ValueError as error:
        raise typer.BadParameter(f"{error}; scales are numbers with commas between them") from None
    return NetworkOptions(network, chosen, flip, side, config.threads, config.device)
