"""`dvemap teach`: what a student is to learn, written beside the data that it learns from."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dvemap.options import DataFormat, Json, new_app

if TYPE_CHECKING:
    from dvemap.console import Output
    from dvemap.sequence_source import SequenceSource
    from student.data.nicr import NicrSource
    from student.teacher.depth_run import Estimated
    from student.teacher.run import Taught
    from student.teacher.teacher import Teacher

app = new_app()

EPILOG = """Examples:

  dvemap teach nyuv2 --alpha-clip clip_l14_336_grit_20m_4xe.pth --device cuda

  dvemap teach flats --text-encoder minilm --captions captions.json

  dvemap teach walk --text-encoder minilm --depth-from depth-anything-v2-metric-indoor-small

  dvemap teach ade20k --depth large --alpha-clip clip_l14_336_grit_20m_4xe.pth --base ViT-L-14-336px.pt
"""


@app.command(epilog=EPILOG)
def teach(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="a data set in the layout of the NICR packages, a labelled sequence, or a folder of such",
            show_default=False,
        ),
    ],
    alpha_clip: Annotated[
        Path | None,
        typer.Option("--alpha-clip", help="teacher that looks: file of Alpha-CLIP", show_default=False),
    ] = None,
    base: Annotated[
        str, typer.Option(help="CLIP below it: OpenAI's archive, a CLIP's state, or openai to fetch it")
    ] = "openai",
    text_encoder: Annotated[
        str | None,
        typer.Option(
            help="teacher that reads captions: minilm or openclip:MODEL/TAG-OR-PATH", show_default=False
        ),
    ] = None,
    captions: Annotated[
        str | None,
        typer.Option(
            help="JSON with what instances are called, or names for their classes  [default: objects.json of "
            "generated scenes, else names]",
            show_default=False,
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option(
            help="what it reads for a class name {}  [default: {}; of openclip a detailed photo of a {}]"
        ),
    ] = None,
    name_share: Annotated[
        float, typer.Option(min=0, max=1, help="share of a class name in the embedding of a caption")
    ] = 0.0,
    depth: Annotated[
        str | None,
        typer.Option(
            "--depth",
            "--depth-from",
            help="estimate depth where it is missing: small, base or large Depth Anything V2 of the Hugging "
            "Face hub, a name of `dvemap weights list`, a file of weights, or a folder or hub id",
            show_default=False,
        ),
    ] = None,
    format: DataFormat = None,
    split: Annotated[
        list[str] | None, typer.Option(help="part of it; may be repeated  [default: all of it]")
    ] = None,
    classes: Annotated[
        int | None, typer.Option(min=1, help="number of classes of its labels  [default: the usual]")
    ] = None,
    stride: Annotated[int, typer.Option(min=1, help="take every n-th sample")] = 1,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda, cuda:1, mps  [default: cuda where there is one]")
    ] = None,
    precision: Annotated[str, typer.Option(help="of Alpha-CLIP: fp32, bf16 or fp16")] = "fp32",
    batch: Annotated[int, typer.Option(min=1, help="segments that it looks at together")] = 16,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="write finished samples anew")] = False,
    as_json: Json = False,
) -> None:
    """Write what a student learns: embeddings of segments, images and class names; depth where it is missing.

    Files lie where the NICR tools look for them. Finished samples are kept: the same command goes on where
    an earlier run stopped.
    """
    from dvemap.console import Output
    from dvemap.depth_teaching import estimate_depth
    from dvemap.teaching import check_faults, find_material, teach_material

    if alpha_clip is None and text_encoder is None and depth is None:
        raise typer.BadParameter("name a teacher, --alpha-clip or --text-encoder, or --depth")
    if alpha_clip is not None and text_encoder is not None:
        raise typer.BadParameter("one teacher a run: --alpha-clip or --text-encoder")
    if captions is not None and text_encoder is None:
        raise typer.BadParameter("--captions are read by --text-encoder")
    out = Output(as_json)
    material = find_material(dataset, format, tuple(split or ()), classes, stride)
    record: dict[str, Any] = {"dataset": str(dataset), "format": material.format}
    if depth is not None:
        material, depths = estimate_depth(material, depth, device, out, overwrite=overwrite)
        check_faults(depths)
        _show(out, "depth images", depths)
        record["depth"] = {part: asdict(run) for part, run in depths.items()}
    if alpha_clip is not None or text_encoder is not None:

        def make_teacher(source: "NicrSource | SequenceSource") -> "Teacher":
            if alpha_clip is None:
                return _caption_teacher(str(text_encoder), source, captions, prompt, name_share)
            from student.teacher.image_teacher import ImageTeacher

            return ImageTeacher.load(alpha_clip, base, device=device, precision=precision, batch=batch)

        taught = teach_material(material, make_teacher, out, overwrite=overwrite)
        check_faults(taught)
        _show(out, "samples", taught)
        record["splits"] = {part: asdict(run) for part, run in taught.items()}
    out.hint("dvemap", "train", "CONFIG.yaml")
    out.result(record)


def _caption_teacher(
    encoder: str,
    source: "NicrSource | SequenceSource",
    captions: str | None,
    prompt: str | None,
    name_share: float,
) -> "Teacher":
    from dvemap.teaching import OBJECTS_FILE, objects_captions
    from student import load_text_encoder
    from student.decoding import PROMPT
    from student.disk_cache import file_sha256
    from student.teacher.captions import CaptionTeacher, read_captions

    said, told = None, "class names"
    if captions is None and (objects := objects_captions(source.root)):
        said, told = objects, OBJECTS_FILE
    elif captions is not None and captions != "names":
        said, told = read_captions(captions), file_sha256(Path(captions))
    template = prompt or ("{}" if encoder == "minilm" else PROMPT)
    words = load_text_encoder(encoder)
    return CaptionTeacher(words, source.class_names, said, told=told, prompt=template, name_share=name_share)


def _show(out: "Output", what: str, runs: "Mapping[str, Taught | Estimated]") -> None:
    from dvemap.console import duration

    rows = []
    for part, run in runs.items():
        rate = f" ({run.samples / run.seconds:.3g}/s)" if run.samples else ""
        made = f"{run.samples:,} {what} in {duration(run.seconds)}{rate}"
        rows.append((part, f"{made}; {run.kept:,} were there"))
    out.table(rows)
