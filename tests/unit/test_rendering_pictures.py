"""Where pictures of a map are taken from, and what is drawn on them."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dvemap.rendering.annotation import mark_hits
from dvemap.rendering.drawing import Drawn, Style, draw
from dvemap.rendering.film import write_film
from dvemap.rendering.layout import Layout
from dvemap.rendering.looks import Legend, color_look, label_look
from dvemap.rendering.poses import parse_pose, read_poses
from dvemap.rendering.sheet import Tile, sheet
from dvemap.rendering.viewpoints import closeup, orbit, overview, plan, standing
from mapping import Hit, VoxelMap, make_class_list
from mapping.rendering import Camera, Scene, look_at

CELL = 0.1


@pytest.fixture(scope="module")
def room() -> VoxelMap:
    """Fuse a room of 5 x 4 x 2.6 m with a red box in a corner, seen from its middle."""
    fused = VoxelMap(CELL)
    K = np.array([[60.0, 0, 59.5], [0, 60, 44.5], [0, 0, 1]])
    v, u = np.mgrid[:90, :120]
    rays = np.stack([(u - 59.5) / 60, (v - 44.5) / 60, np.ones_like(u, float)], axis=-1)
    low, high = np.array([-0.04, -0.04, -0.04]), np.array([5.04, 4.04, 2.64])
    box_low, box_high = np.array([-0.04, 3.06, -0.04]), np.array([1.04, 4.04, 0.84])
    for turn in np.arange(0, 2 * np.pi, 0.5):
        for o, pitch in (([2.5, 2, 1.5], -0.4), ([3.5, 1.5, 1.5], 0.5), ([1.7, 2.2, 1.6], -0.2)):
            T = look_at(o, np.add(o, [np.cos(turn), np.sin(turn), pitch]), [0, 0, 1])
            d = rays @ T[:3, :3].T
            with np.errstate(divide="ignore", invalid="ignore"):
                wall = np.where(d > 0, (high - o) / d, (low - o) / d).min(axis=2)
                sides = np.sort(np.stack([(box_low - o) / d, (box_high - o) / d]), axis=0)
            enter, leave = sides[0].max(axis=2), sides[1].min(axis=2)
            box = (enter > 0) & (enter < leave) & (enter < wall)
            rgb = np.where(box[..., None], [220, 30, 30], [120, 120, 125]).astype(np.uint8)
            fused.integrate(np.where(box, enter, wall).astype(np.float32), K, T, rgb=rgb)
    return fused


@pytest.fixture(scope="module")
def layout(room: VoxelMap) -> Layout:
    return Layout.of(Scene(room), [0, 0.1, 1])


def is_red(picture: np.ndarray) -> np.ndarray:
    picture = picture.astype(int)
    return (picture[..., 0] > 2 * picture[..., 1]) & (picture[..., 0] > 2 * picture[..., 2])


def drawn_from(layout: Layout, camera: Camera, opened: bool) -> Drawn:
    look = color_look(layout.scene.map)
    hidden = layout.hidden_from(camera.position) if opened else None
    return draw(layout.scene, camera, look.paint, look.style, up=layout.up, hidden=hidden)


def test_a_room_lies_as_it_was_built(layout: Layout) -> None:
    assert layout.up @ [0, 0, 1] > 0.999
    assert abs(layout.along @ [1, 0, 0]) > 0.999
    assert layout.floor == pytest.approx(0, abs=0.1)
    assert layout.top == pytest.approx(2.6, abs=0.1)
    assert layout.is_room


def test_from_above_the_inside_is_seen(layout: Layout) -> None:
    size = (120, 160)
    for camera in (overview(layout, size), plan(layout, size)):
        assert camera.position[2] > 3
        opened, closed = (drawn_from(layout, camera, opened) for opened in (True, False))
        assert is_red(opened.picture).sum() > 150
        assert (opened.depth > closed.depth + 0.5).mean() > 0.1  # a ceiling and walls in front are gone
        image, _ = camera.project(layout.points[layout.main])
        inside = (image > 0).all(axis=1) & (image < [160, 120]).all(axis=1)
        assert inside.mean() > 0.99
        assert (np.ptp(image, axis=0) > [80, 60]).any()


def test_the_best_corner_shows_the_wanted_cells(layout: Layout) -> None:
    points = layout.points
    rows = np.flatnonzero((points[:, 1] > 3.9) & (points[:, 2] < 2))  # of a wall that looks along -y
    camera = overview(layout, (60, 80), rows)
    assert camera.position[1] < 2


def test_an_orbit_goes_around_and_keeps_all_in_view(layout: Layout) -> None:
    cameras = orbit(layout, (60, 80), 12)
    assert len(cameras) == 12
    eyes = np.array([camera.position for camera in cameras])
    np.testing.assert_allclose(eyes[:, 2], eyes[0, 2])
    np.testing.assert_allclose(eyes.mean(axis=0)[:2], [2.5, 2], atol=0.2)
    for camera in cameras:
        image, _ = camera.project(layout.points[layout.main])
        assert ((image > -1) & (image < [80, 60])).all(axis=1).mean() > 0.99


def test_one_stands_on_the_floor_and_looks_at_things(layout: Layout) -> None:
    camera = standing(layout, (60, 80))
    assert camera is not None
    assert camera.position[2] == pytest.approx(1.55, abs=0.15)
    assert (camera.position[:2] > 0).all()
    assert (camera.position[:2] < [5, 4]).all()
    red = np.flatnonzero(is_red(np.clip(layout.scene.map.color / layout.scene.map.weight[:, None], 0, 255)))
    near = closeup(layout, red, (60, 80))
    assert near is not None
    assert is_red(drawn_from(layout, near, False).picture).mean() > 0.05
    image, depth = near.project(layout.points[red])
    assert (depth > 0.3).all()
    assert ((image > 0) & (image < [80, 60])).all(axis=1).mean() > 0.9


def test_a_map_without_free_space_has_no_place_to_stand(layout: Layout) -> None:
    rows = layout.main
    bare = VoxelMap.from_fields(
        cell_size=CELL, code_dim=0, code_scale=1.0, space=None, head=None, fields=layout.scene.map.fields,
        occupancy=VoxelMap(CELL).occupancy,
    )  # fmt: skip
    other = Layout.of(Scene(bare), [0, 0, 1])
    assert standing(other, (60, 80)) is None
    assert closeup(other, rows, (60, 80)) is None
    assert not other.open_side.any()
    assert (
        is_red(drawn_from(other, plan(other, (60, 80)), True).picture).sum() > 20
    )  # below the cut all the same


def test_more_rays_soften_edges_alone(layout: Layout) -> None:
    camera, look = plan(layout, (60, 80)), color_look(layout.scene.map)
    rough, fine = (
        draw(layout.scene, camera, look.paint, Style(0), up=layout.up, samples=samples).picture.astype(int)
        for samples in (1, 5)
    )
    changed = (rough != fine).any(axis=2)
    assert 0 < changed.mean() < 0.6
    assert not changed[0, 0]


def test_boxes_stand_around_hits(layout: Layout) -> None:
    camera = plan(layout, (240, 320))
    drawn = drawn_from(layout, camera, True)
    before = drawn.picture.copy()
    rows = np.array([0])
    hit = Hit(1, 0.9, 1.0, (0.5, 3.5, 0.4), (1.0, 1.0, 0.8), 9, 9, (0.5, 3.5, 0.4), rows)
    behind = Hit(2, 0.5, 1.0, (0.5, 3.5, 99.0), (1, 1, 1), 9, 9, (0, 0, 99), rows)
    mark_hits(drawn, [hit, behind], 0.05)
    changed = (drawn.picture != before).any(axis=2)
    (middle,), _ = camera.project(np.array([[0.5, 3.5, 0.8]]))
    x, y = np.rint(middle).astype(int)
    assert 0.005 < changed.mean() < 0.3
    assert changed[max(0, y - 60) : y + 60, max(0, x - 60) : x + 60].sum() > 0.8 * changed.sum()


def test_a_sheet_holds_its_pictures_and_names_its_colours() -> None:
    dark, pale = np.zeros((90, 120, 3), np.uint8), np.full((30, 60, 3), 200, np.uint8)
    legend = Legend([(f"class {k}", (10 * k, 0, 0), 0.1) for k in range(9)])
    page = sheet("Title", "subtitle", Tile(dark, "large"), [Tile(pale, "one"), Tile(pale, "two")], legend)
    assert (page == 0).all(axis=2).sum() >= 90 * 120
    assert (page == 200).all(axis=2).sum() >= 2 * 30 * 60
    assert page.shape[0] > 90 + 4 * 26


def test_films_keep_their_pictures(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    pictures = [np.full((33, 48, 3), (40 * k, 100, 200 - 40 * k), np.uint8) for k in range(5)]
    assert write_film(path, iter(pictures), 10) == 5
    film = cv2.VideoCapture(str(path))
    assert film.get(cv2.CAP_PROP_FPS) == pytest.approx(10)
    for picture in pictures:
        ok, frame = film.read()
        assert ok
        assert frame.shape == (32, 48, 3)
        assert np.abs(frame[..., ::-1].astype(int) - picture[:32]).max() < 12
    with pytest.raises(ValueError, match="at least one picture"):
        write_film(path, iter([]), 10)

    def stops() -> object:
        yield pictures[0]
        raise KeyboardInterrupt

    before = path.read_bytes()
    with pytest.raises(KeyboardInterrupt):
        write_film(path, stops(), 10)  # type: ignore[arg-type]
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["film.mp4"]


def test_a_film_that_the_disk_has_no_room_for_is_no_film(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = cv2.VideoWriter

    class Full:
        fourcc = staticmethod(real.fourcc)

        def __init__(self, *options: object) -> None:
            self._film, self._left = real(*options), 2
            self.isOpened, self.release = self._film.isOpened, self._film.release

        def write(self, picture: np.ndarray) -> None:
            self._left -= 1
            if self._left >= 0:
                self._film.write(picture)

    monkeypatch.setattr("dvemap.rendering.film.cv2.VideoWriter", Full)
    with pytest.raises(OSError, match="2 of 3 pictures could be written"):
        write_film(tmp_path / "film.mp4", [np.zeros((32, 48, 3), np.uint8)] * 3, 10)
    assert not list(tmp_path.iterdir())


def test_poses_of_all_layouts(tmp_path: Path) -> None:
    T = look_at([1, 2, 3], [2, 4, 3.5], [0, 0, 1])
    path = tmp_path / "poses.txt"
    for lines in (
        [" ".join(map(str, T.ravel()))] * 2,
        [",".join(map(str, T[:3].ravel()))] * 2,
        [str(row.tolist()) for row in np.concatenate([T, T])],
    ):
        path.write_text("\n".join(["# poses", *lines]))
        np.testing.assert_allclose(read_poses(path), [T, T])
    path.write_text("0.5 1 2 3 0 0 0 1\n")
    np.testing.assert_allclose(
        parse_pose(str(path)), [[1, 0, 0, 1], [0, 1, 0, 2], [0, 0, 1, 3], [0, 0, 0, 1]]
    )
    path.write_text("0.5 1 2 3 0 0 0 1\n0.6 1 2 3 0 0 0 0\n")
    with pytest.raises(ValueError, match=r"pose 2 of 2: the pose is not finite"):
        read_poses(path)
    path.write_text("0.5 1 2 3 0 0 0 1\n0.6 1 2 3 0 0 0 1\n")
    with pytest.raises(ValueError, match="expected one pose, got 2"):
        parse_pose(str(path))


def test_a_cell_without_a_label_looks_like_its_heaviest_neighbour(layout: Layout) -> None:
    scene = layout.scene
    labels = np.where(layout.points[:, 2] < 1, 1, 2)
    odd = scene.rows[::7]
    labels[odd] = 0
    look = label_look(scene, labels, make_class_list("two", ["low", "high"]))
    assert isinstance(look.key, Legend)
    assert {name for name, _, _ in look.key.entries} == {"low", "high"}
    assert sum(share for _, _, share in look.key.entries) == pytest.approx(1)
    nothing = label_look(scene, np.zeros_like(labels), make_class_list("two", ["low", "high"]))
    assert isinstance(nothing.key, Legend)
    assert [name for name, _, _ in nothing.key.entries] == ["(no label)"]
