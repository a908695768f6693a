"""`dvemap query`: questions as a user types them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import trimesh

import dvemap
import mapping
from viewer import read_ply

Cli = Callable[..., Any]


def test_the_massage_chair_is_where_it_stands(cli: Cli, labelled: Path, things: list[dict[str, Any]]) -> None:
    said = cli("query", labelled, "massage chair", "--json").json
    assert said["text"] == "massage chair"
    best = said["hits"][0]
    assert {"rank", "score", "confidence", "center", "extent", "cells", "frames"} <= set(best)
    assert best["rank"] == 1
    assert best["cells"] > 100
    assert 0 < best["frames"] <= 40
    assert 0.9 < best["confidence"] <= 1
    chairs = [thing for thing in things if thing["kind"] == "massage chair"]
    offset = min(np.linalg.norm(np.subtract(best["center"], chair["center"])) for chair in chairs)
    assert offset < 0.5
    assert [hit["rank"] for hit in said["hits"]] == list(range(1, len(said["hits"]) + 1))
    scores = [hit["score"] for hit in said["hits"]]
    assert scores == sorted(scores, reverse=True)


def test_several_texts_and_a_batch_are_answered_in_order(cli: Cli, labelled: Path, tmp_path: Path) -> None:
    batch = tmp_path / "questions.txt"
    batch.write_text("\ufeffsofa\n\n  door \n", encoding="utf-8")
    said = cli("query", labelled, "window", "--batch", batch, "--json").json
    assert [answer["text"] for answer in said["queries"]] == ["window", "sofa", "door"]
    assert said["text"] == "window"
    assert said["hits"] == said["queries"][0]["hits"]
    alone = cli("query", labelled, "sofa", "--json").json
    assert alone["hits"] == said["queries"][1]["hits"]


def test_people_get_a_table_a_reason_and_the_next_command(cli: Cli, labelled: Path) -> None:
    ran = cli("query", labelled, "sofa", "zzyzx", "--top", 2)
    assert ran.status == 0
    lines = ran.out.splitlines()
    assert lines[0] == '"sofa"'
    assert lines[1].split()[:3] == ["rank", "score", "confidence"]
    assert len([line for line in lines if line.strip().startswith(("1 ", "2 ", "3 "))]) == 2
    assert any(line.startswith('"zzyzx": no hit: ') for line in lines)
    assert lines[-1] == f"Next: dvemap query {labelled} sofa --picture heat.png"


def test_a_phrase_after_not_takes_its_hits_away(cli: Cli, labelled: Path) -> None:
    with_sofa = cli("query", labelled, "sofa", "--json").json["hits"]
    without = cli("query", labelled, "sofa", "--not", "sofa", "--not", "couch", "--json").json
    assert len(with_sofa) > 0
    assert without["hits"] == []
    assert without["reason"] != ""


def test_a_higher_threshold_leaves_fewer_cells(cli: Cli, labelled: Path) -> None:
    cells = [
        sum(
            hit["cells"]
            for hit in cli("query", labelled, "chair", "--top", 99, *words, "--json").json["hits"]
        )
        for words in (["--threshold", 0.6], ["--threshold", 0.97])
    ]
    assert cells[0] > cells[1]
    assert "threshold must be in (0, 1), got 2.0" in cli("query", labelled, "chair", "--threshold", 2).error


def test_nothing_like_it_is_no_error(cli: Cli, labelled: Path) -> None:
    said = cli("query", labelled, "quantum chromodynamics", "--json").json
    assert said["hits"] == []
    assert "nothing in the map is like it" in said["reason"]


def test_the_prompt_answers_what_is_typed(process: Cli, labelled: Path) -> None:
    ran = process("query", labelled, typed="sofa\nzzyzx\n\nnever asked\n")
    assert (ran.status, ran.err) == (0, "")
    assert ran.out.startswith(f"Asking {labelled}.")
    assert '"sofa"\nrank ' in ran.out
    assert '"zzyzx": no hit' in ran.out
    assert "never asked" not in ran.out
    assert process("query", labelled, typed="").status == 0


def test_heat_is_written_as_points_and_picture(cli: Cli, labelled: Path, tmp_path: Path) -> None:
    ply, picture = tmp_path / "heat.ply", tmp_path / "heat.png"
    ran = cli("query", labelled, "sofa", "--ply", ply, "--picture", picture)
    assert f"wrote {ply}" in ran.out
    assert f"wrote {picture}" in ran.out
    heat = read_ply(ply)
    assert set(np.unique(heat.properties["hit"])) >= {0, 1}
    hot = heat.properties["hit"] == 1
    assert heat.properties["relevancy"][hot].mean() > heat.properties["relevancy"][~hot].mean() + 0.3
    assert len(trimesh.load(ply).vertices) == len(heat.vertices)
    image = cv2.imread(str(picture))
    assert image is not None
    assert len(np.unique(image.reshape(-1, 3), axis=0)) > 100


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([""], "the text is empty"),
        (["sofa", "  "], "the text is empty"),
        (["sofa", "--not", ""], "a phrase of --not is empty"),
        (["caf\udce9"], "is not Unicode"),
        (["sofa", "--text-encoder", "openclip:ViT-B-32/openai"], "use --text-encoder minilm"),
        (["sofa", "--picture", "heat.gif"], "heat.gif: expected a name ending in .png or .jpg"),
        (["--batch", "missing.txt"], "missing.txt: no such file or directory"),
    ],
)
def test_wrong_questions_are_refused(cli: Cli, labelled: Path, words: list[str], said: str) -> None:
    assert said in cli("query", labelled, *words).error


def test_a_batch_must_hold_text(cli: Cli, labelled: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.txt"
    empty.write_text("\n \n")
    assert f"{empty}: expected one text a line" in cli("query", labelled, "--batch", empty).error
    assert f"{labelled}: expected UTF-8 text" in cli("query", labelled, "--batch", labelled).error


def test_maps_that_cannot_answer_say_why(cli: Cli, plain: Path, labelled: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.dvm"
    full = mapping.load(labelled)
    mapping.save(dvemap.VoxelMap(full.cell_size, full.code_dim, space=full.space, head=full.head), empty)
    for words in (["chair"], []):
        assert "this map is empty" in cli("query", empty, *words).error
        assert "shape and colour only" in cli("query", plain, *words).error


def test_json_needs_a_question(cli: Cli, labelled: Path) -> None:
    ran = cli("query", labelled, "--json")
    assert (ran.status, ran.out) == (2, "")
    assert "need a text or --batch" in ran.err


@pytest.mark.parametrize("codes", ["fp16", "int8"])
def test_a_compact_map_answers_the_same_and_cannot_be_merged(
    cli: Cli, labelled: Path, tmp_path: Path, codes: str
) -> None:
    small = tmp_path / "small.dvm"
    made = cli("compress", labelled, "-o", small, "--to", codes, "--json").json
    assert made["bytes"] == small.stat().st_size < 0.7 * labelled.stat().st_size
    exact, compact = (
        cli("query", path, "massage chair", "--json").json["hits"][0] for path in (labelled, small)
    )
    assert compact["center"] == pytest.approx(exact["center"], abs=0.02)
    assert compact["score"] == pytest.approx(exact["score"], abs=0.02)
    assert "cannot merge compact maps" in cli("merge", labelled, small, "-o", tmp_path / "x.dvm").error
    assert "got one compressed" in cli("compress", small, "-o", tmp_path / "x.dvm").error
    assert [path.name for path in tmp_path.iterdir()] == ["small.dvm"]
    described = cli("info", small, "--json").json
    assert (described["codes"], described["digest"]) == (codes, None)


def test_compressing_never_replaces_the_exact_map(
    cli: Cli, labelled: Path, plain: Path, tmp_path: Path
) -> None:
    assert "the exact map would be lost" in cli("compress", labelled, "-o", labelled).error
    assert "no codes to shrink" in cli("compress", plain, "-o", tmp_path / "x.dvm").error


def test_a_hit_is_plain_json(cli: Cli, labelled: Path) -> None:
    text = cli("query", labelled, "sofa", "--json").out
    assert json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
