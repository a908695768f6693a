"""`dvemap view`: look at maps in a window, and ask them there."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import TextEncoderOption, new_app

app = new_app()

EPILOG = """Examples:

  dvemap view room.dvm

  dvemap view room.dvm --text "massage chair" --not sofa

  dvemap view monday.dvm tuesday.dvm --mode labels --classes nyuv2-40
"""


@app.command(epilog=EPILOG)
def view(
    maps: Annotated[
        list[Path], typer.Argument(metavar="MAP", help="map files (.dvm), side by side", show_default=False)
    ],
    text: Annotated[str | None, typer.Option(help="ask this first")] = None,
    negatives: Annotated[
        list[str] | None, typer.Option("--not", help="phrase that a hit must not rather be; may be repeated")
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            help="color, labels, text, pca, confidence, normals, occupancy or ellipsoids  [default: color]"
        ),
    ] = None,
    classes: Annotated[
        str | None,
        typer.Option(
            help="scannet-20, scannet-40, scannet-200, nyuv2-40, sunrgbd-37, or a file of names  "
            "[default: those of the probe, else scannet-20]"
        ),
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="linear probe that names cells")] = None,
    means: Annotated[Path | None, typer.Option(help="visual means that name cells")] = None,
    sequence: Annotated[
        Path | None,
        typer.Option(help="sequence whose camera path is drawn  [default: the one the map was made of]"),
    ] = None,
    light: Annotated[bool, typer.Option("--light", help="dark on light; key L changes it")] = False,
    size: Annotated[str, typer.Option(help="height and width of the window, pixels")] = "800x1280",
    text_encoder: TextEncoderOption = None,
    follow: Annotated[
        Path | None, typer.Option(help="folder in which another process publishes the map", hidden=True)
    ] = None,
) -> None:
    """Look at maps in a window: colours, labels, text heat and more; press H there for help."""
    import os

    if follow is not None:
        os.nice(5)  # before anything is imported: the one who fuses goes first
    from viewer.display import check_display

    check_display()

    from dvemap.console import Output
    from dvemap.live import Following
    from dvemap.options import parse_size
    from dvemap.viewing import Words, open_subject
    from viewer.scene.state import ViewState, mode_of

    out = Output()
    height, width = parse_size(size)
    chosen = mode_of(mode) if mode is not None else "text" if text else "color"
    state = ViewState(mode=chosen, text=(text or "").strip(), negatives=tuple(negatives or ()))
    words = Words(classes, probe, means, text_encoder)
    if follow is not None:
        following = Following(follow, maps[0].name, words)
        subjects = [following.first]
    else:
        following = None
        subjects = [open_subject(path, words, sequence=sequence, note=out.say) for path in maps]

    from viewer.window import show  # the graphics library takes a second to load

    show(subjects, state=state, light=light, size=(width, height), follow=following)
