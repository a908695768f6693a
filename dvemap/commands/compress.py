"""`dvemap compress`: a finished map in half or a quarter of the memory."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, MapPath, new_app

app = new_app()

EPILOG = """Examples:

  dvemap compress room.dvm -o room.int8.dvm

  dvemap compress room.dvm -o room.fp16.dvm --to fp16
"""


class CodeType(StrEnum):
    """What codes are stored as."""

    fp16 = "fp16"
    int8 = "int8"


@app.command(epilog=EPILOG)
def compress(
    map_path: MapPath,
    output: Annotated[Path, typer.Option("--output", "-o", help="map file to write", show_default=False)],
    to: Annotated[CodeType, typer.Option(help="type of the codes")] = CodeType.int8,
    as_json: Json = False,
) -> None:
    """Shrink a finished map. It answers questions as before but can no longer be merged or fused into."""
    import mapping
    from dvemap.console import Output, quantity, try_next
    from dvemap.outputs import check_output

    out = Output(as_json)
    check_output(output)
    if output.resolve() == map_path.resolve():
        raise ValueError(f"{output}: the exact map would be lost; write the compact one elsewhere")
    if not mapping.read_header(map_path).code_dim:
        raise ValueError(f"{map_path}: this map holds shape and colour only, there are no codes to shrink")
    mapping.compress(map_path, output, to.value)
    before, after = map_path.stat().st_size, output.stat().st_size
    out.table(
        [("file", output), ("size", f"{quantity(after)}, was {quantity(before)} ({after / before:.0%})")]
    )
    out.hint(*try_next(output, mapping.read_header(output).space))
    out.result({"map": str(output), "codes": to.value, "bytes": after, "bytes_before": before})
