"""What a window shows of a map, as arrays: cells and sides, modes, hits, legend, and a map that grows."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

import mapping
from mapping import Answer, VoxelMap, ask, make_class_list, prototypes
from viewer.scene.facts import facts
from viewer.scene.model import MapModel
from viewer.scene.state import MODES, ViewState, mode_of, phrases
from viewer.scene.subject import Subject

MakeMap = Callable[..., VoxelMap]
AXES = np.eye(4)
WORDS = {"chair": AXES[0], "table": AXES[1], "floor": AXES[2], "object": AXES[3]}
CLASSES = make_class_list("three", ["chair", "table", "floor"])


def answer(voxel_map: VoxelMap, text: str, negatives: Sequence[str], threshold: float | None) -> Answer:
    against = [WORDS["object"], *(WORDS[word] for word in negatives)]
    return next(ask(voxel_map, WORDS[text][None], np.array(against), threshold=threshold, min_cells=2))


def model_of(voxel_map: VoxelMap, **more: Any) -> MapModel:
    names = prototypes(np.array([WORDS[name] for name in CLASSES.names])), CLASSES
    return MapModel(
        Subject("room", voxel_map, answer, lambda voxel_map: names, up=np.array([0, 0, 1.0]), **more)
    )


@pytest.fixture
def model(cells: npt.NDArray[np.int64], make_map: MakeMap) -> MapModel:
    """A floor of 12 x 12 cells, a chair of 2 x 2 x 3 and a table of 3 x 3 x 2 cells on it."""
    kinds = np.full(len(cells), 2)
    kinds[(cells[:, 2] > 0) & (cells[:, 0] < 6)] = 0
    kinds[(cells[:, 2] > 0) & (cells[:, 0] >= 6)] = 1
    return model_of(make_map(cells, AXES[kinds], rgb=(200, 100, 50), cell_size=0.1))


@pytest.fixture
def cells() -> npt.NDArray[np.int64]:
    floor = [(x, y, 0) for x in range(12) for y in range(12)]
    chair = [(x, y, z) for x in (2, 3) for y in (2, 3) for z in (1, 2, 3)]
    table = [(x, y, z) for x in (7, 8, 9) for y in (7, 8, 9) for z in (1, 2)]
    return np.array(floor + chair + table)


def test_only_open_faces_are_drawn_and_shaded_by_their_side(model: MapModel) -> None:
    drawing = model.drawing(ViewState())
    assert drawing.kind == "cubes"
    faces = {part.name: len(part.positions) // 4 for part in drawing.parts}
    assert sum(count for name, count in faces.items() if name.startswith("cubes +z")) == 144  # a lid on all
    assert sum(count for name, count in faces.items() if name.startswith("cubes -z")) == 144
    assert sum(count for name, count in faces.items() if name.startswith("cubes +x")) == 12 + 6 + 6
    for part in drawing.parts:
        assert part.positions.shape == part.colors.shape
        assert part.triangles is not None
        assert part.triangles.max() == len(part.positions) - 1
        ratio = part.colors / (np.array([200, 100, 50]) / 255)
        np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-5)  # one light, the hue of the cells
        normal = np.cross(part.positions[1] - part.positions[0], part.positions[2] - part.positions[0])
        assert normal[part.sides[0] // 2] * (-1, 1)[part.sides[0] % 2] > 0  # outward
    top = max(drawing.parts, key=lambda part: float(part.colors[0, 0]))
    assert top.name.startswith("cubes +z")


def test_a_text_makes_its_things_hot_and_boxes_them(model: MapModel) -> None:
    drawing = model.drawing(ViewState(mode="text", text="chair"))
    assert [hit.cells for hit in drawing.hits] == [12]
    np.testing.assert_allclose(drawing.hits[0].center, (0.3, 0.3, 0.25), atol=1e-6)
    assert len(drawing.best.segments) == 12
    assert len(drawing.boxes.segments) == 0
    assert [text for _, text in drawing.tags] == [f"1  {drawing.hits[0].score:.2f}"]
    assert drawing.tags[0][0] == pytest.approx((0.3, 0.3, drawing.hits[0].center[2] + 0.1))
    assert drawing.scale is not None
    assert drawing.scale.unit == "relevancy"
    colors = np.concatenate([part.colors[::4] for part in drawing.parts])
    faces = np.concatenate([part.positions.reshape(-1, 4, 3).mean(axis=1) for part in drawing.parts])
    chair = (np.abs(faces[:, :2] - 0.3) < 0.11).all(axis=1) & (faces[:, 2] > 0.11)
    warm = colors[:, 0] - colors[:, 2]
    assert warm[chair].min() > warm[~chair].max()
    assert len(model.drawing(ViewState(mode="text", text="chair", boxes=False)).tags) == 0


def test_threshold_and_negatives_change_the_answer_without_asking_twice(model: MapModel) -> None:
    state = ViewState(mode="text", text="chair")
    first = model.drawing(state)
    asked = model.answer
    again = model.drawing(ViewState(mode="text", text="chair", threshold=0.9))
    assert asked is not None
    assert model.answer is not None
    assert model.answer.similarity is asked.similarity
    assert model.answer.threshold == 0.9
    assert [hit.cells for hit in again.hits] == [hit.cells for hit in first.hits]
    none = model.drawing(ViewState(mode="text", text="chair", negatives=("chair",)))
    assert none.hits == []
    assert "nothing in the map is like it" in none.note


def test_labels_have_a_legend_and_can_be_hidden(model: MapModel) -> None:
    drawing = model.drawing(ViewState(mode="labels"))
    assert [(entry.name, entry.count) for entry in drawing.legend] == [
        ("floor", 144),
        ("table", 18),
        ("chair", 12),
    ]
    assert drawing.legend[0].color == tuple(CLASSES.colors[2].tolist())
    hidden = model.drawing(ViewState(mode="labels", hidden=frozenset({3})))
    assert hidden.shown.sum() == 30
    assert len(hidden.legend) == 3


def test_a_height_cut_takes_what_is_above(model: MapModel) -> None:
    drawing = model.drawing(ViewState(cut=0.5))
    kept = drawing.cloud.heights[drawing.shown]
    assert kept.max() <= 0.5 * drawing.cloud.ceiling < drawing.cloud.heights.max()
    assert drawing.high[2] < 0.3


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_draws_every_cell(model: MapModel, mode: Any) -> None:
    drawing = model.drawing(ViewState(mode=mode, text="table", trail=True))
    assert drawing.shown.all()
    for part in drawing.parts:
        assert 0 <= part.colors.min() <= part.colors.max() <= 1
    assert (drawing.kind == "ellipsoids") == (mode == "ellipsoids")


def test_many_cells_are_points_first_plain_then_refined(
    model: MapModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("viewer.scene.model.CUBES_UP_TO", 100)
    monkeypatch.setattr("viewer.scene.model.COARSE_FROM", 100)
    monkeypatch.setattr("viewer.scene.model._COARSE_POINTS", 60)
    first = model.drawing(ViewState())
    assert [(part.name, len(part.positions), part.coarse) for part in first.parts] == [
        ("points all", 174, False),
        ("coarse points all", 58, True),
    ]
    assert first.layout == model.drawing(ViewState(mode="normals")).layout
    assert model.refine()
    assert not model.refine()
    refined = model.drawing(ViewState())
    assert refined.layout != first.layout
    assert sum(len(part.positions) for part in refined.parts if not part.coarse) == 174
    assert {part.sides for part in refined.parts} <= {(side,) for side in range(6)}


def test_walls_have_no_back_and_rooms_open_towards_the_camera(make_map: MakeMap) -> None:
    """A wall in the plane x = 0, free space before it at x > 0."""
    wall = [(0, y, z) for y in range(8) for z in range(8)]
    free = [(x, y, z) for x in (2, 3, 4) for y in range(8) for z in range(8)]
    voxel_map = make_map(wall + free, hits=[4] * 64 + [0] * 192, misses=[0] * 64 + [9] * 192)
    drawing = model_of(voxel_map).drawing(ViewState())
    assert drawing.shown.sum() == 64
    names = {part.name for part in drawing.parts}
    assert "cubes +x of +x" in names
    assert not any(name.startswith("cubes -x") for name in names)
    assert all(1 in part.sides for part in drawing.parts)  # nothing of it is drawn from behind


def test_a_map_without_embeddings_says_so(cells: npt.NDArray[np.int64], make_map: MakeMap) -> None:
    plain = model_of(make_map(cells))
    assert plain.drawing(ViewState()).shown.all()
    for mode in ("text", "pca", "labels"):
        with pytest.raises(ValueError, match="no embeddings"):
            plain.drawing(ViewState(mode=mode, text="chair"))  # type: ignore[arg-type]


def test_an_empty_map_is_an_empty_drawing() -> None:
    drawing = model_of(VoxelMap()).drawing(ViewState(trail=True))
    assert (drawing.parts, len(drawing.cloud)) == ([], 0)


def test_the_facts_of_a_cell(model: MapModel) -> None:
    row = int(np.flatnonzero(mapping.mean(model.map)[:, 2] > 0.3)[0])
    known = dict(facts(model.map, row, model.classes))
    assert known["colour"] == "200 100 50  #c86432"
    assert known["label"] == "chair"
    assert known["best names"].startswith("chair 1.00")
    assert known["seen"].startswith("in 4 frames, through in 0")
    assert known["confidence"] == "1.00"
    assert known["first"] == "0.00 s"
    assert "label" not in dict(facts(model.map, row))


def test_a_trail_has_the_way_and_some_cameras(cells: npt.NDArray[np.int64], make_map: MakeMap) -> None:
    poses = np.tile(np.eye(4), (5, 1, 1))
    poses[:, 0, 3] = range(5)
    poses[2] = np.nan
    trail = model_of(make_map(cells), trajectory=poses).drawing(ViewState(trail=True)).trail
    assert len(trail.segments) == 2 + 4 * 8
    assert np.isfinite(trail.points).all()


def test_modes_and_phrases_are_read_from_words() -> None:
    assert mode_of("PCA") == "pca"
    with pytest.raises(ValueError, match="did you mean 'labels'"):
        mode_of("label")
    assert phrases(" sofa, ,arm chair ") == ("sofa", "arm chair")
