"""The depth camera: noise of the published size, steps of the disparity, and holes where they belong."""

import numpy as np
import pytest

from sequences.synth.depth_noise import (
    FARTHEST,
    NEAREST,
    axial_sigma,
    disparity_step,
    exact_depth,
    kinect_depth,
    mark_shadow,
)

FOCAL = 0.902 * 320


def plane(z: float, cosine: float = 1.0) -> np.ndarray:
    depth = np.full((120, 320), z, np.float32)
    return kinect_depth(depth, np.full_like(depth, cosine), FOCAL, np.random.default_rng(0))


@pytest.mark.parametrize("z", [0.8, 1.5, 2.5, 3.5])
def test_axial_noise_is_that_of_the_paper(z: float) -> None:
    error = plane(z).astype(float) / 1000 - z
    assert abs(error.mean()) < 0.15 * axial_sigma(np.float32(z))
    assert error.std() == pytest.approx(float(axial_sigma(np.float32(z))), rel=0.25)


def test_depth_comes_in_steps_of_the_disparity() -> None:
    values = np.unique(plane(3.0)) / 1000
    step = float(disparity_step(np.float32(3.0), FOCAL, 320))
    assert step == pytest.approx(0.026, abs=0.003)  # 1/8 pixel at 640 pixels of width, 75 mm baseline
    np.testing.assert_allclose(np.diff(values), step, rtol=0.12, atol=0.001)


def test_noise_is_shared_by_neighbours() -> None:
    error = plane(1.0).astype(float) - 1000
    beside = np.corrcoef(error[:, 1:].ravel(), error[:, :-1].ravel())[0, 1]
    apart = np.corrcoef(error[:, 9:].ravel(), error[:, :-9].ravel())[0, 1]
    assert beside > 0.15
    assert abs(apart) < 0.05


@pytest.mark.parametrize("z", [0.5 * NEAREST, 1.1 * FARTHEST, 0.0])
def test_nothing_comes_back_from_too_near_or_too_far(z: float) -> None:
    assert not plane(z).any()


def test_grazing_surfaces_are_holes() -> None:
    assert not plane(2.0, cosine=0.1).any()
    assert 0.1 < (plane(2.0, cosine=0.21) > 0).mean() < 0.9
    assert (plane(2.0, cosine=0.5) > 0).all()


def test_the_projector_casts_a_shadow_of_the_right_width_on_one_side() -> None:
    depth = np.full((4, 320), 3.0, np.float32)
    depth[:, 100:150] = 1.0
    shadow = np.zeros(depth.shape, np.bool_)
    fb = FOCAL * 0.075
    mark_shadow(depth, fb, shadow)
    width = fb * (1 / 1.0 - 1 / 3.0)
    assert shadow[0].sum() == pytest.approx(width, abs=1.5)
    assert shadow[0, 101 - int(width) : 99].all()
    assert not shadow[0, 100:].any()


def test_edges_are_ragged() -> None:
    depth = np.full((120, 320), 2.0, np.float32)
    depth[:, 160:] = 1.9
    out = kinect_depth(depth, np.ones_like(depth), FOCAL, np.random.default_rng(1))
    near = out[:, 157:163] < 1950
    assert near[:, :3].sum() > 0
    assert (out[:, :150] > 1930).all()


def test_exact_depth_is_rounded_to_millimetres() -> None:
    out = exact_depth(np.array([[0.0, 1.2344, 1.2346, 70.0]], np.float32))
    assert out.dtype == np.uint16
    assert out.tolist() == [[0, 1234, 1235, 0]]
