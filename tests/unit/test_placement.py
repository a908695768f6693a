"""Where codes lie on the depth image."""

import numpy as np
import pytest

from student.encoder import block_middles
from student.placement import place_codes
from student.resample import output_positions, sample_grid


def ramp(height: int, width: int) -> np.ndarray:
    """Codes that say where their middle is: column, row in shares of the image, and a constant."""
    x, y = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    parts = np.broadcast_arrays(x[None, :], y[:, None], np.float64(1))
    return np.stack(parts, axis=-1).astype(np.float16)


@pytest.mark.parametrize("shape", [(480, 640), (960, 1280), (120, 160), (240, 160)])
def test_codes_whose_grid_divides_the_image_stay_as_they_are(shape: tuple[int, int]) -> None:
    codes = ramp(120, 160)
    assert place_codes(codes, shape) is codes


@pytest.mark.parametrize(
    ("shape", "grid"),
    [
        ((360, 540), (120, 180)),
        ((427, 561), (427, 187)),
        ((968, 1296), (121, 162)),
        ((424, 512), (106, 256)),
        ((50, 67), (50, 67)),
    ],
)
def test_codes_are_moved_to_blocks_that_divide_the_image(
    shape: tuple[int, int], grid: tuple[int, int]
) -> None:
    """Fails for swapped axes, aligned corners and a forgotten half pixel."""
    placed = place_codes(ramp(120, 160), shape)
    assert placed.shape == (*grid, 3)
    assert placed.dtype == np.float16
    for axis, (length, count, given) in enumerate(zip(shape, grid, (120, 160), strict=True)):
        middle = (block_middles(length, length // count) + 0.5) / length
        if length % given == 0:
            middle = (np.arange(count) + 0.5) / count  # these are left where they are
        expected = np.clip(middle, 0.5 / given, 1 - 0.5 / given)  # beyond the outermost codes these repeat
        found = placed[:, 0, 1] if axis == 0 else placed[0, :, 0]
        np.testing.assert_allclose(found, expected, atol=1e-3)
    np.testing.assert_array_equal(placed[..., 2], 1)


def test_it_is_bilinear_sampling() -> None:
    codes = np.random.default_rng(1).standard_normal((7, 9, 5)).astype(np.float16)
    at = [output_positions(n, round(n / k), k, k, k, align_corners=False) for n, k in ((31, 7), (50, 9))]
    slow = sample_grid(codes.astype(np.float32).transpose(2, 0, 1), *at).astype(np.float16)
    np.testing.assert_allclose(place_codes(codes, (31, 50)), slow, atol=2e-3)


def test_other_arrays_are_refused() -> None:
    with pytest.raises(ValueError, match=r"codes must be \(h, w, C\) float16, got \(4, 4, 2\) float32"):
        place_codes(np.zeros((4, 4, 2), np.float32), (16, 16))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="depth_shape must be"):
        place_codes(np.zeros((4, 4, 2), np.float16), (16, 16, 1))
