"""The demonstration: a generated flat becomes a map, the map is asked and judged against the truth."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from dvemap.config import load_config
from dvemap.console import Output, duration
from dvemap.defaults import DEFAULT_ENCODER
from dvemap.evaluation import evaluate_map
from dvemap.pipeline import FuseResult, fuse, open_configured, shown_on
from dvemap.provenance import up_of
from dvemap.questions import answers
from dvemap.rendering.portraits import Portrait
from dvemap.repl import show_answer
from mapping import read_header
from sequences.synth import generate

SEED = 6  # a flat with a massage chair
TEXT = "massage chair"
NEAR = 0.5  # metres between a hit and the truth
LEAST_MIOU = {"labels": 0.90, DEFAULT_ENCODER: 0.50}
"""Vertex mIoU that the maps of an encoder have at least."""


def run_demo(
    folder: Path, seed: int | None, text: str, frames: int | None, encoder: str, out: Output
) -> dict[str, Any]:
    """Generate, fuse, ask, label and compare.

    Parameters
    ----------
    folder : Path
        For the flat, the map and the pictures; those of an earlier run are replaced.
    seed : int or None
        Of the flat.
    text : str
        What to ask for.
    frames : int or None
        Of the walk.
    encoder : str
        What gives each pixel its embedding; as `dvemap fuse` takes it.
    out : Output

    Returns
    -------
    dict
        What was found and measured.

    Raises
    ------
    ValueError
        If the demonstration falls short of what it should show.
    """
    seed = SEED if seed is None else seed
    flat, map_path = folder / f"flat-{seed}", folder / f"flat-{seed}.dvm"
    folder.mkdir(parents=True, exist_ok=True)
    _generate(flat, seed, frames, out)
    fused = _fuse(flat, map_path, encoder, out)
    out.say(f'\n$ dvemap query {map_path} "{text}"', style="bold")
    answer = next(answers(fused.map, [text]))
    show_answer(out, text, answer)
    truth = [thing for thing in json.loads((flat / "objects.json").read_text()) if thing["kind"] == text]
    offsets = [
        float(np.linalg.norm(np.subtract(answer.hits[0].center, thing["center"])))
        for thing in truth
        if answer.hits
    ]
    offset = min(offsets, default=None)
    for thing in truth:
        place = ", ".join(f"{value:.2f}" for value in thing["center"])
        out.say(f"truth: {thing['caption']} at ({place}) m")
    if offset is not None:
        out.say(f"the best hit lies {offset:.2f} m from it")
    out.say(f"\n$ dvemap eval map {map_path} {flat}", style="bold")
    score = evaluate_map(fused.map, flat)
    out.say(
        f"{len(score.per_class())} kinds, vertex mIoU {score.miou:.3f}, mAcc {score.macc:.3f}, "
        f"f-mIoU {score.fmiou:.3f}, coverage {score.coverage:.3f}"
    )
    pictures = [folder / "map.png", folder / "heat.png"]
    portrait = Portrait(fused.map, up_of(read_header(map_path).provenance))
    portrait.write_colors(pictures[0], flat.name)
    portrait.write_answer(pictures[1], answer, text)
    for picture in pictures:
        out.say(f"wrote {picture}")
    if encoder == "labels" or (seed, text, frames) == (SEED, TEXT, None):  # elsewhere a network may err
        _check(text, bool(truth), offset, score.miou, LEAST_MIOU.get(encoder, 0.0))
    out.hint("dvemap", "query", map_path, "something to sit on", "--picture", folder / "sit.png")
    return {
        "sequence": str(flat),
        "map": str(map_path),
        "digest": fused.digest,
        "encoder": encoder,
        "frames": fused.frames,
        "seconds": fused.seconds,
        "cells": len(fused.map),
        "text": text,
        "hits": [hit.to_dict() for hit in answer.hits],
        "distance_to_truth": offset,
        "miou": score.miou,
        "coverage": score.coverage,
        "pictures": [str(picture) for picture in pictures],
    }


def _generate(flat: Path, seed: int, frames: int | None, out: Output) -> None:
    out.say(f"$ dvemap synth {flat} --seed {seed}", style="bold")
    with out.progress("rendering", frames or 0) as bar:
        made = generate(flat, seed, frames=frames, progress=lambda done, total: bar.update(done, total=total))
    seconds = duration(made.build_seconds + made.render_seconds)
    out.say(f"{made.frames} frames, {made.objects} things of {made.kinds} kinds, {seconds}")


def _fuse(flat: Path, map_path: Path, encoder: str, out: Output) -> FuseResult:
    chosen = "" if encoder == DEFAULT_ENCODER else f" --encoder {encoder}"
    out.say(f"\n$ dvemap fuse {flat} -o {map_path}{chosen}", style="bold")
    config = load_config(None, {"encoder.name": encoder}, [])
    sequence = open_configured(flat, config)
    with out.progress("fusing", len(sequence)) as bar:
        fused = fuse(sequence, map_path, config=config, watch=shown_on(bar))
    rate = fused.frames / fused.seconds
    out.say(
        f"{fused.frames} frames into {len(fused.map):,} cells, {duration(fused.seconds)}, {rate:.0f} frames/s"
    )
    return fused


def _check(text: str, expected: bool, offset: float | None, miou: float, least: float) -> None:
    if expected and (offset is None or offset > NEAR):
        found = "no hit" if offset is None else f"a hit {offset:.2f} m away"
        raise ValueError(f"demo: expected {text!r} within {NEAR} m of the truth, got {found}")
    if miou < least:
        raise ValueError(f"demo: expected a vertex mIoU of at least {least}, got {miou:.3f}")
