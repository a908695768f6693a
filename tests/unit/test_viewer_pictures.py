"""Colours, which way is up in a room of known shape, and pictures as files."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from viewer.colors import depth_colors, heat_colors, overlay_heat
from viewer.picture import save_picture
from viewer.upright import estimate_up, main_part

CELL = 0.1


def luminance(colors: np.ndarray) -> np.ndarray:
    return (colors / 255.0) ** 2.2 @ [0.2126, 0.7152, 0.0722]


def test_heat_rises_in_luminance_so_any_eye_can_read_it() -> None:
    light = luminance(heat_colors(np.linspace(-3, 7, 256)))
    assert (np.diff(light) > 0).all()
    assert light[0] < 0.02
    assert light[-1] > 0.8


def test_depth_falls_in_luminance() -> None:
    assert (np.diff(luminance(depth_colors(np.linspace(0, 1, 64)))) < 0).all()


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


@pytest.mark.parametrize("seed", range(3))
def test_up_is_found_whatever_the_axes(seed: int) -> None:
    points, _ = room()
    turned = points[points[:, 2] < 2] @ rotation(seed).T
    up = rotation(seed)[:, 2]
    assert estimate_up(turned, CELL) @ up > np.cos(np.deg2rad(2))
    tilted = up + 0.6 * rotation(seed)[:, 0]
    assert estimate_up(turned, CELL, tilted) @ up > np.cos(np.deg2rad(2))
    assert estimate_up(turned, CELL, -tilted) @ up < -np.cos(np.deg2rad(2))


def test_specks_do_not_count() -> None:
    points = np.concatenate([room()[0], [[90, 0, 0], [0, 4000, 0]]])
    np.testing.assert_array_equal(main_part(points, CELL)[-3:], [True, False, False])


def test_saved_pictures_keep_their_colours(tmp_path: Path) -> None:
    picture = np.zeros((8, 8, 3), np.uint8)
    picture[..., 0] = 200
    save_picture(tmp_path / "a.png", picture)
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "a.png"))[..., ::-1], picture)
    with pytest.raises(ValueError, match=r"must end in \.png or \.jpg"):
        save_picture(tmp_path / "a.gif", picture)


def test_up_must_be_a_direction() -> None:
    with pytest.raises(ValueError, match="up must be a direction"):
        estimate_up(room()[0], CELL, (0, 0, 0))
