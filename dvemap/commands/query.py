"""`dvemap query`: ask a map in free text."""

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
        typer.Argument(metavar="TEXT...", help="what to look for; none: ask on the terminal"),
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
    picture: Annotated[Path | None, typer.Option(help="write a PNG of the same")] = None,
    threads: Annotated[int, typer.Option(min=1, help="threads that read the codes")] = 2,
    text_encoder: TextEncoderOption = None,
    as_json: Json = False,
) -> None:
    """Find what texts mean in a map: connected hits with centre, extent, score and confidence."""
    import mapping
    from dvemap.console import Output
    from dvemap.heat import write_heat_picture, write_heat_ply
    from dvemap.provenance import up_of
    from dvemap.questions import answers
    from dvemap.repl import read_texts, show_answer

    out = Output(as_json)
    voxel_map = mapping.load(map_path)
    asked = list(texts or [])
    if batch is not None:
        asked += [line.strip() for line in batch.read_text(encoding="utf-8").splitlines() if line.strip()]
        if not asked:
            raise ValueError(f"{batch}: expected one text a line, got none")

    def answer_all(queries: list[str]) -> list[mapping.Answer]:
        return list(
            answers(
                voxel_map,
                queries,
                negatives=negatives or (),
                top=top,
                threshold=threshold,
                text_encoder=text_encoder,
                threads=threads,
            )
        )

    if not asked:
        if as_json:
            raise typer.BadParameter("--json needs a text or --batch", param_hint="TEXT...")
        for text in read_texts(map_path, out):
            show_answer(out, text, answer_all([text])[0])
        return
    found = answer_all(asked)
    for text, answer in zip(asked, found, strict=True):
        show_answer(out, text, answer)
    if ply is not None:
        write_heat_ply(ply, voxel_map, found[0])
        out.say(f"wrote {ply}")
    if picture is not None:
        write_heat_picture(
            picture, voxel_map, found[0], asked[0], up_of(mapping.read_header(map_path).provenance)
        )
        out.say(f"wrote {picture}")
    if picture is None:
        out.hint(f'dvemap query {map_path} "{asked[0]}" --picture heat.png')
    results = [
        {"text": text, "hits": [hit.to_dict() for hit in answer.hits], "reason": answer.reason}
        for text, answer in zip(asked, found, strict=True)
    ]
    out.result({"map": str(map_path), **results[0], "queries": results})
