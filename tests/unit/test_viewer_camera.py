"""Where the viewer's camera stands, what its pixels see, and which cell they hit."""

import numpy as np
import pytest

from viewer.scene.cubes import sides_toward
from viewer.scene.orbit import FIELD_OF_VIEW, Stand, between, pixel, ray, stand_of, toward
from viewer.scene.picking import pick
from viewer.scene.tags import readable

UP = np.array([0, 0, 1.0])
HERE = Stand(np.array([5.0, 0, 5.0]), np.zeros(3), UP)


def model_matrix(stand: Stand) -> np.ndarray:
    back = (stand.eye - stand.target) / np.linalg.norm(stand.eye - stand.target)
    right = np.cross(stand.up, back)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack([right, np.cross(back, right), back], axis=1)
    pose[:3, 3] = stand.eye
    return pose


def test_the_middle_pixel_looks_at_the_target_and_the_top_edge_half_the_view_above() -> None:
    pose = model_matrix(HERE)
    origin, direction = ray(pose, 319.5, 239.5, 640, 480)
    np.testing.assert_allclose(origin, HERE.eye)
    np.testing.assert_allclose(
        direction / np.linalg.norm(direction), [-(0.5**0.5), 0, -(0.5**0.5)], atol=1e-9
    )
    upper = ray(pose, 319.5, -0.5, 640, 480)[1]
    cosine = upper @ direction / np.linalg.norm(upper) / np.linalg.norm(direction)
    assert np.rad2deg(np.arccos(cosine)) == pytest.approx(FIELD_OF_VIEW / 2)
    assert stand_of(pose, [0, 0, 0]).target == pytest.approx([0, 0, 0], abs=1e-9)


def test_a_flight_starts_and_ends_where_it_should_and_never_goes_through_the_target() -> None:
    end = Stand(np.array([1.0, 3.0, 2.0]), np.array([1.0, 1.0, 1.0]), UP)
    np.testing.assert_allclose(between(HERE, end, 0).eye, HERE.eye)
    np.testing.assert_allclose(between(HERE, end, 1).eye, end.eye)
    opposite = Stand(np.array([-5.0, 0, -5.0]), np.zeros(3), UP)
    for share in np.linspace(0, 1, 9):
        place = between(HERE, opposite, float(share))
        assert np.linalg.norm(place.eye - place.target) == pytest.approx(50**0.5)


@pytest.mark.parametrize("extent", [(0.1, 0.1, 0.1), (2.0, 1.0, 0.5)])
def test_a_hit_is_looked_at_from_this_side_and_fits_the_picture(extent: tuple[float, float, float]) -> None:
    stand = toward(HERE, (2.0, 1.0, 0.5), extent)
    np.testing.assert_allclose(stand.target, [2.0, 1.0, 0.5])
    assert stand.eye[0] > 2
    assert stand.eye[2] > 0.5
    distance = np.linalg.norm(stand.eye - stand.target)
    assert distance * np.tan(np.deg2rad(FIELD_OF_VIEW / 2)) > np.linalg.norm(extent) / 2
    below = toward(Stand(np.array([0, 0, 9.0]), np.zeros(3), UP), (0, 0, 0), extent)
    assert np.isfinite(below.eye).all()


def test_the_nearest_cell_on_the_ray_is_picked_and_missing_sides_are_passed() -> None:
    centers = np.array([[1, 0, 0], [2, 0, 0], [2, 1, 0]], np.float32)
    assert pick(centers, 0.5, (0, 0.1, 0), (1, 0, 0)) == 0
    assert pick(centers, 0.5, (0, 0.3, 0), (1, 0, 0)) is None
    assert pick(centers, 0.5, (2, 3, 0), (0, -2, 0)) == 2
    assert pick(centers, 0.5, (1.5, 0, 0), (1, 0, 0)) == 1  # what is behind does not count
    sides = np.ones((3, 6), bool)
    sides[0, 0] = False  # the ray towards +x enters through the -x side
    assert pick(centers, 0.5, (0, 0.1, 0), (1, 0, 0), sides) == 1
    assert pick(centers[:0], 0.5, (0, 0, 0), (1, 0, 0)) is None


def test_a_ray_from_far_away_meets_what_double_precision_meets() -> None:
    random = np.random.default_rng(0)
    centers = random.uniform(-3, 3, (400, 3)).astype(np.float32)
    agreed = 0
    for _ in range(40):
        origin, target = random.normal(size=3) * 30, centers[random.integers(400)]
        way = target + random.uniform(-0.04, 0.04, 3) - origin
        bounds = np.stack([(centers - 0.05 - origin) / way, (centers + 0.05 - origin) / way])
        enter, leave = bounds.min(axis=0).max(axis=1), bounds.max(axis=0).min(axis=1)
        agreed += pick(centers, 0.1, origin, way) == np.where(enter <= leave, enter, np.inf).argmin()
    assert agreed >= 39  # a ray may touch an edge to within a rounding error


def test_sides_are_seen_from_where_they_look_to() -> None:
    low, high = np.zeros(3), np.ones(3)
    assert sides_toward([5, 0.5, 0.5], low, high).tolist() == [False, True, True, True, True, True]
    assert sides_toward([-1, -1, 2], low, high).tolist() == [True, False, True, False, False, True]


def test_a_pixel_shows_what_its_ray_meets() -> None:
    pose = model_matrix(HERE)
    for x, y in ((319.5, 239.5), (12.0, 400.0), (630.0, 3.0)):
        origin, direction = ray(pose, x, y, 640, 480)
        np.testing.assert_allclose(pixel(pose, origin + 3.7 * direction, 640, 480), (x, y), atol=1e-9)
    assert pixel(pose, origin - direction, 640, 480) is None


def test_of_tags_that_lie_on_each_other_the_best_is_shown() -> None:
    pose, texts = model_matrix(HERE), ["1  0.98", "2  0.97", "3  0.90", "4  0.80"]
    places = np.array([[0, 0, 0], [0, 0.05, 0], [0, 2.5, 0], [9, 0, 9.5]], float)
    assert readable(places, texts, pose, (1280, 800), 16) == [True, False, True, False]
    near = model_matrix(Stand(np.array([0.3, 0, 0.3]), np.zeros(3), UP))
    assert readable(places, texts, near, (1280, 800), 16)[1]
