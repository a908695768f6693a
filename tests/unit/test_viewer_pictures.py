"""Heat colours, and pictures of a room of known shape."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from viewer.colors import heat_colors, overlay_heat
from viewer.picture import save_picture, snapshot
from viewer.upright import estimate_up, main_part, without_ceiling

CELL = 0.1


def luminance(colors: np.ndarray) -> np.ndarray:
    return (colors / 255.0) ** 2.2 @ [0.2126, 0.7152, 0.0722]


def test_heat_rises_in_luminance_so_any_eye_can_read_it() -> None:
    light = luminance(heat_colors(np.linspace(-3, 7, 256)))
    assert (np.diff(light) > 0).all()
    assert light[0] < 0.02
    assert light[-1] > 0.8


def test_heat_of_odd_scores() -> None:
    colors = heat_colors(np.array([np.nan, 0.0, 5.0, 1.0]), low=0, high=1)
    np.testing.assert_array_equal(colors[0], 128)
    np.testing.assert_array_equal(colors[2], colors[3])
    assert heat_colors(np.array([2.0, 2.0])).shape == (2, 3)
    assert heat_colors(np.array([])).shape == (0, 3)
    assert heat_colors(np.array([np.nan])).tolist() == [[128, 128, 128]]


def test_overlay_hides_a_cells_colour_only_where_it_is_hot() -> None:
    own = np.array([[200, 40, 40], [40, 200, 40]], np.uint8)
    cold, hot = overlay_heat(own, np.array([0.0, 1.0]), 0.2, 0.8)
    assert cold[0] > cold[1] == cold[2]
    np.testing.assert_array_equal(hot, overlay_heat(own[:1], np.array([2.0]), 0.2, 0.8)[0])


def room() -> tuple[np.ndarray, np.ndarray]:
    """Return 5 x 4 x 2.6 m, z up: grey floor, white ceiling, blue walls, a red box on the floor."""
    x, y, z = np.meshgrid(np.arange(50), np.arange(40), np.arange(26), indexing="ij")
    wall = (x == 0) | (x == 49) | (y == 0) | (y == 39)
    box = (abs(x - 15) < 5) & (abs(y - 28) < 4) & (z < 8)
    colors = np.zeros((*x.shape, 3), np.uint8)
    for mask, color in [
        (wall, (40, 60, 200)),
        (z == 25, (255, 255, 255)),
        (z == 0, (120, 120, 120)),
        (box, (220, 30, 30)),
    ]:
        colors[mask] = color
    solid = wall | box | (z == 0) | (z == 25)
    return (np.stack([x, y, z], -1)[solid] + 0.5) * CELL, colors[solid]


def rotation(seed: int) -> np.ndarray:
    q = np.random.default_rng(seed).normal(size=(3, 3))
    r = np.linalg.qr(q)[0]
    return r * np.sign(np.linalg.det(r))


def is_red(picture: np.ndarray) -> np.ndarray:
    picture = picture.astype(int)
    return (picture[..., 0] > 2 * picture[..., 1]) & (picture[..., 0] > 2 * picture[..., 2])


def test_pictures_show_the_inside_of_the_room() -> None:
    points, colors = room()
    picture = snapshot(points, colors, CELL, size=(300, 600))
    assert (picture.shape, picture.dtype) == ((300, 600, 3), np.uint8)
    for view in (picture[:, :300], picture[:, 300:]):
        assert is_red(view).sum() > 500  # neither the ceiling nor a near wall hides the box
        assert 0.25 < (view != view[0, 0]).any(axis=2).mean() < 0.97
    # From above the box lies where it is: 15.5 / 50 along and 28.5 / 40 across, up to half a turn.
    top = picture[:, 300:]
    drawn = np.argwhere((top != top[0, 0]).any(axis=2))
    low, high = drawn.min(axis=0), drawn.max(axis=0)
    down, right = (np.argwhere(is_red(top)).mean(axis=0) - low) / (high - low)
    assert min(abs(right - 0.31), abs(right - 0.69)) < 0.03
    assert min(abs(down - 0.71), abs(down - 0.29)) < 0.03
    assert (right < 0.5) == (down < 0.5)  # not mirrored: x right and y up the picture, or both turned


@pytest.mark.parametrize("seed", range(3))
def test_up_is_found_whatever_the_axes(seed: int) -> None:
    points, _ = room()
    turned = points[points[:, 2] < 2] @ rotation(seed).T
    up = rotation(seed)[:, 2]
    assert estimate_up(turned, CELL) @ up > np.cos(np.deg2rad(2))
    tilted = up + 0.6 * rotation(seed)[:, 0]
    assert estimate_up(turned, CELL, tilted) @ up > np.cos(np.deg2rad(2))
    assert estimate_up(turned, CELL, -tilted) @ up < -np.cos(np.deg2rad(2))


def test_ceilings_are_cut_from_rooms_and_not_from_table_tops() -> None:
    heights = room()[0][:, 2]
    assert heights[without_ceiling(heights)].max() < 2.1
    assert without_ceiling(np.linspace(0, 1.5, 50)).all()


def test_specks_do_not_count() -> None:
    points = np.concatenate([room()[0], [[90, 0, 0], [0, 4000, 0]]])
    np.testing.assert_array_equal(main_part(points, CELL)[-3:], [True, False, False])


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_tiny_maps_have_pictures(count: int) -> None:
    points = np.random.default_rng(0).uniform(size=(count, 3))
    picture = snapshot(points, np.zeros((count, 3), np.uint8), CELL, size=(64, 128))
    assert (picture == 238).all() == (count == 0)


def test_wrong_arguments() -> None:
    points, colors = room()
    with pytest.raises(ValueError, match=r"colors \(n, 3\) uint8, got"):
        snapshot(points, colors[:5], CELL)
    with pytest.raises(ValueError, match="cell_size must be > 0 m, got 0"):
        snapshot(points, colors, 0)
    with pytest.raises(ValueError, match="at least 16 pixels"):
        snapshot(points, colors, CELL, size=(100, 20))
    with pytest.raises(ValueError, match="up must be a direction"):
        snapshot(points, colors, CELL, up=(0, 0, 0))


def test_saved_pictures_keep_their_colours(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[..., 0] = 200
    save_picture(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], picture)
    with pytest.raises(ValueError, match=r"must end in \.png or \.jpg"):
        save_picture(tmp_path / "a.gif", picture)
