"""`dvemap query`: ask a map in free text."""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, MapPath, TextEncoderOption, new_app

app = new_app()

EPILOG = """Examples:

  dvemap query room.dvm "massage chair"

  dvemap query room.dvm "something to sit on" --not sofa --top 3 --picture heat.png

  dvemap query room.dvm --batch questions.txt --json
"""


@app.command(epilog=EPILOG)
def query(
    map_path: MapPath,
    texts: Annotated[
        list[str] | None,
        typer.Argument(metavar="TEXT", help="what to look for; none: ask on the terminal"),
    ] = None,
    negatives: Annotated[
        list[str] | None, typer.Option("--not", help="phrase that a hit must not rather be; may be repeated")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="most hits to show for each text")] = 5,
    threshold: Annotated[
        float | None,
        typer.Option(help="least relevancy of a cell, 0 to 1  [default: that of the text encoder]"),
    ] = None,
    batch: Annotated[Path | None, typer.Option(help="file with one text a line")] = None,
    ply: Annotated[
        Path | None, typer.Option(help="write the map coloured by relevancy to the first text")
    ] = None,
    picture: Annotated[
        Path | None, typer.Option(help="write a picture of the map and of its best hit")
    ] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads that read the codes")] = 2,
    text_encoder: TextEncoderOption = None,
    as_json: Json = False,
) -> None:
    """Find what texts mean in a map: connected hits with centre, extent, score and confidence."""
    import mapping
    from dvemap.console import Output
    from dvemap.outputs import check_output, check_picture
    from dvemap.provenance import up_of
    from dvemap.questions import answers, text_encoder_of
    from dvemap.repl import read_batch, read_texts, show_answer

    check_output(ply)
    check_picture(picture)
    out = Output(as_json)
    voxel_map = mapping.load(map_path)
    asked = [*(texts or []), *(read_batch(batch) if batch is not None else [])]

    def answer_all(queries: list[str]) -> Iterator[mapping.Answer]:
        return answers(
            voxel_map,
            queries,
            negatives=negatives or (),
            top=top,
            threshold=threshold,
            text_encoder=text_encoder,
            threads=threads,
        )

    if not asked:
        if as_json or ply is not None or picture is not None:
            raise typer.BadParameter("--json, --ply and --picture need a text or --batch", param_hint="TEXT")
        text_encoder_of(voxel_map, text_encoder)
        for text in read_texts(map_path, out):
            show_answer(out, text, next(answer_all([text])))
        return
    results = []
    for text, answer in zip(asked, answer_all(asked), strict=True):
        show_answer(out, text, answer)
        results.append(
            {"text": text, "hits": [hit.to_dict() for hit in answer.hits], "reason": answer.reason}
        )
        if len(results) > 1:
            continue
        if ply is not None:
            from dvemap.heat import write_heat_ply

            write_heat_ply(ply, voxel_map, answer)
            out.say(f"wrote {ply}")
        if picture is not None:
            from dvemap.rendering.portraits import Portrait

            up = up_of(mapping.read_header(map_path).provenance)
            Portrait(voxel_map, up, threads=threads).write_answer(picture, answer, text)
            out.say(f"wrote {picture}")
    if picture is None:
        out.hint("dvemap", "query", map_path, asked[0], "--picture", "heat.png")
    out.result({"map": str(map_path), **results[0], "queries": results})
