"""`dvemap weights`: the published networks and probes."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvemap.options import Json, new_app

if TYPE_CHECKING:
    from student.student_folder import StudentFolder
    from student.weights import OfficialFile, StoredFile

app = new_app()

EPILOG = """Examples:

  dvemap weights list

  dvemap weights pull dveformer-reducedres

  dvemap weights import dveformer_reducedres_mixed.pth.tar.gz
"""

PULL_EPILOG = """Examples:

  dvemap weights pull dveformer-reducedres

  dvemap weights pull dveformer-reducedres --url https://example.org/dveformer_reducedres_mixed.pth.tar.gz
"""

IMPORT_EPILOG = """Examples:

  dvemap weights import dveformer_reducedres_mixed.pth.tar.gz

  dvemap weights import probe.pth --name dveformer-reducedres-probe-nyuv2
"""

LIST_EPILOG = """Examples:

  dvemap weights list

  dvemap weights list --json
"""

MEGABYTE = 10**6
_CLASSES = {"nyuv2": "nyuv2-40", "sunrgbd": "sunrgbd-37", "scannet": "scannet-40", "scannet20": "scannet-20"}


@app.callback(epilog=EPILOG)
def choose() -> None:
    """Fetch, import and list published weights: DVEFormer, DFormer, and networks that estimate depth."""


@app.command("list", epilog=LIST_EPILOG)
def list_weights(as_json: Json = False) -> None:
    """Say which weights there are and which of them are on this computer."""
    from dvemap.console import Output, quantity
    from student.shipped import shipped
    from student.student_folder import read_student_folder
    from student.weights import CATALOGUE, find, stored, weights_folder

    out = Output(as_json)
    rows, records, beside = [], [], []
    for name, folder in shipped().items():
        student = read_student_folder(folder)
        model = folder / student.model
        rows.append(
            (name, _about(student), quantity(model.stat().st_size), "comes with dvemap", "Apache-2.0", "-")
        )
        beside.append({"name": name, "what": _about(student), "path": str(model)})
    for entry in CATALOGUE.values():
        here = stored(entry.name)
        fault = None
        try:
            find(entry.name)
        except ValueError as error:
            fault = str(error)
        where = ("-", "-") if here is None else (quantity(here.bytes), here.path.name)
        if fault is not None:
            where = (where[0], f"{where[1]} (changed, pull it again)")
        rows.append((entry.name, entry.what, *where, entry.licence.name, entry.drive_id or entry.source))
        records.append(_record(entry, here) | {"fault": fault})
    out.table(rows, header=("name", "what it is", "size", "here", "licence", "Google Drive or address"))
    out.say()
    licences = dict.fromkeys(entry.licence for entry in CATALOGUE.values())
    terms = [("licence", f"{licence.text} ({licence.homepage})") for licence in licences]
    out.table([("folder", weights_folder()), *terms])
    missing = [record["name"] for record in records if not record["path"]]
    if missing:
        out.hint("dvemap", "weights", "pull", missing[0])
    out.result({"folder": str(weights_folder()), "weights": records, "shipped": beside})


@app.command("pull", epilog=PULL_EPILOG)
def pull_weights(
    name: Annotated[str, typer.Argument(metavar="NAME", help="from `weights list`", show_default=False)],
    url: Annotated[
        str | None, typer.Option(help="http(s) address of the file  [default: where its authors publish it]")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fetch weights; an interrupted download goes on where it stopped, and counts only when checked."""
    from dvemap.console import Output
    from student.weights import official, pull, stored

    out = Output(as_json)
    entry = official(name)
    before = stored(name)
    out.say(f"{name}: {entry.what}, from {url or entry.source}")
    out.say(f"Licence: {entry.licence.text} ({entry.licence.homepage})")
    with out.progress(f"{name} (MB)", 0) as bar:

        def show(done: int, total: int | None) -> None:
            size = None if total is None else math.ceil(total / MEGABYTE)
            if done == total:
                bar.update(math.ceil(done / MEGABYTE), "checking it", size)
            else:
                bar.update(done // MEGABYTE, total=size)

        record = pull(name, url=url, progress=show)
    _show(out, entry, record, "was here" if record == before else "fetched")


@app.command("import", epilog=IMPORT_EPILOG)
def import_weights(
    path: Annotated[
        Path, typer.Argument(metavar="PATH", help=".tar.gz, .pth or .safetensors file", show_default=False)
    ],
    name: Annotated[
        str | None,
        typer.Option(help="which weights they are, where the file does not tell", show_default=False),
    ] = None,
    as_json: Json = False,
) -> None:
    """Copy weights that were fetched by other means to where they are found by name."""
    from dvemap.console import Output
    from student.weights import import_file, official

    out = Output(as_json)
    record = import_file(path, name=name)
    _show(out, official(record.name), record, "imported")


def _show(out: Any, entry: "OfficialFile", record: "StoredFile", how: str) -> None:
    from dvemap.console import quantity

    out.table(
        [
            ("weights", f"{entry.name} ({entry.what}), {how}"),
            ("file", record.path),
            ("size", quantity(record.bytes)),
            ("SHA-256", record.sha256),
        ]
    )
    if entry.kind == "student":
        out.hint("dvemap", "fuse", "SEQUENCE", "-o", "room.dvm", "--encoder", entry.name)
    elif entry.kind == "probe":
        classes = _CLASSES[entry.name.rpartition("-")[2]]
        out.hint("dvemap", "label", "room.dvm", "--probe", entry.name, "--classes", classes)
    elif entry.kind == "depth":
        out.hint("dvemap", "depth", "IMAGES", "-o", "FOLDER", "--depth-from", entry.name)
    elif entry.kind == "segmentation network":
        out.hint("dvemap", "predict", "RGB", "DEPTH", "-o", "panel.png", "--network", entry.name)
    else:
        out.hint("dvemap", "weights", "list")
    out.result(_record(entry, record) | {"how": how})


def _record(entry: "OfficialFile", here: "StoredFile | None") -> dict[str, Any]:
    return {
        "name": entry.name,
        "what": entry.what,
        "kind": entry.kind.value,
        "licence": entry.licence.name,
        "terms": entry.licence.text,
        "source": entry.source,
        "path": None if here is None else str(here.path),
        "bytes": None if here is None else here.bytes,
        "sha256": entry.sha256 if here is None else here.sha256,
        "came_from": None if here is None else here.source,
    }


def _about(student: "StudentFolder") -> str:
    height, width = student.size
    return f"small student, trained on generated flats; {height}x{width}, {student.precision}"
