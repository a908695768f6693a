"""`dvemap eval`: how good a map is."""

from pathlib import Path
from typing import Annotated

import typer

from dvemap.options import Json, MapPath, TextEncoderOption, new_app

app = new_app()

EPILOG = """Examples:

  dvemap eval map flat.dvm flat

  dvemap eval map scene0000_00.dvm scene0000_00 --classes scannet-20 --probe scannet20.pth --json
"""


@app.callback()
def choose() -> None:
    """Compare what dvemap made with ground truth."""


@app.command("map", epilog=EPILOG)
def evaluate(
    map_path: MapPath,
    sequence: Annotated[
        Path,
        typer.Argument(metavar="SEQUENCE", help="the sequence, or a mesh with labels", show_default=False),
    ],
    classes: Annotated[
        str | None,
        typer.Option(
            help="scannet-20, scannet-40, scannet-200, nyuv2-40, sunrgbd-37 or a file  [default: by the mesh]"
        ),
    ] = None,
    probe: Annotated[Path | None, typer.Option(help="linear probe instead of text")] = None,
    means: Annotated[Path | None, typer.Option(help="visual means instead of text")] = None,
    max_distance: Annotated[
        float, typer.Option(help="farthest a vertex may lie from a cell's mean, in cells")
    ] = 2.0,
    confusion: Annotated[Path | None, typer.Option(help="write the confusion matrix as a PNG")] = None,
    text_encoder: TextEncoderOption = None,
    as_json: Json = False,
) -> None:
    """Label the vertices of the ground-truth mesh and compare: mIoU, mAcc, f-mIoU, coverage.

    Every vertex counts: one that no cell explains is wrong, one without a true label is left out. The means
    are over the classes that occur in the ground truth; all class names are candidates.
    """
    import mapping
    from dvemap.console import Output
    from dvemap.evaluation import evaluate_map
    from dvemap.outputs import check_picture

    check_picture(confusion)
    out = Output(as_json)
    voxel_map = mapping.load(map_path)
    score = evaluate_map(
        voxel_map,
        sequence,
        classes=classes,
        probe=probe,
        means=means,
        max_distance=max_distance * voxel_map.cell_size,
        text_encoder=text_encoder,
    )
    rows = sorted(score.per_class(), key=lambda row: -row.vertices)
    out.table(
        [(row.name, f"{row.iou:.3f}", f"{row.accuracy:.3f}", f"{row.vertices:,}") for row in rows],
        header=("class", "IoU", "accuracy", "vertices"),
    )
    out.say()
    out.table(
        [
            ("mIoU", f"{score.miou:.4f}"),
            ("mAcc", f"{score.macc:.4f}"),
            ("f-mIoU", f"{score.fmiou:.4f}"),
            ("coverage", f"{score.coverage:.4f}"),
        ]
    )
    if confusion is not None:
        from dvemap.confusion_picture import write_confusion

        write_confusion(confusion, score)
        out.say(f"wrote {confusion}")
    out.hint("dvemap", "query", map_path, rows[-1].name, "--picture", "heat.png")
    out.result({"map": str(map_path), "mesh": str(score.mesh), **score.to_dict()})
