"""How well the student that ships, `home`, maps generated flats that it never saw.

For each flat and each encoder, a map is fused and judged: vertex mIoU over all kinds present by text query of
their names, the distance of the best hit of "massage chair" from one, and phrases that no caption contains.

    python tests/bench/home_student.py --json home.json

Beside the student and its int8 variant, the true labels are fused (what mapping and words allow), and the
student with its colour or depth hidden. Flats are generated below --folder where they are missing.
`--encoder NAME=SETTING` judges another student.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

import numpy as np

from dvemap.config import EncoderConfig, FuseConfig, RunConfig
from dvemap.evaluation import evaluate_map
from dvemap.pipeline import fuse, open_configured
from dvemap.questions import answers
from mapping import VoxelMap
from sequences.synth import generate

NEAR = 0.5  # metres from the box of a thing within which a hit counts
SHIPPED = ("home=home", "home-int8=home-int8")
PHRASES = {
    "couch": "sofa",
    "fridge": "refrigerator",
    "somewhere to sleep": "bed, bunk bed, crib, mattress, sofa",
    "TV": "television, monitor",
    "a place to wash your hands": "washbasin, kitchen sink",
    "something to sit on": "chair, armchair, massage chair, office chair, stool, bar stool, bean bag, sofa, "
    "ottoman, bench, rocking chair, high chair, piano stool",
    "garbage can": "trash bin",
    "lavatory": "toilet",
    "cupboard": "wardrobe, kitchen cabinet, display cabinet, sideboard, dresser",
    "rack of books": "bookshelf, books, wall shelf",
    "carpet": "rug",
    "painting on the wall": "picture",
    "houseplant": "potted plant, cactus",
    "cooker": "stove",
    "drapes": "curtain",
    "notebook computer": "laptop",
    "work table": "desk, dining table",
    "bike": "bicycle",
    "a thing to make coffee with": "coffee machine",
    "gym equipment": "dumbbell, treadmill, exercise ball, punching bag, yoga mat",
    "cuddly toy": "teddy bear",
    "musical instrument": "piano, guitar, drum kit",
    "light source": "floor lamp, table lamp, desk lamp, ceiling lamp, pendant lamp, chandelier, lava lamp, "
    "candle",
    "bath": "bathtub",
    "heater": "radiator, fireplace",
}
"""What is asked, and the kinds that answer it."""


def main() -> None:
    """Generate, fuse, judge, and print a table."""
    options = _options()
    candidates = {"labels": {"name": "labels"}}
    for name, text in (entry.split("=", 1) for entry in options.encoder or SHIPPED):
        candidates[name] = {"name": text}
        if name == options.masked:
            candidates[f"{name}, depth hidden"] = {"name": text, "hide": "depth"}
            candidates[f"{name}, colour hidden"] = {"name": text, "hide": "color"}
    results: dict[str, list[dict[str, Any]]] = {name: [] for name in candidates}
    for seed in options.flats:
        flat = options.folder / f"flat-{seed}"
        if not flat.is_dir():
            generate(flat, seed)
        for name, setting in candidates.items():
            result = {"seed": seed, **_judge(flat, EncoderConfig(**setting), options.stride)}
            results[name].append(result)
            print(  # noqa: T201
                f"{seed} {name}: mIoU {result['miou']:.3f}, massage chair {result['massage_chair']}, "
                f"{result['frames_per_second']:.1f} frames/s, "
                f"{sum(result['phrases'].values())} of {len(result['phrases'])} phrases",
                flush=True,
            )
    _table(results)
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--flats", type=int, nargs="+", default=[501, 502, 503, 504, 505, 506])
    parser.add_argument("--folder", type=Path, default=Path("build/home"))
    parser.add_argument("--encoder", action="append", default=[], help="NAME=folder, checkpoint or name")
    parser.add_argument("--masked", default="home", help="NAME that is judged with inputs hidden as well")
    parser.add_argument("--stride", type=int, default=1, help="fuse every n-th frame")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def _judge(flat: Path, encoder: EncoderConfig, stride: int) -> dict[str, Any]:
    config = FuseConfig(encoder=encoder, run=RunConfig(threads=2, trust=True))
    sequence = open_configured(flat, config)
    start = time.perf_counter()
    order = list(range(0, len(sequence), stride))
    fused = fuse(sequence, config=config, order=order)
    seconds = time.perf_counter() - start
    score = evaluate_map(fused.map, flat)
    things = json.loads((flat / "objects.json").read_text())
    present = {thing["kind"] for thing in things}
    distance = None
    if "massage chair" in present:
        distance = _distance(fused.map, "massage chair", things, ["massage chair"])
    asked = {text: right for text, kinds in PHRASES.items() if present & set(right := kinds.split(", "))}
    return {
        "miou": score.miou,
        "fmiou": score.fmiou,
        "massage_chair": distance,
        "phrases": {text: _distance(fused.map, text, things, kinds) <= NEAR for text, kinds in asked.items()},
        "classes": {row.name: row.iou for row in score.per_class()},
        "frames": fused.frames,
        "frames_per_second": len(order) / seconds,
        "stages": {name: round(value, 2) for name, value in fused.stages.items()},
        "seconds": seconds,
    }


def _distance(voxel_map: VoxelMap, text: str, things: list[dict[str, Any]], kinds: list[str]) -> float:
    """Metres from the best hit's centre to the box of the nearest thing of some kinds; inf without a hit."""
    (answer,) = answers(voxel_map, [text], top=1)
    if not answer.hits:
        return float("inf")
    hit = np.asarray(answer.hits[0].center)
    away = [
        np.maximum(np.abs(hit - thing["center"]) - np.asarray(thing["extent"]) / 2, 0)
        for thing in things
        if thing["kind"] in kinds
    ]
    return round(float(min(np.linalg.norm(gap) for gap in away)), 3)


def _table(results: dict[str, list[dict[str, Any]]]) -> None:
    print(f"\n{'encoder':24} {'mIoU':>6} {'lowest':>7} {'massage chair':>14} {'phrases':>9} {'frames/s':>9}")  # noqa: T201
    for name, rows in results.items():
        mious = [row["miou"] for row in rows]
        chairs = [row["massage_chair"] for row in rows if row["massage_chair"] is not None]
        asked = [hit for row in rows for hit in row["phrases"].values()]
        print(  # noqa: T201
            f"{name:24} {statistics.mean(mious):6.3f} {min(mious):7.3f} "
            f"{sum(d <= NEAR for d in chairs):8} of {len(chairs):2} {sum(asked):4} of {len(asked):2} "
            f"{statistics.median(row['frames_per_second'] for row in rows):9.1f}"
        )
    print(f"\n{'right of asked':40} {' '.join(f'{name:>21}' for name in results)}")  # noqa: T201
    for text in PHRASES:
        found = [
            [row["phrases"][text] for row in rows if text in row["phrases"]] for rows in results.values()
        ]
        if found[0]:
            print(f"{text:40} {' '.join(f'{sum(hits):15} of {len(hits):2}' for hits in found)}")  # noqa: T201


if __name__ == "__main__":
    main()
