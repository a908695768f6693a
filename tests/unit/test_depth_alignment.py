"""Scale and shift of relative depth, found among outliers."""

import numpy as np
import pytest

from student.depth_alignment import FARTHEST, align_inverse_depth, median_ratio


def scene(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A relative inverse depth, and the metres that it stands for: 1 / d = 0.02 r + 0.05."""
    rng = np.random.default_rng(seed)
    depth = (0.8 + 5 * rng.random((30, 40)) ** 2).astype(np.float32)
    return ((1 / depth - 0.05) / 0.02).astype(np.float32), depth


def test_exact_data_give_exact_numbers() -> None:
    relative, depth = scene()
    found = align_inverse_depth(relative, depth)
    assert (found.scale, found.shift) == pytest.approx((0.02, 0.05), rel=1e-5)
    assert (found.pixels, found.error) == (1200, pytest.approx(0, abs=1e-6))
    np.testing.assert_allclose(found.metres(relative), depth, rtol=1e-4)


@pytest.mark.parametrize("wild", [0.1, 0.2, 0.25])
def test_outliers_do_not_move_it(wild: float) -> None:
    relative, depth = scene(1)
    rng = np.random.default_rng(2)
    measured = (depth * (1 + 0.01 * rng.standard_normal(depth.shape))).astype(np.float32)
    measured[rng.random(depth.shape) > 0.5] = 0  # half is not measured
    bad = (rng.random(depth.shape) < wild) & (measured > 0)
    measured[bad] = rng.choice(np.float32([0.05, 0.1, 30]), bad.sum())  # 1 / d up to 20
    found = align_inverse_depth(relative, measured)
    assert np.median(np.abs(found.metres(relative) / depth - 1)) < 0.03
    x, y = relative[measured > 0], 1 / measured[measured > 0]
    plain = np.polyfit(x, y, 1)
    assert (
        abs(found.scale / 0.02 - 1) < 0.1 < abs(plain[0] / 0.02 - 1)
    )  # what plain least squares makes of it


def test_what_is_beyond_has_no_depth() -> None:
    relative, depth = scene()
    found = align_inverse_depth(relative, depth)
    sky = np.float32([[(1 / FARTHEST - 0.05) / 0.02 - 0.01, -100]])
    assert found.metres(sky).tolist() == [[0, 0]]


def test_what_cannot_be_fitted_is_said() -> None:
    relative, depth = scene()
    few = depth.copy()
    few[2:] = 0
    few[1, 9:] = 0  # 49 are left
    with pytest.raises(ValueError, match="at least 50 measured pixels, got 49; take an estimator of metres"):
        align_inverse_depth(relative, few)
    few[1, 9] = depth[1, 9]
    assert align_inverse_depth(relative, few).scale == pytest.approx(0.02, rel=1e-4)
    with pytest.raises(ValueError, match=r"has the scale -0\.0\d+, it must be > 0"):
        align_inverse_depth(-relative, depth)
    with pytest.raises(ValueError, match="the same at all measured pixels"):
        align_inverse_depth(np.ones_like(relative), depth)
    with pytest.raises(ValueError, match="the measured depth is the same at all measured pixels"):
        align_inverse_depth(relative, np.full_like(depth, 2))
    with pytest.raises(ValueError, match="one shape"):
        align_inverse_depth(relative[1:], depth)


@pytest.mark.parametrize("seed", range(10))
def test_another_scene_cannot_be_fitted(seed: int) -> None:
    relative, _ = scene()
    _, other = scene(seed + 1)
    with pytest.raises(ValueError, match="the two do not show the same scene"):
        align_inverse_depth(relative, other)


def test_the_ratio_of_metres_is_the_median() -> None:
    _, depth = scene()
    measured = depth * 1.25
    measured[:5] = 99
    measured[20:] = 0
    assert median_ratio(depth, measured) == pytest.approx(1.25)
    with pytest.raises(ValueError, match="at least 50 measured pixels, got 0"):
        median_ratio(np.zeros_like(depth), measured)
