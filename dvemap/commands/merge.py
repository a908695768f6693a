"""`dvemap merge`: maps of the same world become one, exactly."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, new_app

app = new_app()

EPILOG = """Examples:

  dvemap merge monday.dvm tuesday.dvm -o week.dvm

  dvemap merge part-*.dvm -o whole.dvm --json
"""


@app.command(epilog=EPILOG)
def merge(
    maps: Annotated[
        list[Path], typer.Argument(metavar="MAP", help="two or more map files", show_default=False)
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="map file to write", show_default=False)],
    as_json: Json = False,
) -> None:
    """Merge maps: the same, bit for bit, as one map of all their frames in any order."""
    import mapping
    from dvemap.console import Output, try_next
    from dvemap.outputs import check_output
    from dvemap.provenance import merged_provenance

    out = Output(as_json)
    if len(maps) < 2:
        raise typer.BadParameter(f"two or more maps are needed, got {len(maps)}", param_hint="MAP")
    twice = {path for path in maps if sum(path.resolve() == other.resolve() for other in maps) > 1}
    if twice:
        raise ValueError(f"{min(twice)}: given twice; its frames would count twice")
    check_output(output)
    with out.progress("merging", len(maps)) as bar:
        merged = mapping.load(maps[0], verify=True)
        for number, path in enumerate(maps[1:], start=2):
            part = mapping.load(path, verify=True)
            try:
                merged.merge(part)
            except ValueError as error:
                raise ValueError(f"{path}: {error}") from None
            bar.update(number, f"{len(merged):,} cells")
        provenance = merged_provenance([mapping.read_header(path).provenance for path in maps])
        digest = merged.digest()
        mapping.save(merged, output, {**provenance, "digest": digest})
    out.table(
        [
            ("cells", f"{len(merged):,}"),
            ("frames", f"{provenance['frames']:,}"),
            ("file", output),
            ("digest", digest),
        ]
    )
    out.hint(*try_next(output, merged.space))
    out.result(
        {
            "map": str(output),
            "cells": len(merged),
            "frames": provenance["frames"],
            "digest": digest,
            "maps": [str(m) for m in maps],
        }
    )
